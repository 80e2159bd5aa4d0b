//! What someone can do who may read and write everything in the bucket: nothing that opens to something else.

use privet::keyring::S3ecKeyring;
use privet::s3::{Bucket, ObjectFormat};
use privet::s3ec::CommitmentPolicy;
use privet::{ErrorKind, Secret};

use crate::site::{Site, Stored, bytes, collect, kind};

/// All the ways to read an object: each gives this content, or an error.
async fn never_anything_else(bucket: &Bucket, key: &str, content: &[u8], case: &str) {
    let whole = bucket.get(key).await;
    assert!(whole.is_err() || whole.unwrap().unwrap().body == content, "{case}: get");
    if let Ok(stream) = bucket.get_stream(key).await {
        let streamed = collect(stream.unwrap()).await;
        assert!(streamed.is_err() || streamed.unwrap() == content, "{case}: get_stream");
    }
    if let Ok(stream) = bucket.get_parallel(key).await {
        let streamed = collect(stream.unwrap()).await;
        assert!(streamed.is_err() || streamed.unwrap() == content, "{case}: get_parallel");
    }
    for start in (0..content.len()).step_by(37) {
        let range = start as u64..(start as u64 + 40).min(content.len() as u64);
        let read = bucket.get_range(key, range.clone()).await;
        let expected = &content[range.start as usize..range.end as usize];
        assert!(read.is_err() || read.unwrap().unwrap() == expected, "{case}: {range:?}");
    }
}

async fn always_refused(bucket: &Bucket, key: &str, case: &str) {
    assert!(bucket.get(key).await.is_err(), "{case}: get");
    if let Ok(stream) = bucket.get_stream(key).await {
        assert!(collect(stream.unwrap()).await.is_err(), "{case}: get_stream");
    }
    if let Ok(stream) = bucket.get_parallel(key).await {
        assert!(collect(stream.unwrap()).await.is_err(), "{case}: get_parallel");
    }
}

fn aes() -> S3ecKeyring {
    S3ecKeyring::aes(&Secret::copy_of(&[1; 32])).unwrap()
}

#[tokio::test]
async fn metadata_of_framed_objects_can_lie_about_lengths_only() {
    let site = Site::start().await;
    let bucket = site.builder().frame_length(64).build(&site.privet().await, &site.s3).unwrap();
    let content = bytes(300);
    bucket.put("k", content.clone()).await.unwrap();
    let good = site.stored("k").await;
    let header: u64 = good.metadata["privet-header"].parse().unwrap();
    for (name, values) in [
        ("privet-header", [0, 1, header - 1, header + 1, header + 96, 1 << 40, u64::MAX]),
        ("privet-frame", [1, 63, 65, 128, 1 << 20, 1 << 40, u64::MAX]),
    ] {
        for value in values {
            let mut lie = good.clone();
            lie.metadata.insert(name.to_owned(), value.to_string());
            site.store("k", lie).await;
            never_anything_else(&bucket, "k", &content, &format!("{name} {value}")).await;
            let _ = bucket.head("k").await.unwrap();
        }
    }
}

#[tokio::test]
async fn pieces_of_framed_objects_can_be_neither_dropped_nor_doubled_nor_moved() {
    let site = Site::start().await;
    let bucket = site.builder().frame_length(64).build(&site.privet().await, &site.s3).unwrap();
    let content = bytes(300);
    bucket.put("k", content.clone()).await.unwrap();
    bucket.put("other", bytes(364)).await.unwrap();
    let (good, other) = (site.stored("k").await, site.stored("other").await);
    let header: usize = good.metadata["privet-header"].parse().unwrap();
    // Four regular frames of 96 bytes, and the final one.
    let (head, frames) = good.body.split_at(header);
    let frames: Vec<&[u8]> = frames.chunks(96).collect();
    let others: Vec<&[u8]> = other.body[header..].chunks(96).collect();
    assert_eq!((frames.len(), others.len()), (5, 6));
    let of = |pieces: &[&[u8]]| [&[head], pieces].concat().concat();
    for (case, body) in [
        ("the end dropped", of(&frames[..4])),
        ("two dropped", of(&frames[..3])),
        ("the first dropped", of(&frames[1..])),
        ("one dropped", of(&[frames[0], frames[2], frames[3], frames[4]])),
        ("one doubled", of(&[frames[0], frames[0], frames[1], frames[2], frames[3], frames[4]])),
        ("the last doubled", of(&[frames[0], frames[1], frames[2], frames[3], frames[4], frames[4]])),
        ("two exchanged", of(&[frames[0], frames[2], frames[1], frames[3], frames[4]])),
        ("one of another object", of(&[frames[0], others[1], frames[2], frames[3], frames[4]])),
        ("all of another object", of(&others)),
        ("bytes behind it", [&good.body[..], &[0; 7]].concat()),
        ("another header", [&other.body[..header], &good.body[header..]].concat()),
    ] {
        site.store("k", Stored { body, metadata: good.metadata.clone() }).await;
        always_refused(&bucket, "k", case).await;
        never_anything_else(&bucket, "k", &content, case).await;
    }
    // Two objects exchanged as they are.
    site.store("k", other).await;
    site.store("other", good).await;
    always_refused(&bucket, "k", "exchanged").await;
    always_refused(&bucket, "other", "exchanged").await;
}

#[tokio::test]
async fn wrapped_keys_and_bodies_of_committed_objects_belong_together() {
    let site = Site::start().await;
    let privet = site.privet().await;
    // Even where older formats may pass.
    let builder = || site.builder().s3ec(aes()).format(ObjectFormat::S3ec);
    let lenient = || builder().commitment_policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
    for bucket in [lenient(), lenient().instruction_files()] {
        let bucket = bucket.build(&privet, &site.s3).unwrap();
        bucket.put("a", bytes(100)).await.unwrap();
        bucket.put("b", bytes(200)).await.unwrap();
        let (a, b) = (site.stored("a").await, site.stored("b").await);
        // What is in the metadata, one name after the other from the other object.
        for name in a.metadata.keys() {
            let mut mixed = a.clone();
            mixed.metadata.insert(name.clone(), b.metadata[name].clone());
            if mixed.metadata != a.metadata {
                site.store("a", mixed).await;
                always_refused(&bucket, "a", name).await;
            }
            let mut less = a.clone();
            less.metadata.remove(name);
            site.store("a", less).await;
            // A raw key's description says nothing that the key binds.
            if name != "x-amz-m" {
                always_refused(&bucket, "a", &format!("without {name}")).await;
            }
        }
        site.store("a", Stored { body: b.body.clone(), metadata: a.metadata.clone() }).await;
        always_refused(&bucket, "a", "another body").await;
        site.store("a", a).await;
        assert_eq!(bucket.get("a").await.unwrap().unwrap().body, bytes(100));
        if site.exists("a.instruction").await {
            let (own, other) = (site.stored("a.instruction").await, site.stored("b.instruction").await);
            site.store("a.instruction", other).await;
            always_refused(&bucket, "a", "the instruction file of another object").await;
            site.s3.delete_object().bucket(&site.name).key("a.instruction").send().await.unwrap();
            assert_eq!(kind(bucket.get("a").await), ErrorKind::Integrity);
            site.store("a.instruction", own).await;
            assert_eq!(bucket.get("a").await.unwrap().unwrap().body, bytes(100));
        }
    }
}

#[tokio::test]
async fn a_committed_object_does_not_become_one_that_is_not() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let kms = S3ecKeyring::kms(site.kms().await);
    for keyring in [aes(), kms] {
        let builder = site.builder().s3ec(keyring).format(ObjectFormat::S3ec);
        let builder = builder.commitment_policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
        let bucket = builder.build(&privet, &site.s3).unwrap();
        bucket.put("k", bytes(100)).await.unwrap();
        let good = site.stored("k").await;
        let is_kms = good.metadata["x-amz-w"] == "12";
        let description = good.metadata[if is_kms { "x-amz-t" } else { "x-amz-m" }].replace("115", "AES/GCM/NoPadding");
        let names = [
            ("x-amz-key-v2", good.metadata["x-amz-3"].clone()),
            ("x-amz-cek-alg", "AES/GCM/NoPadding".to_owned()),
            ("x-amz-iv", "AQEBAQEBAQEBAQEB".to_owned()),
            ("x-amz-wrap-alg", if is_kms { "kms+context" } else { "AES/GCM" }.to_owned()),
            ("x-amz-matdesc", description),
            ("x-amz-tag-len", "128".to_owned()),
        ];
        let metadata = names.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        site.store("k", Stored { body: good.body.clone(), metadata }).await;
        always_refused(&bucket, "k", "as the format before").await;
        // Nor a framed one.
        let mut framed = good.clone();
        framed.metadata.insert("privet-object".to_owned(), "framed-1".to_owned());
        framed.metadata.insert("privet-header".to_owned(), "10".to_owned());
        framed.metadata.insert("privet-frame".to_owned(), "10".to_owned());
        site.store("k", framed).await;
        always_refused(&bucket, "k", "as both").await;
    }
}

#[tokio::test]
async fn whoever_wraps_keys_anew_wraps_none_for_another_object() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let bucket = site.builder().s3ec(aes()).format(ObjectFormat::S3ec).build(&privet, &site.s3).unwrap();
    bucket.put("a", bytes(100)).await.unwrap();
    bucket.put("b", bytes(100)).await.unwrap();
    let mut mixed = site.stored("a").await;
    mixed.metadata.insert("x-amz-3".to_owned(), site.stored("b").await.metadata["x-amz-3"].clone());
    site.store("a", mixed.clone()).await;
    assert_eq!(kind(bucket.rewrap("a").await), ErrorKind::Integrity);
    assert_eq!(kind(bucket.rewrite("a").await), ErrorKind::Integrity);
    assert_eq!(site.stored("a").await.metadata, mixed.metadata);
}
