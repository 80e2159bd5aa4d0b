//! Whatever is done to a stored record, it opens as it was written or not at all, with one and the same error.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::collections::BTreeSet;

use common::{Customer, ada};
use privet::keyring::RawAesKeyring;
use privet::value::{Map, Value};
use privet::{Error, ErrorKind, Policy, Principal, Protect, Protector, Secret};
use serde::{Deserialize, Serialize};
use serde_json::json;

fn protector(policy: &str) -> Protector {
    let keyring = RawAesKeyring::new("tests", "key", &Secret::copy_of(&[5; 32])).unwrap();
    let policy = Policy::from_toml(policy).unwrap();
    Protector::builder().keyring(keyring).policy(policy).audit(common::Events::default()).build().unwrap()
}

const RECORD: &str = "version = 1";
const FIELD: &str = "version = 1\n[resources.customers]\nintegrity = \"field\"";

/// All that an attacker could tell one failure from another by.
fn face(error: &Error) -> (ErrorKind, String, String) {
    (error.kind(), error.to_string(), format!("{error:?}"))
}

async fn refused(privet: &Protector, stored: &Map, what: &str) -> (ErrorKind, String, String) {
    match privet.unprotect::<Customer>(stored.clone()).await {
        Ok(_) => panic!("opens although {what}"),
        Err(error) => face(&error),
    }
}

fn bytes<'a>(stored: &'a mut Map, name: &str) -> &'a mut Vec<u8> {
    match stored.get_mut(name) {
        Some(Value::B(bytes)) => bytes,
        Some(Value::M(members)) => match members.values_mut().next() {
            Some(Value::B(bytes)) => bytes,
            _ => panic!("{name} is not sealed"),
        },
        _ => panic!("{name} is not sealed"),
    }
}

const SEALED: [&str; 7] = ["privet", "email", "ssn", "api_key", "health_records", "address", "age"];

#[tokio::test]
async fn every_single_bit_of_header_and_fields_counts() {
    for policy in [RECORD, FIELD] {
        let privet = protector(policy);
        let stored = privet.protect(&ada()).await.unwrap();
        let mut faces = BTreeSet::new();
        for name in SEALED {
            for bit in 0..bytes(&mut stored.clone(), name).len() * 8 {
                let mut damaged = stored.clone();
                bytes(&mut damaged, name)[bit / 8] ^= 1 << (bit % 8);
                let (kind, text, debug) =
                    refused(&privet, &damaged, &format!("bit {bit} of `{name}` is flipped")).await;
                assert_eq!(kind, ErrorKind::Integrity, "bit {bit} of `{name}`: {text}");
                faces.insert((text, debug));
            }
        }
        assert_eq!(faces.len(), 1, "failures can be told apart: {faces:?}");
    }
}

#[tokio::test]
async fn every_truncation_and_extension_is_refused() {
    for policy in [RECORD, FIELD] {
        let privet = protector(policy);
        let stored = privet.protect(&ada()).await.unwrap();
        for name in SEALED {
            for length in 0..bytes(&mut stored.clone(), name).len() {
                let mut damaged = stored.clone();
                bytes(&mut damaged, name).truncate(length);
                let kind = refused(&privet, &damaged, &format!("`{name}` is cut to {length}")).await.0;
                assert_eq!(kind, ErrorKind::Integrity);
            }
            let mut damaged = stored.clone();
            bytes(&mut damaged, name).push(0);
            assert_eq!(refused(&privet, &damaged, "a byte is added").await.0, ErrorKind::Integrity);
        }
    }
}

#[tokio::test]
async fn no_two_fields_can_change_places() {
    for policy in [RECORD, FIELD] {
        let privet = protector(policy);
        let stored = privet.protect(&ada()).await.unwrap();
        for (position, first) in SEALED.iter().enumerate() {
            for second in &SEALED[position + 1..] {
                let mut swapped = stored.clone();
                let one = std::mem::take(bytes(&mut swapped, first));
                let other = std::mem::replace(bytes(&mut swapped, second), one);
                *bytes(&mut swapped, first) = other;
                let kind = refused(&privet, &swapped, &format!("`{first}` and `{second}` are swapped")).await.0;
                assert_eq!(kind, ErrorKind::Integrity);
            }
        }
    }
}

#[tokio::test]
async fn fields_and_headers_of_other_records_do_not_fit() {
    for policy in [RECORD, FIELD] {
        let privet = protector(policy);
        let stored = privet.protect(&ada()).await.unwrap();
        // The same record, written again: other salt, same data keys, same place.
        let again = privet.protect(&ada()).await.unwrap();
        for name in SEALED {
            let mut mixed = stored.clone();
            mixed.insert(name.into(), again[name].clone());
            assert_eq!(refused(&privet, &mixed, "a field is of another write").await.0, ErrorKind::Integrity, "{name}");
        }
    }
}

#[tokio::test]
async fn records_do_not_open_under_another_key_table_or_tenant() {
    for policy in [RECORD, FIELD] {
        let privet = protector(policy);
        let stored = privet.protect(&ada()).await.unwrap();
        let mut moved = stored.clone();
        moved.insert("id".into(), Value::S("c-2".into()));
        assert_eq!(refused(&privet, &moved, "its key is another").await.0, ErrorKind::Integrity);
        let mut retyped = stored.clone();
        retyped.insert("id".into(), Value::B(b"c-1".to_vec()));
        assert_eq!(refused(&privet, &retyped, "its key is of another type").await.0, ErrorKind::Integrity);
        let mut keyless = stored.clone();
        keyless.remove("id");
        assert_eq!(refused(&privet, &keyless, "its key is missing").await.0, ErrorKind::Integrity);
        let tenant = privet.for_tenant("acme").unwrap();
        assert_eq!(refused(&tenant, &stored, "the tenant is another").await.0, ErrorKind::Integrity);
        assert_eq!(privet.for_tenant("").err().map(|error| error.kind()), Some(ErrorKind::Input));
        let archive = privet.resource("archive").unwrap();
        let elsewhere = privet.unprotect_record(&archive, stored.clone()).await;
        assert_eq!(elsewhere.err().map(|error| error.kind()), Some(ErrorKind::Integrity));
        let stranger = {
            let keyring = RawAesKeyring::new("tests", "key", &Secret::copy_of(&[6; 32])).unwrap();
            let policy = Policy::from_toml(policy).unwrap();
            Protector::builder().keyring(keyring).policy(policy).audit(common::Events::default()).build().unwrap()
        };
        assert_eq!(refused(&stranger, &stored, "the wrapping key is another").await.0, ErrorKind::Integrity);
        assert!(privet.unprotect::<Customer>(stored).await.unwrap() == ada());
    }
}

#[tokio::test]
async fn record_integrity_cannot_be_stripped_to_field_integrity() {
    let stored = protector(FIELD).protect(&ada()).await.unwrap();
    assert_eq!(refused(&protector(RECORD), &stored, "it has no tags").await.0, ErrorKind::Integrity);
}

#[tokio::test]
async fn clear_values_in_the_place_of_sealed_ones_are_refused_while_nothing_proves_them() {
    let reads = |drift: &str| format!("{FIELD}\ndrift = \"{drift}\"");
    for (policy, opens) in [(FIELD.to_owned(), false), (reads("refuse"), false), (reads("report"), true)] {
        let privet = protector(&policy);
        let mut stored = privet.protect(&ada()).await.unwrap();
        stored.insert("email".into(), Value::S("eve@example.com".into()));
        let outcome = privet.unprotect::<Customer>(stored).await;
        assert_eq!(outcome.is_ok(), opens, "{policy}");
        assert!(opens || outcome.is_err_and(|error| error.kind() == ErrorKind::Integrity));
    }
}

#[tokio::test]
async fn nothing_hides_a_clear_value_where_a_sealed_one_belongs() {
    let privet = protector(FIELD);
    let mut forged = privet.protect(&ada()).await.unwrap();
    forged.insert("email".into(), Value::S("mallory@example.com".into()));
    assert_eq!(refused(&privet, &forged, "a field is in clear").await.0, ErrorKind::Integrity);
    // Too deep to be planned.
    let deep = (0..40).fold(Value::Null, |inner, _| Value::L(vec![inner]));
    forged.insert("deep".into(), deep);
    assert_eq!(refused(&privet, &forged, "a field is in clear beside a deep one").await.0, ErrorKind::Integrity);
    // Beside a value that is sealed alone, where all of them would be sealed as one.
    let privet = protector(&format!("{FIELD}\nkey = [\"id\"]"));
    let document =
        json!({"id": "c-1", "orders": [{"id": "o-1", "token": "t"}], "address": {"token": "t", "city": "x"}});
    let stored = privet.protect_json("customers", document).await.unwrap();
    let orders = json!([{"token": stored["orders"][0]["token"]}, {"token": "forged"}]);
    let address = json!({"city": stored["address"]["city"], "street": "forged"});
    for (name, parts) in [("orders", orders), ("address", address)] {
        let mut forged = stored.clone();
        forged[name] = parts;
        let error = privet.unprotect_json("customers", forged).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{name}");
    }
    assert!(privet.unprotect_json("customers", stored).await.is_ok());
}

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "customers", key = "id")]
#[serde(tag = "kind")]
enum Note {
    Open {
        #[protect(public)]
        id: String,
        #[protect(public)]
        text: String,
    },
    Private {
        #[protect(public)]
        id: String,
        #[protect(confidential)]
        text: String,
    },
}

#[tokio::test]
async fn a_changed_tag_shows_nobody_a_value_of_a_greater_class() {
    for policy in [RECORD, FIELD] {
        let privet = protector(policy);
        let resource = privet.model::<Note>().unwrap();
        let mut forged = privet.protect(&Note::Private { id: "1".into(), text: "a secret".into() }).await.unwrap();
        forged.insert("kind".into(), Value::S("Open".into()));
        let Ok(opened) = privet.unprotect_record(&resource, forged).await else { continue };
        assert_eq!(policy, FIELD);
        let view = privet.view_opened::<Note>(opened, &Principal::new("u")).await.unwrap();
        assert_eq!(serde_json::to_value(view).unwrap(), json!({"id": "1", "kind": "Open"}));
    }
}

#[tokio::test]
async fn clear_values_that_look_sealed_cannot_be_smuggled_in() {
    let privet = protector(FIELD);
    let stored = privet.protect(&ada()).await.unwrap();
    for forged in [vec![0xe1], vec![0xe1, 5], vec![0xe1, 2], [&[0xe1, 1][..], &[0; 60]].concat()] {
        let mut damaged = stored.clone();
        damaged.insert("name".into(), Value::B(forged));
        assert_eq!(refused(&privet, &damaged, "a forged field is there").await.0, ErrorKind::Integrity);
    }
}
