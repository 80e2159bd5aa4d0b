//! Checks files of test vectors, good and damaged: `cargo run --release --example check_vectors -- FILE...`

// A program for the terminal. A JSON value that is indexed with what it lacks gives null, and no panic.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::indexing_slicing)]
#![allow(clippy::duplicate_mod, reason = "messages and items are tests of their own, and share what KMS answered")]

mod beacons;
mod dbesdk;
mod esdk;
mod record;
mod s3ec;

use std::process::ExitCode;

use serde_json::Value as Json;

/// Prints a line for each failure and ends with `N passed, N failed`. Exit 1 if any failed, 2 if a file cannot be read.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: check_vectors FILE...");
        return ExitCode::from(2);
    }
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let results = match check_file(&file).await {
            Ok(results) => results,
            Err(why) => {
                eprintln!("{file}: {why}");
                return ExitCode::from(2);
            }
        };
        for (name, result) in results {
            match result {
                Ok(()) => passed += 1,
                Err(why) => {
                    failed += 1;
                    println!("{file}: {name}: {why}");
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tells by its content what a file holds, and checks it.
async fn check_file(file: &str) -> Result<Vec<(String, Result<(), String>)>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let vectors: Json = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    match vectors["format"].as_str() {
        Some("privet-record-1") => record::check(&vectors).await,
        _ if dbesdk::knows(&vectors) => dbesdk::check(&vectors).await,
        _ if s3ec::knows(&vectors) => s3ec::check(&vectors).await,
        _ if beacons::knows(&vectors) => beacons::check(&vectors),
        _ if esdk::knows(&vectors) => esdk::check(&vectors).await,
        _ => Err("not a file of test vectors that this program knows".to_owned()),
    }
}
