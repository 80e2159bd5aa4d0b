//! Makes a file of vectors of the privet record format: `cargo run --example make_vectors -- FILE`
//!
//! The records are always the same, their salts, nonces and data keys never. `tests/vectors/record/own.json` was made
//! with it; fresh ones are for readers of other makes.

// A program for the terminal. A JSON value that is indexed with what it lacks gives null, and no panic.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::indexing_slicing)]

mod damage;
mod forge;
mod keys;
mod records;

use std::process::ExitCode;

use serde_json::json;

/// Exit 1 if the vectors cannot be made, 2 if it is called wrongly.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file] = arguments.as_slice() else {
        eprintln!("usage: make_vectors FILE");
        return ExitCode::from(2);
    };
    match make(file).await {
        Ok((good, damaged)) => {
            println!("{good} good records, {damaged} damaged ones");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn make(file: &str) -> Result<(usize, usize), Box<dyn std::error::Error>> {
    let keys = keys::Keys::new().await?;
    let mut good = Vec::new();
    for record in records::all() {
        let vector = record.seal(&keys).await.map_err(|error| format!("{}: {error}", record.name))?;
        good.extend(record.others_read(&vector));
        good.push(vector);
    }
    let mut damaged = damage::all(&good)?;
    let (forged, malformed) = forge::all(&keys).await?;
    good.push(forged);
    damaged.extend(malformed);
    let counts = (good.len(), damaged.len());
    let vectors = json!({
        "format": "privet-record-1",
        "keys": keys.describe(),
        "kms_plaintexts": keys.kms_plaintexts(&good).await?,
        "records": good,
        "negative": damaged,
    });
    std::fs::write(file, serde_json::to_string_pretty(&vectors)? + "\n")?;
    Ok(counts)
}
