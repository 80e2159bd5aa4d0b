//! Makes a file of sealed records, rewrites it to a new key, and checks it: what the kill test and the figures in
//! `docs/PERFORMANCE.md` run.
//!
//! ```sh
//! cargo run --release -p privet-bulk --example rewrite_lines -- make records.jsonl 1000000 pii
//! cargo run --release -p privet-bulk --example rewrite_lines -- run records.jsonl 1
//! cargo run --release -p privet-bulk --example rewrite_lines -- check records.jsonl pii
//! cargo run --release -p privet-bulk --example rewrite_lines -- floor records.jsonl
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program for tests and figures that cannot go on has failed"
)]

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use privet_bulk::{Extent, FileCheckpoints, Job, LinesStore, Reprotect};
use privet_core::record::{Form, Header, RecordContext, write_json};
use privet_core::value::{Value, serialise_into};
use sha2::block_api::compress256;

#[path = "common/customers.rs"]
mod customers;

use customers::{new, old, record};

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

/// How long the bare cryptography takes that rewriting the file's records needs, on memory that is there already: for
/// each record and class, twice, the blocks that SHA-256 has to compress for one HKDF and one HMAC over the record and one
/// AES-256 key; for each sealed field one opening and one sealing; and random bytes for sixty records at a time.
fn floor(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let first = privet_core::record::read_json(text.lines().next().unwrap().as_bytes()).unwrap();
    let Value::B(header) = &first["$privet"] else { panic!("no header") };
    let sections = Header::parse(header).unwrap().sections.len();
    let context = RecordContext::new("customers", "", &first, &["id".to_owned()]).unwrap().as_bytes().len();
    let mut signed = 2 + header.len();
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for (name, value) in first.iter().filter(|(name, _)| *name != "$privet") {
        let mut bytes = Vec::new();
        serialise_into(value, &mut bytes).unwrap();
        signed += 2 + name.len() + 2 + 4 + bytes.len();
        if matches!(value, Value::B(_)) {
            fields.push(vec![0; bytes.len() - 30]);
        }
    }
    // HMAC has two blocks of padding for a key, and an outer hash of two blocks of which the first is one of those.
    let hashed = |length: usize| (length + 1 + 8).div_ceil(64);
    let derive = 2 + 2 + 2 + hashed(1 + context + 1) + 1 + 2 * (hashed(32 + 1 + context + 1) + 1);
    let blocks = sections * (derive + 2 + hashed(signed) + 1);

    let count = text.lines().count();
    let message = vec![[7_u8; 64]; blocks];
    let mut random = [0; 4096];
    let started = std::time::Instant::now();
    for record in 0..count {
        if record % 60 == 0 {
            getrandom::fill(&mut random).unwrap();
        }
        for _ in 0..2 {
            let mut state = [0; 8];
            compress256(&mut state, &message);
            std::hint::black_box(state);
            let keys: Vec<_> = (0..sections)
                .map(|_| LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &random[..32]).unwrap()))
                .collect();
            // Opening takes as long as sealing.
            for (field, key) in fields.iter_mut().zip(keys.iter().cycle()) {
                let nonce = Nonce::assume_unique_for_key(*random.first_chunk().unwrap());
                let aad = Aad::from(b"\xe1\x02\x01\x00\x00\x05email");
                let _ = std::hint::black_box(key.seal_in_place_separate_tag(nonce, aad, field).unwrap());
            }
        }
    }
    let took = started.elapsed();
    println!(
        "{:.2} us a record: {} blocks of SHA-256, {} keys and {} seals or opens of AES-256-GCM",
        took.as_secs_f64() * 1e6 / count as f64,
        2 * blocks,
        2 * sections,
        2 * fields.len()
    );
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
            ["floor", path] => floor(Path::new(path)),
            ["verify", path] => {
                println!("{}", job(Path::new(path), 1, 4 << 20).verify(Extent::All).await.unwrap());
            }
            _ => panic!(
                "say `make FILE RECORDS pii|three`, `run FILE THREADS [PAGE]`, `check FILE pii|three`, `verify FILE` or \
                 `floor FILE`"
            ),
        }
    });
}
