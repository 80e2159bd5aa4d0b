//! ESDK messages against those of AWS's clients: public ones (`public-net.json`), and ones made with three of the
//! clients (`generated.json`).

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use serde_json::Value as Json;

#[path = "../examples/check_vectors/esdk.rs"]
#[allow(dead_code, reason = "the tests look at each vector on their own")]
mod esdk;

use esdk::{Outcome, Vector};

const GENERATED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/esdk/generated.json");
const PUBLIC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/esdk/public-net.json");

/// What may be left out: one message whose wrapped key the recorded KMS never saw.
const NO_KEYRING: [&str; 1] = ["kms, no answer recorded"];

fn load(file: &str) -> Json {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// How often a vector was read as it must be, and why not, by kind of key.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    passed: usize,
    skipped: BTreeMap<String, usize>,
}

fn tally(passed: usize, skipped: &[(&str, usize)]) -> Tally {
    Tally { passed, skipped: skipped.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect() }
}

/// Checks the vectors that `which` takes, with each of their keys; panics if any is not read as it must be.
async fn check(file: &str, which: impl Fn(&Vector) -> bool) -> Tally {
    let file = load(file);
    let (mut result, mut failures) = (Tally::default(), Vec::new());
    for vector in esdk::vectors(&file).unwrap().iter().filter(|vector| which(vector)) {
        for (reader, outcome) in vector.check(&file).await {
            match outcome {
                Outcome::Passed => result.passed += 1,
                Outcome::Failed(why) => failures.push(format!("{reader}: {why}")),
                Outcome::Skipped(kind) => {
                    assert!(NO_KEYRING.contains(&kind.as_str()), "{reader}: there is a keyring for {kind}");
                    *result.skipped.entry(kind).or_default() += 1;
                }
            }
        }
    }
    assert_eq!(failures, [""; 0]);
    result
}

fn is_good(vector: &Vector) -> bool {
    vector.plaintext.is_some()
}

fn starts(vector: &Vector, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| vector.name.starts_with(prefix))
}

macro_rules! good_messages {
    ($($test:ident: $prefixes:expr => $tally:expr;)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                assert_eq!(check(GENERATED, |vector| is_good(vector) && starts(vector, &$prefixes)).await, $tally);
            }
        )+

        #[test]
        fn every_good_message_is_of_one_kind() {
            let kinds: &[&[&str]] = &[$(&$prefixes),+];
            for vector in esdk::vectors(&load(GENERATED)).unwrap().iter().filter(|vector| is_good(vector)) {
                let count = kinds.iter().filter(|prefixes| starts(vector, prefixes)).count();
                assert_eq!(count, 1, "{}", vector.name);
            }
        }
    };
}

good_messages! {
    messages_of_all_suites_open: ["suite-"] => tally(22, &[]);
    messages_that_are_not_framed_open: ["nonframed-"] => tally(8, &[]);
    messages_for_each_kind_of_key_open: ["key-"] => tally(23, &[]);
    messages_for_several_keys_open_with_each: ["multi-"]
        => tally(11, &[("kms, no answer recorded", 1)]);
    messages_with_context_that_is_not_stored_open: ["required-"] => tally(8, &[]);
    messages_with_large_contexts_and_plaintexts_open: ["big-ec", "long-value", "bigger"] => tally(3, &[]);
    messages_of_javascript_open: ["js-"] => tally(13, &[]);
    messages_that_end_on_every_side_of_a_frame_open: ["frames16-"] => tally(10, &[]);
    messages_of_rust_open: ["rust-"] => tally(22, &[]);
}

macro_rules! damaged_messages {
    ($($test:ident: $prefixes:expr => $passed:expr;)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                let tally = check(GENERATED, |vector| !is_good(vector) && starts(vector, &$prefixes)).await;
                assert_eq!(tally.passed, $passed);
            }
        )+
    };
}

damaged_messages! {
    damaged_committing_messages_are_refused: ["v2-"] => 17;
    damaged_committing_signed_messages_are_refused: ["v2s-"] => 19;
    damaged_older_messages_are_refused: ["v1-"] => 20;
    damaged_older_signed_messages_are_refused: ["v1s-"] => 22;
    wrong_wrapped_keys_and_contexts_are_refused: ["edk-", "ec-", "required-"] => 7;
}

/// The data keys are known, so that also what has no keyring yet says something about the format.
#[test]
fn every_good_message_opens_with_its_data_key_alone() {
    let vectors = esdk::vectors(&load(GENERATED)).unwrap();
    let mut count = 0;
    for vector in vectors.iter().filter(|vector| is_good(vector)) {
        assert!(!vector.found.is_null());
        vector.check_header().unwrap_or_else(|why| panic!("{}: {why}", vector.name));
        count += 1;
    }
    assert_eq!(count, 112);
}

#[tokio::test]
async fn public_messages_under_raw_aes_keys_open() {
    let aes = |vector: &Vector| vector.keys.iter().all(|key| key["type"] == "raw-aes");
    assert_eq!(check(PUBLIC, |vector| is_good(vector) && aes(vector)).await, tally(38, &[]));
}

#[tokio::test]
async fn public_messages_under_raw_rsa_keys_open() {
    let rsa = |vector: &Vector| vector.keys.iter().any(|key| key["type"] == "raw-rsa");
    assert_eq!(check(PUBLIC, |vector| is_good(vector) && rsa(vector)).await, tally(66, &[]));
}

/// .NET 4.0.0 left the message id out of the key derivation, and wrote two bytes too many under the header's tag.
#[tokio::test]
async fn public_messages_with_the_fault_of_net_4_0_0_are_refused() {
    assert_eq!(check(PUBLIC, |vector| !is_good(vector)).await, tally(28, &[]));
}
