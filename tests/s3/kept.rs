//! What S3 knows of an object stays with it, whatever is done to it: by a copy of S3's, which forgets most, or written anew.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockLegalHoldStatus, ObjectLockMode, ServerSideEncryption, StorageClass};
use privet::audit::TracingSink;
use privet::keyring::S3ecKeyring;
use privet::s3::{BucketBuilder, ObjectFormat};
use privet::time::{SystemTimeSource, TimeSource};
use privet::{Protector, Secret};

use crate::site::{Site, bytes, pieces};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const KMS_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A request that says all there is to say.
fn request(site: &Site, key: &str) -> PutObjectFluentBuilder {
    site.s3
        .put_object()
        .key(key)
        .metadata("owner", "alice")
        .content_type("text/plain")
        .content_encoding("identity")
        .content_disposition("attachment; filename=\"a.txt\"")
        .content_language("en-GB")
        .cache_control("no-store")
        .expires(DateTime::from_secs(2_000_000_000))
        .storage_class(StorageClass::ReducedRedundancy)
        .website_redirect_location("/elsewhere")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id(KMS_KEY)
        .bucket_key_enabled(true)
        .tagging("team=x&kind=report")
}

/// The same with locks, but for moto, which wants a checksum of copies that have some.
fn locked(site: &Site, request: PutObjectFluentBuilder) -> PutObjectFluentBuilder {
    if !site.is_embedded {
        return request;
    }
    request
        .object_lock_mode(ObjectLockMode::Governance)
        .object_lock_retain_until_date(DateTime::from(SystemTimeSource::new().now() + DAY))
        .object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On)
}

/// All that S3 says of an object, but for what is of its content and of the moment.
fn known(head: HeadObjectOutput, tags: Vec<(String, String)>) -> String {
    let owner = head.metadata().and_then(|metadata| metadata.get("owner").cloned());
    let kept = (
        (owner, head.content_type, head.content_encoding, head.content_disposition, head.content_language),
        (head.cache_control, head.expires_string, head.storage_class, head.website_redirect_location),
        (head.server_side_encryption, head.ssekms_key_id, head.bucket_key_enabled),
        tags,
    );
    format!("{kept:?}")
}

fn locks(head: &HeadObjectOutput) -> String {
    format!("{:?}", (&head.object_lock_mode, &head.object_lock_retain_until_date, &head.object_lock_legal_hold_status))
}

async fn head(site: &Site, key: &str) -> HeadObjectOutput {
    site.s3.head_object().bucket(&site.name).key(key).send().await.unwrap()
}

async fn all_known(site: &Site, key: &str) -> String {
    let tags = site.s3.get_object_tagging().bucket(&site.name).key(key).send().await.unwrap().tag_set;
    let mut tags: Vec<_> = tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
    tags.sort();
    known(head(site, key).await, tags)
}

/// One that reads what was written before keys were changed, and writes with the new one.
fn s3ec(site: &Site) -> BucketBuilder {
    let keyring = S3ecKeyring::aes(&Secret::copy_of(&[2; 32])).unwrap();
    let old = S3ecKeyring::aes(&Secret::copy_of(&[1; 32])).unwrap();
    site.builder().s3ec(keyring.with_reader(old)).format(ObjectFormat::S3ec)
}

fn s3ec_before(site: &Site) -> BucketBuilder {
    let old = S3ecKeyring::aes(&Secret::copy_of(&[1; 32])).unwrap();
    site.builder().s3ec(old).format(ObjectFormat::S3ec)
}

#[tokio::test]
async fn what_s3_knows_of_an_object_stays_whatever_is_done_to_it() {
    let site = Site::start().await;
    let privet = site.privet().await;
    for (before, now, rewraps) in [
        (s3ec_before(&site), s3ec(&site), true),
        (s3ec_before(&site).instruction_files(), s3ec(&site).instruction_files(), true),
        (site.builder(), site.builder(), false),
    ] {
        let (before, now) = (before.build(&privet, &site.s3).unwrap(), now.build(&privet, &site.s3).unwrap());
        before.put_stream_as(locked(&site, request(&site, "k")), pieces(&bytes(1000), 100)).await.unwrap();
        let (expected, held) = (all_known(&site, "k").await, locks(&head(&site, "k").await));
        assert!(
            ["alice", "/elsewhere", "report", "ReducedRedundancy", KMS_KEY].iter().all(|text| expected.contains(text))
        );
        assert_eq!(held.contains("Governance") && held.contains("On"), site.is_embedded, "{held}");
        if rewraps {
            now.rewrap("k").await.unwrap();
            assert_eq!((all_known(&site, "k").await, locks(&head(&site, "k").await)), (expected.clone(), held.clone()));
        }
        now.rewrite("k").await.unwrap();
        assert_eq!((all_known(&site, "k").await, locks(&head(&site, "k").await)), (expected.clone(), held));
        now.copy("k", "copy").await.unwrap();
        assert_eq!(all_known(&site, "copy").await, expected);
        let copy = head(&site, "copy").await;
        assert!(copy.object_lock_mode.is_none() && copy.object_lock_legal_hold_status.is_none(), "locks stay behind");
        for key in ["k", "copy"] {
            assert_eq!(now.get(key).await.unwrap().unwrap().body, bytes(1000), "{key}");
        }
        // An upload in parts takes all of it, too; moto forgets half.
        if !site.is_embedded {
            continue;
        }
        let large = locked(&site, request(&site, "large"));
        now.put_stream_as(large, pieces(&bytes(9 << 20), 1 << 20)).await.unwrap();
        assert_eq!(all_known(&site, "large").await, expected);
        assert!(locks(&head(&site, "large").await).contains("Governance"));
    }
}

/// Its clock is two days ahead.
#[derive(Debug, Default)]
struct Later(SystemTimeSource);

impl TimeSource for Later {
    fn now(&self) -> SystemTime {
        self.0.now() + 2 * DAY
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
}

/// S3 goes on telling a retention that is over, and refuses to write one.
#[tokio::test]
async fn a_retention_that_is_over_holds_nothing_up() {
    let site = Site::start().await;
    if !site.is_embedded {
        return;
    }
    let keyring = site.kms().await;
    let later = Protector::builder().keyring(keyring).context("application", "tests").audit(TracingSink);
    let later = later.time_source(Later::default()).build().unwrap();
    let before = s3ec_before(&site).build(&site.privet().await, &site.s3).unwrap();
    let now = s3ec(&site).build(&later, &site.s3).unwrap();
    before.put_stream_as(locked(&site, site.s3.put_object().key("k")), pieces(&bytes(1000), 100)).await.unwrap();
    now.rewrap("k").await.unwrap();
    let found = head(&site, "k").await;
    assert!(found.object_lock_mode.is_none() && found.object_lock_retain_until_date.is_none(), "{}", locks(&found));
    assert_eq!(found.object_lock_legal_hold_status, Some(ObjectLockLegalHoldStatus::On));
    assert_eq!(now.get("k").await.unwrap().unwrap().body, bytes(1000));
}
