//! Copies that open where they are put, removals, lists.

use privet::ErrorKind;
use privet::keyring::S3ecKeyring;
use privet::s3::ObjectFormat;

use crate::site::{Site, bytes, kind, pieces};

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
