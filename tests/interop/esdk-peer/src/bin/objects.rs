//! What bodies of S3 objects cost, without key provider and network: framed and S3EC with privet, messages with AWS's Rust
//! client, and the bare AES-256-GCM. The best of a few runs each. `tests/interop/run-object-times.sh` starts it.

use std::hint::black_box;
use std::time::Instant;

use aws_esdk::material_providers::types::EsdkAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKey;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use esdk_peer::{Key, Pair, Result, clients};
use privet::message::{HeaderProgress, HeaderReader, NewMessage, ReadOptions, WriteOptions};
use privet::s3ec::{self, Header, Lookup, NewObject};
use privet::{EncryptedDataKey, EncryptionContext, Secret};

fn main() -> Result<()> {
    for (size, pieces, runs) in [("1 MiB", 1, 400), ("64 MiB", 64, 20), ("1 GiB", 1024, 3)] {
        privet_and_bare(size, pieces, runs)?;
    }
    // It walks its frames by recursion, and a usual stack holds no 16,000 of them.
    let theirs = || (|| aws_esdk("1 MiB", 1, 20).and_then(|()| aws_esdk("64 MiB", 64, 2)))().map_err(|e| e.to_string());
    let thread = std::thread::Builder::new().stack_size(1 << 30).spawn(theirs)?;
    Ok(thread.join().map_err(|_| "the thread of aws-esdk panicked")??)
}

fn privet_and_bare(size: &str, pieces: usize, runs: usize) -> Result<()> {
    let data_key = Secret::copy_of(&[7; 32]);
    let piece = vec![3; PIECE];
    let show = |what: &str, work: &mut dyn FnMut()| show(size, pieces, what, best(runs, work));
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, data_key.expose())?);
    let mut buffer = piece.clone();
    show("bare AEAD, in place", &mut || {
        for _ in 0..pieces {
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            let _ = black_box(key.seal_in_place_separate_tag(nonce, Aad::empty(), black_box(&mut buffer)));
        }
    });
    let framed = WriteOptions::new(EncryptionContext::new()).with_frame_length(64 << 10);
    let mut out = Vec::with_capacity(2 * PIECE);
    show("framed put, in pieces", &mut || {
        let mut encryptor = NewMessage::new(&framed).unwrap().encryptor(&data_key, vec![edk()]).unwrap();
        for _ in 0..pieces {
            black_box(encryptor.push_over(black_box(&piece), &mut out).unwrap());
        }
        black_box(encryptor.finish_over(&mut out).unwrap());
    });
    show("S3EC put, in pieces", &mut || {
        let object = NewObject::new(&s3ec::WriteOptions::default()).unwrap();
        let (mut sealer, _) = object.sealer(&data_key, edk()).unwrap();
        for _ in 0..pieces {
            out.clear();
            sealer.push(black_box(&piece), &mut out).unwrap();
        }
        sealer.finish(&mut out).unwrap();
    });
    let plaintext = piece.repeat(pieces);
    let message = NewMessage::new(&framed)?.seal(&data_key, vec![edk()], &plaintext)?;
    show("framed get, in pieces", &mut || {
        let mut chunks = message.chunks(PIECE);
        let reader = HeaderReader::new(&ReadOptions::new());
        let Ok(HeaderProgress::Locked(locked)) = reader.push(chunks.next().unwrap_or_default()) else { panic!() };
        let (mut decryptor, plaintext) = locked.decryptor_over(&data_key, &mut out).unwrap();
        black_box(plaintext);
        for chunk in chunks {
            black_box(decryptor.push_over(chunk, &mut out).unwrap());
        }
        decryptor.finish().unwrap();
    });
    drop(message);
    let object = NewObject::new(&s3ec::WriteOptions::default())?;
    // What is put is the application's memory, and so is what comes out.
    let (mut sealing, mut header) = (plaintext, None);
    let mut seal = || {
        let sealed = object.seal(&data_key, edk(), std::mem::take(&mut sealing)).unwrap();
        sealing = sealed.body;
        header = Some(sealed.header);
        sealing.truncate(pieces * PIECE);
    };
    show("S3EC put, whole", &mut seal);
    drop(sealing);
    let sealed = object.seal(&data_key, edk(), piece.repeat(pieces))?;
    let metadata = sealed.header.object_metadata()?;
    let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let Lookup::Header(header) = Header::read(&metadata, &s3ec::ReadOptions::new())? else { panic!() };
    let unlocked = header.unlock(&data_key)?;
    let mut times = Vec::new();
    for _ in 0..runs.min(50) {
        let body = sealed.body.clone();
        let start = Instant::now();
        black_box(unlocked.open(body)?);
        times.push(start.elapsed().as_secs_f64());
    }
    self::show(size, pieces, "S3EC get, whole and verified", times.into_iter().fold(f64::MAX, f64::min));
    Ok(())
}

fn aws_esdk(size: &str, pieces: usize, runs: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (client, providers) = clients()?;
    let key = Key { name: "bench".into(), secret: Secret::copy_of(&[7; 32]) };
    let theirs = runtime.block_on(Pair::raw(&providers, &key))?.theirs;
    let plaintext = vec![3; pieces * PIECE];
    let encrypt = || {
        let request = client.encrypt().plaintext(plaintext.clone()).keyring(theirs.clone()).frame_length(64 << 10);
        let request = request.algorithm_suite_id(AlgAes256GcmHkdfSha512CommitKey);
        runtime.block_on(request.send()).unwrap().ciphertext.unwrap().into_inner()
    };
    let message = encrypt();
    show(size, pieces, "aws-esdk encrypt", best(runs, &mut || drop(black_box(encrypt()))));
    let decrypt = || {
        let request = client.decrypt().ciphertext(message.clone()).keyring(theirs.clone());
        runtime.block_on(request.send()).unwrap()
    };
    show(size, pieces, "aws-esdk decrypt", best(runs, &mut || drop(black_box(decrypt()))));
    Ok(())
}

fn show(size: &str, pieces: usize, what: &str, seconds: f64) {
    println!("{size:>7} {what:36} {:7.2} GiB/s", pieces as f64 / 1024.0 / seconds);
}

/// Seconds of the fastest run.
fn best(runs: usize, work: &mut dyn FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(time).fold(f64::MAX, f64::min)
}

fn edk() -> EncryptedDataKey {
    EncryptedDataKey { provider_id: "s3ec".into(), provider_info: b"AES/GCM".to_vec(), ciphertext: vec![2; 60] }
}

/// What goes through at a time.
const PIECE: usize = 1 << 20;
