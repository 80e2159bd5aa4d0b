//! Known serialisations, refusals, and that reading gives back what was written.

use proptest::prelude::*;

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn serialised(value: &Value) -> String {
    let mut out = Vec::new();
    serialise_into(value, &mut out).unwrap();
    hex(&out)
}

fn s(text: &str) -> Value {
    Value::S(text.into())
}

#[test]
fn the_known_map_and_list() {
    let map = Value::M(Map::from([
        ("b".into(), Value::N("1.50".into())),
        ("a".into(), Value::Ss(vec!["y".into(), "x".into()])),
    ]));
    assert_eq!(
        serialised(&map),
        "000000020001000000016101010000000e000000020000000178000000017900010000000162000200000003312e35"
    );
    let list = Value::L(vec![s("x"), Value::Null, Value::Bool(true)]);
    assert_eq!(serialised(&list), "00000003000100000001780000000000000004".to_owned() + "0000000101");
}

#[test]
fn names_and_texts_sort_by_utf16() {
    // U+10000 sorts before U+FF21 in UTF-16 and after it in UTF-8.
    let set = Value::Ss(vec!["\u{ff21}".into(), "\u{10000}".into()]);
    assert_eq!(serialised(&set), "0000000200000004f090808000000003efbca1");
    let map = Value::M(Map::from([("\u{ff21}".into(), Value::Null), ("\u{10000}".into(), Value::Null)]));
    assert!(serialised(&map).starts_with("00000002000100000004f0908080"));
}

fn nested(depth: usize) -> Value {
    (1..depth).fold(s("x"), |inner, _| Value::L(vec![inner]))
}

#[test]
fn depth_ends_at_32() {
    let mut out = Vec::new();
    assert!(serialise_into(&nested(32), &mut out).is_ok());
    assert!(deserialise(TypeId::L, &out).is_ok());
    assert!(serialise_into(&nested(33), &mut Vec::new()).is_err());
}

#[test]
fn duplicates_and_empty_names_are_refused() {
    for value in [
        Value::Ss(vec!["a".into(), "a".into()]),
        Value::Ns(vec!["1".into(), "1.0".into()]),
        Value::Bs(vec![vec![1], vec![1]]),
        Value::M(Map::from([(String::new(), Value::Null)])),
    ] {
        assert!(serialise_into(&value, &mut Vec::new()).is_err(), "{value:?}");
    }
}

pub(super) fn any_value() -> impl Strategy<Value = Value> {
    let number = "-?[1-9][0-9]{0,20}(\\.[0-9]{0,10}[1-9])?";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::N),
        "\\PC{0,20}".prop_map(Value::S),
        any::<Vec<u8>>().prop_map(Value::B),
        proptest::collection::btree_set("\\PC{0,8}", 0..4).prop_map(|set| Value::Ss(set.into_iter().collect())),
        proptest::collection::btree_set(number, 0..4).prop_map(|set| Value::Ns(set.into_iter().collect())),
        proptest::collection::btree_set(any::<Vec<u8>>(), 0..4).prop_map(|set| Value::Bs(set.into_iter().collect())),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::L),
            proptest::collection::btree_map("\\PC{1,8}", inner, 0..5).prop_map(Value::M),
        ]
    })
}

proptest! {
    #[test]
    fn reading_gives_back_what_was_written(value in any_value()) {
        let mut first = Vec::new();
        serialise_into(&value, &mut first).unwrap();
        prop_assert!(first.len() <= serialised_size(&value));
        let back = deserialise(TypeId::of(&value), &first).unwrap();
        let mut second = Vec::new();
        serialise_into(&back, &mut second).unwrap();
        prop_assert_eq!(TypeId::of(&back), TypeId::of(&value));
        prop_assert_eq!(first, second);
    }

    #[test]
    fn reading_anything_never_panics_and_is_canonical(kind in 0..10usize, bytes: Vec<u8>) {
        let ids = [
            TypeId::NULL, TypeId::S, TypeId::N, TypeId::BOOL, TypeId::SS,
            TypeId::NS, TypeId::BS, TypeId::M, TypeId::L, TypeId::B,
        ];
        if let Ok(value) = deserialise(ids[kind], &bytes) {
            let mut again = Vec::new();
            serialise_into(&value, &mut again).unwrap();
            prop_assert_eq!(again, bytes);
        }
    }
}
