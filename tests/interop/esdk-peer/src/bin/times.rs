//! What messages cost with privet and with AWS's Rust client, and the bare AES-256-GCM of the same bytes, each timed by
//! itself: the tenth percentile, which other programs on the machine disturb least. `cargo run --release --bin times`

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use aws_esdk::material_providers::types::EsdkAlgorithmSuiteId::AlgAes256GcmHkdfSha512CommitKey;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use esdk_peer::{Key, Pair, Result, clients};
use privet::message::{ReadOptions, WriteOptions};
use privet::{EncryptionContext, Secret, messages};

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (client, providers) = clients()?;
    let key = Key { name: "bench".into(), secret: Secret::copy_of(&[7; 32]) };
    let pair = runtime.block_on(Pair::raw(&providers, &key))?;
    let (ours, theirs) = (pair.ours.as_ref(), pair.theirs);
    let pairs = [("purpose", "bench"), ("tenant", "t-1")];
    let context = pairs.into_iter().fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value));
    let their_context: HashMap<_, _> = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let bare = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.secret.expose())?);

    for (size, length, batch, batches) in [
        ("32 B", 32, 20, 400),
        ("1 KiB", 1 << 10, 20, 400),
        ("64 KiB", 1 << 16, 4, 400),
        ("1 MiB", 1 << 20, 1, 400),
        ("16 MiB", 16 << 20, 1, 40),
    ] {
        let plaintext = vec![3; length];
        let show = |what: &str, work: &mut dyn FnMut()| {
            println!("{size:>6} {what:32} {:10.3} us", tenth(batch, batches, work));
        };
        let mut bytes = plaintext.clone();
        show("bare", &mut || {
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            let _ = black_box(bare.seal_in_place_separate_tag(nonce, Aad::empty(), &mut bytes));
        });
        for (frames, threads) in [(4, 1), (64, 1), (64, 2)] {
            let writing = WriteOptions::new(context.clone()).with_frame_length(frames << 10).with_threads(threads);
            let reading = ReadOptions::new().with_context(context.clone()).with_threads(threads);
            let message = runtime.block_on(messages::encrypt(ours, &plaintext, &writing))?;
            let name = |what: &str| format!("{what}, {frames} KiB, {threads} thread(s)");
            show(&name("encrypt"), &mut || {
                black_box(runtime.block_on(messages::encrypt(ours, black_box(&plaintext), &writing)).unwrap());
            });
            show(&name("decrypt"), &mut || {
                black_box(runtime.block_on(messages::decrypt(ours, black_box(&message), &reading)).unwrap());
            });
            let mut buffer = Vec::new();
            show(&name("encrypt_into"), &mut || {
                let used = std::mem::take(&mut buffer);
                buffer = runtime.block_on(messages::encrypt_into(ours, black_box(&plaintext), &writing, used)).unwrap();
            });
            let mut buffer = Vec::new();
            show(&name("decrypt_into"), &mut || {
                let used = std::mem::take(&mut buffer);
                let opened = runtime.block_on(messages::decrypt_into(ours, black_box(&message), &reading, used));
                buffer = opened.unwrap().plaintext;
            });
        }
        let encrypt = || {
            let request = client.encrypt().plaintext(plaintext.clone()).keyring(theirs.clone()).frame_length(4096);
            let request = request.encryption_context(their_context.clone());
            let request = request.algorithm_suite_id(AlgAes256GcmHkdfSha512CommitKey);
            runtime.block_on(request.send()).unwrap().ciphertext.unwrap().into_inner()
        };
        let message = encrypt();
        show("aws-esdk encrypt, 4 KiB", &mut || drop(black_box(encrypt())));
        show("aws-esdk decrypt, 4 KiB", &mut || {
            let request = client.decrypt().ciphertext(message.clone()).keyring(theirs.clone());
            black_box(runtime.block_on(request.encryption_context(their_context.clone()).send()).unwrap());
        });
    }
    Ok(())
}

/// The tenth percentile of the time of one call, in microseconds.
fn tenth(batch: u32, batches: usize, work: &mut dyn FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..batches)
        .map(|_| {
            let start = Instant::now();
            (0..batch).for_each(|_| work());
            start.elapsed().as_secs_f64() * 1e6 / f64::from(batch)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[batches / 10]
}
