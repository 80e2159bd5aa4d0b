//! Uploads in parts: of any length, whole or not at all, and nothing left behind.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use futures_util::{StreamExt as _, stream};
use privet::ErrorKind;
use privet::keyring::S3ecKeyring;
use privet::s3::{Bucket, ObjectFormat};
use privet_testkit::Fault;

use crate::site::{REGION, Site, bytes, collect, kind, pieces};

/// Three parts.
const LARGE: usize = 11 << 20;
const PART: usize = 5 << 20;

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
        let bucket = builder.part_size(PART).build(&privet, &site.s3).unwrap();
        for length in [0, 1, PART - 400, PART, LARGE] {
            bucket.put_stream("k", pieces(&content[..length], 1_000_003)).await.unwrap();
            let read = collect(bucket.get_stream("k").await.unwrap().unwrap()).await.unwrap();
            assert!(read == content[..length], "{length}");
            let read = collect(bucket.get_parallel("k").await.unwrap().unwrap()).await.unwrap();
            assert!(read == content[..length], "{length}");
            assert_eq!(bucket.head("k").await.unwrap().unwrap().plaintext_length, Some(length as u64));
        }
        // One piece of several parts.
        bucket.put("k", content.clone()).await.unwrap();
        assert!(bucket.get("k").await.unwrap().unwrap().body == content);
    }
    assert_eq!(uploads(&site).await, 0);
}

#[tokio::test]
async fn what_s3_knows_of_an_object_is_passed_on_to_an_upload() {
    let site = Site::start().await;
    let bucket = site.builder().part_size(PART).build(&site.privet().await, &site.s3).unwrap();
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
    let bucket = site.builder().part_size(PART).build(&site.privet().await, &site.s3).unwrap();
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

/// How a request fails, and what the caller learns.
type Case = (fn(Fault) -> Fault, ErrorKind);

/// A bucket that asks once, so that each fault is one.
async fn asking_once(site: &Site) -> Bucket {
    let config = site.aws.config(REGION).await;
    let once = Client::from_conf(Builder::from(&config).retry_config(RetryConfig::disabled()).build());
    site.builder().part_size(PART).build(&site.privet().await, &once).unwrap()
}

#[tokio::test]
async fn whatever_fails_in_an_upload_it_leaves_neither_object_nor_parts() {
    let site = Site::start().await;
    if !site.is_embedded {
        return;
    }
    let bucket = asking_once(&site).await;
    bucket.put("k", "old").await.unwrap();
    let everywhere: [Case; 4] = [
        (Fault::timeout, ErrorKind::Io),
        (|fault| fault.error("SlowDown"), ErrorKind::Throttled),
        (|fault| fault.error("AccessDenied"), ErrorKind::Denied),
        // Expired, by a lifecycle rule.
        (|fault| fault.error("NoSuchUpload"), ErrorKind::Io),
    ];
    let at_the_end: [Case; 3] = [
        // An ETag of a part is wrong.
        (|fault| fault.error("InvalidPart"), ErrorKind::Io),
        (|fault| fault.error("PreconditionFailed"), ErrorKind::Conflict),
        (|fault| fault.error("ConditionalRequestConflict"), ErrorKind::Conflict),
    ];
    let requests = [("CreateMultipartUpload", 0), ("UploadPart", 0), ("UploadPart", 1), ("CompleteMultipartUpload", 0)];
    let mut cases: Vec<_> =
        requests.iter().flat_map(|request| everywhere.iter().map(move |failure| (*request, *failure))).collect();
    cases.extend(at_the_end.map(|failure| (requests[3], failure)));
    cases.push((requests[2], (Fault::answer_lost, ErrorKind::Io)));
    let content = bytes(PART + 1);
    for ((operation, after), (fault, expected)) in cases {
        site.aws.fault(fault(Fault::on("s3", operation).after(after)));
        let error = bucket.put_stream("k", pieces(&content, 1 << 20)).await.unwrap_err();
        site.aws.clear_faults();
        let case = format!("{operation} {after}: {error}");
        assert_eq!(error.kind(), expected, "{case}");
        assert!(!case.contains("left behind"), "{case}");
        assert_eq!(uploads(&site).await, 0, "{case}");
        assert_eq!(bucket.get("k").await.unwrap().unwrap().body, b"old", "{case}");
    }
}

#[tokio::test]
async fn an_upload_that_somebody_else_gives_up_is_no_object() {
    let site = Site::start().await;
    // moto knows no answer to it.
    if !site.is_embedded {
        return;
    }
    let bucket = site.builder().part_size(PART).build(&site.privet().await, &site.s3).unwrap();
    let expire = async {
        let found = site.s3.list_multipart_uploads().bucket(&site.name).send().await.unwrap();
        for upload in found.uploads() {
            let abort = site.s3.abort_multipart_upload().bucket(&site.name).key("k");
            abort.upload_id(upload.upload_id().unwrap()).send().await.unwrap();
        }
        Ok(bytes(1))
    };
    let content = pieces(&bytes(6 << 20), 1 << 20).chain(stream::once(expire));
    let error = bucket.put_stream("k", content.boxed()).await.unwrap_err();
    assert_eq!(error.code(), Some("NoSuchUpload"), "{error}");
    assert!(!error.to_string().contains("left behind"), "{error}");
    assert_eq!(uploads(&site).await, 0);
    assert!(!site.exists("k").await);
}

#[tokio::test]
async fn an_upload_that_cannot_be_given_up_either_says_that_its_parts_stay() {
    let site = Site::start().await;
    if !site.is_embedded {
        return;
    }
    let bucket = asking_once(&site).await;
    bucket.put("k", "old").await.unwrap();
    let faults: [fn(Fault) -> Fault; 4] = [
        |fault| fault.error("AccessDenied"),
        |fault| fault.status(503),
        Fault::timeout,
        // As if somebody else had been first: no part is left then.
        |fault| fault.error("NoSuchUpload"),
    ];
    for (index, fault) in faults.into_iter().enumerate() {
        site.aws.fault(Fault::on("s3", "UploadPart").after(1).error("AccessDenied"));
        site.aws.fault(fault(Fault::on("s3", "AbortMultipartUpload")));
        let error = bucket.put_stream("k", pieces(&bytes(PART + 1), 1 << 20)).await.unwrap_err();
        site.aws.clear_faults();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Denied, Some("AccessDenied")), "{error}");
        assert_eq!(error.to_string().contains("parts of the upload may be left behind"), index < 3, "{error}");
        let left = site.s3.list_multipart_uploads().bucket(&site.name).send().await.unwrap();
        assert_eq!(left.uploads().len(), 1);
        let abort = site.s3.abort_multipart_upload().bucket(&site.name).key("k");
        abort.upload_id(left.uploads()[0].upload_id().unwrap()).send().await.unwrap();
        assert_eq!(bucket.get("k").await.unwrap().unwrap().body, b"old");
    }
}

#[tokio::test]
async fn parts_are_sent_while_the_content_is_waited_for() {
    let site = Site::start().await;
    if !site.is_embedded {
        return;
    }
    let bucket = site.builder().part_size(PART).build(&site.privet().await, &site.s3).unwrap();
    let sent = || site.aws.calls("s3").into_iter().filter(|call| call.operation == "UploadPart").count();
    let content = bytes(LARGE);
    // The end comes only when what fills two parts is sent.
    let end = stream::once(async {
        while sent() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(b"the end".to_vec())
    });
    let put = bucket.put_stream("k", pieces(&content, 1 << 20).chain(end));
    tokio::time::timeout(Duration::from_secs(60), put).await.expect("parts wait for the content").unwrap();
    assert!(bucket.get("k").await.unwrap().unwrap().body == [&content[..], b"the end"].concat());
}

/// A part that fails ends the upload, though the content goes on for ever.
#[tokio::test]
async fn a_part_that_fails_is_noticed_while_the_content_is_waited_for() {
    let site = Site::start().await;
    if !site.is_embedded {
        return;
    }
    let bucket = site.builder().part_size(PART).build(&site.privet().await, &site.s3).unwrap();
    site.aws.fault(Fault::on("s3", "UploadPart").status(403));
    let endless = pieces(&bytes(LARGE), 1 << 20).chain(stream::pending());
    let put = bucket.put_stream("k", endless);
    let failed = tokio::time::timeout(Duration::from_secs(60), put).await.expect("nobody notices").unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Denied);
    assert_eq!(uploads(&site).await, 0);
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_neither_object_nor_parts() {
    let site = Site::start().await;
    let bucket = site.builder().part_size(PART).build(&site.privet().await, &site.s3).unwrap();
    // Never ends: it is dropped in the middle.
    let endless = pieces(&bytes(LARGE), 1 << 20).chain(stream::pending());
    let running = tokio::spawn(async move { bucket.put_stream("k", endless).await });
    while uploads(&site).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!running.is_finished());
    running.abort();
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
