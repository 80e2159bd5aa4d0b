//! AWS's beacons against what its client stored and found: `tests/vectors/dbesdk/beacons.json`.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value as Json, json};

#[path = "../examples/check_vectors/beacons.rs"]
mod beacons;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/dbesdk/beacons.json");

fn load() -> Json {
    serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap()
}

fn results(vectors: &Json) -> Vec<(String, Result<(), String>)> {
    assert!(beacons::knows(vectors));
    beacons::check(vectors).unwrap()
}

fn check(name: &str) {
    let results = results(&load());
    let found: Vec<_> = results.into_iter().filter(|(vector, _)| vector == name).collect();
    assert_eq!(found, [(name.to_owned(), Ok(()))]);
}

macro_rules! vectors {
    ($($test:ident: $name:expr;)+) => {
        $(
            #[test]
            fn $test() {
                check($name);
            }
        )+

        #[test]
        fn every_vector_has_a_test() {
            let names: Vec<String> = results(&load()).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, [$($name),+]);
        }
    };
}

vectors! {
    item_of_all_lengths_types_and_compounds: "item 1";
    item_with_another_constructor: "item 2";
    item_with_an_empty_text_and_few_attributes: "item 3";
    item_with_other_types_in_the_same_places: "item 4";
    item_whose_transform_cuts_a_character_is_refused: "item 5";
    scan_by_a_standard_beacon: "scan `#n = :n`";
    scan_by_a_compound_beacon: "scan `NameCity = :v`";
    scan_by_the_start_of_a_compound_beacon: "scan `begins_with(NameCity, :v)`";
    scan_by_a_member_of_a_set: "scan `contains(tags, :v)`";
    scan_by_a_signed_beacon: "scan `SignedOnly = :v`";
    scan_by_order_of_hashes_is_refused: "scan `email < :v`";
    partitioned_item_00: "partitioned item p00";
    partitioned_item_01: "partitioned item p01";
    partitioned_item_02: "partitioned item p02";
    partitioned_item_03: "partitioned item p03";
    partitioned_item_04: "partitioned item p04";
    partitioned_item_05: "partitioned item p05";
    partitioned_item_06: "partitioned item p06";
    partitioned_item_07: "partitioned item p07";
    partitioned_item_08: "partitioned item p08";
    partitioned_item_09: "partitioned item p09";
    partitioned_item_10: "partitioned item p10";
    partitioned_item_11: "partitioned item p11";
    partitioned_item_12: "partitioned item p12";
    partitioned_item_13: "partitioned item p13";
    partitioned_item_14: "partitioned item p14";
    partitioned_item_15: "partitioned item p15";
}

/// A check that cannot fail proves nothing.
#[test]
fn other_keys_partitions_and_stored_beacons_fail() {
    let failures = |vectors: &Json| results(vectors).into_iter().filter(|(_, result)| result.is_err()).count();
    assert_eq!(failures(&load()), 0);
    let mut other_key = load();
    other_key["beacon_key_hex"] = json!("00".repeat(32));
    // What is refused is refused under any key; the start of a compound beacon and a signed beacon are in clear.
    assert_eq!(failures(&other_key), 27 - 4);
    let mut other_partition = load();
    other_partition["partitioned"]["items"][0]["partition"] = json!(3);
    assert_eq!(failures(&other_partition), 1);
    let mut other_beacon = load();
    other_beacon["items"][1]["beacons"]["aws_dbe_b_l0"]["S"] = json!("1");
    assert_eq!(failures(&other_beacon), 1);
    let mut other_length = load();
    other_length["config"]["search"]["standard"][17]["length"] = json!(50);
    assert_eq!(failures(&other_length), 4);
}
