//! What protecting costs: a record of ten fields, with warm keys and without I/O, beside the bare cryptography of it.
//!
//! `cargo bench --bench record`. Quote ratios to the floor of the same run.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench that cannot be set up has nothing to say"
)]

use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use criterion::{Criterion, criterion_group, criterion_main};
use privet::audit::TracingSink;
use privet::keyring::RawAesKeyring;
use privet::mask::Masks;
use privet::policy::plan::Plan;
use privet::record::{Header, RecordContext};
use privet::value::{Map, Value, serialise_into, to_record};
use privet::{Policy, Principal, Protect, Protector, Secret};
use serde::{Deserialize, Serialize};

#[path = "common/customer.rs"]
mod customer;

use customer::{Customer as Four, model};

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "customers", key = "id")]
struct Eight {
    #[protect(public)]
    id: String,
    #[protect(public)]
    created_at: String,
    #[protect(pii)]
    name: String,
    #[protect(pii, mask = "email")]
    email: String,
    #[protect(pii, mask = "last4")]
    ssn: String,
    #[protect(pii)]
    country: String,
    #[protect(sensitive)]
    api_key: String,
    #[protect(confidential)]
    health_records: String,
    #[protect(confidential)]
    language: String,
    #[protect(confidential)]
    tier: String,
}

fn protector() -> Protector {
    let keyring = RawAesKeyring::new("bench", "key", &Secret::random(32).unwrap()).unwrap();
    Protector::builder().keyring(keyring).audit(TracingSink).build().unwrap()
}

/// The cryptography that a stored record needs, on buffers made beforehand: random bytes, per class one HKDF and one
/// HMAC over the record, per field one seal.
struct Floor {
    data_keys: Vec<[u8; 32]>,
    context: Vec<u8>,
    fields: Vec<(usize, Vec<u8>)>,
    signed: Vec<u8>,
}

impl Floor {
    fn of(stored: &Map) -> Self {
        let Value::B(header) = &stored["privet"] else { panic!("no header") };
        let header = Header::parse(header).unwrap();
        let position = |code| header.sections.iter().position(|section| section.class.code() == code).unwrap();
        let mut fields = Vec::new();
        let mut signed = header.serialise().unwrap();
        for (name, value) in stored {
            if name == "privet" {
                continue;
            }
            signed.extend_from_slice(&[0; 8]);
            signed.extend_from_slice(name.as_bytes());
            serialise_into(value, &mut signed).unwrap();
            if let Value::B(sealed) = value {
                fields.push((position(sealed[1]), vec![0; sealed.len() - 30]));
            }
        }
        let context = RecordContext::new("customers", "", stored, &["id".to_owned()]).unwrap();
        Self { data_keys: vec![[7; 32]; header.sections.len()], context: context.as_bytes().to_vec(), fields, signed }
    }

    fn run(&mut self) -> [u8; 32] {
        let mut random = [0; 16 + 12 * 16];
        let random = &mut random[..16 + 12 * self.fields.len()];
        getrandom::fill(random).unwrap();
        let mut keys = Vec::with_capacity(4);
        for data_key in &self.data_keys {
            let mut okm = [0; 96];
            let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &random[..16]);
            salt.extract(data_key).expand(&[&[2], &self.context], Length).unwrap().fill(&mut okm).unwrap();
            let aead = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &okm[..32]).unwrap());
            keys.push((aead, hmac::Key::new(hmac::HMAC_SHA256, &okm[64..])));
        }
        for ((class, field), nonce) in self.fields.iter_mut().zip(random[16..].as_chunks::<12>().0) {
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let aad = Aad::from(b"\xe1\x02\x01\x00\x00\x05email");
            let _ = black_box(keys[*class].0.seal_in_place_separate_tag(nonce, aad, field).unwrap());
        }
        let mut tag = [0; 32];
        for (_, key) in &keys {
            tag.copy_from_slice(hmac::sign(key, &self.signed).as_ref());
        }
        tag
    }
}

struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        96
    }
}

fn records<T>(criterion: &mut Criterion, name: &str)
where
    T: Protect + Serialize + serde::de::DeserializeOwned + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let privet = protector();
    let resource = privet.model::<T>().unwrap();
    let model: T = model();
    let record = to_record(&model).unwrap();
    let stored = runtime.block_on(privet.protect(&model)).unwrap();
    let mut floor = Floor::of(&stored);

    let mut group = criterion.benchmark_group(name);
    group.bench_function("floor", |bencher| bencher.iter(|| black_box(floor.run())));
    group.bench_function("protect record", |bencher| {
        bencher.to_async(&runtime).iter_batched(
            || record.clone(),
            |record| privet.protect_record(&resource, record),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("unprotect record", |bencher| {
        bencher.to_async(&runtime).iter_batched(
            || stored.clone(),
            |stored| privet.unprotect_record(&resource, stored),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("protect model", |bencher| {
        bencher.to_async(&runtime).iter(|| privet.protect(black_box(&model)));
    });
    group.bench_function("unprotect model", |bencher| {
        bencher.to_async(&runtime).iter_batched(
            || stored.clone(),
            |stored| privet.unprotect::<T>(stored),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function("serde alone", |bencher| bencher.iter(|| to_record(black_box(&model)).unwrap()));
    group.finish();
}

fn shown(criterion: &mut Criterion) {
    let (policy, masks) = (Policy::default(), Masks::default());
    let plan = Plan::for_model(Four::schema(), &policy, &masks).unwrap();
    let record = to_record(&model::<Four>()).unwrap();
    let mut group = criterion.benchmark_group("view of ten fields");
    for role in ["admin", "manager", "viewer"] {
        let principal = Principal::new("u-1").role(role);
        group.bench_function(role, |bencher| {
            bencher.iter_batched(
                || record.clone(),
                |record| plan.view(record, &principal, &[], ""),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.bench_function("decide what to seal", |bencher| bencher.iter(|| plan.sealings(black_box(&record)).unwrap()));
    group.finish();
}

fn all(criterion: &mut Criterion) {
    records::<Four>(criterion, "ten fields, four sealed");
    records::<Eight>(criterion, "ten fields, eight sealed");
    shown(criterion);
}

criterion_group!(benches, all);
criterion_main!(benches);
