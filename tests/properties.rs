//! Whatever a record holds, and whatever of it is sealed, it comes back as it was.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use privet::keyring::RawAesKeyring;
use privet::value::{Map, TypeId, Value, serialise_into};
use privet::{Policy, Protector, Secret};
use proptest::prelude::*;
use serde_json::Value as Json;

/// Names of every class, of none, keys, look-alikes and unusual ones.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::sample::select(vec![
            "email", "phone", "password", "apiKey", "health_records", "name", "created_at", "address", "other",
            "$sealed", "$clear", "größe", "𐀂x", "ﾊ", "a.b",
        ])
        .prop_map(str::to_owned),
        1 => "\\PC{1,6}",
    ]
}

fn value(with_bytes: bool) -> impl Strategy<Value = Value> {
    let number = "-?[1-9][0-9]{0,15}";
    let decimal = "-?[1-9][0-9]{0,20}(\\.[0-9]{0,10}[1-9])?([eE][+-]?[0-9])?";
    let json = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::N),
        "\\PC{0,20}".prop_map(Value::S),
    ];
    let bytes = prop_oneof![
        Just(vec![0xe1]),
        Just(vec![0xe1, 0]),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|rest| [&[0xe1, 2][..], &rest].concat()),
        any::<Vec<u8>>(),
    ];
    let item = prop_oneof![
        json.clone(),
        decimal.prop_map(Value::N),
        bytes.prop_map(Value::B),
        proptest::collection::btree_set("\\PC{0,6}", 1..4).prop_map(|set| Value::Ss(set.into_iter().collect())),
        proptest::collection::btree_set(number, 1..4).prop_map(|set| Value::Ns(set.into_iter().collect())),
        proptest::collection::btree_set(any::<Vec<u8>>(), 1..4).prop_map(|set| Value::Bs(set.into_iter().collect())),
    ];
    let leaf = if with_bytes { item.boxed() } else { json.boxed() };
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::L),
            proptest::collection::btree_map(name(), inner, 0..4).prop_map(Value::M),
        ]
    })
}

fn record(with_bytes: bool) -> impl Strategy<Value = Map> {
    (proptest::collection::btree_map(name(), value(with_bytes), 0..8), "\\PC{1,8}").prop_map(|(mut record, id)| {
        record.insert("id".into(), Value::S(id));
        record.remove("privet");
        record
    })
}

fn policy(integrity: &str, default_class: &str) -> Policy {
    Policy::from_toml(&format!(
        "version = 1\ndefault_class = \"{default_class}\"\n[resources.r]\nkey = [\"id\"]\nintegrity = \"{integrity}\""
    ))
    .unwrap()
}

fn protectors() -> Vec<Protector> {
    let mut all = Vec::new();
    for integrity in ["record", "field"] {
        for default_class in ["public", "confidential"] {
            let keyring = RawAesKeyring::new("tests", "key", &Secret::copy_of(&[5; 32])).unwrap();
            let builder = Protector::builder().keyring(keyring).audit(common::Events::default());
            all.push(builder.policy(policy(integrity, default_class)).build().unwrap());
        }
    }
    all
}

/// Type and canonical bytes of a whole record: numbers in one spelling, sets in one order.
fn canonical(record: &Map) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in record {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&TypeId::of(value).0);
        serialise_into(value, &mut bytes).unwrap();
    }
    bytes
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn items_come_back(record in record(true)) {
        for privet in protectors() {
            let resource = privet.resource("r").unwrap();
            let stored = block_on(privet.protect_record(&resource, record.clone())).unwrap();
            let opened = block_on(privet.unprotect_record(&resource, stored)).unwrap();
            prop_assert!(opened.drift().is_empty());
            prop_assert_eq!(canonical(&opened.complete().unwrap()), canonical(&record));
        }
    }

    #[test]
    fn documents_come_back_through_their_text(record in record(false)) {
        let document = Value::M(record).into_json();
        for privet in protectors() {
            let stored = block_on(privet.protect_json("r", document.clone())).unwrap();
            let read: Json = serde_json::from_str(&stored.to_string()).unwrap();
            prop_assert_eq!(&block_on(privet.unprotect_json("r", read)).unwrap(), &document);
        }
    }

    #[test]
    fn what_is_viewed_by_nobody_in_particular_shows_no_sealed_text(record in record(false)) {
        let privet = protectors().pop().unwrap();
        let resource = privet.resource("r").unwrap();
        let sealed = resource.plan().sealings(&record).unwrap();
        let shown = block_on(privet.view_json("r", Value::M(record.clone()).into_json(), &privet::Principal::new("u")));
        let shown = shown.unwrap().to_string();
        let mut record = record;
        for (path, _) in sealed {
            if let Some(Value::S(text)) = path.find_mut(&mut record).cloned() {
                // Short texts may stand elsewhere by chance.
                prop_assert!(text.chars().count() < 8 || !shown.contains(&text));
            }
        }
    }
}
