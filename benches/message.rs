//! What messages cost, without key provider and I/O, beside the bare AES-GCM of the same bytes.
//!
//! `cargo bench --bench message`. Quote ratios to the floor of the same run.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot be set up has nothing to say")]

use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use criterion::{Criterion, criterion_group, criterion_main};
use privet::message::{Message, NewMessage, ReadOptions, WriteOptions};
use privet::{EncryptedDataKey, EncryptionContext, Secret};

fn messages(c: &mut Criterion) {
    let data_key = Secret::copy_of(&[7; 32]);
    let edk = EncryptedDataKey { provider_id: "bench".into(), provider_info: vec![1; 40], ciphertext: vec![2; 48] };
    let context = EncryptionContext::new().with("purpose", "bench").with("tenant", "t-1");
    let unsigned = WriteOptions::new(context);
    for (name, length) in [("1 KiB", 1024), ("1 MiB", 1 << 20)] {
        let plaintext = vec![3; length];
        for (suite, options) in [("0478", unsigned.clone()), ("0578", unsigned.clone().signed())] {
            let seal = || NewMessage::new(&options).unwrap().seal(&data_key, vec![edk.clone()], &plaintext).unwrap();
            let id = |what: &str| format!("{what} {suite}/{name}");
            c.bench_function(&id("encrypt"), |b| b.iter(seal));
            let message = seal();
            let open = || Message::parse(black_box(&message), &ReadOptions::new()).unwrap().open(&data_key).unwrap();
            c.bench_function(&id("decrypt"), |b| b.iter(open));
        }
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, data_key.expose()).unwrap());
        c.bench_function(&format!("floor/{name}, frames of 4 KiB"), |b| {
            let mut bytes = plaintext.clone();
            b.iter(|| {
                for frame in bytes.chunks_mut(4096) {
                    let nonce = Nonce::assume_unique_for_key([0; 12]);
                    let _ = black_box(key.seal_in_place_separate_tag(nonce, Aad::from([0; 80]), frame).unwrap());
                }
            });
        });
    }
}

criterion_group!(benches, messages);
criterion_main!(benches);
