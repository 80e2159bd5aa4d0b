//! On a current-thread runtime nothing starts a thread. This program has one test, so that every thread is its doing.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod common;

use std::sync::Arc;
use std::thread;

use aws_sdk_kms::Client;
use common::{Customer, REGION, ada};
use privet::audit::TracingSink;
use privet::cache::{CacheLimits, DataKeyCache};
use privet::keyring::{KmsKeyring, MultiKeyring};
use privet::message::{ReadOptions, WriteOptions};
use privet::time::SystemTimeSource;
use privet::{EncryptionContext, Policy, Protector, messages};
use privet_testkit::EmbeddedAws;

#[tokio::test(flavor = "current_thread")]
async fn a_current_thread_runtime_stays_one() {
    let aws = EmbeddedAws::start().await;
    let config = aws.config(REGION).await;
    let (one, two) = (aws.create_key(REGION, "alias/one").await, aws.create_key(REGION, "alias/two").await);
    let keyring = |arn: &str| KmsKeyring::new(Client::new(&config), arn).unwrap();
    let (before, started_before) = (threads(), started());

    // Messages, whole and large enough to be worth threads; KMS is asked for each.
    let keys = MultiKeyring::new(keyring(&one)).with(keyring(&two));
    let plaintext = vec![7; 8 << 20];
    for options in [WriteOptions::new(EncryptionContext::new()), WriteOptions::new(EncryptionContext::new()).signed()] {
        let message = messages::encrypt(&keys, &plaintext, &options).await.unwrap();
        assert!(messages::decrypt(&keys, &message, &ReadOptions::new()).await.unwrap().plaintext == plaintext);
        let mut sealed = Vec::new();
        let mut opened = Vec::new();
        messages::encrypt_io(&keys, plaintext.as_slice(), &mut sealed, &options).await.unwrap();
        messages::decrypt_io(&keys, sealed.as_slice(), &mut opened, &ReadOptions::new()).await.unwrap();
        assert!(opened == plaintext);
    }
    // Through a cache.
    let cache = DataKeyCache::new(Arc::new(keys), CacheLimits::default(), Arc::new(SystemTimeSource::new()));
    let message = messages::encrypt(&cache, b"x", &WriteOptions::new(EncryptionContext::new())).await.unwrap();
    messages::decrypt(&cache, &message, &ReadOptions::new()).await.unwrap();
    // Records.
    let protector = Protector::builder().keyring(keyring(&one)).policy(Policy::default()).audit(TracingSink);
    let protector = protector.build().unwrap();
    let sealed = protector.protect(&ada()).await.unwrap();
    assert!(protector.unprotect::<Customer>(sealed).await.unwrap() == ada());

    assert!(aws.calls("kms").len() > 10);
    assert_eq!(threads(), before);
    // One: the thread that `started` itself starts to find out.
    assert_eq!(started() - started_before, 1, "a thread was started and is gone again");
}

/// Threads there are now.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Threads that were ever started: their ids are counted up.
fn started() -> u64 {
    let id = thread::spawn(|| thread::current().id()).join().unwrap();
    format!("{id:?}").trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}
