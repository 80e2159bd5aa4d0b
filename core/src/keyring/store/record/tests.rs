//! A record made by AWS's client, the contexts of all three kinds, and what is refused.

use std::time::Duration;

use super::*;
use crate::error::ErrorKind;
use crate::value::from_dynamodb_json;

/// An active record as AWS's client wrote it (Python, against a simulated DynamoDB and KMS).
fn active() -> Map {
    let item = serde_json::json!({
        "branch-key-id": {"S": "esdk-tenant-1"},
        "type": {"S": "branch:ACTIVE"},
        "version": {"S": "branch:version:250fdd12-5159-4f75-a58f-9dff430a1356"},
        "create-time": {"S": "2026-11-22T07:02:07.031250Z"},
        "enc": {"B": "YzY4NTgxZjctMjMzZi00NmEwLTkxZTQt"},
        "aws-crypto-ec:team": {"S": "blue"},
        "kms-arn": {"S": "arn:aws:kms:eu-central-1:123456789012:key/c68581f7-233f-46a0-91e4-c5e2c2b4e140"},
        "hierarchy-version": {"N": "1"}
    });
    let serde_json::Value::Object(members) = item else { unreachable!() };
    from_dynamodb_json(members).unwrap()
}

fn s(text: &str) -> Value {
    Value::S(text.into())
}

fn with(name: &str, value: Value) -> Map {
    let mut item = active();
    item.insert(name.into(), value);
    item
}

fn kind(item: Map) -> ErrorKind {
    match Record::from_item(item).and_then(|record| record.check_version()) {
        Ok(()) => panic!("this should have failed"),
        Err(error) => error.kind(),
    }
}

#[test]
fn the_context_is_all_but_the_ciphertext_and_the_logical_name() {
    let record = Record::from_item(active()).unwrap();
    let expected = EncryptionContext::new()
        .with("tablename", "esdk-logical-shared")
        .with("type", "branch:ACTIVE")
        .with("branch-key-id", "esdk-tenant-1")
        .with("version", "branch:version:250fdd12-5159-4f75-a58f-9dff430a1356")
        .with("create-time", "2026-11-22T07:02:07.031250Z")
        .with("aws-crypto-ec:team", "blue")
        .with("kms-arn", "arn:aws:kms:eu-central-1:123456789012:key/c68581f7-233f-46a0-91e4-c5e2c2b4e140")
        .with("hierarchy-version", "1");
    assert!(record.kms_context("esdk-logical-shared") == expected);
    assert!(record.custom_context() == EncryptionContext::new().with("team", "blue"));
    assert_eq!(record.version().unwrap().to_string(), "250fdd12-5159-4f75-a58f-9dff430a1356");
    assert!(record.into_item() == active());
}

#[test]
fn new_records_have_the_attributes_of_their_kind() {
    let version = BranchKeyVersion::from_bytes([0x11; 16]);
    let custom = EncryptionContext::new().with("team", "blue");
    let new = |record_type, active| Record::new("id", record_type, active, "arn", "now", &custom).with_enc(vec![1, 2]);
    let names = |record: Record| record.into_item().into_keys().collect::<Vec<_>>().join(" ");
    let common = "aws-crypto-ec:team branch-key-id create-time enc hierarchy-version kms-arn type";
    assert_eq!(names(new(RecordType::Active, Some(version))), format!("{common} version"));
    assert_eq!(names(new(RecordType::Version(version), None)), common);
    assert_eq!(names(new(RecordType::Beacon, None)), common);
    let item = new(RecordType::Active, Some(version)).into_item();
    assert!(item["version"] == s("branch:version:11111111-1111-1111-1111-111111111111"));
    assert!(item["hierarchy-version"] == Value::N("1".into()) && item["enc"] == Value::B(vec![1, 2]));
}

#[test]
fn unknown_attributes_take_part_in_the_context() {
    let record = Record::from_item(with("note", s("x"))).unwrap();
    assert_eq!(record.kms_context("logical").value("note"), Some("x"));
}

#[test]
fn missing_attributes_and_other_types_are_refused() {
    for name in active().keys().filter(|name| *name != "aws-crypto-ec:team") {
        let mut item = active();
        item.remove(name);
        assert_eq!(kind(item), ErrorKind::Integrity, "without {name}");
        for value in [Value::Bool(true), Value::N("2.5".into()), s("text"), Value::B(vec![1])] {
            let fits = matches!(
                (name.as_str(), &value),
                ("enc", Value::B(_)) | ("branch-key-id" | "create-time" | "kms-arn", Value::S(_))
            );
            let newer = name == "hierarchy-version" && value == Value::N("2.5".into());
            if !fits && !newer {
                assert_eq!(kind(with(name, value)), ErrorKind::Integrity, "{name} of another type");
            }
        }
    }
    assert_eq!(kind(with("note", Value::N("1".into()))), ErrorKind::Integrity);
    assert_eq!(kind(with("tablename", s("esdk-logical-shared"))), ErrorKind::Integrity);
    assert_eq!(kind(with("type", s("branch:OTHER"))), ErrorKind::Integrity);
    assert_eq!(kind(with("version", s("250fdd12-5159-4f75-a58f-9dff430a1356"))), ErrorKind::Integrity);
    assert_eq!(kind(with("version", s("branch:ACTIVE"))), ErrorKind::Integrity);
    // A version record must not have a `version`.
    let version = "branch:version:250fdd12-5159-4f75-a58f-9dff430a1356";
    assert_eq!(kind(with("type", s(version))), ErrorKind::Integrity);
}

#[test]
fn another_hierarchy_version_is_said_to_be_unsupported() {
    assert_eq!(kind(with("hierarchy-version", Value::N("2".into()))), ErrorKind::Unsupported);
}

#[test]
fn create_times_have_six_decimals() {
    let at = |micros| create_time(SystemTime::UNIX_EPOCH + Duration::from_micros(micros));
    assert_eq!(at(1_795_330_927_031_250), "2026-11-22T07:02:07.031250Z");
    assert_eq!(at(951_827_696_000_001), "2000-02-29T12:34:56.000001Z");
    assert_eq!(at(0), "1970-01-01T00:00:00.000000Z");
}
