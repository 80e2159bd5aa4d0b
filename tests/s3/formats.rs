//! S3EC objects: what other clients find in the bucket, old formats, keys that change.

use privet::keyring::S3ecKeyring;
use privet::s3::{BucketBuilder, ObjectFormat};
use privet::s3ec::CommitmentPolicy;
use privet::{EncryptionContext, ErrorKind, Secret};
use privet_testkit::Fault;

use crate::site::{Site, bytes, collect, kind, pieces};

fn aes(byte: u8) -> S3ecKeyring {
    S3ecKeyring::aes(&Secret::copy_of(&[byte; 32])).unwrap()
}

fn s3ec(site: &Site, keyring: S3ecKeyring) -> BucketBuilder {
    site.builder().s3ec(keyring).format(ObjectFormat::S3ec)
}

#[tokio::test]
async fn metadata_are_those_of_the_formats() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let names = async |key: &str| {
        let mut names: Vec<_> = site.stored(key).await.metadata.into_keys().collect();
        names.sort();
        names
    };
    let kms = async || S3ecKeyring::kms(site.kms().await);
    s3ec(&site, kms().await).build(&privet, &site.s3).unwrap().put("v3", "x").await.unwrap();
    assert_eq!(names("v3").await, ["x-amz-3", "x-amz-c", "x-amz-d", "x-amz-i", "x-amz-t", "x-amz-w"]);
    let v2 = s3ec(&site, kms().await).commitment_policy(CommitmentPolicy::ForbidEncryptAllowDecrypt);
    v2.build(&privet, &site.s3).unwrap().put("v2", "x").await.unwrap();
    let expected = ["x-amz-cek-alg", "x-amz-iv", "x-amz-key-v2", "x-amz-matdesc", "x-amz-tag-len", "x-amz-wrap-alg"];
    assert_eq!(names("v2").await, expected);
    let in_files = s3ec(&site, kms().await).instruction_files().build(&privet, &site.s3).unwrap();
    in_files.put("file", "x").await.unwrap();
    assert_eq!(names("file").await, ["x-amz-c", "x-amz-d", "x-amz-i"]);
    assert_eq!(names("file.instruction").await, ["x-amz-crypto-instr-file"]);
    // All of them are read by a bucket that may, and only V3 by one that says nothing.
    let strict = s3ec(&site, kms().await).build(&privet, &site.s3).unwrap();
    let lenient = s3ec(&site, kms().await).commitment_policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
    let lenient = lenient.build(&privet, &site.s3).unwrap();
    for key in ["v3", "v2", "file"] {
        assert_eq!(lenient.get(key).await.unwrap().unwrap().body, b"x");
        assert_eq!(lenient.get_range(key, 0..1).await.unwrap().unwrap(), b"x");
    }
    assert_eq!(strict.get("file").await.unwrap().unwrap().body, b"x");
    assert_eq!(kind(strict.get("v2").await), ErrorKind::Denied);
    // Without a keyring for them there is no guess.
    assert_eq!(kind(site.bucket().await.get("v3").await), ErrorKind::Config);
}

#[tokio::test]
async fn an_instruction_file_of_an_older_format_is_found_where_that_may_be_read() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let policy = CommitmentPolicy::ForbidEncryptAllowDecrypt;
    let bucket = s3ec(&site, aes(1)).commitment_policy(policy).instruction_files().build(&privet, &site.s3).unwrap();
    bucket.put("k", bytes(100)).await.unwrap();
    assert!(site.stored("k").await.metadata.is_empty());
    assert_eq!(bucket.get("k").await.unwrap().unwrap().body, bytes(100));
    assert_eq!(bucket.head("k").await.unwrap().unwrap().plaintext_length, None);
    site.s3.delete_object().bucket(&site.name).key("k.instruction").send().await.unwrap();
    assert_eq!(kind(bucket.get("k").await), ErrorKind::Integrity);
}

#[tokio::test]
async fn other_clients_of_the_bucket_have_a_context_of_their_own() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let shared = EncryptionContext::new().with("department", "finance");
    let theirs = s3ec(&site, S3ecKeyring::kms(site.kms().await)).s3ec_context(shared);
    let theirs = theirs.build(&privet, &site.s3).unwrap();
    theirs.put("k", "x").await.unwrap();
    let stored = site.stored("k").await.metadata["x-amz-t"].clone();
    assert_eq!(stored, r#"{"aws:x-amz-cek-alg":"115","department":"finance"}"#);
    assert_eq!(theirs.get("k").await.unwrap().unwrap().body, b"x");
    let ours = s3ec(&site, S3ecKeyring::kms(site.kms().await)).build(&privet, &site.s3).unwrap();
    assert_eq!(kind(ours.get("k").await), ErrorKind::Integrity);
}

#[tokio::test]
async fn a_key_is_wrapped_anew_without_the_body() {
    let site = Site::start().await;
    let privet = site.privet().await;
    for in_file in [false, true] {
        for policy in [CommitmentPolicy::RequireEncryptRequireDecrypt, CommitmentPolicy::ForbidEncryptAllowDecrypt] {
            let build = |keyring| {
                let builder = s3ec(&site, keyring).commitment_policy(policy);
                let builder = if in_file { builder.instruction_files() } else { builder };
                builder.build(&privet, &site.s3).unwrap()
            };
            let request = site.s3.put_object().key("k").metadata("owner", "alice").content_type("text/plain");
            build(aes(1)).put_stream_as(request.tagging("team=x"), pieces(&bytes(1000), 100)).await.unwrap();
            let before = site.stored("k").await;
            // From the old AES key to KMS.
            let kms = S3ecKeyring::kms(site.kms().await);
            site.aws.clear_calls();
            build(kms.with_reader(aes(1))).rewrap("k").await.unwrap();
            if site.is_embedded {
                let bodies = site
                    .aws
                    .calls("s3")
                    .into_iter()
                    .filter(|call| call.operation == "GetObject" && call.object_key.as_deref() == Some("k"));
                assert_eq!(bodies.count(), 0);
            }
            let after = site.stored("k").await;
            assert_eq!(after.body, before.body);
            let new = build(S3ecKeyring::kms(site.kms().await));
            let read = new.get("k").await.unwrap().unwrap();
            assert_eq!((read.body, &read.metadata["owner"][..]), (bytes(1000), "alice"));
            assert_eq!(new.head("k").await.unwrap().unwrap().content_type.as_deref(), Some("text/plain"));
            let tags = site.s3.get_object_tagging().bucket(&site.name).key("k").send().await.unwrap();
            assert_eq!(tags.tag_set().len(), 1);
            assert_eq!(kind(build(aes(1)).get("k").await), ErrorKind::Denied);
            // Who cannot read it changes nothing.
            assert_eq!(kind(build(aes(2)).rewrap("k").await), ErrorKind::Denied);
            assert_eq!(new.get("k").await.unwrap().unwrap().body, bytes(1000));
        }
    }
    assert_eq!(kind(s3ec(&site, aes(1)).build(&privet, &site.s3).unwrap().rewrap("none").await), ErrorKind::Input);
}

#[tokio::test]
async fn framed_objects_and_formats_change_by_writing_anew() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let s3ec = s3ec(&site, aes(1)).build(&privet, &site.s3).unwrap();
    let framed = site.builder().s3ec(aes(1)).format(ObjectFormat::Framed).build(&privet, &site.s3).unwrap();
    s3ec.put("k", bytes(100_000)).await.unwrap();
    framed.rewrite("k").await.unwrap();
    assert_eq!(kind(s3ec.rewrap("k").await), ErrorKind::Unsupported);
    let stored = site.stored("k").await;
    assert!(stored.metadata.contains_key("privet-object") && !stored.metadata.contains_key("x-amz-3"));
    assert_eq!(collect(framed.get_stream("k").await.unwrap().unwrap()).await.unwrap(), bytes(100_000));
    s3ec.rewrite("k").await.unwrap();
    let stored = site.stored("k").await;
    assert!(!stored.metadata.contains_key("privet-object") && stored.metadata.contains_key("x-amz-3"));
    assert_eq!(framed.get("k").await.unwrap().unwrap().body, bytes(100_000));
}

/// Whatever fails, the object that is there keeps the instruction file that belongs to it.
#[tokio::test]
async fn an_object_that_is_not_replaced_keeps_its_instruction_file() {
    let site = Site::start().await;
    let bucket = s3ec(&site, aes(1)).instruction_files().build(&site.privet().await, &site.s3).unwrap();
    bucket.put("k", bytes(100)).await.unwrap();
    let new = || site.s3.put_object().key("k").if_none_match("*");
    assert_eq!(kind(bucket.put_stream_as(new(), pieces(&bytes(10), 3)).await), ErrorKind::Conflict);
    assert_eq!(bucket.get("k").await.unwrap().unwrap().body, bytes(100));
    bucket.put("k", bytes(200)).await.unwrap();
    assert_eq!(bucket.get("k").await.unwrap().unwrap().body, bytes(200));
    bucket.put("other", bytes(10)).await.unwrap();
    bucket.copy("other", "k").await.unwrap();
    assert_eq!(bucket.get("k").await.unwrap().unwrap().body, bytes(10));
    if site.is_embedded {
        site.aws.fault(Fault::on("s3", "CopyObject").error("AccessDenied"));
        assert_eq!(kind(bucket.copy("other", "k").await), ErrorKind::Denied);
        assert_eq!(bucket.get("k").await.unwrap().unwrap().body, bytes(10));
        // What never came to be leaves no instruction file.
        assert_eq!(kind(bucket.copy("other", "new").await), ErrorKind::Denied);
        assert!(!site.exists("new.instruction").await);
    }
}
