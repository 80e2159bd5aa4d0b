//! DB-ESDK items against those of AWS's clients: public ones of the Java and .NET clients (`public.json`), and ones made
//! with the Rust client (`items.json`).

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use privet::dbesdk::HEADER;
use privet::dbesdk_items;
use privet::value::{Map, Value};
use serde_json::Value as Json;

#[path = "../examples/check_vectors/dbesdk.rs"]
#[allow(dead_code, reason = "the tests look at each vector on their own")]
mod dbesdk;

use dbesdk::{Case, Vector};

static ITEMS: LazyLock<Json> = LazyLock::new(|| load("items.json"));
static PUBLIC: LazyLock<Json> = LazyLock::new(|| load("public.json"));

fn load(name: &str) -> Json {
    let file = format!("{}/tests/vectors/dbesdk/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn find(file: &Json, name: &str) -> Vector {
    let mut found = dbesdk::vectors(file).unwrap().into_iter().filter(|vector| vector.name == name);
    let vector = found.next().unwrap_or_else(|| panic!("there is no vector `{name}`"));
    assert!(found.next().is_none(), "there are several vectors `{name}`");
    vector
}

/// One test a vector, and the list of their names.
macro_rules! named {
    ($file:ident $($test:ident: $name:literal;)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                find(&$file, $name).check().await.unwrap();
            }
        )+

        pub const NAMES: &[&str] = &[$($name),+];
    };
}

/// No vector is without its test, and each is of the kind that its list says.
#[test]
fn every_vector_has_its_test() {
    let kind = |vector: &Vector| match vector.case {
        Case::Opens(..) => "opens",
        Case::Damaged(_) => "damaged",
        Case::Unwritable(_) => "unwritable",
    };
    let all: Vec<_> = [&ITEMS, &PUBLIC].into_iter().flat_map(|file| dbesdk::vectors(file).unwrap()).collect();
    let names: BTreeSet<_> = all.iter().map(|vector| vector.name.as_str()).collect();
    let tested = [items::NAMES, variants::NAMES, refusals::NAMES, public::NAMES].concat();
    assert_eq!(names, tested.iter().copied().collect());
    let count = |wanted: &str| all.iter().filter(|vector| kind(vector) == wanted).count();
    assert_eq!([count("opens"), count("damaged"), count("unwritable")], [37 + 10 + 38, 57 + 4, 9]);
}

/// What is written as the vectors' writer wrote it differs in what is random alone: the same version and legend, a header
/// and a footer as long, encrypted attributes as long; and it opens.
#[tokio::test]
async fn what_was_written_is_written_alike() {
    let mut count = 0;
    for vector in dbesdk::vectors(&ITEMS).unwrap() {
        let Case::Opens(stored, expected, found) = &vector.case else { continue };
        if found.is_null() || !writes(&vector) {
            continue;
        }
        let written = vector.write(expected.clone()).await.unwrap();
        let bytes = |item: &Map, name: &str| match &item[name] {
            Value::B(bytes) => bytes.clone(),
            _ => panic!("`{name}` of {} is no bytes", vector.name),
        };
        assert!(written.keys().eq(stored.keys()), "{}", vector.name);
        for name in stored.keys().filter(|name| matches!(stored[*name], Value::B(_))) {
            assert_eq!(bytes(&written, name).len(), bytes(stored, name).len(), "{}: {name}", vector.name);
        }
        let (ours, theirs) = (bytes(&written, HEADER), bytes(stored, HEADER));
        let legend = 36 + usize::from(u16::from_be_bytes([theirs[34], theirs[35]]));
        assert_eq!((&ours[..2], &ours[34..legend]), (&theirs[..2], &theirs[34..legend]), "{}", vector.name);
        let opened = dbesdk_items::decrypt(&vector.keyring, written, &vector.table).await.unwrap();
        dbesdk::compare(&opened.item, expected).unwrap();
        count += 1;
    }
    assert_eq!(count, 33);
}

/// Beacons beside an item do not hinder reading it, and are not in what is read.
#[tokio::test]
async fn items_with_beacons_open() {
    let vectors = dbesdk::stored_with_beacons(&load("beacons.json"), &ITEMS).unwrap();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let Case::Opens(stored, ..) = &vector.case else { panic!("`{}` is to be refused", vector.name) };
        assert!(stored.keys().any(|name| name.starts_with("aws_dbe_b_")));
        vector.check().await.unwrap_or_else(|why| panic!("{}: {why}", vector.name));
    }
}

/// The recorded KMS has no new keys, and PKCS#1 v1.5 is only for reading.
fn writes(vector: &Vector) -> bool {
    !["kms", "kms-hmac-only", "raw-rsa-pkcs1", "multi-3-recipients-signed"].contains(&vector.name.as_str())
}

mod items {
    //! Items of the Rust client open to what was written, and say what it found in them.

    use super::*;

    named! { ITEMS
        all_types_encrypted_signed: "all-types-encrypted-signed";
        all_types_encrypted_hmac_only: "all-types-encrypted-hmac-only";
        all_types_sign_only_signed: "all-types-sign-only-signed";
        all_types_sign_only_hmac_only: "all-types-sign-only-hmac-only";
        sort_key_and_unsigned: "sort-key-and-unsigned";
        sort_key_binary: "sort-key-binary";
        numbers_encrypted: "numbers-encrypted";
        numbers_sign_only: "numbers-sign-only";
        number_set: "number-set";
        odd_names: "odd-names";
        deep: "deep";
        context_attributes: "context-attributes";
        context_attributes_hmac_only: "context-attributes-hmac-only";
        multi_3_recipients_signed: "multi-3-recipients-signed";
        multi_2_recipients_hmac_only: "multi-2-recipients-hmac-only";
        raw_aes_128: "raw-aes-128";
        raw_aes_192: "raw-aes-192";
        raw_rsa_pkcs1: "raw-rsa-pkcs1";
        raw_rsa_oaep_sha1: "raw-rsa-oaep-sha1";
        raw_rsa_oaep_sha256: "raw-rsa-oaep-sha256";
        raw_rsa_oaep_sha384: "raw-rsa-oaep-sha384";
        raw_rsa_oaep_sha512: "raw-rsa-oaep-sha512";
        kms: "kms";
        kms_hmac_only: "kms-hmac-only";
        hierarchy_1: "hierarchy-1";
        hierarchy_1_hmac_only: "hierarchy-1-hmac-only";
        hierarchy_2_custom_context: "hierarchy-2-custom-context";
        nothing_encrypted: "nothing-encrypted";
        only_key: "only-key";
        many_fields: "many-fields";
        big_value: "big-value";
        other_table_name: "other-table-name";
        non_ascii_table_name: "non-ascii-table-name";
        number_partition_key: "number-partition-key";
        binary_partition_key: "binary-partition-key";
        hierarchy_1_after_rotation: "hierarchy-1-after-rotation";
        hierarchy_1_hmac_only_after_rotation: "hierarchy-1-hmac-only-after-rotation";
    }
}

mod variants {
    //! Items that were changed, or are read otherwise, open or are refused as with the Rust client.

    use super::*;

    named! { ITEMS
        sig_ciphertext_flip: "sig-ciphertext-flip";
        sig_type_id_flip: "sig-type-id-flip";
        sig_swap: "sig-swap";
        sig_drop_attr: "sig-drop-attr";
        sig_add_attr: "sig-add-attr";
        sig_rename: "sig-rename";
        sig_pk_change: "sig-pk-change";
        sig_wrong_table: "sig-wrong-table";
        sig_tag_flip: "sig-tag-flip";
        sig_commit_flip: "sig-commit-flip";
        sig_msgid_flip: "sig-msgid-flip";
        sig_version_3: "sig-version-3";
        sig_version_2: "sig-version-2";
        sig_flavor_swap: "sig-flavor-swap";
        sig_flavor_9: "sig-flavor-9";
        sig_legend_change: "sig-legend-change";
        sig_head_trailing: "sig-head-trailing";
        sig_head_short: "sig-head-short";
        sig_foot_short: "sig-foot-short";
        sig_foot_extra_tag: "sig-foot-extra-tag";
        sig_no_head: "sig-no-head";
        sig_no_foot: "sig-no-foot";
        sig_wrong_key: "sig-wrong-key";
        sig_wrong_key_name: "sig-wrong-key-name";
        sig_transplant: "sig-transplant";
        hmac_ciphertext_flip: "hmac-ciphertext-flip";
        hmac_type_id_flip: "hmac-type-id-flip";
        hmac_swap: "hmac-swap";
        hmac_drop_attr: "hmac-drop-attr";
        hmac_add_attr: "hmac-add-attr";
        hmac_rename: "hmac-rename";
        hmac_pk_change: "hmac-pk-change";
        hmac_wrong_table: "hmac-wrong-table";
        hmac_tag_flip: "hmac-tag-flip";
        hmac_commit_flip: "hmac-commit-flip";
        hmac_msgid_flip: "hmac-msgid-flip";
        hmac_version_3: "hmac-version-3";
        hmac_version_2: "hmac-version-2";
        hmac_flavor_swap: "hmac-flavor-swap";
        hmac_flavor_9: "hmac-flavor-9";
        hmac_legend_change: "hmac-legend-change";
        hmac_head_trailing: "hmac-head-trailing";
        hmac_head_short: "hmac-head-short";
        hmac_foot_short: "hmac-foot-short";
        hmac_foot_extra_tag: "hmac-foot-extra-tag";
        hmac_no_head: "hmac-no-head";
        hmac_no_foot: "hmac-no-foot";
        hmac_wrong_key: "hmac-wrong-key";
        hmac_wrong_key_name: "hmac-wrong-key-name";
        hmac_transplant: "hmac-transplant";
        sig_signature_flip: "sig-signature-flip";
        sig_signature_removed: "sig-signature-removed";
        so_value_change: "so-value-change";
        so_type_change: "so-type-change";
        so_number_reformatted: "so-number-reformatted";
        so_set_reordered: "so-set-reordered";
        unsigned_change: "unsigned-change";
        unsigned_add: "unsigned-add";
        beacon_attr_added: "beacon-attr-added";
        sk_change: "sk-change";
        ctx_change: "ctx-change";
        multi_reader_0: "multi-reader-0";
        multi_reader_1: "multi-reader-1";
        multi_reader_rsa: "multi-reader-rsa";
        multi2_reader_0: "multi2-reader-0";
        multi2_wrong_tag: "multi2-wrong-tag";
        multi2_other_tag: "multi2-other-tag";
    }
}

mod refusals {
    //! What the Rust client does not write is not written.

    use super::*;

    named! { ITEMS
        duplicate_number_after_normalise: "duplicate-number-after-normalise";
        too_precise: "too-precise";
        too_big: "too-big";
        too_small: "too-small";
        not_a_number: "not-a-number";
        reserved_name: "reserved-name";
        too_deep: "too-deep";
        dup_string_set: "dup-string-set";
        unconfigured_attribute: "unconfigured-attribute";
    }
}

mod public {
    //! Items of the Java and .NET clients.

    use super::*;

    named! { PUBLIC
        decrypt_java_32_1: "decrypt_java_32 1";
        decrypt_java_32_2: "decrypt_java_32 2";
        decrypt_java_32_3: "decrypt_java_32 3";
        decrypt_java_32_4: "decrypt_java_32 4";
        decrypt_java_32_6: "decrypt_java_32 6";
        decrypt_java_32_7: "decrypt_java_32 7";
        decrypt_java_32_8: "decrypt_java_32 8";
        decrypt_java_32_9: "decrypt_java_32 9";
        decrypt_java_32_10: "decrypt_java_32 10";
        decrypt_java_33_1: "decrypt_java_33 1";
        decrypt_java_33_2: "decrypt_java_33 2";
        decrypt_java_33_3: "decrypt_java_33 3";
        decrypt_java_33_4: "decrypt_java_33 4";
        decrypt_java_33_6: "decrypt_java_33 6";
        decrypt_java_33_7: "decrypt_java_33 7";
        decrypt_java_33_8: "decrypt_java_33 8";
        decrypt_java_33_9: "decrypt_java_33 9";
        decrypt_java_33_10: "decrypt_java_33 10";
        decrypt_java_33_11: "decrypt_java_33 11";
        decrypt_java_33_12: "decrypt_java_33 12";
        decrypt_java_33_13: "decrypt_java_33 13";
        decrypt_dotnet_32_1: "decrypt_dotnet_32 1";
        decrypt_dotnet_32_2: "decrypt_dotnet_32 2";
        decrypt_dotnet_32_3: "decrypt_dotnet_32 3";
        decrypt_dotnet_32_4: "decrypt_dotnet_32 4";
        decrypt_dotnet_32_6: "decrypt_dotnet_32 6";
        decrypt_dotnet_32_7: "decrypt_dotnet_32 7";
        decrypt_dotnet_32_8: "decrypt_dotnet_32 8";
        decrypt_dotnet_32_9: "decrypt_dotnet_32 9";
        decrypt_dotnet_32_10: "decrypt_dotnet_32 10";
        decrypt_dotnet_33_1: "decrypt_dotnet_33 1";
        decrypt_dotnet_33_2: "decrypt_dotnet_33 2";
        decrypt_dotnet_33_3: "decrypt_dotnet_33 3";
        decrypt_dotnet_33_4: "decrypt_dotnet_33 4";
        decrypt_dotnet_33_6: "decrypt_dotnet_33 6";
        decrypt_dotnet_33_7: "decrypt_dotnet_33 7";
        decrypt_dotnet_33_8: "decrypt_dotnet_33 8";
        decrypt_dotnet_33_9: "decrypt_dotnet_33 9";
        decrypt_dotnet_33_10: "decrypt_dotnet_33 10";
        decrypt_dotnet_33_11: "decrypt_dotnet_33 11";
        decrypt_dotnet_33_12: "decrypt_dotnet_33 12";
        decrypt_dotnet_33_13: "decrypt_dotnet_33 13";
    }
}
