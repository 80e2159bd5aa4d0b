//! Typed tables.

use privet::dynamodb::{Stored, Tables};
use privet::{ErrorKind, Policy, Protect};
use privet_testkit::Fault;
use serde::{Deserialize, Serialize};

use crate::common::{Customer, ada};
use crate::{MODES, kind, protector, site};

#[tokio::test]
async fn replace_is_on_the_condition_of_what_was_read() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
        customers.put(&ada()).await.unwrap();
        let old: Stored<Customer> = customers.read("c-1").await.unwrap().unwrap();
        let new = Customer { email: "new@e.example".into(), ssn: None, ..old.clone() };
        customers.replace(&old, &new).await.unwrap();
        assert!(customers.get("c-1").await.unwrap().unwrap() == new);
        assert_eq!(kind(customers.replace(&old, &ada()).await), ErrorKind::Conflict);
        // An update of one field by somebody else is noticed too.
        let old = customers.read("c-1").await.unwrap().unwrap();
        customers.update("c-1").set(Customer::api_key(), &"k2".to_owned()).send().await.unwrap();
        assert_eq!(kind(customers.replace(&old, &ada()).await), ErrorKind::Conflict);
        assert_eq!(kind(customers.delete_read(&old).await), ErrorKind::Conflict);
        let old = customers.read("c-1").await.unwrap().unwrap();
        assert_eq!(old.api_key, "k2");
        let elsewhere = Customer { id: "c-2".into(), ..ada() };
        assert_eq!(kind(customers.replace(&old, &elsewhere).await), ErrorKind::Input);
        customers.delete_read(&old).await.unwrap();
        assert!(customers.read("c-1").await.unwrap().is_none());
        assert!(!customers.modify("c-1", |_| ()).await.unwrap());
        assert!(!format!("{old:?}").contains("k2"));
    }
}

#[tokio::test]
async fn unknown_attributes_survive_a_change() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
        let mut record = privet::value::to_record(&ada()).unwrap();
        record.insert("of_a_later_release".into(), privet::value::Value::S("kept".into()));
        let resource = privet.model::<Customer>().unwrap();
        let stored = privet.protect_record(&resource, record).await.unwrap();
        site.store("customers", privet::dynamodb::to_item(stored)).await;
        assert!(customers.modify("c-1", |customer| customer.age = 37).await.unwrap());
        customers.update("c-1").remove(Customer::ssn()).send().await.unwrap();
        let opened = customers.open("c-1").await.unwrap().unwrap().complete().unwrap();
        assert_eq!(opened["of_a_later_release"].as_text(), Some("kept"));
        assert!(!opened.contains_key("ssn") && opened["age"] == privet::value::Value::N("37".into()));
    }
}

#[tokio::test]
async fn updates_of_models() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
        let missing = customers.update("c-1").set(Customer::age(), &3).existing().send().await;
        assert_eq!(kind(missing), ErrorKind::Conflict);
        customers.put(&ada()).await.unwrap();
        let address = crate::common::Address { street: "1 New Street".into(), city: "Paris".into() };
        let update = customers.update("c-1").set(Customer::address(), &address).set(Customer::name(), &"A".to_owned());
        update.existing().send().await.unwrap();
        assert!(customers.get("c-1").await.unwrap().unwrap() == Customer { address, name: "A".into(), ..ada() });
        assert_eq!(kind(customers.update("c-1").send().await), ErrorKind::Input);
        assert_eq!(
            kind(customers.update("c-1").set(Customer::id(), &"c-9".to_owned()).send().await),
            ErrorKind::Unsupported
        );
        customers.delete("c-1").await.unwrap();
    }
}

#[tokio::test]
async fn many_at_once() {
    let site = site().await;
    for mode in MODES {
        let privet = protector(&site, mode).await;
        let customers = privet.table::<Customer>(&site.dynamodb).unwrap().consistent();
        let all: Vec<_> = (0..60).map(|id| Customer { id: format!("c-{id:02}"), ..ada() }).collect();
        site.aws.fault(Fault::on("dynamodb", "BatchWriteItem").times(2).unprocessed(3));
        site.aws.fault(Fault::on("dynamodb", "BatchGetItem").times(1).unprocessed(3));
        customers.put_many(&all).await.unwrap();
        let mut read = customers.get_many(all.iter().map(|customer| &customer.id)).await.unwrap();
        site.aws.clear_faults();
        read.sort_by(|one, other| one.id.cmp(&other.id));
        assert!(read == all);
        let mut scanned = customers.scan().segment(0, 1).page_size(7).all().await.unwrap();
        scanned.sort_by(|one, other| one.id.cmp(&other.id));
        assert!(scanned == all);
        let found = customers.query("c-07").descending().all().await.unwrap();
        assert!(found.len() == 1 && found[0] == all[7]);
        assert_eq!(kind(customers.query(("a", "b")).all().await), ErrorKind::Input);
        assert_eq!(kind(customers.query("c-07").sort_begins_with("x").all().await), ErrorKind::Input);
        customers.delete_many(all.iter().map(|customer| &customer.id)).await.unwrap();
        assert!(customers.scan().all().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn transactions_of_models() {
    let site = site().await;
    let privet = protector(&site, "record").await;
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    let bob = Customer { id: "c-2".into(), name: "Bob".into(), ..ada() };
    customers.transact().put(&ada()).and(customers.transact().put_new(&bob)).send().await.unwrap();
    let again = customers.transact().delete("c-1").put_new(&bob).send().await;
    assert_eq!(kind(again), ErrorKind::Conflict);
    assert!(customers.get("c-1").await.unwrap().unwrap() == ada());
    customers.transact().delete("c-1").send().await.unwrap();
    assert!(customers.get("c-1").await.unwrap().is_none());
    assert!(matches!(
        site.stored("customers", "c-2").await.unwrap()["email"],
        aws_sdk_dynamodb::types::AttributeValue::B(_)
    ));
}

#[derive(Protect, Serialize, Deserialize, Clone, PartialEq)]
#[protect(resource = "things", key = "id")]
struct Counted {
    #[protect(public)]
    id: String,
    #[protect(pii)]
    email: String,
    #[protect(public)]
    ttl: i64,
}

#[tokio::test]
async fn what_is_left_unsigned_is_replaced_only_if_it_is_what_was_read() {
    let site = site().await;
    for format in ["record", "db-esdk"] {
        let policy = format!("version = 1\n[resources.things]\nunsigned = [\"ttl\"]\nformat = \"{format}\"");
        let policy = Policy::from_toml(&policy).unwrap();
        let privet = site.builder().await.policy(policy).model::<Counted>().build().unwrap();
        let table = privet.table::<Counted>(&site.dynamodb).unwrap();
        let counted = Counted { id: format.into(), email: "a@e.example".into(), ttl: 0 };
        table.put(&counted).await.unwrap();
        let old = table.read(format).await.unwrap().unwrap();
        table.update(format).set(Counted::ttl(), &5).send().await.unwrap();
        let lost = table.replace(&old, &Counted { ttl: 1, ..counted.clone() }).await;
        assert_eq!(kind(lost), ErrorKind::Conflict, "{format}");
        // What does not change is not written.
        table.replace(&old, &Counted { email: "b@e.example".into(), ..counted.clone() }).await.unwrap();
        let now = table.get(format).await.unwrap().unwrap();
        assert_eq!((now.email.as_str(), now.ttl), ("b@e.example", 5), "{format}");
    }
}
