//! What the masks show, by example and for any text.

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::*;

fn partial(mask: &str, text: &str) -> String {
    match Masks::default().find(mask, "customers").unwrap().partial(&Value::S(text.into()), "", String::new) {
        Masked::Text(text) => text,
        Masked::Null => "null".into(),
    }
}

#[test]
fn known_texts() {
    for (mask, text, shown) in [
        ("partial", "", ""),
        ("partial", "abcd", "****"),
        ("partial", "abcde", "ab*de"),
        ("partial", "abcdefgh", "ab****gh"),
        ("partial", "abcdefghijklmnop", "ab****op"),
        ("partial", "e\u{301}a👨‍👩‍👧bcd", "e\u{301}a**cd"),
        ("full", "abc", "***"),
        ("full", "abcdefghijk", "********"),
        ("email", "jane.doe@example.com", "j***@e***.com"),
        ("email", "jane@mail.example.co.uk", "j***@m***.uk"),
        ("email", "j@e.io", "***@***.io"),
        ("email", "jane.example.com", "********"),
        ("email", "a@b@c.com", "********"),
        ("email", "jane@localhost", "********"),
        ("email", "Jane <jane@example.com>", "********"),
        ("phone", "+49 (170) 123-4567", "****4567"),
        ("phone", "123456", "****456"),
        ("phone", "1234", "****"),
        ("phone", "0800 CALL ME", "********"),
        ("last4", "123-45-6789", "****6789"),
        ("last4", "1234", "****"),
        ("last4", "12345", "***45"),
        ("last4", "1234567", "****567"),
        ("name", "Ada King Lovelace", "A. K. L."),
        ("name", "X Æ", "*. *."),
        ("name", "A. B.", "*****"),
        ("name", " ", "*"),
        ("date", "1984-02-29", "1984"),
        ("date", "1984-02-29T10:00:00Z", "1984"),
        ("date", "29.02.1984", "1984"),
        ("date", "1984", "****"),
        ("date", "1984-02-99", "********"),
        ("date", "yesterday", "********"),
        ("card", "4111 1111 1111 1111", "**** **** **** 1111"),
        ("card", "4111111111111111222", "**** **** **** 1222"),
        ("card", "41111111111", "********"),
        ("card", "41111111111111112222", "********"),
        ("null", "anything", "null"),
    ] {
        assert_eq!(partial(mask, text), shown, "{mask} of {text}");
    }
}

#[test]
fn what_is_no_text_is_a_constant() {
    for value in [
        Value::Null,
        Value::Bool(true),
        Value::N("17".into()),
        Value::B(vec![1; 40]),
        Value::Ss(vec!["a".into()]),
        Value::L(vec![Value::S("a".into())]),
        Value::M([("a".to_owned(), Value::Null)].into()),
    ] {
        for mask in BUILT_IN.iter().filter(|mask| !matches!(**mask, "hash" | "null")) {
            let mask = Masks::default().find(mask, "").unwrap();
            assert_eq!(mask.partial(&value, "", String::new), Masked::Text("********".into()));
            assert_eq!(mask.full(&value), Masked::Text("********".into()));
        }
        let null = Masks::default().find("null", "").unwrap();
        assert_eq!((null.partial(&value, "", String::new), null.full(&value)), (Masked::Null, Masked::Null));
    }
}

#[derive(Debug)]
struct Same;

impl Mask for Same {
    fn mask(&self, text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

impl KeyedHash for Same {
    fn hash(&self, _tenant: &str, field: &str, _text: &str) -> String {
        field.to_owned()
    }
}

#[test]
fn a_custom_mask_cannot_show_the_value_itself() {
    let masks = Masks::default().with("same", Same).unwrap();
    let mask = masks.find("same", "").unwrap();
    assert_eq!(mask.partial(&Value::S("secret".into()), "", String::new), Masked::Text("******".into()));
}

#[test]
fn the_hash_is_told_resource_and_field() {
    let mask = Masks::default().with_hash(Arc::new(Same)).find("hash", "patients").unwrap();
    let masked = mask.partial(&Value::S("x".into()), "", || "visits.doctor".into());
    assert_eq!(masked, Masked::Text("patients/visits.doctor".into()));
}

#[test]
fn wrong_names_are_told() {
    let masks = Masks::default().with("plate", Same).unwrap();
    assert_eq!(
        masks.find("emial", "").unwrap_err().to_string(),
        "unknown mask `emial`; there are `partial`, `full`, `email`, `phone`, `last4`, `name`, `date`, `card`, \
         `hash`, `null`, `plate`"
    );
    assert!(masks.find("hash", "").unwrap_err().to_string().contains("Masks::with_hash"));
    assert!(masks.clone().with("plate", Same).is_err());
    assert!(masks.with("email", Same).is_err());
}

/// Any text, and texts that look like what the masks are for.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "\\PC{0,20}",
        "[a-zé]{1,12}@[a-z.]{1,12}\\.[a-z]{1,6}",
        "[0-9 +()-]{0,24}",
        "[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}",
        "[\u{300}-\u{310}a👨\u{200d}👩]{0,200}",
    ]
}

proptest! {
    #[test]
    fn a_full_mask_tells_no_length_beyond_8(text in texts()) {
        let count = text.graphemes(true).count();
        prop_assert_eq!(partial("full", &text), "*".repeat(count.min(8)));
    }

    #[test]
    fn a_partial_mask_shows_at_most_4_characters(text in texts()) {
        let masked = text::partial(&text).unwrap();
        prop_assert!(masked.graphemes(true).count() <= 8);
        prop_assert!(masked.graphemes(true).filter(|character| *character != "*").count() <= 4);
        if text.graphemes(true).count() <= 4 {
            prop_assert!(masked.chars().all(|c| c == '*'));
        }
    }

    #[test]
    fn no_mask_panics_grows_or_shows_the_value(text in texts()) {
        for mask in BUILT_IN.into_iter().filter(|mask| !matches!(*mask, "hash" | "null")) {
            let masked = partial(mask, &text);
            prop_assert!(masked.len() <= 8 * 48, "{mask}");
            prop_assert!(masked != text || text.chars().all(|c| c == '*'), "{mask}");
        }
    }
}
