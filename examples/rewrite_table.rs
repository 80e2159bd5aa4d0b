//! Fills a table of the embedded DynamoDB, moves it to another key, and says what that took and whose time it was: the
//! figures in `docs/PERFORMANCE.md`.
//!
//! ```sh
//! cargo run --release --example rewrite_table -- 100000
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for figures that cannot go on has failed"
)]

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use privet::bulk::{Decision, Extent, Job, Look, Reason, Reprotect, StoredRecord, Transformation};
use privet::dynamodb::bulk::{Item, TableStore};
use privet::dynamodb::to_item;
use privet::record::Form;
use privet::value::{Map, Value};
use privet_testkit::EmbeddedAws;

#[path = "../bulk/examples/common/customers.rs"]
mod customers;

use customers::{new, old, record};

/// What a rewrite costs without privet: the same attributes become others of the same lengths.
struct Touch;

impl Transformation<Item> for Touch {
    type Rewritten = Map;

    async fn describe(&self) -> privet::bulk::Result<serde_json::Value> {
        Ok(serde_json::Value::Null)
    }

    async fn look(&self, _item: &Item) -> privet::bulk::Result<Look> {
        Ok(Look::Stale(vec![Reason::Sealed]))
    }

    async fn rewrite(&self, item: &Item) -> privet::bulk::Result<Decision<Map>> {
        let mut rewritten = item.stored()?;
        for value in rewritten.values_mut() {
            if let Value::B(bytes) = value {
                bytes.reverse();
            }
        }
        Ok(Decision::Rewrite { rewritten, reasons: vec![Reason::Sealed] })
    }

    async fn prove(&self, _item: &Item) -> privet::bulk::Result<Vec<Reason>> {
        Ok(Vec::new())
    }

    fn digest(&self, _item: &Item) -> String {
        String::new()
    }

    fn key_calls(&self) -> u64 {
        0
    }
}

async fn fill(client: &Client, records: u64) {
    let definition = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let _ = client.delete_table().table_name("customers").send().await;
    let create = client.create_table().table_name("customers").billing_mode(BillingMode::PayPerRequest);
    let create = create.attribute_definitions(definition.build().unwrap()).key_schema(key.build().unwrap());
    create.send().await.unwrap();
    let privet = old();
    let resource = privet.resource("customers").unwrap();
    for index in 0..records {
        let item = to_item(privet.protect_record(&resource, record(index, "pii")).await.unwrap());
        client.put_item().table_name("customers").set_item(Some(item)).send().await.unwrap();
    }
}

async fn job<T: Transformation<Item, Rewritten = Map>>(client: &Client, transformation: T) -> Job<TableStore, T> {
    let resource = new().resource("customers").unwrap();
    let store = TableStore::new(client.clone(), &resource).unwrap().segments(8);
    Job::builder("new-key", store, transformation).build().unwrap()
}

/// The processor time of this process.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // In hundredths of a second (proc_pid_stat(5), `utime` and `stime`).
    let ticks = |index: usize| fields[index].parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let records =
        std::env::args().nth(1).map_or(100_000, |records| records.parse::<u64>().expect("a number of records"));
    let aws = EmbeddedAws::start().await;
    let client = Client::new(&aws.config("eu-west-1").await);
    let say = |what: &str, took: Duration| {
        let each = took.as_secs_f64() * 1e6 / records as f64;
        println!("{what:<40}{:>10.0} records a second and core, {each:.1} us each", 1e6 / each);
    };

    let (from, to) = (old(), new());
    let resource = from.resource("customers").unwrap();
    let mut stored = Vec::new();
    for index in 0..records.min(10_000) {
        stored.push(from.protect_stored(&resource, Form::Item, record(index, "pii"), None).await.unwrap());
    }
    let before = processor();
    for item in &stored {
        let clear = from.unprotect_record(&resource, item.clone()).await.unwrap().complete().unwrap();
        to.protect_record(&resource, clear).await.unwrap();
    }
    let each = (processor() - before).as_secs_f64() / stored.len() as f64;
    say("privet alone, in memory", Duration::from_secs_f64(each * records as f64));

    fill(&client, records).await;
    aws.clear_calls();
    let touch = job(&client, Touch).await;
    let before = processor();
    assert!(touch.run().await.unwrap().finished);
    say("the same writes without privet", processor() - before);

    fill(&client, records).await;
    aws.clear_calls();
    let rewrite = job(&client, Reprotect::new(from, to, "customers").unwrap()).await;
    let (before, at_first, mut most) = (processor(), memory(), 0);
    let running = tokio::spawn({
        let rewrite = rewrite.clone();
        async move { rewrite.run().await.unwrap() }
    });
    while !running.is_finished() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        most = most.max(memory());
    }
    let report = running.await.unwrap();
    say("the job", processor() - before);
    println!("{report}memory at first {at_first} MiB, at most {most} MiB, the table's included");
    assert!(report.finished && report.total.rewritten == records);
    assert!(rewrite.verify(Extent::FirstOfEachShard(1000)).await.unwrap().passed());
}
