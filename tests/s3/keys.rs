//! What objects cost in calls of KMS, as `docs/S3.md` says.

use std::sync::Arc;

use privet::audit::TracingSink;
use privet::dynamodb::KeyStoreTable;
use privet::keyring::store::{BranchKeyProtection, KeyStore};
use privet::keyring::{BranchKeyIds, HierarchicalKeyring, KmsBranchKeys, RawAesKeyring};
use privet::{Classification, EncryptionContext, Keyring, Protector, Secret};

use crate::site::{REGION, Site, bytes, pieces};

/// Five objects written, each read whole and in two ranges: the calls for writing and for reading.
async fn calls(site: &Site, bucket: &privet::s3::Bucket) -> (usize, usize) {
    site.aws.clear_calls();
    for number in 0..5 {
        bucket.put_stream(&format!("k{number}"), pieces(&bytes(1000), 100)).await.unwrap();
    }
    let written = site.aws.calls("kms").len();
    site.aws.clear_calls();
    for number in 0..5 {
        let reader = bucket.open(&format!("k{number}")).await.unwrap().unwrap();
        assert_eq!(reader.read(0..10).await.unwrap(), bytes(10));
        assert_eq!(reader.read(10..1000).await.unwrap(), bytes(1000)[10..]);
    }
    (written, site.aws.calls("kms").len())
}

fn protector(keyring: impl Keyring + 'static) -> Protector {
    Protector::builder().keyring(keyring).audit(TracingSink).build().unwrap()
}

#[tokio::test]
async fn each_object_costs_a_call_with_kms_keys_and_none_with_branch_keys_that_are_warm() {
    let site = Site::start().await;
    // Framed objects are bound to bucket and key, so that each has a data key of its own.
    assert_eq!(calls(&site, &site.bucket().await).await, (5, 5));
    assert_eq!(calls(&site, &site.builder().renamable().build(&site.privet().await, &site.s3).unwrap()).await, (5, 5));
    let s3ec = privet::s3::ObjectFormat::S3ec;
    let builder = site.builder().s3ec(privet::keyring::S3ecKeyring::kms(site.kms().await)).format(s3ec);
    assert_eq!(calls(&site, &builder.build(&site.privet().await, &site.s3).unwrap()).await, (5, 5));
    let raw = RawAesKeyring::new("tests", "a", &Secret::copy_of(&[7; 32])).unwrap();
    assert_eq!(calls(&site, &site.builder().build(&protector(raw), &site.s3).unwrap()).await, (0, 0));

    let config = site.aws.config(REGION).await;
    let table = KeyStoreTable::new(aws_sdk_dynamodb::Client::new(&config), "keys");
    let protection = BranchKeyProtection::key(&site.key_arn).unwrap();
    let kms = KmsBranchKeys::new(aws_sdk_kms::Client::new(&config));
    let store = KeyStore::new("keys", protection, table, kms).unwrap();
    store.create_table().await.unwrap();
    store.create_with_id("pii", &EncryptionContext::new().with("privet:class", "pii")).await.unwrap();
    let ids = BranchKeyIds::new().class(Classification::Pii, "pii");
    let keyring = HierarchicalKeyring::with_supplier(Arc::new(store), ids);
    let bucket = site.builder().build(&protector(keyring), &site.s3).unwrap();
    // Cold, it asks for the branch key to write with and for the version to read with.
    let (written, read) = calls(&site, &bucket).await;
    assert!(written <= 1 && read <= 1, "{written} and {read}");
    assert_eq!(calls(&site, &bucket).await, (0, 0));
}
