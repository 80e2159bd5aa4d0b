//! What follows a table finds: images of streams and lines of exports, opened as far as its keys go.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::io::Write as _;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use common::{Customer, Events, SECRETS, Site, ada};
use flate2::Compression;
use flate2::write::GzEncoder;
use privet::dynamodb::{ChangeKind, ExportLines, Exports, Image, Streams, Tables, from_item};
use privet::value::{Map, Value, from_record, to_dynamodb_json, to_record};
use privet::{ErrorKind, Policy, Protector};
use privet_testkit::Deny;
use serde_json::json;

async fn stored(site: &Site) -> Map {
    from_item(site.stored("customers", "c-1").await.unwrap()).unwrap()
}

/// A record as Lambda hands it over.
fn record(name: &str, number: u32, new: Option<&Map>, old: Option<&Map>) -> EventRecord {
    let mut change = json!({
        "ApproximateCreationDateTime": 1_796_000_000, "Keys": {"id": {"S": "c-1"}},
        "SequenceNumber": number.to_string(), "SizeBytes": 59, "StreamViewType": "NEW_AND_OLD_IMAGES",
    });
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

fn event(records: Vec<EventRecord>) -> Event {
    let mut event = Event::default();
    event.records = records;
    event
}

/// The record before and after an update, as stored, and before it was only sealed anew.
async fn versions(site: &Site) -> [Map; 3] {
    let customers = site.protector().await.table::<Customer>(&site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    let first = stored(site).await;
    customers.put(&ada()).await.unwrap();
    let sealed_anew = stored(site).await;
    customers.put(&Customer { email: "ada@example.org".into(), ..ada() }).await.unwrap();
    [first, sealed_anew, stored(site).await]
}

fn email(image: &Image) -> Option<&str> {
    image.opened()?.record().get("email")?.as_text()
}

#[tokio::test]
async fn images_are_opened_and_rewrites_can_be_told() {
    let site = Site::start().await;
    let [first, sealed_anew, updated] = versions(&site).await;
    let privet = site.protector().await;

    let inserted = privet.open_change(record("INSERT", 1, Some(&first), None)).await.unwrap();
    assert_eq!((inserted.kind, inserted.resource.as_str()), (ChangeKind::Insert, "customers"));
    assert!(matches!(inserted.old, Image::Absent) && !inserted.is_rewrite() && !inserted.is_expiry);
    let Image::Opened(new) = inserted.new else { panic!("it should be opened") };
    assert!(from_record::<Customer>(new.complete().unwrap()).unwrap() == ada());

    let rewritten = privet.open_change(record("MODIFY", 2, Some(&sealed_anew), Some(&first))).await.unwrap();
    assert!(first != sealed_anew && rewritten.is_rewrite() && !rewritten.needs_upgrade());

    let modified = privet.open_change(record("MODIFY", 3, Some(&updated), Some(&sealed_anew))).await.unwrap();
    assert!(!modified.is_rewrite());
    assert_eq!((email(&modified.old), email(&modified.new)), (Some("ada@example.com"), Some("ada@example.org")));

    let shown = format!("{modified:?}");
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{secret}");
    }
    let keys_only = privet.open_change(record("REMOVE", 4, None, None)).await.unwrap();
    assert_eq!(keys_only.keys["id"], Value::S("c-1".into()));
    assert!(!keys_only.new.is_withheld() && !keys_only.is_rewrite());
}

#[tokio::test]
async fn an_item_that_expired_says_so() {
    let site = Site::start().await;
    let [first, ..] = versions(&site).await;
    let mut expired = serde_json::to_value(record("REMOVE", 1, None, Some(&first))).unwrap();
    expired["userIdentity"] = json!({"type": "Service", "principalId": "dynamodb.amazonaws.com"});
    let expired = serde_json::from_value(expired).unwrap();
    assert!(site.protector().await.open_change(expired).await.unwrap().is_expiry);
}

#[tokio::test]
async fn what_this_process_may_not_unwrap_is_withheld() {
    let site = Site::start().await;
    let [first, sealed_anew, _] = versions(&site).await;
    site.aws.deny(Deny::principal("analyst").service("kms").context("privet:class", "confidential"));
    site.aws.deny(Deny::principal("stranger").service("kms"));
    let change = async |principal: &str| {
        let keyring = site.keyring(principal).await;
        let privet =
            Protector::builder().keyring(keyring).audit(Events::default()).model::<Customer>().build().unwrap();
        privet.open_change(record("MODIFY", 1, Some(&sealed_anew), Some(&first))).await.unwrap()
    };
    let analyst = change("analyst").await;
    assert!(analyst.new.is_withheld() && email(&analyst.new).is_some());
    assert_eq!(analyst.new.opened().unwrap().withheld()[0].path.to_string(), "health_records");
    // What is withheld may have changed.
    assert!(!analyst.is_rewrite());
    let stranger = change("stranger").await;
    assert!(matches!((&stranger.new, &stranger.old), (Image::Withheld, Image::Withheld)));
}

#[tokio::test]
async fn a_batch_stops_at_the_first_failure_and_names_it() {
    let site = Site::start().await;
    let [first, sealed_anew, updated] = versions(&site).await;
    let privet = site.protector().await;
    let mut damaged = updated.clone();
    damaged.insert("name".into(), Value::S("Eve".into()));
    let batch = |third: &Map| {
        event(vec![
            record("INSERT", 1, Some(&first), None),
            record("MODIFY", 2, Some(&sealed_anew), Some(&first)),
            record("MODIFY", 3, Some(third), Some(&sealed_anew)),
            record("REMOVE", 4, None, Some(&updated)),
        ])
    };
    let consume = async |batch: Event, fails_at: Option<&str>| {
        let mut handled = Vec::new();
        let response = privet
            .consume(batch, async |change| {
                let number = change.sequence_number.clone().unwrap();
                if Some(number.as_str()) == fails_at {
                    return Err("the queue is full");
                }
                handled.push(number);
                Ok(())
            })
            .await;
        (handled, serde_json::to_value(response).unwrap())
    };
    let failure = |number: &str| json!({"batchItemFailures": [{"itemIdentifier": number}]});
    let numbers = |numbers: &[&str]| numbers.iter().map(|&number| number.to_owned()).collect::<Vec<_>>();
    let all = (numbers(&["1", "2", "3", "4"]), json!({"batchItemFailures": []}));
    assert_eq!(consume(batch(&updated), None).await, all);
    assert_eq!(consume(batch(&updated), Some("2")).await, (numbers(&["1"]), failure("2")));
    assert_eq!(consume(batch(&damaged), None).await, (numbers(&["1", "2"]), failure("3")));
}

#[tokio::test]
async fn a_record_of_an_unknown_table_or_operation_is_refused() {
    let site = Site::start().await;
    let privet = site.protector().await;
    let mut foreign = record("INSERT", 1, None, None);
    foreign.event_source_arn = Some("arn:aws:dynamodb:eu-west-1:111122223333:table/orders/stream/1".into());
    assert_eq!(privet.open_change(foreign).await.unwrap_err().kind(), ErrorKind::Config);
    let mut nowhere = record("INSERT", 1, None, None);
    nowhere.event_source_arn = None;
    assert_eq!(privet.open_change(nowhere).await.unwrap_err().kind(), ErrorKind::Config);
    let odd = privet.open_change(record("TRUNCATE", 1, None, None)).await.unwrap_err();
    assert_eq!(odd.kind(), ErrorKind::Input);
}

/// A data file of an export, with what follows the items on lines of their own.
fn data_file(items: &[Map], more: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for item in items {
        writeln!(gzip, "{}", json!({"Item": to_dynamodb_json(item)})).unwrap();
    }
    gzip.write_all(more.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn lines_of_an_export_are_opened_one_by_one() {
    let site = Site::start().await;
    let [first, sealed_anew, updated] = versions(&site).await;
    let privet = site.protector().await;
    let customers = privet.model::<Customer>().unwrap();
    let mut damaged = first.clone();
    damaged.remove("email");
    let file = data_file(&[first, damaged, updated, sealed_anew], "{\"Item\": \n");
    let mut found = Vec::new();
    for line in ExportLines::gzip(file.as_slice()) {
        let number = line.number;
        let image = privet.open_line(&customers, line).await;
        found.push((number, image.map(|image| email(&image).unwrap().to_owned()).map_err(|error| error.kind())));
    }
    assert_eq!(
        found,
        [
            (1, Ok("ada@example.com".to_owned())),
            (2, Err(ErrorKind::Integrity)),
            (3, Ok("ada@example.org".to_owned())),
            (4, Ok("ada@example.com".to_owned())),
            (5, Err(ErrorKind::Input)),
        ]
    );
}

#[tokio::test]
async fn a_data_file_that_was_cut_off_or_damaged_does_not_end_quietly() {
    let site = Site::start().await;
    let [first, ..] = versions(&site).await;
    let file = data_file(&vec![first; 40], "");
    let last = |file: &[u8]| ExportLines::gzip(file).last().map(|line| line.item.map_err(|error| error.kind()));
    assert!(last(&file).unwrap().is_ok());
    for length in [1, 9, file.len() / 2, file.len() - 8, file.len() - 1] {
        assert_eq!(last(&file[..length]).unwrap().unwrap_err(), ErrorKind::Io, "cut off at {length}");
    }
    let mut damaged = file.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x10;
    // Wherever it shows first, the last line is not one that was read well.
    assert!(last(&damaged).unwrap().is_err());
}

#[tokio::test]
async fn a_stream_and_an_export_show_no_more_in_clear_than_the_migration_allows() {
    let site = Site::start().await;
    let clear = to_record(&ada()).unwrap();
    let refuses = site.protector().await;
    let error = refuses.open_change(record("INSERT", 1, Some(&clear), None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    let policy = Policy::from_toml("version = 1\n[resources.customers]\nplaintext_reads = \"count\"").unwrap();
    let counts = site.builder().await.policy(policy).build().unwrap();
    let change = counts.open_change(record("INSERT", 1, Some(&clear), None)).await.unwrap();
    assert!(change.needs_upgrade() && !change.is_rewrite());
    let customers = counts.model::<Customer>().unwrap();
    for line in ExportLines::gzip(data_file(&[clear], "").as_slice()) {
        assert!(counts.open_line(&customers, line).await.unwrap().opened().unwrap().was_plaintext());
    }
    assert_eq!(counts.migrations()["customers"].plaintext, 2);
}
