//! Nothing that privet logs, prints in `Debug`, or says in an error holds plaintext, keys or context values.
//!
//! Each test does everything that a part of privet can do, at trace level, with the SDK's own logs, and has it fail in every
//! way; then it looks for the secrets in all that was said. `cli/tests/silence.rs` does so with the command line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "../common/mod.rs"]
mod common;

mod detectors;
mod formats;
mod items;
mod jobs;
mod keys;
mod messages;
mod objects;
mod search;
mod streams;
mod tables;

use std::error::Error as StdError;
use std::fmt::Debug;
use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use common::SECRETS;
use privet::keyring::{MultiKeyring, RawAesKeyring};
use privet::{Protector, Secret};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// The wrapping key of [`raw`].
const KEY: [u8; 32] = *b"a wrapping key of 32 bytes......";
const TENANT: &str = "tenant-of-great-discretion";
const PAIR: &str = "value-of-a-context-pair";

/// A place for log lines.
#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
    /// Not what the SDK says: where the table itself holds what is looked for, it prints it.
    only_own: bool,
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lines.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Box<dyn Write>;

    fn make_writer(&'a self) -> Box<dyn Write> {
        Box::new(self.clone())
    }

    fn make_writer_for(&'a self, metadata: &tracing::Metadata<'_>) -> Box<dyn Write> {
        if self.only_own && !metadata.target().starts_with("privet") {
            return Box::new(std::io::sink());
        }
        self.make_writer()
    }
}

/// All that was said on this thread: logs, `Debug`, errors with their causes.
struct Said {
    log: Log,
    texts: Vec<String>,
    failures: usize,
    _guard: DefaultGuard,
}

impl Said {
    fn listen() -> Self {
        Self::listen_to(Log::default())
    }

    fn listen_to_own() -> Self {
        Self::listen_to(Log { only_own: true, ..Log::default() })
    }

    fn listen_to(log: Log) -> Self {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(log.clone())
            .with_ansi(false)
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        Self { log, texts: Vec::new(), failures: 0, _guard: guard }
    }

    fn text(&mut self, text: impl Into<String>) {
        self.texts.push(text.into());
    }

    fn shows(&mut self, value: &impl Debug) {
        self.texts.push(format!("{value:?} {value:#?}"));
    }

    /// An error with the whole chain of its causes.
    fn error(&mut self, error: &(dyn StdError + 'static)) {
        self.failures += 1;
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.texts.push(format!("{error} {error:?} {error:#?}"));
            cause = error.source();
        }
    }

    /// What may fail here.
    fn may_fail<T, E: StdError + 'static>(&mut self, result: Result<T, E>) {
        if let Err(error) = result {
            self.error(&error);
        }
    }

    /// What has to fail.
    #[track_caller]
    fn fails<T, E: StdError + 'static>(&mut self, result: Result<T, E>) {
        match result {
            Ok(_) => panic!("this should have failed"),
            Err(error) => self.error(&error),
        }
    }

    /// Looks for the usual secrets and for these.
    #[track_caller]
    fn holds_none_of(mut self, secrets: &[&[u8]], failures: usize) {
        let log = String::from_utf8(self.log.lines.lock().unwrap().clone()).unwrap();
        // Data keys in answers of KMS, which no test knows.
        assert!(!log.contains("\"Plaintext\""), "the log has an answer of KMS");
        self.texts.push(log);
        let usual = SECRETS.iter().chain(&[TENANT, PAIR]).map(|text| text.as_bytes()).chain([KEY.as_slice()]);
        for secret in usual.chain(secrets.iter().copied()) {
            for spelling in spellings(secret) {
                for text in &self.texts {
                    if let Some(at) = text.find(&spelling) {
                        let around = text.get(at.saturating_sub(300)..text.len().min(at + 300)).unwrap_or(text);
                        panic!("`{spelling}` stands in: {around}");
                    }
                }
            }
        }
        assert!(self.failures >= failures, "only {} failures", self.failures);
    }
}

/// How bytes may come to be written down.
fn spellings(secret: &[u8]) -> Vec<String> {
    let list = format!("{secret:?}");
    let long_list = format!("{secret:#?}").lines().map(str::trim).collect::<String>();
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        String::from_utf8_lossy(secret).into_owned(),
        list.trim_matches(['[', ']']).to_owned(),
        long_list.trim_matches(['[', ']']).to_owned(),
        hex,
        BASE64_STANDARD.encode(secret).trim_end_matches('=').to_owned(),
        BASE64_URL_SAFE_NO_PAD.encode(secret),
    ]
}

fn raw() -> RawAesKeyring {
    RawAesKeyring::new("tests", "key", &Secret::copy_of(&KEY)).unwrap()
}

/// KMS keys and [`raw`], the tenant and the context pair: what a protector of these tests is made of.
async fn protector(site: &common::Site, policy: &str) -> Protector {
    let keyring = MultiKeyring::new(site.keyring("service").await).with(raw());
    let builder = site.builder().await.keyring(keyring).context("department", PAIR);
    let builder = builder.policy(privet::Policy::from_toml(policy).unwrap());
    let builder = builder.pseudonym_key(Secret::copy_of(&KEY)).audit(privet::audit::TracingSink);
    builder.build().unwrap().for_tenant(TENANT).unwrap()
}
