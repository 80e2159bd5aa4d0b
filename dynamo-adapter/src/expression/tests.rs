//! Expressions, and what updates make of items.

use proptest::prelude::*;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::*;
use privet_core::value::{Map, Step};

fn names() -> HashMap<String, String> {
    [("#a", "a.b"), ("#p", "privet"), ("#e", "")].map(|(name, stands)| (name.to_owned(), stands.to_owned())).into()
}

fn values() -> HashMap<String, AttributeValue> {
    let number = |n: i32| AttributeValue::N(n.to_string());
    [
        (":one", number(1)),
        (":two", number(2)),
        (":l", AttributeValue::L(vec![number(9)])),
        (":s", AttributeValue::Ss(vec!["x".into(), "y".into()])),
        (":t", AttributeValue::S("t".into())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn condition(text: &str) -> Result<Condition> {
    let (names, values) = (names(), values());
    Condition::parse(text, &Placeholders::new(Some(&names), Some(&values)))
}

fn update(text: &str) -> Result<Update> {
    let (names, values) = (names(), values());
    Update::parse(text, &Placeholders::new(Some(&names), Some(&values)))
}

#[test]
fn binds_as_dynamodb_does() {
    for (one, other) in [
        ("NOT a = :one AND b = :two OR c = :t", "((NOT a = :one) AND b = :two) OR c = :t"),
        ("a = :one OR b = :two AND c = :t", "a = :one OR (b = :two AND c = :t)"),
        ("a BETWEEN :one AND :two and b in (:t)", "(a between :one and :two) AND (b IN (:t))"),
        ("not not attribute_exists(a[0].b)", "NOT (NOT (attribute_exists ( a [0] . b )))"),
    ] {
        assert_eq!(condition(one).unwrap(), condition(other).unwrap(), "{one}");
    }
    let path = Path::from(vec![Step::Key("a.b".into()), Step::Index(3), Step::Key("c".into())]);
    assert_eq!(condition("attribute_exists(#a[3].c)").unwrap(), Condition::Function(Function::Exists, path, None));
}

#[test]
fn refuses_what_is_no_expression() {
    for text in [
        "",
        "a",
        "a =",
        "a = b c",
        "(a = :one",
        "a = :one)",
        "a == :one",
        "a[x] = :one",
        "a[-1] = :one",
        "a..b = :one",
        "begins_with(a)",
        "attribute_exists(:one)",
        "a IN ()",
        "a BETWEEN :one",
        "# = :one",
        ": = a",
        "a = 'x'",
        "a = 1",
        "a = :none",
        "#none = :one",
        "a[99999999999] = :one",
        "é = :one",
    ] {
        assert!(condition(text).is_err(), "{text}");
    }
    let deep = format!("{}a = :one{}", "(".repeat(1000), ")".repeat(1000));
    assert!(condition(&deep).is_err() && condition(&"NOT ".repeat(1000)).is_err());
    assert!(condition(&format!("attribute_exists(a{})", ".a".repeat(40))).is_err());
    assert!(condition(&"a".repeat(5000)).is_err());
    for text in ["SET a = :one SET b = :two", "SET a = :one, a.b = :two", "SET a = b + c + d", "ADD a b", "REMOVE a,"] {
        assert!(update(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_written_again_reads_the_same() {
    for text in [
        "SET a = :one, b[2].#a = if_not_exists(c, :two) + :one, d = list_append(:l, e) REMOVE f[1] ADD g :s DELETE h :s",
        "SET a = (b + :one) - (c - :two)",
    ] {
        let read = update(text).unwrap();
        let mut writer = Writer::default();
        let again = writer.update(read.clone());
        let (names, values) = writer.into_placeholders();
        assert_eq!(
            Update::parse(&again, &Placeholders::new(names.as_ref(), values.as_ref())).unwrap(),
            read,
            "{again}"
        );
    }
    let long = ["a = :one"; 150].join(" AND ");
    for text in ["(a = :one OR b < c) AND NOT d IN (:two, e) AND (f = g AND size(h) > :one)", &long] {
        let read = condition(text).unwrap();
        let mut writer = Writer::default();
        let again = writer.condition(read.clone());
        let (names, values) = writer.into_placeholders();
        let placeholders = Placeholders::new(names.as_ref(), values.as_ref());
        assert_eq!(Condition::parse(&again, &placeholders).unwrap(), read, "{again}");
    }
}

fn applied(text: &str, item: &str) -> Result<String> {
    let mut item: Map = match Value::from(serde_json::from_str::<serde_json::Value>(item).unwrap()) {
        Value::M(item) => item,
        _ => panic!("no item"),
    };
    apply(&update(text)?, &mut item)?;
    Ok(Value::M(item).into_json().to_string())
}

#[test]
fn updates_as_dynamodb_does_them() {
    for (text, before, after) in [
        ("SET a = :one, b = a", r#"{"a":5}"#, r#"{"a":1,"b":5}"#),
        ("SET a = a + :two, c = if_not_exists(c, :one)", r#"{"a":0.5}"#, r#"{"a":2.5,"c":1}"#),
        ("ADD a :two, n :one", r#"{"a":-2}"#, r#"{"a":0,"n":1}"#),
        ("ADD s :s", r#"{}"#, r#"{"s":["x","y"]}"#),
        ("DELETE s :s", r#"{}"#, r#"{}"#),
        ("SET l = list_append(l, :l)", r#"{"l":[1]}"#, r#"{"l":[1,9]}"#),
        ("SET l[7] = :two, l[5] = :one REMOVE l[0], l[1]", r#"{"l":[0,1,2]}"#, r#"{"l":[2,1,2]}"#),
        ("REMOVE l[9], m.x", r#"{"l":[0],"m":{}}"#, r#"{"l":[0],"m":{}}"#),
    ] {
        assert_eq!(applied(text, before).unwrap(), after, "{text}");
    }
    for (text, before) in [
        ("SET a.b = :one", "{}"),
        ("REMOVE a.b", "{}"),
        ("SET a = b", "{}"),
        ("SET a = b + :one", r#"{"b":"x"}"#),
        ("ADD a :one", r#"{"a":"x"}"#),
        ("ADD a :t", "{}"),
        ("SET l = list_append(l, :one)", r#"{"l":[]}"#),
        ("SET a[0] = :one", r#"{"a":{}}"#),
    ] {
        assert!(applied(text, before).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}|([a-c#:.\\[\\]()=<>,+ 0-9]|SET |REMOVE |ADD |AND |OR |NOT |IN |:one|#a|size|contains){0,30}") {
        let _ = (condition(&text), update(&text));
        let names = names();
        let _ = Projection::parse(&text, &Placeholders::new(Some(&names), None));
    }
}
