//! What items cost with privet and with AWS's Rust client, with the same keys, warm and without I/O: in DB-ESDK format on
//! both sides, and in privet's record format.
//!
//! `cargo bench`. Quote ratios of one run.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use db_esdk_peer::{Branch, Key, Pair, Tables, providers, texts};
use privet::audit::TracingSink;
use privet::dbesdk::Suite;
use privet::dynamodb::to_item;
use privet::{Policy, Protector, Secret};
use tokio::runtime;

fn peers(c: &mut Criterion) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let providers = providers().unwrap();
    let key = Key { name: "k1".into(), secret: Secret::copy_of(&[7; 32]) };
    let raw = runtime.block_on(Pair::raw(&providers, &key)).unwrap();
    let branch = runtime.block_on(Branch::new(&providers, "tenant-1")).unwrap();

    for (keys, pair) in [("raw AES", &raw), ("hierarchical", &branch.pair)] {
        for (count, encrypted) in [(10, 4), (40, 16)] {
            let (item, plans) = texts(count, encrypted);
            let mut write = Vec::new();
            for (suite, name) in [(Suite::Tags, "0x6700"), (Suite::Signature, "0x6701")] {
                write.push((Tables::new("Orders", plans.clone(), suite).unwrap(), name));
            }
            let policy = Policy::from_toml(POLICY).unwrap();
            let privet = Protector::builder().policy(policy).keyring(Arc::clone(&pair.ours)).audit(TracingSink);
            let privet = privet.build().unwrap();
            let resource = privet.resource("orders").unwrap();

            let mut group = c.benchmark_group(format!("write {count}-{encrypted} {keys}"));
            for (tables, name) in &write {
                let theirs = tables.theirs(pair).unwrap();
                group.bench_function(format!("aws-db-esdk {name}"), |b| {
                    let clear = to_item(item.clone());
                    b.iter_batched(
                        || clear.clone(),
                        |item| runtime.block_on(theirs.write(item)).unwrap(),
                        BatchSize::SmallInput,
                    );
                });
                group.bench_function(format!("privet DB-ESDK {name}"), |b| {
                    b.iter_batched(
                        || item.clone(),
                        |item| runtime.block_on(tables.write_ours(pair, item)).unwrap(),
                        BatchSize::SmallInput,
                    );
                });
            }
            group.bench_function("privet record", |b| {
                b.iter_batched(
                    || item.clone(),
                    |item| runtime.block_on(privet.protect_record(&resource, item)).unwrap(),
                    BatchSize::SmallInput,
                );
            });
            group.finish();

            let mut group = c.benchmark_group(format!("read {count}-{encrypted} {keys}"));
            for (tables, name) in &write {
                let theirs = tables.theirs(pair).unwrap();
                let stored = runtime.block_on(tables.write_ours(pair, item.clone())).unwrap();
                group.bench_function(format!("aws-db-esdk {name}"), |b| {
                    let stored = to_item(stored.clone());
                    b.iter_batched(
                        || stored.clone(),
                        |item| runtime.block_on(theirs.read(item)).unwrap(),
                        BatchSize::SmallInput,
                    );
                });
                group.bench_function(format!("privet DB-ESDK {name}"), |b| {
                    b.iter_batched(
                        || stored.clone(),
                        |item| runtime.block_on(tables.read_ours(pair, item)).unwrap(),
                        BatchSize::SmallInput,
                    );
                });
            }
            let stored = runtime.block_on(privet.protect_record(&resource, item.clone())).unwrap();
            group.bench_function("privet record", |b| {
                b.iter_batched(
                    || stored.clone(),
                    |item| runtime.block_on(privet.unprotect_record(&resource, item)).unwrap().complete().unwrap(),
                    BatchSize::SmallInput,
                );
            });
            group.finish();
        }
    }
}

const POLICY: &str = r#"
version = 1
rules = [{ class = "pii", names = ["secret_*"] }, { class = "public", names = ["open_*", "pk"] }]
[resources.orders]
key = ["pk"]
"#;

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500));
    targets = peers
}
criterion_main!(benches);
