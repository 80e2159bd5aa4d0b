//! Makes messages for AWS's own clients to read: `cargo run --example make_messages -- FILE`
//!
//! Every suite, several frame lengths, lengths on every side of a frame, whole and as a stream, in the layout of
//! `tests/vectors/esdk/generated.json`. Keys and messages are new each time.

// A program for the terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privet::keyring::{Keyring, MultiKeyring, RawAesKeyring};
use privet::message::{AlgorithmSuite, WriteOptions};
use privet::{EncryptionContext, Result, Secret, messages};
use serde_json::{Value as Json, json};

/// Exit 1 if the messages cannot be made, 2 if it is called wrongly.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file] = arguments.as_slice() else {
        eprintln!("usage: make_messages FILE");
        return ExitCode::from(2);
    };
    match make(file).await {
        Ok(count) => {
            println!("{count} messages");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn make(file: &str) -> std::result::Result<usize, Box<dyn std::error::Error>> {
    let secrets = [Secret::random(16)?, Secret::random(24)?, Secret::random(32)?];
    let keyrings = secrets.iter().map(|secret| RawAesKeyring::new(NAMESPACE, key_name(secret), secret));
    let [small, middle, large] = keyrings.collect::<Result<Vec<_>>>()?.try_into().map_err(|_| "three keys")?;
    let all = MultiKeyring::new(large).with(middle).with(small);

    let mut made = Vec::new();
    for suite in AlgorithmSuite::ALL {
        for (frame_length, length) in [(4096, 0), (4096, 5000), (1, 3), (16, 15), (16, 16), (16, 17), (100, 1000)] {
            made.push(message(&all, suite, frame_length, length).await?);
        }
    }
    let keys: serde_json::Map<String, Json> = secrets
        .iter()
        .map(|secret| {
            let hex: String = secret.expose().iter().map(|byte| format!("{byte:02x}")).collect();
            let name = key_name(secret);
            (name.clone(), json!({ "type": "raw-aes", "namespace": NAMESPACE, "name": name, "key_hex": hex }))
        })
        .collect();
    let count = made.len();
    let content = json!({ "keys": keys, "messages": made, "negative": [] });
    std::fs::write(file, serde_json::to_string_pretty(&content)? + "\n")?;
    Ok(count)
}

async fn message(keyring: &dyn Keyring, suite: AlgorithmSuite, frame_length: u32, length: usize) -> Result<Json> {
    let context = EncryptionContext::new().with("purpose", "interop").with("größe", length.to_string()).with("B", "");
    let options = WriteOptions::new(context.clone()).with_frame_length(frame_length);
    let options = match suite {
        AlgorithmSuite::Committing => options,
        AlgorithmSuite::CommittingSigned => options.signed(),
        older => options.dangerous_without_commitment(older),
    };
    let plaintext: Vec<u8> = (0..=255).cycle().take(length).collect();
    // Every other one as a stream.
    let message = if length.is_multiple_of(2) {
        messages::encrypt(keyring, &plaintext, &options).await?
    } else {
        let mut encryptor = messages::encryptor(keyring, &options).await?;
        let mut message = Vec::new();
        for piece in plaintext.chunks(7) {
            encryptor.push(piece, &mut message)?;
        }
        encryptor.finish(&mut message)?;
        message
    };
    Ok(json!({
        "name": format!("{:04x}-frame-{frame_length}-length-{length}", suite.id()),
        "suite": format!("{:04x}", suite.id()),
        "keys": KEY_NAMES,
        "encryption_context": context.iter().collect::<std::collections::BTreeMap<_, _>>(),
        "required_context_keys": [],
        "frame_length": frame_length,
        "plaintext_b64": STANDARD.encode(&plaintext),
        "message_b64": STANDARD.encode(&message),
    }))
}

fn key_name(secret: &Secret) -> String {
    format!("aes-{}", secret.expose().len() * 8)
}

const NAMESPACE: &str = "privet-interop";
const KEY_NAMES: [&str; 3] = ["aes-256", "aes-192", "aes-128"];
