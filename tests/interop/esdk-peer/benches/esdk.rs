//! What messages cost with privet and with AWS's Rust client, with the same raw AES key, beside the bare AES-256-GCM
//! of the same bytes in one call.
//!
//! `cargo bench`. Quote ratios of one run.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use aws_esdk::material_providers::types::EsdkAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKey;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use esdk_peer::{Key, Pair, clients};
use privet::message::{ReadOptions, WriteOptions};
use privet::{EncryptionContext, Secret, messages};
use tokio::runtime;

fn peers(c: &mut Criterion) {
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    let (client, providers) = clients().unwrap();
    let key = Key { name: "bench".into(), secret: Secret::copy_of(&[7; 32]) };
    let pair = runtime.block_on(Pair::raw(&providers, &key)).unwrap();
    let (ours, theirs) = (pair.ours.as_ref(), pair.theirs);
    let pairs = [("purpose", "bench"), ("tenant", "t-1")];
    let context = pairs.into_iter().fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value));
    let their_context: HashMap<_, _> = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let bare = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.secret.expose()).unwrap());
    let nonce = || Nonce::assume_unique_for_key([0; 12]);

    for (size, length) in
        [("32 B", 32), ("1 KiB", 1 << 10), ("64 KiB", 1 << 16), ("1 MiB", 1 << 20), ("16 MiB", 16 << 20)]
    {
        let plaintext = vec![3; length];

        let mut group = c.benchmark_group(format!("encrypt {size}"));
        group.throughput(Throughput::Bytes(length as u64));
        let encrypt = |plaintext: Vec<u8>| {
            let request = client.encrypt().plaintext(plaintext).keyring(theirs.clone()).frame_length(4096);
            let request = request.encryption_context(their_context.clone());
            let written = runtime.block_on(request.algorithm_suite_id(AlgAes256GcmHkdfSha512CommitKey).send()).unwrap();
            written.ciphertext.unwrap().into_inner()
        };
        group.bench_function("aws-esdk", |b| {
            // The client wants plaintexts of its own: making them is not its cost.
            b.iter_batched(|| plaintext.clone(), encrypt, BatchSize::LargeInput);
        });
        let framed = |frame_length| WriteOptions::new(context.clone()).with_frame_length(frame_length);
        for (name, options) in [("privet", framed(4096)), ("privet, 64 KiB frames", framed(65536))] {
            group.bench_function(name, |b| {
                b.iter(|| runtime.block_on(messages::encrypt(ours, black_box(&plaintext), &options)).unwrap());
            });
        }
        for threads in [1, 2] {
            let options = framed(65536).with_threads(threads);
            group.bench_function(format!("privet, 64 KiB frames, used memory, {threads} threads"), |b| {
                let mut message = Vec::new();
                b.iter(|| {
                    let buffer = std::mem::take(&mut message);
                    let written = messages::encrypt_into(ours, black_box(&plaintext), &options, buffer);
                    message = runtime.block_on(written).unwrap();
                });
            });
        }
        group.bench_function("bare AEAD", |b| {
            let mut bytes = plaintext.clone();
            b.iter(|| {
                black_box(bare.seal_in_place_separate_tag(nonce(), Aad::empty(), black_box(&mut bytes)).unwrap())
            });
        });
        group.bench_function("bare AEAD, new buffer", |b| {
            b.iter(|| {
                let mut bytes = black_box(&plaintext).clone();
                let _ = black_box(bare.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut bytes).unwrap());
                bytes
            });
        });
        group.finish();

        let mut group = c.benchmark_group(format!("decrypt {size}"));
        group.throughput(Throughput::Bytes(length as u64));
        let message = encrypt(plaintext.clone());
        group.bench_function("aws-esdk", |b| {
            let decrypt = |message: Vec<u8>| {
                let request = client.decrypt().ciphertext(message).keyring(theirs.clone());
                let request = request.encryption_context(their_context.clone());
                runtime.block_on(request.send()).unwrap().plaintext.unwrap().into_inner()
            };
            b.iter_batched(|| message.clone(), decrypt, BatchSize::LargeInput);
        });
        let options = ReadOptions::new().with_context(context.clone());
        for (name, frame_length) in [("privet", 4096), ("privet, 64 KiB frames", 65536)] {
            let message = runtime.block_on(messages::encrypt(ours, &plaintext, &framed(frame_length))).unwrap();
            group.bench_function(name, |b| {
                b.iter(|| runtime.block_on(messages::decrypt(ours, black_box(&message), &options)).unwrap().plaintext);
            });
        }
        let message = runtime.block_on(messages::encrypt(ours, &plaintext, &framed(65536))).unwrap();
        for threads in [1, 2] {
            let options = options.clone().with_threads(threads);
            group.bench_function(format!("privet, 64 KiB frames, used memory, {threads} threads"), |b| {
                let mut plaintext = Vec::new();
                b.iter(|| {
                    let buffer = std::mem::take(&mut plaintext);
                    let read = messages::decrypt_into(ours, black_box(&message), &options, buffer);
                    plaintext = runtime.block_on(read).unwrap().plaintext;
                });
            });
        }
        let mut sealed = plaintext.clone();
        let tag = bare.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut sealed).unwrap();
        let open = |out: &mut [u8]| {
            bare.open_separate_gather(nonce(), Aad::empty(), black_box(&sealed), tag.as_ref(), out).unwrap();
        };
        group.bench_function("bare AEAD", |b| {
            let mut out = vec![0; length];
            b.iter(|| open(black_box(&mut out)));
        });
        group.bench_function("bare AEAD, new buffer", |b| {
            b.iter(|| {
                let mut out = vec![0; length];
                open(&mut out);
                out
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2));
    targets = peers
}
criterion_main!(benches);
