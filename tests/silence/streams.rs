//! Images of streams and lines of exports.

use std::io::Write as _;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use flate2::Compression;
use flate2::write::GzEncoder;
use privet::dynamodb::{ExportLines, Exports as _, Streams as _, Tables, from_item, read_manifest};
use privet::value::{Map, Value, to_dynamodb_json};
use privet_testkit::Deny;
use serde_json::json;

use crate::common::{Customer, SECRETS, Site, ada};
use crate::{Said, protector};

fn record(name: &str, new: Option<&Map>, old: Option<&Map>) -> EventRecord {
    let mut change = json!({"Keys": {"id": {"S": "c-1"}}, "SequenceNumber": "1", "SizeBytes": 59, "StreamViewType": "NEW_AND_OLD_IMAGES"});
    for (image, item) in [("NewImage", new), ("OldImage", old)] {
        if let Some(item) = item {
            change[image] = to_dynamodb_json(item);
        }
    }
    let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/customers/stream/2026-11-23T00:00:00.000";
    serde_json::from_value(json!({
        "eventID": "1", "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1", "eventSourceARN": arn, "dynamodb": change,
    }))
    .unwrap()
}

#[tokio::test]
async fn changes_and_exports_say_nothing() {
    let mut said = Said::listen();
    let site = Site::start().await;
    let privet = protector(&site, "version = 1\n[resources.customers]\nkey = [\"id\"]").await;
    privet.table::<Customer>(&site.dynamodb).unwrap().put(&ada()).await.unwrap();
    let stored = from_item(site.stored("customers", "c-1").await.unwrap()).unwrap();
    let mut damaged = stored.clone();
    damaged.insert("name".into(), Value::S(SECRETS[3].into()));
    let clear = privet::value::to_record(&ada()).unwrap();

    said.shows(&privet.open_change(record("INSERT", Some(&stored), None)).await.unwrap());
    said.shows(&privet.open_change(record("MODIFY", Some(&stored), Some(&stored))).await.unwrap());
    said.fails(privet.open_change(record("INSERT", Some(&damaged), None)).await);
    said.fails(privet.open_change(record("INSERT", Some(&clear), None)).await);
    said.fails(privet.open_change(record(SECRETS[0], Some(&stored), None)).await);
    let mut event = Event::default();
    event.records = vec![record("INSERT", Some(&stored), None), record("INSERT", Some(&damaged), None)];
    let response = privet.consume(event, async |_| Err::<(), _>(SECRETS[0])).await;
    said.shows(&response);

    let mut file = Vec::new();
    for item in [&stored, &damaged, &clear] {
        file.extend(json!({"Item": to_dynamodb_json(item)}).to_string().bytes().chain(*b"\n"));
    }
    file.extend(format!("{{\"Item\":{{\"n\":{{\"N\":\"{0}\"}}}}}}\n{0}\n", SECRETS[0]).bytes());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&file).unwrap();
    let gzip = gzip.finish().unwrap();
    let customers = privet.resource("customers").unwrap();
    let lines = ExportLines::gzip(gzip.as_slice());
    said.shows(&lines);
    for line in lines {
        said.shows(&line);
        match privet.open_line(&customers, line).await {
            Ok(opened) => said.shows(&opened),
            Err(error) => said.error(&error),
        }
    }
    said.fails(read_manifest(SECRETS[0].as_bytes()));
    for line in ExportLines::gzip(file.as_slice()) {
        said.fails(line.item);
    }
    site.aws.deny(Deny::everyone());
    privet.purge();
    said.shows(&privet.open_change(record("INSERT", Some(&stored), None)).await);
    said.holds_none_of(&[], 9);
}
