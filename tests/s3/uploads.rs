//! Uploads in parts: of any length, whole or not at all, and nothing left behind.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use privet::ErrorKind;
use privet::keyring::S3ecKeyring;
use privet::s3::ObjectFormat;
use privet_testkit::Fault;

use crate::site::{Site, bytes, collect, kind, pieces};

const LARGE: usize = 23 << 20;

async fn uploads(site: &Site) -> usize {
    site.s3.list_multipart_uploads().bucket(&site.name).send().await.unwrap().uploads().len()
}

#[tokio::test]
async fn streams_of_any_length_come_back() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let content = bytes(LARGE);
    let s3ec = || async { site.builder().s3ec(S3ecKeyring::kms(site.kms().await)).format(ObjectFormat::S3ec) };
    for builder in [site.builder(), s3ec().await] {
        let bucket = builder.part_size(5 << 20).build(&privet, &site.s3).unwrap();
        for length in [0, 1, (5 << 20) - 400, 5 << 20, (5 << 20) + 1, LARGE] {
            bucket.put_stream("k", pieces(&content[..length], 1_000_003)).await.unwrap();
            let read = collect(bucket.get_stream("k").await.unwrap().unwrap()).await.unwrap();
            assert!(read == content[..length], "{length}");
            let read = collect(bucket.get_parallel("k").await.unwrap().unwrap()).await.unwrap();
            assert!(read == content[..length], "{length}");
            assert_eq!(bucket.head("k").await.unwrap().unwrap().plaintext_length, Some(length as u64));
        }
    }
    assert_eq!(uploads(&site).await, 0);
}

#[tokio::test]
async fn what_s3_knows_of_an_object_is_passed_on_to_an_upload() {
    let site = Site::start().await;
    let bucket = site.bucket().await;
    let request = site.s3.put_object().key("k").metadata("owner", "alice").content_type("text/plain").tagging("team=x");
    bucket.put_stream_as(request.if_none_match("*"), pieces(&bytes(LARGE), 1 << 20)).await.unwrap();
    let got = bucket.head("k").await.unwrap().unwrap();
    assert_eq!((got.content_type.as_deref(), &got.metadata["owner"][..]), (Some("text/plain"), "alice"));
    assert_eq!(got.metadata.len(), 1);
    let tags = site.s3.get_object_tagging().bucket(&site.name).key("k").send().await.unwrap();
    assert_eq!((tags.tag_set()[0].key(), tags.tag_set()[0].value()), ("team", "x"));
    let again = site.s3.put_object().key("k").if_none_match("*");
    assert_eq!(kind(bucket.put_stream_as(again, pieces(&bytes(LARGE), 1 << 20)).await), ErrorKind::Conflict);
    // moto completes an upload whatever its `If-Match` says.
    if site.is_embedded {
        let other = site.s3.put_object().key("k").if_match("\"0123\"");
        assert_eq!(kind(bucket.put_stream_as(other, pieces(&bytes(LARGE), 1 << 20)).await), ErrorKind::Conflict);
    }
    assert_eq!(uploads(&site).await, 0);
}

#[tokio::test]
async fn an_upload_that_fails_leaves_neither_object_nor_parts() {
    let site = Site::start().await;
    if !site.is_embedded {
        return;
    }
    let bucket = site.bucket().await;
    bucket.put("k", "old").await.unwrap();
    for (operation, after) in [("UploadPart", 0), ("UploadPart", 2), ("CompleteMultipartUpload", 0)] {
        site.aws.fault(Fault::on("s3", operation).after(after).error("AccessDenied"));
        let failed = bucket.put_stream("k", pieces(&bytes(LARGE), 1 << 20)).await;
        assert_eq!(kind(failed), ErrorKind::Denied);
        site.aws.clear_faults();
        assert_eq!(uploads(&site).await, 0, "{operation}");
        assert_eq!(bucket.get("k").await.unwrap().unwrap().body, b"old");
    }
    // What comes to an end by an error of its own.
    let failing = pieces(&bytes(LARGE), 1 << 20).chain(stream::iter([Err(std::io::Error::other("broken"))]));
    assert_eq!(kind(bucket.put_stream("k", failing).await), ErrorKind::Io);
    assert_eq!(uploads(&site).await, 0);
    assert_eq!(bucket.get("k").await.unwrap().unwrap().body, b"old");
    // One that is tried again does not fail.
    site.aws.fault(Fault::on("s3", "UploadPart").times(2).error("SlowDown"));
    bucket.put_stream("k", pieces(&bytes(LARGE), 1 << 20)).await.unwrap();
    assert_eq!(bucket.get("k").await.unwrap().unwrap().body, bytes(LARGE));
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_neither_object_nor_parts() {
    let site = Site::start().await;
    let bucket = site.bucket().await;
    // Never ends: it is dropped in the middle.
    let endless = pieces(&bytes(LARGE), 1 << 20).chain(stream::pending());
    let given_up = tokio::time::timeout(Duration::from_secs(3), bucket.put_stream("k", endless)).await;
    assert!(given_up.is_err());
    let mut left = uploads(&site).await;
    for _ in 0..100 {
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        left = uploads(&site).await;
    }
    assert_eq!(left, 0);
    assert!(!site.exists("k").await);
}

/// As if the process had been killed: parts are there, nobody completes them.
#[tokio::test]
async fn half_an_upload_is_no_object() {
    let site = Site::start().await;
    let bucket = site.bucket().await;
    bucket.put("whole", bytes(100_000)).await.unwrap();
    let body = site.stored("whole").await.body;
    let created = site.s3.create_multipart_upload().bucket(&site.name).key("k").send().await.unwrap();
    let part = site.s3.upload_part().bucket(&site.name).key("k").part_number(1);
    part.upload_id(created.upload_id().unwrap()).body(body.into()).send().await.unwrap();
    assert!(bucket.get("k").await.unwrap().is_none());
    assert!(bucket.head("k").await.unwrap().is_none());
}
