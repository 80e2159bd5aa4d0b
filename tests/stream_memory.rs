//! A stream of any length takes the same memory: this program does nothing else, so that its peak tells.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and one of them tells a figure"
)]

use std::convert::Infallible;
use std::pin::pin;

use futures_util::{StreamExt as _, stream};
use privet::keyring::RawAesKeyring;
use privet::message::{ReadOptions, WriteOptions};
use privet::{EncryptionContext, Secret, messages};

#[tokio::test]
async fn a_stream_of_64_mib_takes_less_than_16() {
    for frame_length in [4 << 10, 64 << 10] {
        assert!(peak_of_streaming(64 << 20, frame_length).await < MOST);
    }
}

/// `cargo test --test stream_memory -- --ignored --nocapture`
#[tokio::test]
#[ignore = "takes minutes"]
async fn a_stream_of_4_gib_takes_less_than_16_mib() {
    for frame_length in [4 << 10, 64 << 10] {
        let peak = peak_of_streaming(4 << 30, frame_length).await;
        println!("frames of {} KiB: {} KiB above the process", frame_length >> 10, peak >> 10);
        assert!(peak < MOST);
    }
}

/// Encrypts a plaintext that is made on the way, decrypts the message as it comes out, and checks what comes out of that.
/// How many bytes the process grew by at its largest.
async fn peak_of_streaming(length: u64, frame_length: u32) -> u64 {
    let keyring = RawAesKeyring::new("tests", "a", &Secret::copy_of(&[7; 32])).unwrap();
    let writing = WriteOptions::new(EncryptionContext::new().with("purpose", "test")).with_frame_length(frame_length);
    let reading = ReadOptions::new();
    let before = status("VmRSS:");
    let pieces = length / PIECE as u64;
    let plaintext = stream::iter((0..pieces).map(|number| Ok::<_, Infallible>(piece(number))));
    let message = messages::encrypt_stream(&keyring, plaintext, &writing);
    let mut opened = pin!(messages::decrypt_stream(&keyring, message, &reading));
    let (mut number, mut rest) = (0, Vec::new());
    let mut total = 0;
    while let Some(bytes) = opened.next().await {
        let bytes = bytes.unwrap();
        total += bytes.len() as u64;
        rest.extend_from_slice(&bytes);
        while rest.len() >= PIECE {
            assert!(rest[..PIECE] == piece(number), "piece {number}");
            rest.drain(..PIECE);
            number += 1;
        }
    }
    assert_eq!((total, number, rest.len()), (length, pieces, 0));
    status("VmHWM:").saturating_sub(before)
}

/// Part of a plaintext that is nowhere the same.
fn piece(number: u64) -> Vec<u8> {
    let mut piece = vec![7; PIECE];
    piece[..8].copy_from_slice(&number.to_be_bytes());
    piece
}

/// A figure of the kernel's about this process, in bytes.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Divides both lengths; frames of 64 KiB are two of them.
const PIECE: usize = 32 << 10;
const MOST: u64 = 16 << 20;
