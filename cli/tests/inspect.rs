//! `inspect` over what AWS's clients have written: every good vector is told for what it is, without a key.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::path::Path;

use common::Home;
use serde_json::{Value as Json, json};

fn vectors(path: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(path);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What is said of each document, one line each.
fn inspect(documents: &[Json]) -> Vec<Json> {
    let home = Home::with(Vec::new());
    let text: String = documents.iter().map(|document| format!("{document}\n")).collect();
    let ran = home.try_run(&["inspect", "--json", "--limit", "1000"], text);
    assert!(matches!(ran.exit, Some(0 | 3)), "{}", ran.error);
    ran.json()
}

#[test]
fn items_of_the_database_encryption_sdk() {
    let vectors = vectors("dbesdk/items.json");
    let good: Vec<&Json> = vectors["items"].as_array().unwrap().iter().filter(|item| item["result"] == "ok").collect();
    assert!(good.len() > 20);
    let found = inspect(&good.iter().map(|item| item["encrypted"].clone()).collect::<Vec<_>>());
    for (item, found) in good.iter().zip(&found) {
        let legend = item["check"]["legend"].as_str().unwrap();
        let encrypted = legend.matches('e').count();
        assert_eq!(found["problem"], Json::Null, "{}", item["name"]);
        assert_eq!(
            (&found["version"], &found["signed"], &found["encrypted"], &found["signed_in_clear"]),
            (
                &item["check"]["header_version"],
                &json!(item["suite"] == "6701"),
                &json!(encrypted),
                &json!(legend.len() - encrypted)
            ),
            "{}",
            item["name"]
        );
        assert_eq!(found["keys"].as_array().unwrap().len(), item["check"]["edk_count"].as_u64().unwrap() as usize);
    }
    let damaged = inspect(&[json!({"id": {"S": "1"}, "aws_dbe_head": {"B": "AAEC"}})]);
    assert_eq!(damaged[0]["problem"], "the header is damaged");
}

#[test]
fn objects_of_the_s3_encryption_clients() {
    for file in ["s3ec/python.json", "s3ec/ruby.json"] {
        let vectors = vectors(file);
        let good: Vec<&Json> =
            vectors["objects"].as_array().unwrap().iter().filter(|object| object["result"] == "ok").collect();
        let found =
            inspect(&good.iter().map(|object| json!({"Metadata": object["object_metadata"]})).collect::<Vec<_>>());
        for (object, found) in good.iter().zip(&found) {
            let metadata = object["object_metadata"].as_object().unwrap();
            assert_eq!(found["problem"], Json::Null, "{file} {}: {found}", object["name"]);
            let has = |name: &str| metadata.contains_key(name);
            if has("x-amz-3") || has("x-amz-key-v2") || has("x-amz-key") {
                let version = if has("x-amz-3") { 3 } else { 1 + u8::from(has("x-amz-key-v2")) };
                assert_eq!((&found["format"], &found["version"]), (&json!("S3EC object"), &json!(version)));
                assert_eq!(found["keys"].as_array().unwrap().len(), 1);
            } else if has("x-amz-c") {
                assert_eq!(found["key_in"], "instruction file", "{}", object["name"]);
            }
        }
    }
}

#[test]
fn what_is_none_of_that() {
    let found = inspect(&[
        json!({"Metadata": {"colour": "red"}}),
        json!({"Metadata": {"x-amz-crypto-instr-file": ""}}),
        json!({"x-amz-3": "AAAA", "x-amz-w": "02", "x-amz-m": "{\"team\":\"a\"}"}),
        json!({"Metadata": {"x-amz-key-v2": "AAAA", "x-amz-3": "AAAA"}}),
        json!({"name": "Ada"}),
    ]);
    let formats: Vec<&str> = found.iter().map(|found| found["format"].as_str().unwrap()).collect();
    assert_eq!(
        formats,
        [
            "object, not encrypted by a client",
            "S3EC instruction file, its metadata",
            "S3EC instruction file",
            "S3EC object",
            "JSON document, not sealed"
        ]
    );
    assert_eq!(found[2]["context_names"], json!(["team"]));
    assert!(found[3]["problem"].is_string());
}
