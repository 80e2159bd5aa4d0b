//! Where single values are stored, without the rest of their record.

use proptest::prelude::*;
use serde_json::json;

use super::super::*;
use super::dynamic::{any_json, names, plan};
use crate::value::Step;

fn path(text: &str) -> Path {
    let steps = text.split('.').map(|step| match step.parse() {
        Ok(index) => Step::Index(index),
        Err(_) => Step::Key(step.to_owned()),
    });
    Path::from(steps.collect::<Vec<_>>())
}

fn place(policy: &str, at: &str, value: impl Into<Value>) -> Placement {
    plan(policy).place(&path(at), &value.into()).unwrap()
}

#[test]
fn values_of_dynamic_records() {
    let own = |at: &str, class| Placement::Own(vec![(path(at), class)]);
    assert_eq!(place("", "email", json!("a")), own("email", Classification::Pii));
    assert_eq!(place("", "profile.email", json!("a")), own("profile.email", Classification::Pii));
    assert!(place("", "name", json!("a")).is_clear());
    assert!(place("", "created_at.day", json!(1)).is_clear());
    // Both of a city and of all else in an address nothing else is known, so that the address is one value.
    assert_eq!(place("", "address.city", json!("a")), Placement::Within(path("address"), Classification::Pii));
    // Of another class than the address it is sealed on its own.
    assert_eq!(place("", "address.token", json!("a")), own("address.token", Classification::Sensitive));
    assert_eq!(place("", "tags.0", json!("a")), Placement::Within(path("tags"), Classification::Confidential));
    assert!(place("", "name.0", json!("a")).is_clear());
    assert_eq!(
        place("", "profile", json!({"email": "a", "name": "b"})),
        Placement::Own(vec![(path("profile.email"), Classification::Pii)])
    );
}

#[test]
fn keys_and_unsigned_attributes_are_clear_throughout() {
    let policy = "version = 1\nunsigned = [\"ttl\"]\n[resources.customers]\nkey = [\"id\"]";
    for at in ["id", "ttl", "ttl.email", "ttl.0.email"] {
        assert!(place(policy, at, json!("a")).is_clear(), "{at}");
    }
}

#[test]
fn too_deep() {
    let deep = Path::from(vec![Step::Key("a".into()); 33]);
    assert!(plan("").place(&deep, &Value::Null).is_err());
}

fn all_paths(value: &Value, path: &mut Path, found: &mut Vec<(Path, Value)>) {
    if !path.steps().is_empty() {
        found.push((path.clone(), value.clone()));
    }
    let mut go = |step, value| {
        path.push(step);
        all_paths(value, path, found);
        path.pop();
    };
    match value {
        Value::M(members) => members.iter().for_each(|(name, value)| go(Step::Key(name.clone()), value)),
        Value::L(values) => (0..).zip(values).for_each(|(index, value)| go(Step::Index(index), value)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_place_of_its_own_is_the_place_in_any_record(json in prop::collection::btree_map(names(), any_json(), 0..5)) {
        let record: Map = json.into_iter().map(|(name, json)| (name, Value::from(json))).collect();
        let plan = plan("");
        let sealings = plan.sealings(&record).unwrap();
        let mut all = Vec::new();
        all_paths(&Value::M(record), &mut Path::default(), &mut all);
        for (path, value) in all {
            let around = sealings.iter().find(|(sealed, _)| *sealed != path && path.is_within(sealed));
            match plan.place(&path, &value).unwrap() {
                Placement::Own(own) => {
                    let inside: Vec<_> = sealings.iter().filter(|(sealed, _)| sealed.is_within(&path)).cloned().collect();
                    prop_assert_eq!((inside, around), (own, None), "{}", path);
                }
                Placement::Within(whole, class) => {
                    prop_assert!(path != whole && path.is_within(&whole));
                    prop_assert!(around.is_none_or(|(_, other)| *other == class));
                }
                Placement::Depends(_) => prop_assert!(false, "nothing in a dynamic record is tagged"),
            }
        }
    }
}
