//! S3: what privet builds on: bodies of all sizes, ranges, metadata, conditions, multipart uploads.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, MetadataDirective};

use crate::site::{HERE, Site, unique};

/// A client and the name of a new bucket.
async fn client_with_bucket() -> (Client, String) {
    let s3 = Site::start().await.s3(HERE).await;
    let bucket = unique("contract");
    let place = aws_sdk_s3::types::BucketLocationConstraint::from(HERE);
    let place = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(place).build();
    s3.create_bucket().bucket(&bucket).create_bucket_configuration(place).send().await.unwrap();
    (s3, bucket)
}

async fn put(s3: &Client, bucket: &str, key: &str, body: &[u8]) -> String {
    let put = s3.put_object().bucket(bucket).key(key).body(ByteStream::from(body.to_vec()));
    put.send().await.unwrap().e_tag.unwrap()
}

async fn get(s3: &Client, bucket: &str, key: &str) -> Vec<u8> {
    let got = s3.get_object().bucket(bucket).key(key).send().await.unwrap();
    got.body.collect().await.unwrap().to_vec()
}

/// The code of a refusal, or its status where the answer has no body.
fn refusal<T: std::fmt::Debug, E>(result: Result<T, aws_sdk_s3::error::SdkError<E>>) -> String
where
    aws_sdk_s3::error::SdkError<E>: ProvideErrorMetadata,
{
    let error = result.err().unwrap();
    let status = error.raw_response().map(|response| response.status().as_u16().to_string());
    error.code().map(str::to_owned).or(status).unwrap_or_default()
}

#[tokio::test]
async fn an_object_comes_back_with_its_metadata() {
    let (s3, bucket) = client_with_bucket().await;
    for length in [0, 1, 100_000] {
        let body = vec![7; length];
        let put = s3.put_object().bucket(&bucket).key("a/b c+d").metadata("owner", "alice").content_type("text/plain");
        put.body(ByteStream::from(body.clone())).send().await.unwrap();
        let got = s3.get_object().bucket(&bucket).key("a/b c+d").send().await.unwrap();
        assert_eq!(got.metadata().unwrap()["owner"], "alice");
        assert_eq!((got.content_type(), got.content_length()), (Some("text/plain"), Some(length as i64)));
        assert_eq!(got.body.collect().await.unwrap().to_vec(), body);
        let head = s3.head_object().bucket(&bucket).key("a/b c+d").send().await.unwrap();
        assert_eq!((head.content_length(), &head.metadata().unwrap()["owner"][..]), (Some(length as i64), "alice"));
    }
    assert_eq!(refusal(s3.get_object().bucket(&bucket).key("none").send().await), "NoSuchKey");
    assert!(s3.head_object().bucket(&bucket).key("none").send().await.unwrap_err().into_service_error().is_not_found());
}

#[tokio::test]
async fn ranges_are_slices() {
    let (s3, bucket) = client_with_bucket().await;
    let body: Vec<u8> = (0..=255).cycle().take(1000).collect();
    put(&s3, &bucket, "k", &body).await;
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=10-19", 10..20),
        ("bytes=990-2000", 990..1000),
        ("bytes=990-", 990..1000),
        ("bytes=-5", 995..1000),
    ] {
        let got = s3.get_object().bucket(&bucket).key("k").range(range).send().await.unwrap();
        let place = format!("bytes {}-{}/1000", expected.start, expected.end - 1);
        assert_eq!(got.content_range(), Some(&place[..]), "{range}");
        assert_eq!(got.body.collect().await.unwrap().to_vec(), body[expected], "{range}");
    }
    let refused = s3.get_object().bucket(&bucket).key("k").range("bytes=1000-1001").send().await;
    assert_eq!(refusal(refused), "InvalidRange");
}

#[tokio::test]
async fn writes_are_conditional() {
    let (s3, bucket) = client_with_bucket().await;
    let new = |body: &'static [u8]| {
        s3.put_object().bucket(&bucket).key("k").if_none_match("*").body(ByteStream::from_static(body)).send()
    };
    let etag = new(b"1").await.unwrap().e_tag.unwrap();
    assert_eq!(refusal(new(b"2").await), "PreconditionFailed");
    let replace =
        |etag: &str| s3.put_object().bucket(&bucket).key("k").if_match(etag).body(ByteStream::from_static(b"3")).send();
    replace(&etag).await.unwrap();
    assert_eq!(refusal(replace(&etag).await), "PreconditionFailed");
    assert_eq!(get(&s3, &bucket, "k").await, b"3");
}

#[tokio::test]
async fn reads_are_conditional() {
    let (s3, bucket) = client_with_bucket().await;
    let etag = put(&s3, &bucket, "k", b"1").await;
    let read = |etag: &str| s3.get_object().bucket(&bucket).key("k").range("bytes=0-0").if_match(etag).send();
    read(&etag).await.unwrap();
    put(&s3, &bucket, "k", b"2").await;
    assert_eq!(refusal(read(&etag).await), "PreconditionFailed");
}

#[tokio::test]
async fn a_copy_onto_itself_replaces_metadata() {
    let (s3, bucket) = client_with_bucket().await;
    let etag = put(&s3, &bucket, "k", b"1").await;
    replace_metadata(&s3, &bucket, "k", &etag).send().await.unwrap();
    let got = s3.get_object().bucket(&bucket).key("k").send().await.unwrap();
    assert_eq!(got.metadata().unwrap()["a"], "b");
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"1");
}

#[tokio::test]
async fn a_copy_is_refused_if_the_source_is_not_the_one_meant() {
    let (s3, bucket) = client_with_bucket().await;
    let etag = put(&s3, &bucket, "k", b"1").await;
    put(&s3, &bucket, "k", b"2").await;
    assert_eq!(refusal(replace_metadata(&s3, &bucket, "other", &etag).send().await), "PreconditionFailed");
    assert_eq!(refusal(s3.head_object().bucket(&bucket).key("other").send().await), "NotFound");
}

/// A copy of the object `k` that has this ETag, with other metadata.
fn replace_metadata(s3: &Client, bucket: &str, key: &str, etag: &str) -> CopyObjectFluentBuilder {
    let copy = s3.copy_object().bucket(bucket).key(key).copy_source(format!("{bucket}/k")).copy_source_if_match(etag);
    copy.metadata_directive(MetadataDirective::Replace).metadata("a", "b")
}

#[tokio::test]
async fn an_upload_in_parts_is_there_when_it_is_completed_and_not_before() {
    let (s3, bucket) = client_with_bucket().await;
    let created = s3.create_multipart_upload().bucket(&bucket).key("k").metadata("a", "b").send().await.unwrap();
    let id = created.upload_id().unwrap();
    let mut parts = Vec::new();
    for (number, body) in [(1, vec![1; 5 << 20]), (2, vec![2; 10])] {
        let part = s3.upload_part().bucket(&bucket).key("k").upload_id(id).part_number(number);
        let part = part.body(ByteStream::from(body)).send().await.unwrap();
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).build());
    }
    assert_eq!(refusal(s3.get_object().bucket(&bucket).key("k").send().await), "NoSuchKey");
    assert_eq!(s3.list_multipart_uploads().bucket(&bucket).send().await.unwrap().uploads().len(), 1);
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = s3.complete_multipart_upload().bucket(&bucket).key("k").upload_id(id).multipart_upload(parts);
    complete.if_none_match("*").send().await.unwrap();
    let got = s3.get_object().bucket(&bucket).key("k").send().await.unwrap();
    assert_eq!((got.content_length(), &got.metadata().unwrap()["a"][..]), (Some((5 << 20) + 10), "b"));
    assert!(s3.list_multipart_uploads().bucket(&bucket).send().await.unwrap().uploads().is_empty());
}

#[tokio::test]
async fn an_upload_that_is_aborted_leaves_nothing() {
    let (s3, bucket) = client_with_bucket().await;
    let created = s3.create_multipart_upload().bucket(&bucket).key("k").send().await.unwrap();
    let id = created.upload_id().unwrap();
    let part = s3.upload_part().bucket(&bucket).key("k").upload_id(id).part_number(1);
    part.body(ByteStream::from_static(b"x")).send().await.unwrap();
    s3.abort_multipart_upload().bucket(&bucket).key("k").upload_id(id).send().await.unwrap();
    assert!(s3.list_multipart_uploads().bucket(&bucket).send().await.unwrap().uploads().is_empty());
    assert_eq!(refusal(s3.get_object().bucket(&bucket).key("k").send().await), "NoSuchKey");
}

#[tokio::test]
async fn lists_tags_and_removals() {
    let (s3, bucket) = client_with_bucket().await;
    for key in ["a/1", "a/2", "b/1"] {
        s3.put_object()
            .bucket(&bucket)
            .key(key)
            .tagging("team=x")
            .body(ByteStream::from_static(b"123"))
            .send()
            .await
            .unwrap();
    }
    let listed = s3.list_objects_v2().bucket(&bucket).prefix("a/").send().await.unwrap();
    let keys: Vec<_> = listed.contents().iter().map(|object| (object.key().unwrap(), object.size().unwrap())).collect();
    assert_eq!(keys, [("a/1", 3), ("a/2", 3)]);
    let tags = s3.get_object_tagging().bucket(&bucket).key("a/1").send().await.unwrap();
    assert_eq!((tags.tag_set()[0].key(), tags.tag_set()[0].value()), ("team", "x"));
    s3.delete_object().bucket(&bucket).key("a/1").send().await.unwrap();
    // What is not there can be removed, too.
    s3.delete_object().bucket(&bucket).key("a/1").send().await.unwrap();
    assert_eq!(s3.list_objects_v2().bucket(&bucket).send().await.unwrap().contents().len(), 2);
}
