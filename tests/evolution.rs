//! Models change while records stay: attributes that a model does not know, and fields that were renamed, added, removed and
//! classified anew, in both integrity modes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use aws_sdk_dynamodb::types::AttributeValue;
use common::{Events, Site};
use privet::dynamodb::{SendProtected, Tables, from_item, to_item};
use privet::record::sealed_class;
use privet::value::{Map, from_record_with_unknown, to_record};
use privet::{Classification, ErrorKind, Policy, Protect, Protector};
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "customers", key = "id")]
struct First {
    #[protect(public)]
    id: String,
    #[protect(public)]
    city: String,
    #[protect(pii)]
    mail: String,
    #[protect(sensitive)]
    pin: String,
}

/// `mail` is called `email`, `pin` is gone, `phone` is new, and `city` is pii.
#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "customers", key = "id")]
struct Second {
    #[protect(public)]
    id: String,
    #[protect(pii)]
    city: String,
    #[protect(pii)]
    #[serde(alias = "mail")]
    email: String,
    #[protect(pii)]
    #[serde(default)]
    phone: Option<String>,
}

const MODES: [&str; 2] = ["record", "field"];

async fn protector(site: &Site, integrity: &str, more: &str) -> Protector {
    let policy = format!("version = 1\n[resources.customers]\nintegrity = \"{integrity}\"\n{more}");
    let builder = Protector::builder().keyring(site.keyring("service").await).audit(Events::default());
    builder.policy(Policy::from_toml(&policy).unwrap()).build().unwrap()
}

fn first() -> First {
    First { id: "c-1".into(), city: "London".into(), mail: "ada@example.com".into(), pin: "0000".into() }
}

/// A site with a record of the first model.
async fn site_with_first(integrity: &str) -> (Site, Protector) {
    let site = Site::start().await;
    let privet = protector(&site, integrity, "drift = \"report\"").await;
    privet.table::<First>(&site.dynamodb).unwrap().put(&first()).await.unwrap();
    (site, privet)
}

async fn class_of(site: &Site, attribute: &str) -> Option<Classification> {
    sealed_class(from_item(site.stored("customers", "c-1").await.unwrap()).unwrap().get(attribute)?)
}

#[tokio::test]
async fn renamed_added_and_removed_fields_are_read() {
    for integrity in MODES {
        let (site, privet) = site_with_first(integrity).await;
        let read = privet.table::<Second>(&site.dynamodb).unwrap().get("c-1").await.unwrap().unwrap();
        assert_eq!((read.city.as_str(), read.email.as_str()), ("London", "ada@example.com"), "{integrity}");
        assert_eq!(read.phone, None);
    }
}

#[tokio::test]
async fn a_reclassified_field_is_drift_until_it_is_written() {
    for integrity in MODES {
        let (site, privet) = site_with_first(integrity).await;
        let customers = privet.table::<Second>(&site.dynamodb).unwrap();
        let opened = customers.open("c-1").await.unwrap().unwrap();
        let drift: Vec<_> =
            opened.drift().iter().map(|drift| (drift.path.to_string(), drift.stored, drift.planned)).collect();
        let (pii, sensitive, confidential) =
            (Some(Classification::Pii), Some(Classification::Sensitive), Some(Classification::Confidential));
        // What the model does not know any more goes by the policy: by default it is confidential.
        let expected = [
            ("mail".to_owned(), pii, confidential),
            ("pin".to_owned(), sensitive, confidential),
            ("city".to_owned(), None, pii),
        ];
        assert_eq!(drift, expected, "{integrity}");
        let read = customers.get("c-1").await.unwrap().unwrap();
        customers.put(&read).await.unwrap();
        assert!(customers.open("c-1").await.unwrap().unwrap().drift().is_empty());
        assert_eq!(class_of(&site, "city").await, pii);
        assert_eq!(class_of(&site, "email").await, pii);
    }
}

#[tokio::test]
async fn a_reclassified_field_is_refused_where_the_policy_says_so() {
    for integrity in MODES {
        let (site, _) = site_with_first(integrity).await;
        let strict = protector(&site, integrity, "drift = \"refuse\"").await;
        let error = strict.table::<Second>(&site.dynamodb).unwrap().get("c-1").await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Integrity);
        // Without a word, a field in clear that should be sealed is taken where the record vouches for it, and only there.
        let silent = protector(&site, integrity, "").await;
        let read = silent.table::<Second>(&site.dynamodb).unwrap().get("c-1").await;
        assert_eq!(read.is_ok(), integrity == "record");
    }
}

#[tokio::test]
async fn records_of_a_newer_model_are_read_by_the_older_one() {
    for integrity in MODES {
        let (site, privet) = site_with_first(integrity).await;
        let newer =
            site.dynamodb.put_item().table_name("customers").item("id", text("c-1")).item("city", text("Paris"));
        let newer = newer.item("mail", text("eve@example.com")).item("pin", text("1")).item("phone", text("+33 1"));
        let by_policy = protector(&site, integrity, "key = [\"id\"]").await;
        newer.send_protected(&by_policy).await.unwrap();
        let read = privet.table::<First>(&site.dynamodb).unwrap().get("c-1").await.unwrap().unwrap();
        assert_eq!((read.city.as_str(), read.mail.as_str(), read.pin.as_str()), ("Paris", "eve@example.com", "1"));
    }
}

#[tokio::test]
async fn a_field_that_is_missing_without_a_default_says_so_and_nothing_is_lost() {
    for integrity in MODES {
        let site = Site::start().await;
        let privet = protector(&site, integrity, "drift = \"report\"").await;
        let second = Second { id: "c-1".into(), city: "London".into(), email: "a@example.com".into(), phone: None };
        privet.table::<Second>(&site.dynamodb).unwrap().put(&second).await.unwrap();
        let before = site.stored("customers", "c-1").await;
        let error = privet.table::<First>(&site.dynamodb).unwrap().get("c-1").await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(site.stored("customers", "c-1").await == before);
    }
}

#[tokio::test]
async fn unknown_attributes_survive_read_modify_write_of_items() {
    for integrity in MODES {
        let (site, privet) = site_with_first(integrity).await;
        let known = protector(&site, integrity, "key = [\"id\"]\ndrift = \"report\"").await;
        let get = site.dynamodb.get_item().table_name("customers").key("id", text("c-1"));
        let mut item = get.send_protected(&known).await.unwrap().item.unwrap();
        item.insert("city".into(), text("Turin"));
        site.dynamodb.put_item().table_name("customers").set_item(Some(item)).send_protected(&known).await.unwrap();
        let read = privet.table::<First>(&site.dynamodb).unwrap().get("c-1").await.unwrap().unwrap();
        assert_eq!((read.city.as_str(), read.mail.as_str(), read.pin.as_str()), ("Turin", "ada@example.com", "0000"));
    }
}

#[tokio::test]
async fn unknown_attributes_survive_read_modify_write_of_models() {
    for integrity in MODES {
        let (site, privet) = site_with_first(integrity).await;
        let customers = privet.table::<Second>(&site.dynamodb).unwrap();
        let record = customers.open("c-1").await.unwrap().unwrap().complete().unwrap();
        let (mut second, unknown): (Second, Map) = from_record_with_unknown(record).unwrap();
        second.city = "Turin".into();
        let mut changed = to_record(&second).unwrap();
        changed.extend(unknown);
        let sealed = privet.protect_record(customers.resource(), changed).await.unwrap();
        site.store("customers", to_item(sealed)).await;
        // `pin`, which the second model does not know, is there and sealed; `mail` became `email`, once.
        let opened = customers.open("c-1").await.unwrap().unwrap();
        assert!(opened.drift().is_empty());
        let names: Vec<_> = opened.record().keys().map(String::as_str).collect();
        assert_eq!(names, ["city", "email", "id", "phone", "pin"], "{integrity}");
        assert_eq!(opened.record()["pin"].as_text(), Some("0000"));
        assert_eq!(class_of(&site, "pin").await, Some(Classification::Confidential));
        let read = customers.get("c-1").await.unwrap().unwrap();
        assert_eq!((read.city.as_str(), read.email.as_str()), ("Turin", "ada@example.com"));
    }
}

#[tokio::test]
async fn typed_tables_keep_unknown_attributes_and_store_a_renamed_field_once() {
    for integrity in MODES {
        let (site, privet) = site_with_first(integrity).await;
        let customers = privet.table::<Second>(&site.dynamodb).unwrap();
        assert!(customers.modify("c-1", |second| second.city = "Turin".into()).await.unwrap());
        let opened = customers.open("c-1").await.unwrap().unwrap();
        let names: Vec<_> = opened.record().keys().map(String::as_str).collect();
        assert_eq!(names, ["city", "email", "id", "phone", "pin"], "{integrity}");
        assert_eq!(opened.record()["pin"].as_text(), Some("0000"));
        let read = customers.get("c-1").await.unwrap().unwrap();
        assert_eq!((read.city.as_str(), read.email.as_str()), ("Turin", "ada@example.com"));
    }
}

/// As `Second`, but with the rest of the record in a part of its own, so that serde cannot tell what it ignores.
#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "customers", key = "id")]
struct Flattened {
    #[protect(public)]
    id: String,
    #[protect(nested)]
    #[serde(flatten)]
    contact: Contact,
}

#[derive(Protect, Serialize, Deserialize)]
struct Contact {
    #[protect(pii)]
    city: String,
    #[protect(pii)]
    #[serde(alias = "mail")]
    email: String,
}

#[tokio::test]
async fn a_model_that_flattens_keeps_unknown_attributes_too() {
    let (site, privet) = site_with_first("record").await;
    let customers = privet.table::<Flattened>(&site.dynamodb).unwrap();
    assert!(customers.modify("c-1", |flat| flat.contact.city = "Turin".into()).await.unwrap());
    let opened = customers.open("c-1").await.unwrap().unwrap();
    let names: Vec<_> = opened.record().keys().map(String::as_str).collect();
    assert_eq!(names, ["city", "email", "id", "pin"]);
    assert_eq!(customers.get("c-1").await.unwrap().unwrap().contact.email, "ada@example.com");
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}
