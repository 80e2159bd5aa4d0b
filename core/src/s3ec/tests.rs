//! Whole objects: round trips of all kinds, tampering, what policies and options let pass.

use super::*;
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, ErrorKind, Result};

const WRAPPINGS: [Wrapping; 3] = [Wrapping::KmsContext, Wrapping::AesGcm, Wrapping::RsaOaepSha1];
const POLICIES: [CommitmentPolicy; 2] =
    [CommitmentPolicy::RequireEncryptRequireDecrypt, CommitmentPolicy::ForbidEncryptAllowDecrypt];

fn data_key() -> Secret {
    Secret::copy_of(&[7; 32])
}

fn edk(wrapping: Wrapping) -> EncryptedDataKey {
    let provider_info = wrapping.name().as_bytes().to_vec();
    EncryptedDataKey { provider_id: PROVIDER_ID.to_owned(), provider_info, ciphertext: vec![9; 60] }
}

fn context() -> EncryptionContext {
    EncryptionContext::new().with("purpose", "test").with("a", "\"1\" and \\")
}

fn reading() -> ReadOptions {
    ReadOptions::new().with_context(context())
}

/// An object as it is stored.
#[derive(Clone)]
struct Stored {
    metadata: Metadata,
    file: Option<String>,
    body: Vec<u8>,
}

fn store(options: &WriteOptions, wrapping: Wrapping, content: &[u8]) -> Stored {
    let sealed = NewObject::new(options).unwrap().seal(&data_key(), edk(wrapping), content.to_vec()).unwrap();
    Stored { metadata: metadata(&sealed.header), file: sealed.header.instruction_file().unwrap(), body: sealed.body }
}

fn metadata(header: &Header) -> Metadata {
    header.object_metadata().unwrap().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn header(stored: &Stored, options: &ReadOptions) -> Result<Header> {
    match (Header::read(&stored.metadata, options)?, &stored.file) {
        (Lookup::Header(header), _) => Ok(header),
        (Lookup::Detached(detached), Some(file)) => detached.with_instruction_file(file.as_bytes(), options),
        (Lookup::Detached(_), None) => Err(Error::integrity()),
    }
}

fn open(stored: &Stored, options: &ReadOptions) -> Result<Vec<u8>> {
    header(stored, options)?.unlock(&data_key())?.open(stored.body.clone())
}

fn anything() -> ReadOptions {
    reading().with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt)
}

#[test]
fn objects_of_all_kinds_come_back() {
    for (wrapping, policy) in WRAPPINGS.into_iter().flat_map(|wrapping| POLICIES.map(|policy| (wrapping, policy))) {
        for in_file in [false, true] {
            let options = WriteOptions::new(context()).with_policy(policy);
            let options = if in_file { options.with_instruction_file() } else { options };
            for length in [0, 1, 16, 1000] {
                let content = vec![3; length];
                let stored = store(&options, wrapping, &content);
                assert_eq!((stored.body.len(), stored.file.is_some()), (length + 16, in_file));
                assert_eq!(open(&stored, &anything()).unwrap(), content);
                let header = header(&stored, &anything()).unwrap();
                assert_eq!(header.plaintext_length(stored.body.len() as u64).unwrap(), Some(length as u64));
                assert_eq!((header.suite(), header.wrapping()), (options.suite(), wrapping));
                assert_eq!(header.context().value(CONTENT_CIPHER), Some(options.suite().name()));
                // Format V2 leaves nothing in the metadata when there is an instruction file.
                let names = if !in_file { 6 } else { 3 * usize::from(options.suite().commits()) };
                assert_eq!(stored.metadata.len(), names);
            }
        }
    }
}

#[test]
fn pieces_are_sealed_and_read_as_the_whole_is() {
    let content: Vec<u8> = (0..=255).cycle().take(5000).collect();
    for policy in POLICIES {
        let object = NewObject::new(&WriteOptions::new(context()).with_policy(policy)).unwrap();
        let (mut sealer, header) = object.sealer(&data_key(), edk(Wrapping::AesGcm)).unwrap();
        let mut body = Vec::new();
        content.chunks(77).for_each(|piece| sealer.push(piece, &mut body).unwrap());
        sealer.finish(&mut body).unwrap();
        let stored = Stored { metadata: metadata(&header), file: None, body };
        assert_eq!(open(&stored, &anything()).unwrap(), content);
        let (sealer, header) = object.sealer(&data_key(), edk(Wrapping::AesGcm)).unwrap();
        let whole = Stored { metadata: metadata(&header), file: None, body: sealer.whole(content.clone()).unwrap() };
        assert_eq!(open(&whole, &anything()).unwrap(), content);
        let (mut sealer, _) = object.sealer(&data_key(), edk(Wrapping::AesGcm)).unwrap();
        sealer.push(b"x", &mut Vec::new()).unwrap();
        assert_eq!(sealer.whole(Vec::new()).unwrap_err().kind(), ErrorKind::Config);
        let (sealer, header) = object.sealer(&data_key(), edk(Wrapping::AesGcm)).unwrap();
        let mut empty = Stored { metadata: metadata(&header), file: None, body: Vec::new() };
        sealer.finish(&mut empty.body).unwrap();
        assert_eq!(open(&empty, &anything()).unwrap(), b"");

        let unlocked = self::header(&stored, &anything()).unwrap().unlock(&data_key()).unwrap();
        assert_eq!(unlocked.dangerous_reader().unwrap_err().kind(), ErrorKind::Denied);
        assert_eq!(unlocked.locate(0..1, 100).unwrap_err().kind(), ErrorKind::Denied);
        let allowed = anything().dangerous_with_unauthenticated_content();
        let unlocked = self::header(&stored, &allowed).unwrap().unlock(&data_key()).unwrap();
        for (damaged, length) in [(false, 5016), (true, 5016), (false, 5015), (false, 8), (false, 0)] {
            let mut body = stored.body[..length].to_vec();
            body.iter_mut().take(usize::from(damaged)).for_each(|byte| *byte ^= 1);
            let (mut reader, mut opened) = (unlocked.dangerous_reader().unwrap(), Vec::new());
            body.chunks(33).for_each(|piece| reader.push(piece, &mut opened).unwrap());
            assert_eq!(opened.len(), length.saturating_sub(16));
            assert_eq!(reader.finish().is_ok(), !damaged && length == 5016);
        }
    }
}

#[test]
fn parts_are_slices_and_never_the_tag() {
    let content: Vec<u8> = (0..=255).cycle().take(100).collect();
    let stored = store(&WriteOptions::new(context()), Wrapping::AesGcm, &content);
    let allowed = reading().dangerous_with_unauthenticated_content();
    let unlocked = header(&stored, &allowed).unwrap().unlock(&data_key()).unwrap();
    for start in 0..=100 {
        for end in start..=100 {
            let part = unlocked.locate(start..end, 116).unwrap();
            let place = part.object_range();
            assert!(place.end <= 100);
            let fetched = &stored.body[place.start as usize..place.end as usize];
            let opened = unlocked.dangerous_open_part(&part, fetched).unwrap();
            assert_eq!(opened, content[start as usize..end as usize]);
        }
    }
    assert_eq!(unlocked.locate(0..101, 116).unwrap_err().kind(), ErrorKind::Input);
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = 2..1;
    assert_eq!(unlocked.locate(reversed, 116).unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(unlocked.locate(0..0, 15).unwrap_err().kind(), ErrorKind::Integrity);
    let part = unlocked.locate(0..10, 116).unwrap();
    assert_eq!(unlocked.dangerous_open_part(&part, &[0; 9]).unwrap_err().kind(), ErrorKind::Integrity);
}

/// With KMS, changed names and values of the context do not get past the reader, who knows it; the wrapped key is the key
/// provider's to verify.
#[test]
fn every_bit_of_body_and_metadata_counts() {
    for policy in POLICIES {
        let options = WriteOptions::new(context()).with_policy(policy);
        let stored = store(&options, Wrapping::KmsContext, b"attack at dawn");
        for bit in 0..stored.body.len() * 8 {
            let mut damaged = stored.clone();
            damaged.body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&damaged, &anything()).unwrap_err().kind(), ErrorKind::Integrity);
        }
        for length in 0..stored.body.len() {
            let mut damaged = stored.clone();
            damaged.body.truncate(length);
            assert_eq!(open(&damaged, &anything()).unwrap_err().kind(), ErrorKind::Integrity);
        }
        for (name, value) in &stored.metadata {
            let mut damaged = stored.clone();
            damaged.metadata.remove(name);
            if name != "x-amz-tag-len" {
                assert!(open(&damaged, &anything()).is_err(), "without {name}");
            }
            for at in 0..value.len() {
                let mut bytes = value.clone().into_bytes();
                bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
                let mut damaged = stored.clone();
                damaged.metadata.insert(name.clone(), String::from_utf8(bytes).unwrap());
                let opened = header(&damaged, &anything());
                // The key provider refuses what differs here: the wrapped key is not ours to verify.
                let refused = opened.as_ref().map_or(true, |header| {
                    header.encrypted_data_key() != &edk(Wrapping::KmsContext)
                        || header.unlock(&data_key()).and_then(|unlocked| unlocked.open(damaged.body.clone())).is_err()
                });
                assert!(refused, "{name} at {at}");
            }
        }
    }
}

#[test]
fn policies_and_options_let_through_what_they_say() {
    use CommitmentPolicy::*;
    let old = store(&WriteOptions::new(context()).with_policy(ForbidEncryptAllowDecrypt), Wrapping::KmsContext, b"x");
    let new = store(&WriteOptions::new(context()), Wrapping::KmsContext, b"x");
    assert_eq!(WriteOptions::default().with_policy(RequireEncryptAllowDecrypt).suite(), ContentSuite::CommittingGcm);
    for (policy, reads_old) in
        [(ForbidEncryptAllowDecrypt, true), (RequireEncryptAllowDecrypt, true), (RequireEncryptRequireDecrypt, false)]
    {
        let options = reading().with_policy(policy);
        assert_eq!(open(&old, &options).is_ok(), reads_old);
        assert!(open(&new, &options).is_ok());
    }
    assert_eq!(open(&old, &reading()).unwrap_err().kind(), ErrorKind::Denied);
}

/// An object as the first clients wrote it: AES-CBC, its data key wrapped by a nameless AES. The content is made with the
/// library that the crate reads it with; that both agree with NIST's block is tested where they are used.
fn first_format() -> Stored {
    let metadata = [
        ("x-amz-key", metadata::write_base64(&[5; 48])),
        ("x-amz-iv", metadata::write_base64(&[1; 16])),
        ("x-amz-matdesc", "{}".to_owned()),
    ];
    let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Stored { metadata, file: None, body: vec![0; 32] }
}

#[test]
fn the_first_format_is_read_only_where_both_options_allow_it() {
    let stored = first_format();
    let all = ReadOptions::new().with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
    let wrapping = all.clone().dangerous_with_legacy_wrapping();
    let content = all.clone().dangerous_with_unauthenticated_content();
    for options in [&all, &wrapping, &content] {
        assert_eq!(header(&stored, options).unwrap_err().kind(), ErrorKind::Denied);
    }
    let both = wrapping.dangerous_with_unauthenticated_content();
    let read = header(&stored, &both).unwrap();
    assert_eq!((read.suite(), read.wrapping()), (ContentSuite::Cbc, Wrapping::LegacyAes));
    assert_eq!(read.plaintext_length(32).unwrap(), None);
    let policy = both.with_policy(CommitmentPolicy::RequireEncryptRequireDecrypt);
    assert_eq!(header(&stored, &policy).unwrap_err().kind(), ErrorKind::Denied);
    // A wrapped key that is longer is RSA's.
    let mut rsa = stored;
    rsa.metadata.insert("x-amz-key".to_owned(), metadata::write_base64(&[5; 256]));
    let both = content.dangerous_with_legacy_wrapping();
    assert_eq!(header(&rsa, &both).unwrap().wrapping(), Wrapping::LegacyRsa);
    // Nothing but whole, and never wrapped anew.
    assert!(read.unlock(&data_key()).unwrap().locate(0..1, 32).is_err());
    assert_eq!(
        read.rewrapped(edk(Wrapping::AesGcm), &EncryptionContext::new()).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    // Padding that is wrong is the same error as every other.
    assert_eq!(read.unlock(&data_key()).unwrap().open(vec![0; 32]).unwrap_err().kind(), ErrorKind::Integrity);
}

#[test]
fn formats_do_not_mix() {
    let options = WriteOptions::new(context());
    let new = store(&options, Wrapping::KmsContext, b"x");
    let old = store(&options.clone().with_policy(POLICIES[1]), Wrapping::KmsContext, b"x");
    let kind = |stored: &Stored| open(stored, &anything()).unwrap_err().kind();
    for name in ["x-amz-key", "x-amz-key-v2"] {
        let mut mixed = new.clone();
        mixed.metadata.insert(name.to_owned(), "CQkJ".to_owned());
        assert_eq!(kind(&mixed), ErrorKind::Integrity);
    }
    for name in ["x-amz-c", "x-amz-d", "x-amz-i", "x-amz-3", "x-amz-key"] {
        let mut mixed = old.clone();
        mixed.metadata.insert(name.to_owned(), new.metadata.get(name).cloned().unwrap_or("CQkJ".to_owned()));
        assert_eq!(kind(&mixed), ErrorKind::Integrity, "{name}");
    }
    let mut tag = old.clone();
    tag.metadata.insert("x-amz-tag-len".to_owned(), "96".to_owned());
    assert_eq!(kind(&tag), ErrorKind::Integrity);
    // A description where a context belongs could mislead who reads it.
    let mut described = new.clone();
    described.metadata.insert("x-amz-m".to_owned(), "{\"purpose\":\"other\"}".to_owned());
    assert_eq!(kind(&described), ErrorKind::Integrity);
    for (name, value) in [("x-amz-c", "116"), ("x-amz-w", "99"), ("x-amz-w", "kms+context")] {
        let mut unknown = new.clone();
        unknown.metadata.insert(name.to_owned(), value.to_owned());
        assert_eq!(kind(&unknown), ErrorKind::Unsupported);
    }
    for (name, value) in [("x-amz-cek-alg", "AES/CTR/NoPadding"), ("x-amz-wrap-alg", "ROT13")] {
        let mut unknown = old.clone();
        unknown.metadata.insert(name.to_owned(), value.to_owned());
        assert_eq!(kind(&unknown), ErrorKind::Unsupported);
    }
}

#[test]
fn an_instruction_file_says_what_it_may_and_nothing_else() {
    let options = WriteOptions::new(context()).with_instruction_file();
    let new = store(&options, Wrapping::KmsContext, b"x");
    let old = store(&options.clone().with_policy(POLICIES[1]), Wrapping::KmsContext, b"x");
    assert!(open(&new, &anything()).is_ok() && open(&old, &anything()).is_ok());
    // Whoever may write the instruction file must not turn what is committed to into what is not.
    let downgraded = Stored { file: old.file.clone(), ..new.clone() };
    assert_eq!(open(&downgraded, &anything()).unwrap_err().kind(), ErrorKind::Integrity);
    let upgraded = Stored { file: new.file.clone(), ..old.clone() };
    assert_eq!(open(&upgraded, &anything()).unwrap_err().kind(), ErrorKind::Integrity);
    let file = new.file.clone().unwrap();
    let with = |pair: &str| format!("{{{pair},{}", &file[1..]);
    for wrong in [
        with("\"x-amz-d\":\"AAAA\""),
        with("\"x-amz-w\":\"12\""),
        with("\"comment\":\"x\""),
        with("\"x-amz-m\":1"),
        "[]".to_owned(),
        "not JSON".to_owned(),
        String::new(),
        format!("{file} {{}}"),
    ] {
        let damaged = Stored { file: Some(wrong.clone()), ..new.clone() };
        assert_eq!(open(&damaged, &anything()).unwrap_err().kind(), ErrorKind::Integrity, "{wrong}");
    }
    let long = Stored { file: Some(" ".repeat(100_000)), ..new.clone() };
    assert_eq!(open(&long, &anything()).unwrap_err().kind(), ErrorKind::Denied);
    // The key must be in one place.
    let mut twice = new.clone();
    twice.metadata.insert("x-amz-w".to_owned(), "12".to_owned());
    assert_eq!(open(&twice, &anything()).unwrap_err().kind(), ErrorKind::Integrity);
    let mut incomplete = new;
    incomplete.metadata.remove("x-amz-d");
    assert_eq!(open(&incomplete, &anything()).unwrap_err().kind(), ErrorKind::Integrity);
}

#[test]
fn what_is_not_encrypted_is_told_apart() {
    let plain = Metadata::from([("owner".to_owned(), "alice".to_owned())]);
    let Lookup::Detached(detached) = Header::read(&plain, &reading()).unwrap() else { panic!() };
    assert!(!detached.is_encrypted());
    let committed = store(&WriteOptions::new(context()).with_instruction_file(), Wrapping::AesGcm, b"x");
    let Lookup::Detached(detached) = Header::read(&committed.metadata, &reading()).unwrap() else { panic!() };
    assert!(detached.is_encrypted());
}

#[test]
fn contexts_are_the_readers_own() {
    let stored = store(&WriteOptions::new(context()), Wrapping::KmsContext, b"x");
    let with = |context| header(&stored, &ReadOptions::new().with_context(context)).map(|_| ()).map_err(|e| e.kind());
    assert_eq!(with(context()), Ok(()));
    for wrong in
        [EncryptionContext::new(), context().with("more", ""), EncryptionContext::new().with("purpose", "test")]
    {
        assert_eq!(with(wrong), Err(ErrorKind::Integrity));
    }
    assert_eq!(with(context().with(CONTENT_CIPHER, "115")), Err(ErrorKind::Input));
    // The suite that KMS was told must be the one that is there.
    let mut other = stored.clone();
    let told = stored.metadata["x-amz-t"].replace("\"115\"", "\"AES/GCM/NoPadding\"");
    other.metadata.insert("x-amz-t".to_owned(), told);
    assert_eq!(open(&other, &anything()).unwrap_err().kind(), ErrorKind::Integrity);
    // A raw key's description is compared where the reader knows one.
    let raw = store(&WriteOptions::new(context()), Wrapping::AesGcm, b"x");
    assert!(open(&raw, &ReadOptions::new()).is_ok());
    let other = ReadOptions::new().with_context(EncryptionContext::new().with("purpose", "other"));
    assert_eq!(open(&raw, &other).unwrap_err().kind(), ErrorKind::Integrity);
}

#[test]
fn what_cannot_be_stored_is_refused_before_a_key_is_asked_for() {
    for context in [
        EncryptionContext::new().with(CONTENT_CIPHER, "115"),
        EncryptionContext::new().with("kms_cmk_id", "x"),
        EncryptionContext::new().with("owner", "Zoë"),
    ] {
        assert_eq!(NewObject::new(&WriteOptions::new(context)).unwrap_err().kind(), ErrorKind::Input);
    }
    let object = NewObject::new(&WriteOptions::new(context())).unwrap();
    let short = object.seal(&Secret::copy_of(&[7; 16]), edk(Wrapping::AesGcm), Vec::new());
    assert_eq!(short.unwrap_err().kind(), ErrorKind::Config);
    let stranger = EncryptedDataKey { provider_id: "aws-kms".to_owned(), ..edk(Wrapping::KmsContext) };
    assert_eq!(object.seal(&data_key(), stranger, Vec::new()).unwrap_err().kind(), ErrorKind::Config);
    let old = object.seal(&data_key(), edk(Wrapping::LegacyAesWrap), Vec::new());
    assert_eq!(old.unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn names_of_the_format_are_reserved() {
    for name in ["x-amz-key-v2", "X-Amz-3", "x-amz-whatever-comes"] {
        assert!(is_reserved(name));
    }
    for name in ["owner", "x-am", "amz-x", "é-amz-"] {
        assert!(!is_reserved(name));
    }
}

proptest::proptest! {
    #[test]
    fn reading_anything_never_panics(
        pairs in proptest::collection::hash_map("(x-amz-(key|key-v2|3|c|i|w|m|t|d|iv|cek-alg|wrap-alg|matdesc|tag-len)|[a-z]{1,3})",
            "(115|12|02|22|128|AES/GCM/NoPadding|AES/GCM|kms|[A-Za-z0-9+/]{0,60}={0,2}|\\{\\}|\\{\"a\":\"b\"\\})", 0..10),
        file in proptest::option::of(".{0,60}"),
    ) {
        let options = anything().dangerous_with_legacy_wrapping().dangerous_with_unauthenticated_content();
        let stored = Stored { metadata: pairs, file, body: vec![0; 40] };
        let _ = open(&stored, &options);
    }
}
