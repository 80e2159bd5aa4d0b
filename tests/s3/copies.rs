//! Copies that open where they are put, removals, lists.

use std::time::Duration;

use aws_sdk_s3::types::ObjectCannedAcl;
use privet::ErrorKind;
use privet::keyring::S3ecKeyring;
use privet::s3::ObjectFormat;
use privet_testkit::Fault;

use crate::site::{Site, Stored, bytes, kind, pieces};

#[tokio::test]
async fn a_bound_object_is_bound_to_its_new_place() {
    let site = Site::start().await;
    let bucket = site.bucket().await;
    for length in [0, 100, 100_000] {
        let put = site.s3.put_object().key("from").metadata("owner", "alice").content_type("text/plain");
        bucket.put_stream_as(put, pieces(&bytes(length), 1000)).await.unwrap();
        bucket.copy("from", "a/to ü").await.unwrap();
        let copy = bucket.get("a/to ü").await.unwrap().unwrap();
        assert_eq!((copy.body, &copy.metadata["owner"][..]), (bytes(length), "alice"));
        assert_eq!(bucket.head("a/to ü").await.unwrap().unwrap().content_type.as_deref(), Some("text/plain"));
        assert_eq!(bucket.get("from").await.unwrap().unwrap().body, bytes(length));
    }
    assert_eq!(kind(bucket.copy("none", "to").await), ErrorKind::Input);
}

#[tokio::test]
async fn what_is_not_bound_is_copied_by_s3_with_all_it_needs() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let s3ec = S3ecKeyring::kms(site.kms().await);
    let in_files = S3ecKeyring::kms(site.kms().await);
    for (builder, has_file) in [
        (site.builder().renamable(), false),
        (site.builder().s3ec(s3ec), false),
        (site.builder().s3ec(in_files).instruction_files(), true),
    ] {
        let bucket = builder.build(&privet, &site.s3).unwrap();
        bucket.put("from", bytes(1000)).await.unwrap();
        site.aws.clear_calls();
        bucket.copy("from", "to b").await.unwrap();
        let read = site
            .aws
            .calls("s3")
            .into_iter()
            .filter(|call| call.operation == "GetObject" && call.object_key.as_deref() == Some("from"));
        assert_eq!(read.count(), 0);
        assert_eq!(site.exists("to b.instruction").await, has_file);
        assert_eq!(bucket.get("to b").await.unwrap().unwrap().body, bytes(1000));
        bucket.delete("to b").await.unwrap();
        assert!(!site.exists("to b").await && !site.exists("to b.instruction").await);
        bucket.delete("to b").await.unwrap();
        assert_eq!(bucket.get("from").await.unwrap().unwrap().body, bytes(1000));
    }
}

#[tokio::test]
async fn lists_say_lengths_of_contents_where_they_are_asked_to() {
    let site = Site::start().await;
    let keyring = S3ecKeyring::kms(site.kms().await);
    let builder = site.builder().s3ec(keyring).format(ObjectFormat::S3ec).instruction_files();
    let s3ec = builder.build(&site.privet().await, &site.s3).unwrap();
    s3ec.put("a/1", bytes(10)).await.unwrap();
    site.bucket().await.put("a/2", bytes(100_000)).await.unwrap();
    site.bucket().await.put("b/1", bytes(1)).await.unwrap();
    let page = s3ec.list("a/", None).await.unwrap();
    let keys: Vec<_> = page.entries.iter().map(|entry| (&entry.key[..], entry.plaintext_length)).collect();
    assert_eq!(keys, [("a/1", None), ("a/2", None)]);
    assert!(page.next.is_none() && page.entries[0].stored_length == 26);
    let page = s3ec.list_with_lengths("a/", None).await.unwrap();
    let lengths: Vec<_> = page.entries.iter().map(|entry| entry.plaintext_length).collect();
    assert_eq!(lengths, [Some(10), Some(100_000)]);
}

#[tokio::test]
async fn a_removal_takes_no_file_of_what_was_written_meanwhile() {
    let site = Site::start().await;
    if !site.is_embedded {
        return;
    }
    let keyring = S3ecKeyring::kms(site.kms().await);
    let builder = site.builder().s3ec(keyring).format(ObjectFormat::S3ec).instruction_files();
    let bucket = builder.build(&site.privet().await, &site.s3).unwrap();
    // What S3 has done, and says late.
    for (operation, before) in [("DeleteObject", 0), ("HeadObject", 1)] {
        bucket.put("k", bytes(1000)).await.unwrap();
        site.aws.clear_calls();
        site.aws.fault(Fault::on("s3", operation).after(before).times(1).delay(Duration::from_millis(400)));
        let running = tokio::spawn({
            let bucket = bucket.clone();
            async move { bucket.delete("k").await }
        });
        while site.calls("s3", operation) as u64 <= before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The object is gone, and its file is about to go.
        bucket.put("k", bytes(2000)).await.unwrap();
        running.await.unwrap().unwrap();
        site.aws.clear_faults();
        assert!(!site.stored("k").await.metadata.contains_key("x-amz-3"), "its key is in the file alone");
        assert_eq!(bucket.get("k").await.unwrap().unwrap().body, bytes(2000), "{operation}");
    }
}

#[tokio::test]
async fn a_removal_takes_the_file_of_its_object_and_no_other() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let in_format = async |format| site.builder().s3ec(S3ecKeyring::kms(site.kms().await)).format(format);
    let files = in_format(ObjectFormat::S3ec).await.instruction_files();
    let (metadata, framed) = (in_format(ObjectFormat::S3ec).await, in_format(ObjectFormat::Framed).await);
    let [files, metadata, framed] = [files, metadata, framed].map(|builder| builder.build(&privet, &site.s3).unwrap());
    // As half of a writer has left it, or is about to go on with it: it puts the file before the object.
    files.put("other", bytes(10)).await.unwrap();
    let half = site.stored("other.instruction").await;
    for bucket in [&metadata, &framed] {
        bucket.put("k", bytes(10)).await.unwrap();
        site.store("k.instruction", half.clone()).await;
        files.delete("k").await.unwrap();
        assert!(!site.exists("k").await && site.exists("k.instruction").await);
        files.delete("k").await.unwrap();
        assert!(site.exists("k.instruction").await);
    }
    // Taken over by the next object.
    files.put("k", bytes(20)).await.unwrap();
    assert_eq!(files.get("k").await.unwrap().unwrap().body, bytes(20));
    files.delete("k").await.unwrap();
    assert!(!site.exists("k").await && !site.exists("k.instruction").await);
    // The application's own object may be called like a file, whatever is beside it.
    for body in [b"first open the box".to_vec(), bytes(100_000)] {
        let own = Stored { body, metadata: Default::default() };
        for bucket in [&files, &metadata, &framed] {
            bucket.put("k", bytes(10)).await.unwrap();
            site.store("k.instruction", own.clone()).await;
            bucket.copy("k", "copy").await.unwrap();
            assert!(!site.exists("copy.instruction").await);
            bucket.delete("k").await.unwrap();
            assert!(!site.exists("k").await);
            assert_eq!(site.stored("k.instruction").await.body, own.body);
            site.s3.delete_object().bucket(&site.name).key("k.instruction").send().await.unwrap();
        }
    }
}

/// Where access lists or locks would be lost by the copy that takes it out, an object has its key in both places.
#[tokio::test]
async fn a_removal_takes_a_file_that_says_what_the_object_says_too() {
    let site = Site::start().await;
    let keyring = S3ecKeyring::kms(site.kms().await);
    let builder = site.builder().s3ec(keyring).format(ObjectFormat::S3ec).instruction_files();
    let bucket = builder.build(&site.privet().await, &site.s3).unwrap();
    for length in [10, 20] {
        let request = site.s3.put_object().key("k").acl(ObjectCannedAcl::BucketOwnerFullControl);
        bucket.put_stream_as(request, pieces(&bytes(length), 10)).await.unwrap();
    }
    assert!(site.stored("k").await.metadata.contains_key("x-amz-3") && site.exists("k.instruction").await);
    bucket.delete("k").await.unwrap();
    assert!(!site.exists("k").await && !site.exists("k.instruction").await);
}
