//! The record format against its vectors: an independent writer's (`records.json`) and our own (`own.json`).

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::{Command, Output};

use serde_json::{Value as Json, json};

#[path = "../examples/check_vectors/record.rs"]
mod record;

const INDEPENDENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/record/records.json");
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/record/own.json");

/// Good records of the independent writer that no reader may accept: see `tests/vectors/README.md`.
const WRONGLY_TAGGED: [&str; 4] = ["record-3", "record-22", "record-39", "record-56"];
/// The clear, signed number in them, and what their writer signed instead.
const NUMBER: &str = "12345678901234567890123456789012345678";
const ROUNDED: &str = "12345678901234567890123456790000000000";

fn load(file: &str) -> Json {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn list<'a>(vectors: &'a Json, name: &str) -> &'a Vec<Json> {
    vectors[name].as_array().unwrap()
}

fn is_wrongly_tagged(record: &Json) -> bool {
    WRONGLY_TAGGED.iter().any(|name| record["name"] == *name)
}

/// The same file with these records and damaged records only.
fn only(vectors: &Json, good: impl Fn(&Json) -> bool, damaged: impl Fn(&Json) -> bool) -> Json {
    let mut vectors = vectors.clone();
    vectors["records"].as_array_mut().unwrap().retain(good);
    vectors["negative"].as_array_mut().unwrap().retain(damaged);
    vectors
}

/// Checks vectors, of which there must be some, and gives the failures.
async fn failures(vectors: &Json) -> Vec<String> {
    let results = record::check(vectors).await.unwrap();
    assert!(!results.is_empty(), "no vector is of this kind");
    assert_eq!(results.len(), list(vectors, "records").len() + list(vectors, "negative").len());
    results.into_iter().filter_map(|(name, result)| result.err().map(|why| format!("{name}: {why}"))).collect()
}

fn sealed(record: &Json) -> impl Iterator<Item = (&Vec<Json>, &str)> {
    record["sealed"].as_array().unwrap().iter().map(|pair| (pair[0].as_array().unwrap(), pair[1].as_str().unwrap()))
}

fn seals(record: &Json, class: &str) -> bool {
    sealed(record).any(|(_, of)| of == class)
}

fn is_some(record: &Json, name: &str) -> bool {
    match &record[name] {
        Json::Null => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(values) => !values.is_empty(),
        Json::Object(members) => !members.is_empty(),
        _ => true,
    }
}

fn names_reach(record: &Json, from: char) -> bool {
    record["item"].as_object().unwrap().keys().any(|name| name.chars().any(|c| c >= from))
}

macro_rules! good_records {
    ($($test:ident: $kind:expr;)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                let kind: fn(&Json) -> bool = $kind;
                let vectors = only(&load(INDEPENDENT), |record| kind(record) && !is_wrongly_tagged(record), |_| false);
                assert_eq!(failures(&vectors).await, [""; 0]);
            }
        )+

        #[test]
        fn every_good_record_is_of_some_kind() {
            let kinds: &[fn(&Json) -> bool] = &[$($kind),+];
            let vectors = load(INDEPENDENT);
            for record in list(&vectors, "records").iter().filter(|record| !is_wrongly_tagged(record)) {
                assert!(kinds.iter().any(|kind| kind(record)), "no test covers {}", record["name"]);
            }
            assert_eq!(list(&vectors, "records").len(), 120);
        }
    };
}

good_records! {
    good_with_record_integrity: |record| record["integrity"] == true;
    good_with_field_integrity: |record| record["integrity"] == false;
    good_with_record_version: |record| is_some(record, "version");
    good_with_tenant: |record| is_some(record, "tenant");
    good_without_tenant: |record| !is_some(record, "tenant");
    good_with_application_context: |record| is_some(record, "application_context");
    good_with_unsigned_names: |record| is_some(record, "unsigned");
    good_with_another_header_name: |record| record["header_name"] != "privet";
    good_without_key_attributes: |record| !is_some(record, "key_attributes");
    good_with_partition_key: |record| list(record, "key_attributes").len() == 1;
    good_with_partition_and_sort_key: |record| list(record, "key_attributes").len() == 2;
    good_with_nothing_sealed: |record| !is_some(record, "sealed");
    good_sealed_public: |record| seals(record, "public");
    good_sealed_pii: |record| seals(record, "pii");
    good_sealed_sensitive: |record| seals(record, "sensitive");
    good_sealed_confidential: |record| seals(record, "confidential");
    good_sealed_inside_maps: |record| sealed(record).any(|(path, _)| path.len() > 1);
    good_sealed_inside_lists: |record| sealed(record).any(|(path, _)| path.iter().any(Json::is_number));
    good_with_names_outside_ascii: |record| names_reach(record, '\u{80}');
    good_with_names_above_the_basic_plane: |record| names_reach(record, '\u{10000}');
    good_under_a_key_of_128_bits: |record| record["keyring"] == "key-11-b";
    good_under_a_key_of_256_bits: |record| record["keyring"] == "key-11-a";
}

macro_rules! damaged_records {
    ($($test:ident: $why:literal;)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                let vectors = only(&load(INDEPENDENT), |_| false, |damaged| damaged["why"] == $why);
                assert_eq!(failures(&vectors).await, [""; 0]);
            }
        )+

        #[test]
        fn every_damage_has_a_test() {
            let vectors = load(INDEPENDENT);
            for damaged in list(&vectors, "negative") {
                assert!([$($why),+].iter().any(|why| damaged["why"] == *why), "no test covers {}", damaged["why"]);
            }
            assert_eq!(list(&vectors, "negative").len(), 325);
        }
    };
}

damaged_records! {
    refused_when_a_bit_of_the_header_is_flipped: "flip-header";
    refused_when_the_header_is_truncated: "truncate-header";
    refused_when_bytes_follow_the_header: "trailing-header";
    refused_when_a_bit_of_a_field_is_flipped: "flip-field";
    refused_when_a_field_is_dropped: "drop-field";
    refused_when_a_field_is_moved: "move-field";
    refused_in_another_resource: "other-resource";
    refused_for_another_tenant: "other-tenant";
    refused_at_another_version: "other-version";
}

#[tokio::test]
async fn exactly_the_wrongly_tagged_records_are_refused() {
    let vectors = only(&load(INDEPENDENT), |_| true, |_| false);
    let expected = WRONGLY_TAGGED.map(|name| {
        format!("{name}: does not open: the record is damaged, was moved, or was sealed under another key or context")
    });
    assert_eq!(failures(&vectors).await, expected);
}

/// The same item with the number rounded as its writer did: nothing else about it is wrong.
#[tokio::test]
async fn wrongly_tagged_records_are_tagged_over_a_rounded_number() {
    let mut vectors = only(&load(INDEPENDENT), is_wrongly_tagged, |_| false);
    for record in vectors["records"].as_array_mut().unwrap() {
        let (name, version) = (record["name"].clone(), record["version"].clone());
        let rounded = round(&mut record["item"]);
        assert!(rounded > 0, "{name}, {version}: no number to round");
        assert_eq!(round(&mut record["expected"]), rounded, "{name}: the number is clear wherever it occurs");
    }
    assert_eq!(failures(&vectors).await, [""; 0]);
}

/// Rounds the number wherever it occurs, and says how often it did.
fn round(json: &mut Json) -> usize {
    match json {
        Json::String(text) if text == NUMBER => {
            *json = json!(ROUNDED);
            1
        }
        Json::Array(values) => values.iter_mut().map(round).sum(),
        Json::Object(members) => members.values_mut().map(round).sum(),
        _ => 0,
    }
}

#[tokio::test]
async fn own_vectors_pass() {
    let vectors = load(OWN);
    assert_eq!(failures(&vectors).await, [""; 0]);
    assert!(list(&vectors, "records").len() >= 70 && list(&vectors, "negative").len() >= 190);
}

/// Each damaged vector of ours is refused for its damage: what it was made from opens.
#[tokio::test]
async fn own_damaged_vectors_were_good() {
    let vectors = load(OWN);
    for damaged in list(&vectors, "negative") {
        let good = list(&vectors, "records").iter().find(|good| good["name"] == damaged["of"]);
        let good = good.unwrap_or_else(|| panic!("{} is of no good record", damaged["name"]));
        let same = |name: &&String| good[name.as_str()] == damaged[name.as_str()];
        let different: Vec<&String> = damaged.as_object().unwrap().keys().filter(|name| !same(name)).collect();
        let changed = different.iter().filter(|name| !["name", "of", "why"].contains(&name.as_str())).count();
        assert_eq!(changed, 1, "{}: {different:?}", damaged["name"]);
    }
}

#[tokio::test]
async fn a_vector_that_makes_no_sense_is_no_refusal() {
    let mut vectors = only(&load(OWN), |_| false, |damaged| damaged["why"] == "salt");
    for damaged in vectors["negative"].as_array_mut().unwrap() {
        damaged["keyring"] = json!("nobody's");
    }
    let failures = failures(&vectors).await;
    assert!(failures.iter().all(|failure| failure.ends_with("`nobody's` is no key that this program knows")));
    assert_eq!(failures.len(), 2);
}

/// Runs the example that Cargo built beside this test.
fn check_vectors(arguments: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(std::path::Path::parent).unwrap();
    let program = profile.join("examples").join(format!("check_vectors{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "build it first: cargo build --example check_vectors");
    Command::new(program).args(arguments).output().unwrap()
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn the_program_exits_with_0_when_all_pass() {
    let output = check_vectors(&[OWN]);
    let vectors = load(OWN);
    let all = list(&vectors, "records").len() + list(&vectors, "negative").len();
    assert_eq!((output.status.code(), last_line(&output)), (Some(0), format!("{all} passed, 0 failed")));
}

#[test]
fn the_program_exits_with_1_when_some_fail() {
    let output = check_vectors(&[OWN, INDEPENDENT]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(last_line(&output).ends_with(" passed, 4 failed"), "{printed}");
    for name in WRONGLY_TAGGED {
        assert!(printed.contains(&format!("{INDEPENDENT}: {name}: ")), "{printed}");
    }
}

#[test]
fn the_program_exits_with_2_when_it_cannot_start() {
    let other_file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (arguments, message) in [
        (&[][..], "usage: check_vectors FILE..."),
        (&["no-such-file.json"], "no-such-file.json: "),
        (&[other_file], "Cargo.toml: "),
    ] {
        let output = check_vectors(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(message), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
