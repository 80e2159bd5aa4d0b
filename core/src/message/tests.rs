//! Whole messages: round trips, tampering, context.

use super::*;
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{ErrorKind, Result};

fn data_key(suite: AlgorithmSuite) -> Secret {
    Secret::copy_of(&[0x42; 32][..suite.data_key_length()])
}

fn edks() -> Vec<EncryptedDataKey> {
    vec![EncryptedDataKey { provider_id: "tests".into(), provider_info: b"key".into(), ciphertext: vec![9; 16] }]
}

fn context() -> EncryptionContext {
    EncryptionContext::new().with("purpose", "test")
}

fn writing(suite: AlgorithmSuite) -> WriteOptions {
    let options = WriteOptions::new(context());
    match suite {
        AlgorithmSuite::Committing => options,
        AlgorithmSuite::CommittingSigned => options.signed(),
        other => options.dangerous_without_commitment(other),
    }
}

fn anything() -> ReadOptions {
    ReadOptions::new().with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt)
}

fn seal(options: &WriteOptions, plaintext: &[u8]) -> Vec<u8> {
    let message = NewMessage::new(options).unwrap();
    let key = data_key(message.suite());
    message.seal(&key, edks(), plaintext).unwrap()
}

fn open(bytes: &[u8], options: &ReadOptions) -> Result<Opened> {
    let message = Message::parse(bytes, options)?;
    let key = data_key(message.locked().header().suite());
    message.open(&key)
}

#[test]
fn all_suites_open_what_they_seal() {
    for suite in AlgorithmSuite::ALL {
        for length in [0, 1, 15, 16, 17, 32, 100] {
            let plaintext: Vec<u8> = (0..length).collect();
            let bytes = seal(&writing(suite).with_frame_length(16), &plaintext);
            let opened = open(&bytes, &anything()).unwrap();
            assert_eq!((opened.plaintext, opened.suite), (plaintext, suite));
            assert_eq!(opened.context.value("purpose"), Some("test"));
            assert_eq!(opened.context.iter().count(), if suite.signs() { 2 } else { 1 });
        }
    }
}

#[test]
fn any_flipped_bit_any_cut_and_any_addition_is_refused() {
    for suite in AlgorithmSuite::ALL {
        let bytes = seal(&writing(suite).with_frame_length(4), b"ninebytes");
        open(&bytes, &anything()).unwrap();
        for at in 0..bytes.len() {
            // Each wrapped key could be any other: only its keyring can tell, and the header's tag.
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(open(&damaged, &anything()).is_err(), "{suite:?} byte {at} bit {bit}");
            }
            assert!(open(&bytes[..at], &anything()).is_err(), "{suite:?} cut at {at}");
        }
        let added = [bytes.as_slice(), &[0]].concat();
        assert_eq!(open(&added, &anything()).unwrap_err().kind(), ErrorKind::Integrity);
        assert!(open(&bytes.repeat(2), &anything()).is_err());
    }
}

#[test]
fn required_pairs_are_not_stored_and_must_be_known() {
    for suite in [AlgorithmSuite::Committing, AlgorithmSuite::CommittingSigned, AlgorithmSuite::Aes256Hkdf] {
        let options = writing(suite).with_required(["purpose"]);
        let bytes = seal(&options, b"x");
        assert!(!bytes.windows(7).any(|window| window == b"purpose"));
        let opened = open(&bytes, &anything().with_context(context())).unwrap();
        assert_eq!(opened.context.value("purpose"), Some("test"));
        for known in
            [EncryptionContext::new(), EncryptionContext::new().with("purpose", "other"), context().with("a", "")]
        {
            let refused = open(&bytes, &anything().with_context(known)).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Integrity);
        }
    }
}

#[test]
fn a_stored_pair_must_be_the_one_the_reader_knows() {
    let bytes = seal(&writing(AlgorithmSuite::Committing), b"x");
    open(&bytes, &anything().with_context(context())).unwrap();
    let other = anything().with_context(EncryptionContext::new().with("purpose", "other"));
    assert_eq!(open(&bytes, &other).unwrap_err().kind(), ErrorKind::Integrity);
}

#[test]
fn another_data_key_is_refused() {
    for suite in AlgorithmSuite::ALL {
        let bytes = seal(&writing(suite), b"x");
        let other = Secret::copy_of(&[0x43; 32][..suite.data_key_length()]);
        let refused = Message::parse(&bytes, &anything()).unwrap().open(&other).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Integrity);
    }
}

#[test]
fn without_commitment_nothing_is_read_or_written_by_default() {
    let bytes = seal(&writing(AlgorithmSuite::Aes256Hkdf), b"x");
    assert_eq!(open(&bytes, &ReadOptions::new()).unwrap_err().kind(), ErrorKind::Denied);
    let committing = WriteOptions::new(context()).dangerous_without_commitment(AlgorithmSuite::Committing);
    assert_eq!(NewMessage::new(&committing).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn options_that_contradict_themselves_are_refused() {
    let refused = |options: WriteOptions| NewMessage::new(&options).unwrap_err().kind();
    assert_eq!(refused(WriteOptions::new(context()).with_frame_length(0)), ErrorKind::Config);
    assert_eq!(refused(WriteOptions::new(context()).with_required(["other"])), ErrorKind::Input);
    assert_eq!(refused(WriteOptions::new(context().with("aws-crypto-x", ""))), ErrorKind::Input);
    let bytes = seal(&writing(AlgorithmSuite::Committing), b"x");
    let reserved = ReadOptions::new().with_context(EncryptionContext::new().with("aws-crypto-public-key", "AA=="));
    assert_eq!(open(&bytes, &reserved).unwrap_err().kind(), ErrorKind::Input);
}

/// AWS's Rust client overflows its stack at 16,000 such frames.
#[test]
fn a_million_frames_fit_a_small_stack() {
    let small = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    small
        .spawn(|| {
            let plaintext = vec![7; 1_000_000];
            let bytes = seal(&writing(AlgorithmSuite::Committing).with_frame_length(1), &plaintext);
            assert!(open(&bytes, &anything()).unwrap().plaintext == plaintext);
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn nothing_of_the_plaintext_is_printed() {
    let opened = open(&seal(&writing(AlgorithmSuite::Committing), b"attack"), &anything()).unwrap();
    let printed = format!("{opened:?}");
    assert!(!printed.contains("attack") && !printed.contains("97, 116") && !printed.contains("\"test\""), "{printed}");
}

mod ranges;
mod streams;
