//! What protection adds to a call of DynamoDB: `put_item` and `get_item` through `send_protected`, and typed tables, beside
//! the plain calls of the SDK that store and read the same application data.
//!
//! `sealed, plain` is the plain call with what is stored of a sealed item: what is on top of it is privet's own, and what is
//! below it is the service's and the SDK's, for items that are longer.
//!
//! `cargo bench --bench dynamodb`. DynamoDB is the embedded one, in the process: no network, which would hide the
//! difference. Keys are warm. Quote ratios of the same run.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot be set up has nothing to say")]

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType};
use criterion::{Criterion, criterion_group, criterion_main};
use privet::audit::TracingSink;
use privet::dynamodb::{SendProtected as _, Tables as _};
use privet::keyring::{KmsKeyring, RawAesKeyring};
use privet::{Keyring, Protect, Protector, Secret};
use privet_testkit::EmbeddedAws;
use serde::{Deserialize, Serialize};

#[path = "common/customer.rs"]
mod customer;

use customer::{Customer, model};

/// The same texts, of which the same four are sealed, under one class.
#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "contacts", key = "id")]
struct Contact {
    #[protect(public)]
    id: String,
    #[protect(public)]
    name: String,
    #[protect(pii)]
    email: String,
    #[protect(pii)]
    ssn: String,
    #[protect(pii)]
    api_key: String,
    #[protect(pii)]
    health_records: String,
    #[protect(public)]
    country: String,
    #[protect(public)]
    language: String,
    #[protect(public)]
    tier: String,
    #[protect(public)]
    created_at: String,
}

fn key() -> AttributeValue {
    AttributeValue::S(model::<Customer>().id)
}

/// A table for what is stored in clear, and one for what is sealed.
async fn create_tables(client: &Client) {
    for table in ["plain", "contacts", "customers"] {
        let definition = AttributeDefinition::builder().attribute_name("id").attribute_type("S".into());
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
        let create = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
        let create = create.attribute_definitions(definition.build().unwrap()).key_schema(key.build().unwrap());
        create.send().await.unwrap();
    }
}

fn protector(keyring: impl Keyring + 'static) -> Protector {
    Protector::builder().keyring(keyring).audit(TracingSink).model::<Contact>().model::<Customer>().build().unwrap()
}

fn calls(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (aws, client, keyrings) = runtime.block_on(async {
        let aws = EmbeddedAws::start().await;
        let key = aws.create_key("eu-west-1", "alias/bench").await;
        let config = aws.config("eu-west-1").await;
        let client = Client::new(&config);
        create_tables(&client).await;
        let raw = RawAesKeyring::new("bench", "key", &Secret::random(32).unwrap()).unwrap();
        let kms = KmsKeyring::new(aws_sdk_kms::Client::new(&config), key).unwrap();
        (aws, client, [("raw AES", protector(raw)), ("KMS", protector(kms))])
    });
    let item: HashMap<String, AttributeValue> = serde_dynamo::to_item(model::<Customer>()).unwrap();
    let model: Customer = model();

    let [(_, raw), (_, kms)] = &keyrings;
    let cases =
        [("one class", "contacts", raw), ("three classes", "customers", raw), ("three classes, KMS", "customers", kms)];

    let mut group = criterion.benchmark_group("put_item");
    let put = |table: &str| client.put_item().table_name(table).set_item(Some(item.clone()));
    group.bench_function("plain", |bencher| {
        bencher.to_async(&runtime).iter(async || put("plain").send().await.unwrap());
    });
    for (name, table, privet) in cases {
        let sealed = runtime.block_on(async {
            put(table).send_protected(privet).await.unwrap();
            client.get_item().table_name(table).key("id", key()).send().await.unwrap().item
        });
        group.bench_function(format!("{name}: sealed, plain"), |bencher| {
            bencher
                .to_async(&runtime)
                .iter(async || client.put_item().table_name(table).set_item(sealed.clone()).send().await.unwrap());
        });
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(async || put(table).send_protected(privet).await.unwrap());
        });
        aws.clear_calls();
    }
    group.finish();

    let mut group = criterion.benchmark_group("get_item");
    let get = |table: &str| client.get_item().table_name(table).key("id", key());
    runtime.block_on(put("plain").send()).unwrap();
    group.bench_function("plain", |bencher| {
        bencher.to_async(&runtime).iter(async || get("plain").send().await.unwrap().item.unwrap());
    });
    for (name, table, privet) in cases {
        runtime.block_on(put(table).send_protected(privet)).unwrap();
        group.bench_function(format!("{name}: sealed, plain"), |bencher| {
            bencher.to_async(&runtime).iter(async || get(table).send().await.unwrap().item.unwrap());
        });
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(async || get(table).send_protected(privet).await.unwrap().item.unwrap());
        });
        aws.clear_calls();
    }
    group.finish();

    let mut group = criterion.benchmark_group("put a model");
    group.bench_function("plain", |bencher| {
        bencher.to_async(&runtime).iter(async || {
            let item = serde_dynamo::to_item(&model).unwrap();
            client.put_item().table_name("plain").set_item(Some(item)).send().await.unwrap()
        });
    });
    for (name, privet) in &keyrings {
        let table = privet.table::<Customer>(&client).unwrap();
        group.bench_function(*name, |bencher| {
            bencher.to_async(&runtime).iter(async || table.put(&model).await.unwrap());
        });
        aws.clear_calls();
    }
    group.finish();

    let mut group = criterion.benchmark_group("get a model");
    group.bench_function("plain", |bencher| {
        bencher.to_async(&runtime).iter(async || {
            let item = get("plain").send().await.unwrap().item.unwrap();
            serde_dynamo::from_item::<_, Customer>(item).unwrap()
        });
    });
    for (name, privet) in &keyrings {
        let table = privet.table::<Customer>(&client).unwrap();
        runtime.block_on(table.put(&model)).unwrap();
        group.bench_function(*name, |bencher| {
            bencher.to_async(&runtime).iter(async || table.get(&model.id).await.unwrap().unwrap());
        });
        aws.clear_calls();
    }
    group.finish();
}

criterion_group!(benches, calls);
criterion_main!(benches);
