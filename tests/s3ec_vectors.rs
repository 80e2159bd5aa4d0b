//! S3EC objects against those of AWS's clients: good and damaged ones of the Python client, and good ones of the Ruby
//! client.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use serde_json::Value as Json;

#[path = "../examples/check_vectors/s3ec.rs"]
#[allow(dead_code, reason = "the tests look at each vector on their own")]
mod s3ec;

const PYTHON: &str = include_str!("vectors/s3ec/python.json");
const RUBY: &str = include_str!("vectors/s3ec/ruby.json");

fn load(file: &str) -> Json {
    serde_json::from_str(file).unwrap()
}

async fn check(file: &str, name: &str, opens: bool) {
    let file = load(file);
    let vector = s3ec::vectors(&file).find(|vector| vector["name"] == name).unwrap();
    assert_eq!(vector["plaintext_b64"].is_string(), opens);
    assert_eq!(s3ec::check_one(vector).await, Ok(()));
}

macro_rules! vectors {
    ($module:ident of $file:ident: opens [$($good:ident = $good_name:literal,)+] refuses [$($bad:ident = $bad_name:literal,)*]) => {
        mod $module {
            use super::*;

            $(
                #[tokio::test]
                async fn $good() {
                    check($file, $good_name, true).await;
                }
            )+

            $(
                #[tokio::test]
                async fn $bad() {
                    check($file, $bad_name, false).await;
                }
            )*

            #[test]
            fn none_is_left_out() {
                let file = load($file);
                let all: BTreeSet<_> = s3ec::vectors(&file).map(|vector| vector["name"].as_str().unwrap()).collect();
                assert_eq!(all, BTreeSet::from([$($good_name,)+ $($bad_name,)*]));
            }
        }
    };
}

vectors! {
    python of PYTHON:
    opens [
        v2_0_0_opens = "v2-0-0",
        v2_1_1_opens = "v2-1-1",
        v2_1_1_instruction_opens = "v2-1-1-instruction",
        v2_2_15_opens = "v2-2-15",
        v2_2_15_instruction_opens = "v2-2-15-instruction",
        v2_3_16_opens = "v2-3-16",
        v2_4_17_opens = "v2-4-17",
        v2_5_100_opens = "v2-5-100",
        v2_5_100_instruction_opens = "v2-5-100-instruction",
        v2_6_1000_opens = "v2-6-1000",
        v2_7_4096_opens = "v2-7-4096",
        v2_8_65537_opens = "v2-8-65537",
        v3_0_0_opens = "v3-0-0",
        v3_1_1_opens = "v3-1-1",
        v3_1_1_instruction_opens = "v3-1-1-instruction",
        v3_2_15_opens = "v3-2-15",
        v3_2_15_instruction_opens = "v3-2-15-instruction",
        v3_3_16_opens = "v3-3-16",
        v3_4_17_opens = "v3-4-17",
        v3_5_100_opens = "v3-5-100",
        v3_5_100_instruction_opens = "v3-5-100-instruction",
        v3_6_1000_opens = "v3-6-1000",
        v3_7_4096_opens = "v3-7-4096",
        v3_8_65537_opens = "v3-8-65537",
    ]
    refuses [
        v2_body_flip_is_refused = "v2-body-flip",
        v2_tag_flip_is_refused = "v2-tag-flip",
        v2_truncated_is_refused = "v2-truncated",
        v2_wrong_ec_is_refused = "v2-wrong-ec",
        v2_missing_ec_is_refused = "v2-missing-ec",
        v3_body_flip_is_refused = "v3-body-flip",
        v3_tag_flip_is_refused = "v3-tag-flip",
        v3_truncated_is_refused = "v3-truncated",
        v3_wrong_ec_is_refused = "v3-wrong-ec",
        v3_missing_ec_is_refused = "v3-missing-ec",
        v2_iv_flip_is_refused = "v2-iv-flip",
        v2_unknown_cek_is_refused = "v2-unknown-cek",
        v3_commitment_flip_is_refused = "v3-commitment-flip",
        v3_message_id_flip_is_refused = "v3-message-id-flip",
        v3_unknown_suite_is_refused = "v3-unknown-suite",
        v3_unknown_wrap_is_refused = "v3-unknown-wrap",
        v3_plus_v2_key_is_refused = "v3-plus-v2-key",
        v3_no_commitment_is_refused = "v3-no-commitment",
        v3_instruction_downgrade_is_refused = "v3-instruction-downgrade",
        v3_instruction_has_commitment_is_refused = "v3-instruction-has-commitment",
        v2_instruction_not_json_is_refused = "v2-instruction-not-json",
        v2_instruction_missing_is_refused = "v2-instruction-missing",
    ]
}

vectors! {
    ruby of RUBY:
    opens [
        aes_gcm_metadata_0_opens = "ruby-aes-gcm-metadata-0",
        aes_gcm_metadata_1_opens = "ruby-aes-gcm-metadata-1",
        aes_gcm_metadata_2_opens = "ruby-aes-gcm-metadata-2",
        aes_gcm_metadata_3_opens = "ruby-aes-gcm-metadata-3",
        aes_gcm_metadata_4_opens = "ruby-aes-gcm-metadata-4",
        aes_gcm_instruction_file_0_opens = "ruby-aes-gcm-instruction_file-0",
        aes_gcm_instruction_file_1_opens = "ruby-aes-gcm-instruction_file-1",
        aes_gcm_128_metadata_0_opens = "ruby-aes-gcm-128-metadata-0",
        aes_gcm_128_metadata_1_opens = "ruby-aes-gcm-128-metadata-1",
        aes_gcm_128_instruction_file_0_opens = "ruby-aes-gcm-128-instruction_file-0",
        aes_gcm_128_instruction_file_1_opens = "ruby-aes-gcm-128-instruction_file-1",
        rsa_metadata_0_opens = "ruby-rsa-metadata-0",
        rsa_metadata_1_opens = "ruby-rsa-metadata-1",
        rsa_metadata_2_opens = "ruby-rsa-metadata-2",
        rsa_metadata_3_opens = "ruby-rsa-metadata-3",
        rsa_metadata_4_opens = "ruby-rsa-metadata-4",
        rsa_instruction_file_0_opens = "ruby-rsa-instruction_file-0",
        rsa_instruction_file_1_opens = "ruby-rsa-instruction_file-1",
        kms_metadata_0_opens = "ruby-kms-metadata-0",
        kms_metadata_1_opens = "ruby-kms-metadata-1",
        kms_metadata_2_opens = "ruby-kms-metadata-2",
        kms_metadata_3_opens = "ruby-kms-metadata-3",
        kms_metadata_4_opens = "ruby-kms-metadata-4",
        kms_instruction_file_0_opens = "ruby-kms-instruction_file-0",
        kms_instruction_file_1_opens = "ruby-kms-instruction_file-1",
    ]
    refuses [
    ]
}
