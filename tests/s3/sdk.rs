//! The SDK's own builders: `.send()` becomes `.send_protected(...)`.

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use privet::ErrorKind;
use privet::s3::SendProtected as _;

use crate::site::{Site, bytes, kind};

#[tokio::test]
async fn builders_seal_and_open_with_a_protector_and_with_a_bucket() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let bucket = site.mixed().await;
    let put = |key: &str| {
        let put =
            site.s3.put_object().bucket(&site.name).key(key).metadata("owner", "alice").content_type("text/plain");
        put.body(ByteStream::from(bytes(100_000)))
    };
    let get = |key: &str| site.s3.get_object().bucket(&site.name).key(key);
    put("privet").send_protected(&privet).await.unwrap();
    put("bucket").send_protected(&bucket).await.unwrap();
    assert!(site.stored("bucket").await.metadata.contains_key("x-amz-3"));
    for key in ["privet", "bucket"] {
        let got = match key {
            "privet" => get(key).send_protected(&privet).await.unwrap(),
            _ => get(key).send_protected(&bucket).await.unwrap(),
        };
        assert_eq!((got.content_length(), got.content_type()), (Some(100_000), Some("text/plain")));
        assert_eq!(got.metadata().unwrap().len(), 1);
        assert_eq!(got.body.collect().await.unwrap().to_vec(), bytes(100_000));
        let range = get(key).range("bytes=70000-70009");
        let got = match key {
            "privet" => range.send_protected(&privet).await.unwrap(),
            _ => range.send_protected(&bucket).await.unwrap(),
        };
        assert_eq!(got.content_range(), Some("bytes 70000-70009/100000"));
        assert_eq!((got.content_length(), got.metadata().unwrap().len()), (Some(10), 1));
        assert_eq!(got.body.collect().await.unwrap().to_vec(), bytes(100_000)[70_000..70_010]);
    }
    // The protector's class and resource are others than the bucket's.
    assert_eq!(kind(get("privet").send_protected(&bucket).await), ErrorKind::Integrity);
}

#[tokio::test]
async fn a_bucket_sends_large_content_in_parts() {
    let site = Site::start().await;
    let bucket = site.builder().part_size(5 << 20).build(&site.privet().await, &site.s3).unwrap();
    let put = site.s3.put_object().bucket(&site.name).key("k").if_none_match("*").body(bytes(11 << 20).into());
    let output = put.send_protected(&bucket).await.unwrap();
    assert_eq!(output.e_tag(), site.s3.head_object().bucket(&site.name).key("k").send().await.unwrap().e_tag());
    assert!(!site.is_embedded || site.calls("s3", "UploadPart") == 3);
    let got = site.s3.get_object().bucket(&site.name).key("k").send_protected(&bucket).await.unwrap();
    assert!(got.body.collect().await.unwrap().to_vec() == bytes(11 << 20));
}

#[tokio::test]
async fn conditions_pass_through() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let put = || site.s3.put_object().bucket(&site.name).key("k").body(ByteStream::from_static(b"x"));
    let etag = put().if_none_match("*").send_protected(&privet).await.unwrap().e_tag.unwrap();
    assert_eq!(kind(put().if_none_match("*").send_protected(&privet).await), ErrorKind::Conflict);
    put().if_match(&etag).send_protected(&privet).await.unwrap();
    assert_eq!(kind(put().if_match(&etag).send_protected(&privet).await), ErrorKind::Conflict);
    let get = site.s3.get_object().bucket(&site.name).key("k").if_match(&etag);
    assert_eq!(kind(get.send_protected(&privet).await), ErrorKind::Conflict);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_before_anything_is_asked() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let put = || site.s3.put_object().bucket(&site.name).key("k").body(ByteStream::from_static(b"x"));
    for reserved in ["x-amz-key-v2", "X-Amz-3", "privet-object", "Privet-anything"] {
        assert_eq!(kind(put().metadata(reserved, "x").send_protected(&privet).await), ErrorKind::Input);
    }
    assert_eq!(kind(put().checksum_sha256("AAAA").send_protected(&privet).await), ErrorKind::Input);
    assert_eq!(kind(put().content_md5("AAAA").send_protected(&privet).await), ErrorKind::Input);
    assert_eq!(kind(put().write_offset_bytes(1).send_protected(&privet).await), ErrorKind::Unsupported);
    assert_eq!(kind(site.s3.put_object().bucket(&site.name).send_protected(&privet).await), ErrorKind::Input);
    let streamed = ByteStream::new(SdkBody::from_body_1_x(SdkBody::from("x")));
    assert_eq!(kind(put().body(streamed).send_protected(&privet).await), ErrorKind::Unsupported);
    let get = || site.s3.get_object().bucket(&site.name).key("k");
    assert_eq!(kind(get().part_number(1).send_protected(&privet).await), ErrorKind::Unsupported);
    let other = site.s3.put_object().bucket("other").key("k").send_protected(&site.bucket().await).await;
    assert_eq!(kind(other), ErrorKind::Config);
    assert!(site.aws.calls("*").is_empty());
    put().send_protected(&privet).await.unwrap();
    for range in ["bytes=1-", "bytes=0-0,0-0", "lines=0-1"] {
        assert_eq!(kind(get().range(range).send_protected(&privet).await), ErrorKind::Input);
    }
    assert_eq!(
        kind(site.s3.get_object().bucket(&site.name).key("none").range("bytes=0-0").send_protected(&privet).await),
        ErrorKind::Input
    );
}
