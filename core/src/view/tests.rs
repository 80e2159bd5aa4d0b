//! What a view serialises and tells.

use serde_json::json;

use super::*;

fn tree() -> Tree {
    let record = json!({"n": 1.5, "t": "x", "list": [true, null, {"a": "b"}]});
    let Value::M(record) = Value::from(record) else { panic!("no record") };
    let mut members: std::collections::BTreeMap<_, _> =
        record.into_iter().map(|(name, value)| (name, Tree::Clear(value))).collect();
    members.insert("bytes".into(), Tree::Clear(Value::B(vec![0, 255])));
    members.insert("long".into(), Tree::Clear(Value::N("12345678901234567890123456789012345678".into())));
    members.insert("gone".into(), Tree::Withheld);
    members.insert("null".into(), Tree::Null);
    members.insert("items".into(), Tree::Items(vec![Tree::Masked("**".into()), Tree::Withheld]));
    Tree::Members(members)
}

#[test]
fn serialises_as_the_caller_may_see_it() {
    let shown = json!({
        "bytes": "AP8=", "items": ["**", null], "list": [true, null, {"a": "b"}],
        "long": "12345678901234567890123456789012345678", "n": 1.5, "null": null, "t": "x",
    });
    let view = View::<()>::new(tree());
    assert_eq!(serde_json::to_value(&view).unwrap(), shown);
    assert_eq!(view.into_json(), shown);
}

#[test]
fn paths_lead_into_clear_values_and_past_nothing() {
    let view = View::<()>::new(tree());
    assert_eq!(view.at("list[2].a"), Shown::Clear(Value::S("b".into())));
    assert_eq!(view.at("items[0]"), Shown::Masked("**".into()));
    assert_eq!(view.at("items"), Shown::Masked("********".into()));
    for nowhere in ["", "items[1]", "items[9]", "items[x]", "items[0", "gone", "null", "t.x", "list[2][0]", "a..b"] {
        assert_eq!(view.at(nowhere), Shown::Withheld, "{nowhere}");
    }
    let withheld: Vec<_> = view.withheld().iter().map(ToString::to_string).collect();
    assert_eq!(withheld, ["gone", "items[1]"]);
}

#[test]
fn debug_shows_names_and_no_values() {
    assert_eq!(
        format!("{:?}", View::<()>::new(tree())),
        "View({\"bytes\": Clear(..), \"gone\": Withheld, \"items\": [Masked(..), Withheld], \"list\": Clear(..), \
         \"long\": Clear(..), \"n\": Clear(..), \"null\": Null, \"t\": Clear(..)})"
    );
    assert_eq!(format!("{:?}", Shown::Clear("secret")), "Clear(..)");
    assert_eq!(format!("{:?}", Shown::<u8>::Masked("***".into())), "Masked(..)");
}
