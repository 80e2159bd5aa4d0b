//! Headers that are read as they were written, and those that are refused.

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::message::suite::CommitmentPolicy;

fn fields(suite: AlgorithmSuite, edks: usize) -> Fields {
    let edk = EncryptedDataKey { provider_id: "tests".into(), provider_info: b"info".into(), ciphertext: vec![9; 40] };
    Fields {
        suite,
        message_id: MessageId::of(&[5; 32][..suite.message_id_length()]).unwrap(),
        context: EncryptionContext::new().with("a", "1").with("é", ""),
        edks: vec![edk; edks],
        content: Content::Framed(4096),
        commitment: suite.commits().then_some([3; COMMITMENT_LENGTH]),
    }
}

fn stored(fields: &Fields) -> Vec<u8> {
    let mut bytes = fields.serialise(&Limits::default()).unwrap();
    bytes.resize(bytes.len() + authentication_length(fields.suite), 0);
    bytes
}

fn anything() -> ReadOptions {
    ReadOptions::new().with_policy(CommitmentPolicy::ForbidEncryptAllowDecrypt)
}

fn refusal(bytes: &[u8], options: &ReadOptions) -> ErrorKind {
    Header::peek(bytes, options).unwrap_err().kind()
}

#[test]
fn reads_what_is_written() {
    for suite in AlgorithmSuite::ALL.into_iter().filter(|suite| !suite.signs()) {
        let fields = fields(suite, 2);
        let mut bytes = stored(&fields);
        bytes.push(1); // the first byte of the body
        let header = Header::peek(&bytes, &anything()).unwrap().unwrap();
        assert_eq!(header.fields, fields);
        assert_eq!(header.length(), bytes.len() - 1);
        assert!(bytes.starts_with(&header.body));
    }
}

#[test]
fn a_part_is_not_refused_but_needs_more_each_time() {
    for suite in [AlgorithmSuite::Committing, AlgorithmSuite::Aes256Hkdf] {
        let bytes = stored(&fields(suite, 2));
        for length in 0..bytes.len() {
            match parse(&bytes[..length], &anything()).unwrap() {
                Parsed::Needs(more) => assert!((length + 1..=bytes.len()).contains(&more)),
                Parsed::Header(_) => panic!("{length} of {} bytes", bytes.len()),
            }
        }
    }
}

#[test]
fn policy_and_limits_come_before_everything_that_follows() {
    // Nothing after the suite is there, and the message is refused all the same.
    assert_eq!(refusal(&[1, 0x80, 0x01, 0x78], &ReadOptions::new()), ErrorKind::Denied);
    let bytes = stored(&fields(AlgorithmSuite::Committing, 3));
    let two = anything().with_limits(Limits::default().with_max_encrypted_data_keys(2));
    assert_eq!(refusal(&bytes[..60], &two), ErrorKind::Denied);
    let short = anything().with_limits(Limits::default().with_max_header(bytes.len() - 1));
    assert_eq!(refusal(&bytes, &short), ErrorKind::Denied);
    let long = anything().with_limits(Limits::default().with_max_header(bytes.len()));
    assert!(Header::peek(&bytes, &long).unwrap().is_some());
}

#[test]
fn a_public_key_is_there_with_signature_suites_and_only_then() {
    let mut unsigned = fields(AlgorithmSuite::Committing, 1);
    unsigned.context = unsigned.context.with(PUBLIC_KEY, "AAAA");
    assert_eq!(refusal(&stored(&unsigned), &anything()), ErrorKind::Integrity);
    let signed = fields(AlgorithmSuite::CommittingSigned, 1);
    assert_eq!(refusal(&stored(&signed), &anything()), ErrorKind::Integrity);
}

#[test]
fn writers_keep_to_the_limits() {
    let none = fields(AlgorithmSuite::Committing, 0);
    assert!(none.serialise(&Limits::default()).is_err());
    let many = fields(AlgorithmSuite::Committing, 17);
    assert!(many.serialise(&Limits::default()).is_err());
    assert!(many.serialise(&Limits::default().with_max_header(200).with_max_encrypted_data_keys(17)).is_err());
    assert!(many.serialise(&Limits::default().with_max_encrypted_data_keys(17)).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_but_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Header::peek(&bytes, &anything());
    }

    #[test]
    fn whatever_is_read_is_written_the_same(at in 0usize..200, byte in any::<u8>(), second in any::<bool>()) {
        let suite = if second { AlgorithmSuite::Committing } else { AlgorithmSuite::Aes128Hkdf };
        let mut bytes = stored(&fields(suite, 2));
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(Some(header)) = Header::peek(&bytes, &anything()) {
            prop_assert_eq!(header.fields.serialise(&Limits::default()).unwrap(), header.body);
        }
    }
}
