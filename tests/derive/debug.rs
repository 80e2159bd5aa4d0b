//! `Debug` of a model: public values are shown, no other is.
#![allow(dead_code)] // the models are there to be printed and walked, which the lint does not count

use std::collections::HashMap;

use privet::Protect;

const SECRET: &str = "planted-secret";

/// No `Debug`: a classified or skipped field needs none.
#[derive(Default)]
struct Opaque;

#[derive(Protect, Default)]
struct Everything {
    #[protect(public)]
    id: u8,
    #[protect(pii)]
    email: String,
    #[protect(sensitive)]
    token: Option<String>,
    #[protect(confidential)]
    health: Vec<String>,
    #[protect(confidential)]
    opaque: Opaque,
    #[protect(nested)]
    inner: Inner,
    #[protect(nested)]
    many: HashMap<String, Vec<Inner>>,
    #[protect(skip)]
    cache: String,
    #[protect(public)]
    r#type: &'static str,
}

#[derive(Protect, Default)]
struct Inner(#[protect(public)] u8, #[protect(pii)] String);

#[derive(Protect)]
struct Secret(#[protect(sensitive)] String);

#[derive(Protect)]
struct Unit;

#[derive(Protect)]
enum Choice {
    Unit,
    Tuple(#[protect(public)] u8, #[protect(pii)] String, #[protect(nested)] Inner),
    Struct {
        #[protect(public)]
        shown: u8,
        #[protect(sensitive)]
        hidden: String,
        #[protect(skip)]
        left_out: String,
    },
}

fn secret() -> String {
    SECRET.to_owned()
}

#[test]
fn a_struct_shows_what_is_public() {
    let value = Everything {
        id: 7,
        email: secret(),
        token: Some(secret()),
        health: vec![secret()],
        opaque: Opaque,
        inner: Inner(1, secret()),
        many: HashMap::from([("k".to_owned(), vec![Inner(2, secret())])]),
        cache: secret(),
        r#type: "t",
    };
    let shown = format!("{value:?}");
    assert_eq!(
        shown,
        "Everything { id: 7, email: <pii>, token: <sensitive>, health: <confidential>, opaque: <confidential>, \
         inner: Inner(1, <pii>), many: {\"k\": [Inner(2, <pii>)]}, cache: <skipped>, type: \"t\" }"
    );
    assert!(!format!("{value:#?}").contains(SECRET));
    let read = [&value.email, value.token.as_ref().unwrap(), &value.health[0], &value.inner.1, &value.cache];
    assert!(read.iter().all(|text| *text == SECRET));
}

#[test]
fn the_long_form_is_laid_out_as_ever() {
    assert_eq!(format!("{:#?}", Inner(1, secret())), "Inner(\n    1,\n    <pii>,\n)");
}

#[test]
fn a_newtype_and_a_unit() {
    let secret = Secret(secret());
    assert_eq!(format!("{secret:?}"), "Secret(<sensitive>)");
    assert_eq!(secret.0, SECRET);
    assert_eq!(format!("{Unit:?}"), "Unit");
}

#[test]
fn an_enum_shows_the_variant() {
    let values = [
        Choice::Unit,
        Choice::Tuple(1, secret(), Inner(2, secret())),
        Choice::Struct { shown: 1, hidden: secret(), left_out: secret() },
    ];
    assert_eq!(
        format!("{values:?}"),
        "[Unit, Tuple(1, <pii>, Inner(2, <pii>)), Struct { shown: 1, hidden: <sensitive>, left_out: <skipped> }]"
    );
    for value in values {
        match value {
            Choice::Unit => {}
            Choice::Tuple(_, text, _) => assert_eq!(text, SECRET),
            Choice::Struct { hidden, left_out, .. } => assert_eq!([hidden, left_out], [SECRET, SECRET]),
        }
    }
}
