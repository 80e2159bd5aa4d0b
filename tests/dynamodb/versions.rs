//! Record versions: bound into the record, and counted with every write.

use privet::dynamodb::{SendProtected, Tables};
use privet::{ErrorKind, Policy};

use crate::common::{Customer, ada};
use crate::{kind, site, text};

const POLICY: &str = "version = 1\n[resources.customers]\nversioned = true";

#[tokio::test]
async fn every_write_counts_and_a_rollback_is_noticed() {
    let site = site().await;
    let privet = site.builder().await.policy(Policy::from_toml(POLICY).unwrap()).build().unwrap();
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    customers.put_new(&ada()).await.unwrap();
    let first = site.stored("customers", "c-1").await.unwrap();
    customers.put(&ada()).await.unwrap();
    customers.update("c-1").set(Customer::age(), &40).send().await.unwrap();
    assert!(customers.modify("c-1", |customer| customer.age += 1).await.unwrap());
    customers.transact().put(&ada()).send().await.unwrap();
    let read = customers.read("c-1").await.unwrap().unwrap();
    assert_eq!(read.version(), Some(5));
    assert_eq!(kind(customers.put_new(&ada()).await), ErrorKind::Conflict);
    assert!(customers.open("c-1").await.unwrap().unwrap().at_least(5).is_ok());
    site.store("customers", first).await;
    let opened = customers.open("c-1").await.unwrap().unwrap();
    assert_eq!(opened.version(), Some(1));
    assert_eq!(opened.at_least(5).err().unwrap().kind(), ErrorKind::Integrity);
    assert_eq!(kind(customers.replace(&read, &ada()).await), ErrorKind::Conflict);
    // Without conditions there is no counting.
    assert_eq!(kind(customers.put_many([&ada()]).await), ErrorKind::Unsupported);
    let put = site.dynamodb.put_item().table_name("customers").item("id", text("c-1")).item("name", text("x"));
    put.send_protected(&privet).await.unwrap();
    assert_eq!(customers.open("c-1").await.unwrap().unwrap().version(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puts_that_meet_are_all_counted() {
    let site = site().await;
    let privet = site.builder().await.policy(Policy::from_toml(POLICY).unwrap()).build().unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (privet, dynamodb) = (privet.clone(), site.dynamodb.clone());
        writers.spawn(async move { privet.table::<Customer>(&dynamodb).unwrap().put(&ada()).await.unwrap() });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    let customers = privet.table::<Customer>(&site.dynamodb).unwrap();
    assert_eq!(customers.read("c-1").await.unwrap().unwrap().version(), Some(8));
}

#[test]
fn a_version_needs_record_integrity() {
    let error = Policy::from_toml("version = 1\n[resources.r]\nversioned = true\nintegrity = \"field\"").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("3:"), "{error}");
}
