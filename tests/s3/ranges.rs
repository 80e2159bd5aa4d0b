//! Parts of objects are slices of their content, verified, and of one state of the object.

use privet::ErrorKind;
use privet::keyring::S3ecKeyring;
use privet::s3::ObjectFormat;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::site::{Site, bytes, collect, kind};

/// Lengths around the borders of frames, of what is fetched first, and of parts.
fn lengths() -> impl Strategy<Value = usize> {
    let around = |place: usize| (place.saturating_sub(2)..place + 3).boxed();
    prop_oneof![0..400_usize, around(100), around(200), around(16_384), around(16_000), around(5 << 20)]
}

#[test]
fn any_range_of_any_object_is_its_slice() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (site, bucket) = runtime.block_on(async {
        let site = Site::start().await;
        let privet = site.privet().await;
        let bucket = site.builder().frame_length(100).part_size(5 << 20).parallel(2).build(&privet, &site.s3).unwrap();
        (site, bucket)
    });
    let mut runner = TestRunner::new(Config { cases: 16, ..Config::default() });
    let strategy = (lengths(), prop::collection::vec((0.0..=1.0, 0.0..=1.0, 0..3_u64), 1..6));
    runner
        .run(&strategy, |(length, ranges)| {
            let content = bytes(length);
            runtime.block_on(async {
                bucket.put("k", content.clone()).await.unwrap();
                let reader = bucket.open("k").await.unwrap().unwrap();
                prop_assert_eq!(reader.plaintext_length(), length as u64);
                for (from, to, onto) in ranges {
                    // A third of the borders on those of frames.
                    let place = |share: f64| {
                        let place = (share * length as f64) as usize;
                        if onto == 0 { place - place % 100 } else { place }
                    };
                    let (start, end) = (place(from).min(place(to)), place(from).max(place(to)));
                    let range = start as u64..end as u64;
                    prop_assert_eq!(&reader.read(range.clone()).await.unwrap()[..], &content[start..end]);
                    let streamed = collect(reader.stream(range).unwrap()).await.unwrap();
                    prop_assert_eq!(&streamed[..], &content[start..end]);
                }
                prop_assert_eq!(kind(reader.read(0..length as u64 + 1).await), ErrorKind::Input);
                Ok(())
            })
        })
        .unwrap();
    drop(site);
}

#[tokio::test]
async fn only_the_frames_that_are_needed_are_fetched_and_the_key_is_asked_for_once() {
    let site = Site::start().await;
    if !site.is_embedded {
        return;
    }
    let bucket = site.builder().frame_length(4096).build(&site.privet().await, &site.s3).unwrap();
    let content = bytes(1 << 20);
    bucket.put("k", content.clone()).await.unwrap();
    site.aws.clear_calls();
    let reader = bucket.open("k").await.unwrap().unwrap();
    for start in (0..1 << 20).step_by(100_000) {
        assert_eq!(reader.read(start..start + 10).await.unwrap(), content[start as usize..start as usize + 10]);
    }
    assert_eq!(site.calls("s3", "GetObject"), 12);
    assert_eq!(site.calls("kms", "Decrypt"), 1);
    // Nothing is fetched for nothing.
    assert_eq!(reader.read(5..5).await.unwrap(), b"");
    assert_eq!(site.calls("s3", "GetObject"), 12);
}

#[tokio::test]
async fn any_changed_byte_within_a_range_is_noticed() {
    let site = Site::start().await;
    let bucket = site.builder().frame_length(50).build(&site.privet().await, &site.s3).unwrap();
    bucket.put("k", bytes(200)).await.unwrap();
    let good = site.stored("k").await;
    // Frames of 82 bytes: the second one.
    let header = good.body.len() - 3 * 82 - (50 + 40);
    for at in (header + 82..header + 164).step_by(3) {
        let mut damaged = good.clone();
        damaged.body[at] ^= 0x80;
        site.store("k", damaged).await;
        assert_eq!(kind(bucket.get_range("k", 60..70).await), ErrorKind::Integrity, "byte {at}");
        assert_eq!(kind(bucket.get_range("k", 49..51).await), ErrorKind::Integrity, "byte {at}");
        // What is elsewhere is not looked at.
        assert_eq!(bucket.get_range("k", 0..50).await.unwrap().unwrap(), bytes(200)[..50]);
        let all = bucket.get_parallel("k").await.unwrap().unwrap();
        assert_eq!(kind(collect(all).await), ErrorKind::Integrity, "byte {at}");
    }
    // Two frames that have changed places.
    let mut swapped = good.clone();
    let (first, second) = swapped.body[header..].split_at_mut(82);
    first.swap_with_slice(&mut second[..82]);
    site.store("k", swapped).await;
    assert_eq!(kind(bucket.get_range("k", 0..10).await), ErrorKind::Integrity);
}

#[tokio::test]
async fn an_object_that_is_replaced_while_it_is_read_is_a_conflict() {
    let site = Site::start().await;
    let bucket = site.bucket().await;
    bucket.put("k", bytes(100_000)).await.unwrap();
    let reader = bucket.open("k").await.unwrap().unwrap();
    bucket.put("k", bytes(100_000)).await.unwrap();
    assert_eq!(kind(reader.read(0..10).await), ErrorKind::Conflict);
    bucket.delete("k").await.unwrap();
    assert_eq!(kind(reader.read(0..10).await), ErrorKind::Conflict);
}

#[tokio::test]
async fn parts_of_s3ec_objects_are_verified_as_a_whole_or_refused() {
    let site = Site::start().await;
    let privet = site.privet().await;
    let keyring = async || S3ecKeyring::kms(site.kms().await);
    let builder = async || site.builder().format(ObjectFormat::S3ec).s3ec(keyring().await);
    let bucket = builder().await.build(&privet, &site.s3).unwrap();
    let content = bytes(50_000);
    bucket.put("k", content.clone()).await.unwrap();
    assert_eq!(bucket.get_range("k", 20_000..20_010).await.unwrap().unwrap(), content[20_000..20_010]);
    let small = builder().await.most_in_memory(1000).build(&privet, &site.s3).unwrap();
    assert_eq!(kind(small.get_range("k", 0..1).await), ErrorKind::Denied);
    assert_eq!(kind(small.get_stream("k").await), ErrorKind::Input);
    let trusting = builder().await.most_in_memory(1000).dangerous_unauthenticated_content();
    let trusting = trusting.build(&privet, &site.s3).unwrap();
    for range in [0..1, 17..500, 49_990..50_000] {
        let expected = &content[range.start as usize..range.end as usize];
        assert_eq!(trusting.get_range("k", range).await.unwrap().unwrap(), expected);
    }
    assert_eq!(collect(trusting.get_stream("k").await.unwrap().unwrap()).await.unwrap(), content);
    // A changed byte is noticed where the whole is read, at its end, and not in parts.
    let mut damaged = site.stored("k").await;
    damaged.body[100] ^= 1;
    site.store("k", damaged).await;
    assert_eq!(kind(bucket.get_range("k", 0..1).await), ErrorKind::Integrity);
    assert_eq!(kind(collect(trusting.get_stream("k").await.unwrap().unwrap()).await), ErrorKind::Integrity);
    assert_ne!(trusting.get_range("k", 100..101).await.unwrap().unwrap(), content[100..101]);
}
