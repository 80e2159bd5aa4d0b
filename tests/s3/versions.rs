//! Versions, tags and encryption by S3. The embedded S3 knows neither versions nor its own encryption: what needs them runs
//! against another one (`tests/interop/run-s3.sh`).

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{BucketVersioningStatus, ServerSideEncryption, VersioningConfiguration};
use futures_util::TryStreamExt as _;
use privet::ErrorKind;
use privet::keyring::S3ecKeyring;
use privet::s3::{ObjectFormat, SendProtected as _};

use crate::site::{Site, bytes, kind, pieces};

async fn versioned() -> Option<Site> {
    let site = Site::start().await;
    if site.is_embedded {
        return None;
    }
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    site.s3.put_bucket_versioning().bucket(&site.name).versioning_configuration(enabled).send().await.unwrap();
    Some(site)
}

#[tokio::test]
async fn versions_are_named_kept_and_read() {
    let Some(site) = versioned().await else { return };
    for bucket in [site.bucket().await, site.mixed().await] {
        let first = bucket.put("k", bytes(1000)).await.unwrap().version_id.unwrap();
        let second = bucket.put_stream("k", pieces(&bytes(2000), 100)).await.unwrap().version_id.unwrap();
        assert_ne!(first, second);
        let got = bucket.get("k").await.unwrap().unwrap();
        assert_eq!((got.body, got.version_id.as_deref()), (bytes(2000), Some(&second[..])));
        assert_eq!(bucket.head("k").await.unwrap().unwrap().version_id.as_deref(), Some(&second[..]));
        let get = site.s3.get_object().bucket(&site.name).key("k").version_id(&first);
        let old = get.clone().send_protected(&bucket).await.unwrap();
        assert_eq!(old.body.collect().await.unwrap().to_vec(), bytes(1000));
        let part = get.range("bytes=10-19").send_protected(&bucket).await.unwrap();
        assert_eq!(part.body.collect().await.unwrap().to_vec(), bytes(1000)[10..20]);
        bucket.delete("k").await.unwrap();
        assert!(bucket.get("k").await.unwrap().is_none());
        let get = site.s3.get_object().bucket(&site.name).key("k").version_id(&second);
        assert_eq!(get.send_protected(&bucket).await.unwrap().body.collect().await.unwrap().to_vec(), bytes(2000));
    }
}

#[tokio::test]
async fn a_reader_stays_with_the_version_that_it_opened() {
    let Some(site) = versioned().await else { return };
    let bucket = site.bucket().await;
    bucket.put("k", bytes(100_000)).await.unwrap();
    let reader = bucket.open("k").await.unwrap().unwrap();
    bucket.put("k", bytes(10)).await.unwrap();
    assert_eq!(reader.read(90_000..90_010).await.unwrap(), bytes(100_000)[90_000..90_010]);
    bucket.delete("k").await.unwrap();
    let all: Vec<_> = reader.stream(0..100_000).unwrap().try_collect().await.unwrap();
    assert_eq!(all.concat(), bytes(100_000));
}

#[tokio::test]
async fn tags_stay_with_an_object_whatever_is_done_to_it() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let s3ec = || async { S3ecKeyring::kms(site.kms().await) };
    for builder in [
        site.builder(),
        site.builder().renamable(),
        site.builder().s3ec(s3ec().await).format(ObjectFormat::S3ec),
        site.builder().s3ec(s3ec().await).format(ObjectFormat::S3ec).instruction_files(),
    ] {
        let bucket = builder.build(&privet, &site.s3).unwrap();
        let tags = async |key: &str| {
            let tags = site.s3.get_object_tagging().bucket(&site.name).key(key).send().await.unwrap().tag_set;
            let mut tags: Vec<_> = tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
            tags.sort();
            tags
        };
        let request = || site.s3.put_object().key("k").tagging("team=x&kind=report");
        for _ in 0..2 {
            bucket.put_stream_as(request(), pieces(&bytes(1000), 100)).await.unwrap();
        }
        let expected = [("kind".to_owned(), "report".to_owned()), ("team".to_owned(), "x".to_owned())];
        assert_eq!(tags("k").await, expected);
        bucket.copy("k", "copy").await.unwrap();
        assert_eq!(tags("copy").await, expected);
        bucket.rewrite("k").await.unwrap();
        assert_eq!(tags("k").await, expected);
        if let Err(error) = bucket.rewrap("k").await {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
        assert_eq!(tags("k").await, expected);
        bucket.delete("k").await.unwrap();
    }
}

#[tokio::test]
async fn encryption_by_s3_stays_as_it_was_asked_for() {
    let Some(site) = versioned().await else { return };
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let kms =
        |head: &HeadObjectOutput| (head.server_side_encryption().cloned(), head.ssekms_key_id().map(str::to_owned));
    let expected = (Some(ServerSideEncryption::AwsKms), Some(key.to_owned()));
    let head = async |key: &str| site.s3.head_object().bucket(&site.name).key(key).send().await.unwrap();
    for bucket in [site.bucket().await, site.mixed().await] {
        let put = || site.s3.put_object().server_side_encryption(ServerSideEncryption::AwsKms).ssekms_key_id(key);
        bucket.put_stream_as(put().key("large"), pieces(&bytes(11 << 20), 1 << 20)).await.unwrap();
        let small = put().bucket(&site.name).key("small").body(bytes(100).into());
        small.send_protected(&bucket).await.unwrap();
        assert_eq!((kms(&head("large").await), kms(&head("small").await)), (expected.clone(), expected.clone()));
        bucket.rewrite("small").await.unwrap();
        assert_eq!(kms(&head("small").await), expected);
        match bucket.rewrap("small").await {
            Ok(()) => assert_eq!(kms(&head("small").await), expected),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
        }
        assert_eq!(bucket.get("small").await.unwrap().unwrap().body, bytes(100));
    }
    assert_eq!(kind(site.bucket().await.rewrap("large").await), ErrorKind::Unsupported);
}
