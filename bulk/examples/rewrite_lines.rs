//! Makes a file of sealed records, rewrites it to a new key, and checks it: what the kill test and the figures in
//! `docs/PERFORMANCE.md` run.
//!
//! ```sh
//! cargo run --release -p privet-bulk --example rewrite_lines -- make records.jsonl 1000000 pii
//! cargo run --release -p privet-bulk --example rewrite_lines -- run records.jsonl 1
//! cargo run --release -p privet-bulk --example rewrite_lines -- check records.jsonl
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for tests and figures that cannot go on has failed"
)]

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use privet_bulk::{Extent, FileCheckpoints, Job, LinesStore, Reprotect};
use privet_core::audit::TracingSink;
use privet_core::keyring::{MultiKeyring, RawAesKeyring};
use privet_core::record::{Form, write_json};
use privet_core::value::{Map, Value};
use privet_core::{Policy, Protector, Secret};

/// A key of examples.
fn keyring(name: &str, byte: u8) -> RawAesKeyring {
    RawAesKeyring::new("examples", name, &Secret::copy_of(&[byte; 32])).unwrap()
}

fn protector(keyring: MultiKeyring) -> Protector {
    let policy = Policy::from_toml("version = 1\n[resources.customers]\nkey = [\"id\"]\n").unwrap();
    Protector::builder().policy(policy).keyring(keyring).audit(TracingSink).build().unwrap()
}

fn old() -> Protector {
    protector(MultiKeyring::new(keyring("old", 1)))
}

fn new() -> Protector {
    protector(MultiKeyring::new(keyring("new", 2)))
}

/// Ten fields, four of them sealed: all of class pii, or of three classes.
fn record(index: u64, classes: &str) -> Map {
    let text = |text: String| Value::S(text);
    let mut record = Map::from([
        ("id".into(), text(format!("c-{index:09}"))),
        ("name".into(), text("Ada Lovelace".into())),
        ("email".into(), text(format!("ada.{index}@example.com"))),
        ("ssn".into(), text(format!("900-12-{:04}", index % 10_000))),
        ("created_at".into(), text("2026-11-23T08:00:00Z".into())),
    ]);
    let sealed = if classes == "pii" { ["phone", "address"] } else { ["api_key", "health_records"] };
    for name in sealed {
        record.insert(name.into(), text(format!("{name} of number {index}")));
    }
    // Names that no rule knows would be sealed, so these are dates and names too.
    for name in ["createdAt", "Name", "CREATED_AT"] {
        record.insert(name.into(), text("something that is public".into()));
    }
    record
}

async fn make(path: &Path, records: u64, classes: &str) {
    let privet = old();
    let resource = privet.resource("customers").unwrap();
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut line = Vec::new();
    for index in 0..records {
        line.clear();
        let sealed = privet.protect_stored(&resource, Form::Json, record(index, classes), None).await.unwrap();
        write_json(&sealed, &mut line).unwrap();
        line.push(b'\n');
        out.write_all(&line).unwrap();
    }
    out.flush().unwrap();
}

fn job(path: &Path, parallel: usize, page: usize) -> Job<LinesStore, Reprotect> {
    let store = LinesStore::new(path).unwrap().shards(8).page(page);
    let checkpoints = FileCheckpoints::new(store.work_folder());
    let lease = Duration::from_millis(200);
    let rewrite = Reprotect::new(old(), new(), "customers").unwrap();
    Job::builder("new-key", store, rewrite).checkpoints(checkpoints).parallel(parallel).lease(lease).build().unwrap()
}

/// The most memory that this process had, in MiB, where the system says.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}

async fn check(path: &Path, classes: &str) {
    let privet = new();
    let resource = privet.resource("customers").unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let mut count = 0;
    for (index, line) in (0..).zip(text.lines()) {
        let stored = privet_core::record::read_json(line.as_bytes()).unwrap();
        let opened = privet.unprotect_stored(&resource, Form::Json, stored).await.unwrap().complete().unwrap();
        assert!(opened == record(index, classes), "record {index} is another");
        count += 1;
    }
    println!("{count} records open under the new key, each as it was");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let parallel = match words.as_slice() {
        ["run", _, parallel, ..] => parallel.parse().expect("a number of threads"),
        _ => 1,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(parallel).enable_all().build().unwrap();
    runtime.block_on(async {
        match words.as_slice() {
            ["make", path, records, classes] => make(Path::new(path), number(records), classes).await,
            ["run", path, _, page @ ..] => {
                let page = page.first().map_or(4 << 20, |page| page.parse().expect("bytes of a page"));
                let job = job(Path::new(path), parallel, page);
                let report = job.run().await.unwrap();
                println!("{report}peak memory {} MiB", peak_memory());
                assert!(report.finished, "not finished");
            }
            ["check", path, classes] => check(Path::new(path), classes).await,
            ["verify", path] => {
                println!("{}", job(Path::new(path), 1, 4 << 20).verify(Extent::All).await.unwrap());
            }
            _ => panic!(
                "say `make FILE RECORDS pii|three`, `run FILE THREADS [PAGE]`, `check FILE pii|three` or `verify FILE`"
            ),
        }
    });
}
