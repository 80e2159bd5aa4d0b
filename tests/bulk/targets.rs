//! Reasons to rewrite an item beside keys: beacons of a new version, and the format of the table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use privet::audit::TracingSink;
use privet::bulk::{Extent, Job, Reprotect, Verification};
use privet::dynamodb::bulk::TableStore;
use privet::dynamodb::{from_item, to_item};
use privet::keyring::{BeaconKeySource, KeyringFuture, RawAesKeyring};
use privet::value::{Map, Value};
use privet::{Policy, Protector, Secret};

use crate::common::Site;

fn keyring(byte: u8) -> RawAesKeyring {
    RawAesKeyring::new("team", format!("key-{byte}"), &Secret::copy_of(&[byte; 32])).unwrap()
}

/// The beacon key of all versions.
#[derive(Debug)]
struct OneBeaconKey;

impl BeaconKeySource for OneBeaconKey {
    fn beacon_key<'a>(&'a self, _tenant: &'a str) -> KeyringFuture<'a, Secret> {
        Box::pin(async { Ok(Secret::copy_of(&[9; 32])) })
    }
}

/// What `[resources.customers]` says, and whether e-mail addresses are searched for.
fn protector(settings: &str, has_beacons: bool) -> Protector {
    let beacon = if has_beacons { "beacon = { length = 16 }" } else { "class = \"pii\"" };
    let text = format!(
        r#"
        version = 1
        [classes.confidential]
        audit = false
        [[fields]]
        path = "email"
        {beacon}
        [resources.customers]
        key = ["id"]
        {settings}
        "#
    );
    let builder = Protector::builder().policy(Policy::from_toml(&text).unwrap()).keyring(keyring(1)).audit(TracingSink);
    builder.beacon_key(OneBeaconKey).build().unwrap()
}

fn record(index: u32) -> Map {
    let text = |text: &str| Value::S(text.into());
    let mut record = Map::from([
        ("id".to_owned(), text(&format!("c-{index}"))),
        ("name".to_owned(), text("Ada")),
        ("email".to_owned(), text(&format!("ada-{index}@example.com"))),
        ("ssn".to_owned(), text("900-12-3456")),
    ]);
    // No beacon is due where there is nothing to find.
    match index % 3 {
        1 => drop(record.insert("email".to_owned(), Value::Null)),
        2 => drop(record.remove("email")),
        _ => {}
    }
    record
}

async fn fill(site: &Site, privet: &Protector) {
    let resource = privet.resource("customers").unwrap();
    for index in 0..12 {
        site.store("customers", to_item(privet.protect_record(&resource, record(index)).await.unwrap())).await;
    }
}

async fn stored(site: &Site, index: u32) -> HashMap<String, AttributeValue> {
    site.stored("customers", &format!("c-{index}")).await.unwrap()
}

/// Moves the table, and moves it again. Returns how many were rewritten each time, and what is found afterwards.
async fn run(site: &Site, from: &Protector, to: &Protector) -> ([u64; 2], Verification) {
    let resource = to.resource("customers").unwrap();
    let mut rewritten = [0; 2];
    for (index, count) in rewritten.iter_mut().enumerate() {
        let store = TableStore::new(site.dynamodb.clone(), &resource).unwrap().segments(2);
        let reprotect = Reprotect::new(from.clone(), to.clone(), "customers").unwrap();
        let job = Job::builder(format!("run-{index}"), store, reprotect).build().unwrap();
        let plan = job.plan(100, None).await.unwrap();
        let report = job.run_planned(&plan).await.unwrap();
        assert!(report.finished && report.total.poison == 0, "{report}");
        assert_eq!(report.total.rewritten, plan.sample.rewritten, "{report}");
        assert!(job.stragglers().await.unwrap().passed());
        *count = report.total.rewritten;
    }
    let store = TableStore::new(site.dynamodb.clone(), &resource).unwrap();
    let reprotect = Reprotect::new(from.clone(), to.clone(), "customers").unwrap();
    (rewritten, Job::builder("check", store, reprotect).build().unwrap().verify(Extent::All).await.unwrap())
}

async fn all_open(site: &Site, privet: &Protector) {
    let resource = privet.resource("customers").unwrap();
    for index in 0..12 {
        let item = from_item(stored(site, index).await).unwrap();
        let opened = privet.unprotect_record(&resource, item).await.unwrap().complete().unwrap();
        assert_eq!(opened, record(index), "{index}");
    }
}

const V1: &str = "[resources.customers.search]\nwrite = [1]\nquery = [1]\n";
const V12: &str = "[resources.customers.search]\nwrite = [1, 2]\nquery = [1]\n";
const V2: &str = "[resources.customers.search]\nwrite = [2]\nquery = [2]\n";

#[tokio::test]
async fn beacons_of_a_new_version_are_filled_in_and_those_of_an_old_one_removed() {
    let site = Site::start().await;
    let without = protector("", false);
    fill(&site, &without).await;
    let beacons = async |index| {
        let item = stored(&site, index).await;
        let mut names: Vec<_> = item.into_keys().filter(|name| name.starts_with("privet_b")).collect();
        names.sort();
        names
    };
    // A field becomes searchable, gets a second version, loses the first, and is not searched for any more.
    let steps = [
        (protector(V1, true), vec!["privet_b1_email"]),
        (protector(V12, true), vec!["privet_b1_email", "privet_b2_email"]),
        (protector(V2, true), vec!["privet_b2_email"]),
        (without.clone(), vec![]),
    ];
    let mut from = without;
    for (to, names) in steps {
        let (rewritten, verified) = run(&site, &from, &to).await;
        // Those that have an address, and no other.
        assert_eq!(rewritten, [4, 0], "{names:?}");
        assert!(verified.passed() && verified.on_target == 12, "{names:?} {verified}");
        assert_eq!((beacons(0).await, beacons(1).await), (names.iter().map(ToString::to_string).collect(), vec![]));
        all_open(&site, &to).await;
        from = to;
    }
}

#[tokio::test]
async fn beacons_that_are_not_those_of_the_value_show_when_they_are_verified() {
    let site = Site::start().await;
    let privet = protector(V1, true);
    fill(&site, &privet).await;
    let other = stored(&site, 3).await["privet_b1_email"].clone();
    let mut item = stored(&site, 0).await;
    item.insert("privet_b1_email".into(), other);
    site.store("customers", item).await;
    let (rewritten, verified) = run(&site, &privet, &privet).await;
    // Beacons are signed with the record: somebody's change of one is damage.
    assert_eq!((rewritten, verified.failed, verified.on_target), ([0, 0], 1, 11), "{verified}");
}

#[tokio::test]
async fn a_table_goes_from_one_format_to_the_other_and_back() {
    let site = Site::start().await;
    let record_only = protector("", false);
    let both = protector("reads = [\"db-esdk\"]\n", false);
    let items = protector("format = \"db-esdk\"\nreads = [\"record\"]\n", false);
    fill(&site, &record_only).await;
    let (rewritten, verified) = run(&site, &both, &items).await;
    assert_eq!(rewritten, [12, 0]);
    assert!(verified.passed() && verified.on_target == 12, "{verified}");
    let item = stored(&site, 0).await;
    assert!(item.contains_key("aws_dbe_head") && !item.contains_key("privet"));
    all_open(&site, &items).await;
    // Another key, still in that format.
    let (rewritten, verified) = run(&site, &items, &both).await;
    assert_eq!(rewritten, [12, 0]);
    assert!(verified.passed(), "{verified}");
    let item = stored(&site, 0).await;
    assert!(!item.contains_key("aws_dbe_head") && !item.contains_key("aws_dbe_foot") && item.contains_key("privet"));
    all_open(&site, &record_only).await;
}
