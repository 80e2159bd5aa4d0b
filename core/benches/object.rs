//! What bodies of S3 objects cost, without key provider and network, beside the bare AES-GCM of the same bytes.
//!
//! `cargo bench -p privet-core --bench object`. Quote ratios to the floor of the same run.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot be set up has nothing to say")]

use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use privet_core::message::{HeaderProgress, HeaderReader, NewMessage, ReadOptions, WriteOptions};
use privet_core::s3ec::{self, Header, Lookup, NewObject};
use privet_core::{EncryptedDataKey, EncryptionContext, Secret};

/// What an upload or a download hands over at a time.
const PIECE: usize = 1 << 20;

fn edk() -> EncryptedDataKey {
    EncryptedDataKey { provider_id: "s3ec".into(), provider_info: b"AES/GCM".to_vec(), ciphertext: vec![2; 60] }
}

fn objects(c: &mut Criterion) {
    let data_key = Secret::copy_of(&[7; 32]);
    let piece = vec![3; PIECE];
    let framed = WriteOptions::new(EncryptionContext::new().with("purpose", "bench")).with_frame_length(64 << 10);
    // 1 GiB by handing over the same piece again and again: nothing grows with the object.
    for (name, pieces) in [("1 MiB", 1), ("64 MiB", 64), ("1 GiB", 1024)] {
        let mut group = c.benchmark_group(name);
        group.sample_size(10).throughput(Throughput::Bytes((pieces * PIECE) as u64));
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, data_key.expose()).unwrap());
        let mut buffer = piece.clone();
        group.bench_function("floor", |b| {
            b.iter(|| {
                for _ in 0..pieces {
                    let nonce = Nonce::assume_unique_for_key([0; 12]);
                    let _ = black_box(key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut buffer).unwrap());
                }
            });
        });
        let mut out = Vec::with_capacity(2 * PIECE);
        group.bench_function("framed put", |b| {
            b.iter(|| {
                let mut encryptor = NewMessage::new(&framed).unwrap().encryptor(&data_key, vec![edk()]).unwrap();
                for _ in 0..pieces {
                    out.clear();
                    encryptor.push(&piece, &mut out).unwrap();
                }
                encryptor.finish(&mut out).unwrap();
            });
        });
        group.bench_function("s3ec put, in pieces", |b| {
            b.iter(|| {
                let object = NewObject::new(&s3ec::WriteOptions::default()).unwrap();
                let (mut sealer, _) = object.sealer(&data_key, edk()).unwrap();
                for _ in 0..pieces {
                    out.clear();
                    sealer.push(&piece, &mut out).unwrap();
                }
                sealer.finish(&mut out).unwrap();
            });
        });
        if pieces > 64 {
            continue;
        }
        let plaintext = piece.repeat(pieces);
        let message = NewMessage::new(&framed).unwrap().seal(&data_key, vec![edk()], &plaintext).unwrap();
        group.bench_function("framed get", |b| {
            b.iter(|| {
                let mut chunks = message.chunks(PIECE);
                let reader = HeaderReader::new(&ReadOptions::new());
                let Ok(HeaderProgress::Locked(locked)) = reader.push(chunks.next().unwrap()) else { return };
                out.clear();
                let mut decryptor = locked.decryptor(&data_key, &mut out).unwrap();
                for chunk in chunks {
                    out.clear();
                    decryptor.push(chunk, &mut out).unwrap();
                }
                decryptor.finish().unwrap();
            });
        });
        let object = NewObject::new(&s3ec::WriteOptions::default()).unwrap();
        let sealed = object.seal(&data_key, edk(), plaintext).unwrap();
        let metadata = sealed.header.object_metadata().unwrap();
        let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let Ok(Lookup::Header(header)) = Header::read(&metadata, &s3ec::ReadOptions::new()) else { return };
        group.bench_function("s3ec get, whole", |b| {
            let unlocked = header.unlock(&data_key).unwrap();
            b.iter_batched(
                || sealed.body.clone(),
                |body| unlocked.open(body).unwrap(),
                criterion::BatchSize::PerIteration,
            );
        });
    }
}

criterion_group!(benches, objects);
criterion_main!(benches);
