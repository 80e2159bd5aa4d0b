//! Memory does not grow with objects: `cargo test --release --test s3_memory -- --ignored --nocapture`. Takes some
//! minutes and 4 GiB of disk; `PRIVET_MIB=256` makes it shorter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]
#![cfg(target_os = "linux")]

use std::convert::Infallible;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, StalledStreamProtectionConfig};
use futures_util::{StreamExt as _, stream};
use privet::keyring::RawAesKeyring;
use privet::s3::{Bucket, ObjectStream};
use privet::{Classification, Protector, Secret, audit};
use privet_testkit::EmbeddedAws;

const PIECE: usize = 1 << 20;
/// What the process may have at most, with the embedded S3 in it.
const MOST: u64 = 64 << 20;

/// Bytes of the most memory that the process has had.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// How many pieces of a mebibyte the object has.
fn pieces() -> u64 {
    std::env::var("PRIVET_MIB").map_or(2048, |text| text.parse().unwrap())
}

fn piece(number: u64) -> Vec<u8> {
    let mut piece = vec![number as u8; PIECE];
    piece[..8].copy_from_slice(&number.to_be_bytes());
    piece
}

/// Reads all of it, and says whether it is so many pieces of what was written.
async fn is_right(mut content: ObjectStream, pieces: u64) -> bool {
    let (mut held, mut number) = (Vec::new(), 0);
    while let Some(more) = content.next().await {
        held.extend_from_slice(&more.unwrap());
        while held.len() >= PIECE {
            if held[..PIECE] != piece(number) {
                return false;
            }
            held.drain(..PIECE);
            number += 1;
        }
    }
    held.is_empty() && number == pieces
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes, and 4 GiB of disk"]
async fn two_gibibytes_take_less_than_64_mebibytes() {
    let aws = EmbeddedAws::start().await;
    aws.create_bucket("documents").await;
    // A machine that does much else at the time is no stalled stream.
    let config = aws.config("eu-west-1").await;
    let config = Builder::from(&config).stalled_stream_protection(StalledStreamProtectionConfig::disabled()).build();
    let s3 = Client::from_conf(config);
    let keyring = RawAesKeyring::new("tests", "a", &Secret::random(32).unwrap()).unwrap();
    let privet = Protector::builder().keyring(keyring).audit(audit::TracingSink).build().unwrap();
    for parallel in [1, 3] {
        let bucket = Bucket::builder("documents").class(Classification::Pii).parallel(parallel);
        let bucket = bucket.part_size(5 << 20).build(&privet, &s3).unwrap();
        let content = stream::iter(0..pieces()).map(|number| Ok::<_, Infallible>(piece(number)));
        bucket.put_stream("k", content).await.unwrap();
        let written = peak();
        assert_eq!(bucket.head("k").await.unwrap().unwrap().plaintext_length, Some(pieces() * PIECE as u64));
        assert!(is_right(bucket.get_stream("k").await.unwrap().unwrap(), pieces()).await);
        // For each range the embedded S3 reads the whole object.
        let some = pieces().min(32);
        let reader = bucket.open("k").await.unwrap().unwrap();
        assert!(is_right(reader.stream(0..some * PIECE as u64).unwrap(), some).await);
        let read = peak();
        #[allow(clippy::print_stdout, reason = "what the test is run for")]
        {
            println!("{parallel} at a time: written with {} MiB at most, read with {}", written >> 20, read >> 20);
        }
        assert!(read < MOST, "{} MiB", read >> 20);
    }
}
