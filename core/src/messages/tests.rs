//! Messages with keyrings: who is asked, when, and what comes of it.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::*;
use crate::cache::{CacheLimits, DataKeyCache};
use crate::encryption_context::EncryptionContext;
use crate::error::ErrorKind;
use crate::keyring::counting::Counting;
use crate::keyring::{MultiKeyring, RawAesKeyring};
use crate::message::{AlgorithmSuite, CommitmentPolicy, Header, HeaderProgress, HeaderReader, Limits};
use crate::time::SystemTimeSource;

fn keyring(name: &str) -> RawAesKeyring {
    RawAesKeyring::new("tests", name, &Secret::copy_of(&[7; 32])).unwrap()
}

fn context() -> EncryptionContext {
    EncryptionContext::new().with("purpose", "test")
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
    let asked = Counting::of(keyring("a"));
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

fn cache(keyring: &Arc<Counting>, limits: CacheLimits) -> DataKeyCache {
    DataKeyCache::new(Arc::clone(keyring) as _, limits, Arc::new(SystemTimeSource::new()))
}

#[tokio::test]
async fn a_cache_gives_one_data_key_to_messages_that_may_share_it() {
    let keyring = Arc::new(Counting::of(keyring("a")));
    let cached = cache(&keyring, CacheLimits::default());
    let options = WriteOptions::new(context());
    let mut ids = std::collections::BTreeSet::new();
    for text in [&b"one"[..], b"two"] {
        let message = encrypt(&cached, text, &options).await.unwrap();
        ids.insert(Header::peek(&message, &ReadOptions::new()).unwrap().unwrap().message_id().to_vec());
        assert_eq!(decrypt(&cached, &message, &ReadOptions::new()).await.unwrap().plaintext, text);
    }
    // Written twice, read back twice: one call. What the messages are sealed with is derived from ids of their own.
    assert_eq!((keyring.asked(), ids.len()), (1, 2));
    // Another context is another key.
    let other = WriteOptions::new(context().with("tenant", "b"));
    encrypt(&cached, b"x", &other).await.unwrap();
    assert_eq!(keyring.asked(), 2);
    cached.purge();
    encrypt(&cached, b"x", &options).await.unwrap();
    assert_eq!(keyring.asked(), 3);
}

#[tokio::test]
async fn messages_that_may_share_nothing_get_data_keys_of_their_own() {
    let keyring = Arc::new(Counting::of(keyring("a")));
    let cached = cache(&keyring, CacheLimits::default());
    let plain = WriteOptions::new(context());
    let alone = [
        plain.clone().signed(),
        plain.clone().dangerous_without_commitment(AlgorithmSuite::Aes256Hkdf),
        plain.clone().dangerous_without_commitment(AlgorithmSuite::Aes256),
    ];
    for (index, options) in alone.iter().enumerate() {
        encrypt(&cached, b"x", options).await.unwrap();
        encrypt(&cached, b"x", options).await.unwrap();
        assert_eq!(keyring.asked(), 2 * (index + 1));
    }
    // A stream of unknown length cannot be counted; one that says how long it may be can.
    let before = keyring.asked();
    let _ = encryptor(&cached, &plain).await.unwrap();
    let _ = encryptor(&cached, &plain).await.unwrap();
    assert_eq!(keyring.asked(), before + 2);
    for _ in 0..2 {
        let _ = encryptor(&cached, &plain.clone().with_max_plaintext(10)).await.unwrap();
    }
    assert_eq!(keyring.asked(), before + 3);
}

#[tokio::test]
async fn a_cached_data_key_ends_with_its_limits() {
    for (limits, expected) in [
        (CacheLimits::default().with_max_records(2), 2),
        (CacheLimits::default().with_max_bytes(7), 3),
        (CacheLimits::default().with_max_age(std::time::Duration::ZERO), 4),
    ] {
        let keyring = Arc::new(Counting::of(keyring("a")));
        let cached = cache(&keyring, limits);
        for text in [&b"four"[..], b"for", b"seven", b"three"] {
            encrypt(&cached, text, &WriteOptions::new(context())).await.unwrap();
        }
        assert_eq!(keyring.asked(), expected);
    }
}

#[tokio::test]
async fn a_warm_cache_lets_nothing_past_the_commitment_policy() {
    let keyring = Arc::new(Counting::of(keyring("a")));
    let cached = cache(&keyring, CacheLimits::default());
    let older = WriteOptions::new(context()).dangerous_without_commitment(AlgorithmSuite::Aes256Hkdf);
    let message = encrypt(&cached, b"x", &older).await.unwrap();
    let lenient = ReadOptions::new().with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
    for _ in 0..2 {
        decrypt(&cached, &message, &lenient).await.unwrap();
    }
    assert_eq!(keyring.asked(), 2);
    assert_eq!(decrypt(&cached, &message, &ReadOptions::new()).await.unwrap_err().kind(), ErrorKind::Denied);
    // Nor is a key found under another policy or suite than it was asked with.
    let committing = encrypt(&cached, b"x", &WriteOptions::new(context())).await.unwrap();
    assert_eq!(keyring.asked(), 3);
    decrypt(&cached, &committing, &lenient).await.unwrap();
    assert_eq!(keyring.asked(), 4);
    let required = WriteOptions::new(context()).with_required(["purpose"]);
    let not_stored = encrypt(&cached, b"x", &required).await.unwrap();
    let unknown = decrypt(&cached, &not_stored, &ReadOptions::new()).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Integrity);
}

#[tokio::test]
async fn a_plaintext_beyond_its_bound_is_refused() {
    let options = WriteOptions::new(context()).with_max_plaintext(4);
    let whole = encrypt(&keyring("a"), b"five!", &options).await.unwrap_err();
    assert_eq!(whole.kind(), ErrorKind::Input);
    encrypt(&keyring("a"), b"four", &options).await.unwrap();
    let mut encryptor = encryptor(&keyring("a"), &options).await.unwrap();
    let mut out = Vec::new();
    encryptor.push(b"four", &mut out).unwrap();
    assert_eq!(encryptor.push(b"!", &mut out).unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(encryptor.finish(&mut out).unwrap_err().kind(), ErrorKind::Input);
}

#[tokio::test]
async fn used_memory_and_several_threads_change_nothing() {
    let plaintext: Vec<u8> = (0..=255).cycle().take(5_000_001).collect();
    for options in [WriteOptions::new(context()).with_threads(3), WriteOptions::new(context()).with_threads(3).signed()]
    {
        let used = vec![0xaa; 6_000_000];
        let place = used.as_ptr();
        let message = encrypt_into(&keyring("a"), &plaintext, &options, used).await.unwrap();
        assert_eq!(message.as_ptr(), place);
        let used = vec![0xaa; 7_000_000];
        let reading = ReadOptions::new().with_threads(3);
        assert!(decrypt_into(&keyring("a"), &message, &reading, used).await.unwrap().plaintext == plaintext);
        assert!(decrypt(&keyring("a"), &message, &ReadOptions::new()).await.unwrap().plaintext == plaintext);
        for at in [message.len() / 2, message.len() - 1] {
            let mut damaged = message.clone();
            damaged[at] ^= 1;
            let refused = decrypt_into(&keyring("a"), &damaged, &reading, vec![1; 10]).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Integrity);
        }
    }
}
