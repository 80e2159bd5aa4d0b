//! Messages with keyrings: who is asked, when, and what comes of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::*;
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::ErrorKind;
use crate::keyring::{KeyringFuture, MultiKeyring, RawAesKeyring};
use crate::message::{AlgorithmSuite, CommitmentPolicy, HeaderProgress, HeaderReader, Limits};

fn keyring(name: &str) -> RawAesKeyring {
    RawAesKeyring::new("tests", name, &Secret::copy_of(&[7; 32])).unwrap()
}

fn context() -> EncryptionContext {
    EncryptionContext::new().with("purpose", "test")
}

/// Counts how often it is asked.
#[derive(Debug)]
struct Counting(RawAesKeyring, AtomicUsize);

impl Counting {
    fn new() -> Self {
        Self(keyring("a"), AtomicUsize::new(0))
    }

    fn asked(&self) -> usize {
        self.1.load(Ordering::Relaxed)
    }
}

impl Keyring for Counting {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.generate_data_key(request)
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.wrap_data_key(data_key, request)
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.unwrap_data_key(edks, request)
    }
}

#[tokio::test]
async fn all_suites_come_back_with_a_keyring() {
    for suite in AlgorithmSuite::ALL {
        let options = WriteOptions::new(context()).with_required(["purpose"]);
        let options = match suite {
            AlgorithmSuite::Committing => options,
            AlgorithmSuite::CommittingSigned => options.signed(),
            older => options.dangerous_without_commitment(older),
        };
        let message = encrypt(&keyring("a"), b"attack at dawn", &options).await.unwrap();
        let reading = ReadOptions::new().with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
        let opened = decrypt(&keyring("a"), &message, &reading.clone().with_context(context())).await.unwrap();
        assert_eq!((opened.plaintext.as_slice(), opened.suite), (&b"attack at dawn"[..], suite));
        // Without the pair that is not stored, the wrapped key is bound to something else.
        assert_eq!(decrypt(&keyring("a"), &message, &reading).await.unwrap_err().kind(), ErrorKind::Integrity);
    }
}

#[tokio::test]
async fn each_of_several_keyrings_reads_alone_and_others_are_told_apart() {
    let multi = MultiKeyring::new(keyring("a")).with(keyring("b"));
    let message = encrypt(&multi, b"x", &WriteOptions::new(context())).await.unwrap();
    for name in ["a", "b"] {
        assert_eq!(decrypt(&keyring(name), &message, &ReadOptions::new()).await.unwrap().plaintext, b"x");
    }
    let refused = decrypt(&keyring("c"), &message, &ReadOptions::new()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn the_keyring_is_not_asked_for_what_is_refused_anyway() {
    let asked = Counting::new();
    let older = WriteOptions::new(context()).dangerous_without_commitment(AlgorithmSuite::Aes256Hkdf);
    let message = encrypt(&keyring("a"), b"x", &older).await.unwrap();
    assert!(decrypt(&asked, &message, &ReadOptions::new()).await.is_err());

    let multi = MultiKeyring::new(keyring("a")).with(keyring("b"));
    let message = encrypt(&multi, b"x", &WriteOptions::new(context())).await.unwrap();
    let one = ReadOptions::new().with_limits(Limits::default().with_max_encrypted_data_keys(1));
    assert!(decrypt(&asked, &message, &one).await.is_err());
    let other = ReadOptions::new().with_context(EncryptionContext::new().with("purpose", "other"));
    assert!(decrypt(&asked, &message, &other).await.is_err());
    assert!(decrypt(&asked, &message[..100], &ReadOptions::new()).await.is_err());

    let zero = WriteOptions::new(context()).with_frame_length(0);
    assert!(encrypt(&asked, b"x", &zero).await.is_err());
    let policy = WriteOptions::new(context()).dangerous_without_commitment(AlgorithmSuite::Committing);
    assert!(encrypt(&asked, b"x", &policy).await.is_err());
    assert_eq!(asked.asked(), 0);
    decrypt(&asked, &message, &ReadOptions::new()).await.unwrap();
    assert_eq!(asked.asked(), 1);
}

fn pieces(bytes: &[u8], length: usize) -> impl futures_util::Stream<Item = Result<Vec<u8>, std::io::Error>> + Send {
    stream::iter(bytes.chunks(length).map(|piece| Ok(piece.to_vec())).collect::<Vec<_>>())
}

#[tokio::test]
async fn streams_come_back() {
    let plaintext: Vec<u8> = (0..10_000_u32).map(|i| i.to_le_bytes()[0]).collect();
    for options in [WriteOptions::new(context()), WriteOptions::new(context()).signed()] {
        let keyring = keyring("a");
        let message: Vec<Vec<u8>> =
            encrypt_stream(&keyring, pieces(&plaintext, 777), &options).try_collect().await.unwrap();
        let message = message.concat();
        assert_eq!(decrypt(&keyring, &message, &ReadOptions::new()).await.unwrap().plaintext, plaintext);
        for length in [1, 100, 100_000] {
            let reading = ReadOptions::new();
            let opened: Vec<Vec<u8>> =
                decrypt_stream(&keyring, pieces(&message, length), &reading).try_collect().await.unwrap();
            assert_eq!(opened.concat(), plaintext);
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_or_fails_ends_in_an_error() {
    let (keyring, options, reading) = (keyring("a"), WriteOptions::new(context()), ReadOptions::new());
    let message = encrypt(&keyring, &[1; 10_000], &options).await.unwrap();
    for length in [0, 10, 500, message.len() - 1] {
        let opened = decrypt_stream(&keyring, pieces(&message[..length], 300), &reading);
        let last = opened.collect::<Vec<_>>().await.pop().unwrap();
        assert_eq!(last.unwrap_err().kind(), ErrorKind::Integrity, "{length}");
    }
    let failing = pieces(&[1; 10_000], 300).chain(stream::iter([Err(std::io::Error::other("broken"))]));
    let items = encrypt_stream(&keyring, failing, &options).collect::<Vec<_>>().await;
    assert_eq!(items.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::Io);
    let written: Vec<u8> = items.into_iter().filter_map(Result::ok).flatten().collect();
    assert!(decrypt(&keyring, &written, &reading).await.is_err());
}

#[tokio::test]
async fn parts_come_back() {
    let keyring = keyring("a");
    let plaintext: Vec<u8> = (0..=255).cycle().take(20_000).collect();
    let message = encrypt(&keyring, &plaintext, &WriteOptions::new(context())).await.unwrap();
    let HeaderProgress::Locked(locked) = HeaderReader::new(&ReadOptions::new()).push(&message[..1000]).unwrap() else {
        panic!()
    };
    let access = random_access(&keyring, locked, message.len() as u64).await.unwrap();
    let segment = access.locate(5000..9000).unwrap();
    let range = segment.message_range();
    let fetched = &message[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
    assert_eq!(access.open(&segment, fetched).unwrap(), plaintext[5000..9000]);
}

#[cfg(feature = "io")]
#[tokio::test]
async fn readers_and_writers_come_back() {
    let keyring = keyring("a");
    let plaintext = vec![3; 200_000];
    let (mut message, mut opened) = (Vec::new(), Vec::new());
    let options = WriteOptions::new(context()).signed();
    let length = encrypt_io(&keyring, plaintext.as_slice(), &mut message, &options).await.unwrap();
    assert_eq!(length, message.len() as u64);
    let length = decrypt_io(&keyring, message.as_slice(), &mut opened, &ReadOptions::new()).await.unwrap();
    assert_eq!((length, opened), (200_000, plaintext));
    let cut = decrypt_io(&keyring, &message[..message.len() - 1], &mut Vec::new(), &ReadOptions::new()).await;
    assert_eq!(cut.unwrap_err().kind(), ErrorKind::Integrity);
}
