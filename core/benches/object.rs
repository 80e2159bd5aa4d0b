//! What bodies of S3 objects cost, without key provider and network, beside the bare AES-GCM of the same bytes.
//!
//! `cargo bench -p privet-core --bench object`, or with `-- "64 MiB"` behind it for one size. All of a size run in turns,
//! and what is shown is the tenth percentile of their times, which other programs on the machine disturb least.
//!
//! The object lies in memory, as a file does that was just read, and goes through in pieces of 1 MiB, each into the same
//! buffer. What is bare does just that: one call a piece, from where the object lies into a buffer that is used again. An
//! object that is larger than the processor's cache thus costs the bare cryptography as much memory traffic as privet. The
//! bare sealing of one piece in place, again and again, says what there is without any of that; a put of one piece again and
//! again stands beside it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a bench that cannot be set up has nothing to say"
)]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use privet_core::message::{HeaderProgress, HeaderReader, NewMessage, ReadOptions, WriteOptions};
use privet_core::s3ec::{self, Header, Lookup, NewObject};
use privet_core::{EncryptedDataKey, EncryptionContext, Secret};

fn main() {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    for (size, pieces, rounds) in [("1 MiB", 1, 1000), ("64 MiB", 64, 50), ("1 GiB", 1024, 20)] {
        if filter.as_ref().is_none_or(|filter| filter == size) {
            objects(size, pieces, rounds);
        }
    }
}

fn objects(size: &str, pieces: usize, rounds: usize) {
    let data_key = Secret::copy_of(&[7; 32]);
    let plaintext: Vec<u8> = (0..pieces * PIECE).map(|at| at as u8).collect();
    let framed = WriteOptions::new(EncryptionContext::new().with("purpose", "bench")).with_frame_length(64 << 10);
    let message = NewMessage::new(&framed).unwrap().seal(&data_key, vec![edk()], &plaintext).unwrap();
    let object = NewObject::new(&s3ec::WriteOptions::default()).unwrap();
    let sealed = object.seal(&data_key, edk(), plaintext.clone()).unwrap();
    let metadata = sealed.header.object_metadata().unwrap();
    let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let Ok(Lookup::Header(header)) = Header::read(&metadata, &s3ec::ReadOptions::new()) else { return };
    let unlocked = header.unlock(&data_key).unwrap();

    let bare = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, data_key.expose()).unwrap());
    let nonce = || Nonce::assume_unique_for_key([0; 12]);
    let mut tags = vec![[0; 16]; pieces];
    let (mut in_place, mut buffer) = (vec![3; PIECE], vec![0; 2 * PIECE]);
    // One that is appended to, and empty before each piece.
    let mut appended = Vec::with_capacity(2 * PIECE);
    let ciphertext = {
        let mut ciphertext = plaintext.clone();
        for (piece, tag) in ciphertext.chunks_mut(PIECE).zip(&mut tags) {
            *tag =
                *bare.seal_in_place_separate_tag(nonce(), Aad::empty(), piece).unwrap().as_ref().first_chunk().unwrap();
        }
        ciphertext
    };

    let mut times = Times::default();
    for _ in 0..rounds {
        times.of("bare, one piece in place", "", || {
            for _ in 0..pieces {
                let _ = black_box(bare.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut in_place).unwrap());
            }
        });
        times.of("framed put, one piece", "bare, one piece in place", || {
            let mut encryptor = NewMessage::new(&framed).unwrap().encryptor(&data_key, vec![edk()]).unwrap();
            for _ in 0..pieces {
                black_box(encryptor.push_over(&in_place, &mut buffer).unwrap());
            }
            black_box(encryptor.finish_over(&mut buffer).unwrap());
        });
        times.of("bare sealing", "", || {
            for (piece, tag) in plaintext.chunks(PIECE).zip(&mut tags) {
                let out = &mut buffer[..piece.len()];
                bare.seal_out_of_place_scatter(nonce(), Aad::empty(), piece, out, &[], tag).unwrap();
                black_box(&buffer);
            }
        });
        times.of("framed put", "bare sealing", || {
            let mut encryptor = NewMessage::new(&framed).unwrap().encryptor(&data_key, vec![edk()]).unwrap();
            for piece in plaintext.chunks(PIECE) {
                black_box(encryptor.push_over(piece, &mut buffer).unwrap());
            }
            black_box(encryptor.finish_over(&mut buffer).unwrap());
        });
        times.of("S3EC put, in pieces", "bare sealing", || {
            let object = NewObject::new(&s3ec::WriteOptions::default()).unwrap();
            let (mut sealer, _) = object.sealer(&data_key, edk()).unwrap();
            for piece in plaintext.chunks(PIECE) {
                appended.clear();
                sealer.push(piece, &mut appended).unwrap();
                black_box(&appended);
            }
            sealer.finish(&mut appended).unwrap();
            black_box(&appended);
        });
        times.of("bare opening", "", || {
            for (piece, tag) in ciphertext.chunks(PIECE).zip(&tags) {
                let out = &mut buffer[..piece.len()];
                bare.open_separate_gather(nonce(), Aad::empty(), piece, tag, out).unwrap();
                black_box(&buffer);
            }
        });
        times.of("framed get", "bare opening", || {
            let mut chunks = message.chunks(PIECE);
            let reader = HeaderReader::new(&ReadOptions::new());
            let Ok(HeaderProgress::Locked(locked)) = reader.push(chunks.next().unwrap()) else { return };
            let (mut decryptor, plaintext) = locked.decryptor_over(&data_key, &mut buffer).unwrap();
            black_box(plaintext);
            for chunk in chunks {
                black_box(decryptor.push_over(chunk, &mut buffer).unwrap());
            }
            decryptor.finish().unwrap();
        });
        if pieces <= 64 {
            let body = sealed.body.clone();
            times.of("S3EC get, whole", "bare opening", || black_box(unlocked.open(body).unwrap()));
        }
    }
    times.show(size, pieces * PIECE);
}

/// How long each work took, round by round.
#[derive(Default)]
struct Times(Vec<(&'static str, &'static str, Vec<f64>)>);

impl Times {
    /// Does a work, which is to be compared with the one of the name `floor`, if there is one.
    fn of<T>(&mut self, name: &'static str, floor: &'static str, work: impl FnOnce() -> T) {
        let started = Instant::now();
        let done = work();
        let took = started.elapsed().as_secs_f64();
        drop(done);
        match self.0.iter_mut().find(|(known, ..)| *known == name) {
            Some((.., times)) => times.push(took),
            None => self.0.push((name, floor, vec![took])),
        }
    }

    fn show(&self, size: &str, bytes: usize) {
        let tenth = |name: &str| {
            let (.., times) = self.0.iter().find(|(known, ..)| *known == name)?;
            let mut times = times.clone();
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 10).copied()
        };
        for (name, floor, _) in &self.0 {
            let seconds = tenth(name).unwrap();
            let rate = bytes as f64 / seconds / f64::from(1 << 30);
            let part = tenth(floor).map_or(String::new(), |bare| format!("{:6.2} of {floor}", bare / seconds));
            println!("{size:>7} {name:26} {:10.3} ms {rate:7.2} GiB/s {part}", seconds * 1e3);
        }
    }
}

fn edk() -> EncryptedDataKey {
    EncryptedDataKey { provider_id: "s3ec".into(), provider_info: b"AES/GCM".to_vec(), ciphertext: vec![2; 60] }
}

/// What an upload or a download hands over at a time.
const PIECE: usize = 1 << 20;
