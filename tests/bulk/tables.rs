//! Jobs over a DynamoDB table: while others write to it, while the service fails, and while the job is killed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{Customer, Events, Site, ada};
use crate::{kills, random};
use aws_sdk_dynamodb::types::AttributeValue;
use privet::bulk::{Budget, Checkpoints, Extent, Job, JobBuilder, Outcome, Prices, Reprotect};
use privet::dynamodb::bulk::{TableCheckpoints, TableStore};
use privet::dynamodb::{Tables, from_item, to_item};
use privet::keyring::{KmsKeyring, MultiKeyring};
use privet::record::{Form, Header};
use privet::time::{SystemTimeSource, TimeSource};
use privet::value::Value;
use privet::{Policy, Protector};
use privet_testkit::{Deny, EmbeddedAws, Fault};

const POLICY: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\n";

fn customer(index: u32, name: &str) -> Customer {
    Customer { id: format!("c-{index:04}"), name: name.into(), email: format!("ada-{index}@example.com"), ..ada() }
}

/// A table with an old key and a new one.
struct Table {
    site: Site,
    new_key: String,
}

impl Table {
    async fn start() -> Self {
        let site = Site::start().await;
        let new_key = site.create_key("alias/new").await;
        Self { site, new_key }
    }

    async fn with(records: u32) -> Self {
        let table = Self::start().await;
        let customers = table.before().await.table::<Customer>(&table.site.dynamodb).unwrap();
        for index in 0..records {
            customers.put(&customer(index, "Ada")).await.unwrap();
        }
        table
    }

    async fn kms(&self, key: &str) -> KmsKeyring {
        KmsKeyring::new(self.site.kms_as(EmbeddedAws::DEFAULT_PRINCIPAL).await, key).unwrap()
    }

    fn protector(&self, keyring: MultiKeyring, policy: &str) -> Protector {
        let builder = Protector::builder().policy(Policy::from_toml(policy).unwrap()).keyring(keyring);
        builder.audit(Events::default()).model::<Customer>().build().unwrap()
    }

    async fn before(&self) -> Protector {
        self.protector(MultiKeyring::new(self.kms(&self.site.key_arn).await), POLICY)
    }

    async fn after(&self) -> Protector {
        self.protector(MultiKeyring::new(self.kms(&self.new_key).await), POLICY)
    }

    /// A service in the middle of the move: writes with the new key, reads with both.
    async fn moving(&self) -> Protector {
        let keyring = MultiKeyring::new(self.kms(&self.new_key).await).with_reader(self.kms(&self.site.key_arn).await);
        self.protector(keyring, POLICY)
    }

    async fn job(&self) -> JobBuilder<TableStore, Reprotect> {
        self.job_to(Reprotect::new(self.before().await, self.after().await, "customers").unwrap()).await
    }

    async fn job_to(&self, rewrite: Reprotect) -> JobBuilder<TableStore, Reprotect> {
        let resource = self.after().await.resource("customers").unwrap();
        let store = TableStore::new(self.site.dynamodb.clone(), &resource).unwrap().segments(4).page(10);
        let checkpoints = TableCheckpoints::new(self.site.dynamodb.clone(), "checkpoints");
        checkpoints.create_table().await.unwrap();
        Job::builder("new-key", store, rewrite).checkpoints(checkpoints).lease(Duration::from_millis(50))
    }

    async fn names(&self, privet: &Protector, records: u32) -> Vec<String> {
        let customers = privet.table::<Customer>(&self.site.dynamodb).unwrap();
        let mut names = Vec::new();
        for index in 0..records {
            let found = customers.get(format!("c-{index:04}").as_str()).await.unwrap().unwrap();
            assert!(found == customer(index, &found.name), "record {index} is another");
            names.push(found.name);
        }
        names
    }
}

/// Updates that took effect.
fn updates(aws: &EmbeddedAws) -> usize {
    aws.calls("dynamodb").iter().filter(|call| call.operation == "UpdateItem" && call.succeeded()).count()
}

#[tokio::test]
async fn a_table_is_moved_to_a_new_key_planned_and_verified() {
    let table = Table::with(60).await;
    let job = table.job().await.build().unwrap();
    let plan = job.plan(20, Some(Prices::US_EAST_1)).await.unwrap();
    assert_eq!((plan.sample.read, plan.sample.rewritten), (20, 20));
    assert!(plan.sample.write_units >= 20.0 && plan.sample.read_units > 0.0);
    assert_eq!(job.stragglers().await.unwrap().stragglers, 60);
    let report = job.run_planned(&plan).await.unwrap();
    assert!(report.finished, "{report}");
    assert_eq!((report.total.read, report.total.rewritten, report.total.poison), (60, 60, 0));
    assert!(report.total.read_units > 0.0 && report.total.write_units >= 60.0);
    table.names(&table.after().await, 60).await;
    let after = table.job().await.build().unwrap();
    assert!(after.verify(Extent::All).await.unwrap().passed());
    assert!(after.stragglers().await.unwrap().passed());
}

#[tokio::test]
async fn a_plan_writes_nothing_and_a_job_each_record_once() {
    let table = Table::with(20).await;
    let job = table.job().await.build().unwrap();
    let plan = job.plan(20, None).await.unwrap();
    assert_eq!(updates(&table.site.aws), 0);
    job.run_planned(&plan).await.unwrap();
    assert_eq!(updates(&table.site.aws), 20);
}

#[tokio::test]
async fn a_service_that_fails_is_asked_again_and_no_record_is_rewritten_twice() {
    let table = Table::with(60).await;
    let job = table.job().await.build().unwrap();
    for fault in [
        Fault::on("dynamodb", "Scan").probability(0.2, 1).error("ProvisionedThroughputExceededException"),
        Fault::on("dynamodb", "UpdateItem").probability(0.2, 2).error("ThrottlingException"),
        Fault::on("dynamodb", "UpdateItem").probability(0.2, 3).answer_lost(),
        Fault::on("dynamodb", "UpdateItem").probability(0.1, 4).timeout(),
        Fault::on("dynamodb", "UpdateItem").probability(0.1, 5).status(500),
        Fault::on("dynamodb", "PutItem").probability(0.2, 6).answer_lost(),
    ] {
        table.site.aws.fault(fault);
    }
    let mut report = job.run().await.unwrap();
    for _ in 0..20 {
        if report.finished {
            break;
        }
        report = table.job().await.build().unwrap().run().await.unwrap();
    }
    table.site.aws.clear_faults();
    assert!(report.finished, "{report}");
    assert_eq!(report.total.poison, 0);
    table.names(&table.after().await, 60).await;
    // An update whose answer is lost took effect without being seen to succeed: hence no more than there are records.
    assert!(updates(&table.site.aws) <= 60, "{}", updates(&table.site.aws));
    assert!(table.job().await.build().unwrap().verify(Extent::All).await.unwrap().passed());
}

#[tokio::test]
async fn what_is_written_meanwhile_is_read_again_and_never_overwritten() {
    let table = Table::with(1).await;
    let (job, service) = (table.job().await.build().unwrap(), table.moving().await);
    // The update waits; meanwhile the service writes.
    table.site.aws.fault(Fault::on("dynamodb", "UpdateItem").times(1).delay(Duration::from_millis(300)));
    let running = tokio::spawn({
        let job = job.clone();
        async move { job.run().await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let customers = service.table::<Customer>(&table.site.dynamodb).unwrap();
    customers.put(&customer(0, "Augusta")).await.unwrap();
    let report = running.await.unwrap().unwrap();
    assert!(report.finished, "{report}");
    assert_eq!(table.names(&table.after().await, 1).await, ["Augusta"]);
}

#[tokio::test]
async fn transactions_of_others_are_waited_for_and_a_record_that_never_rests_holds_up_nobody() {
    let table = Table::with(10).await;
    table.site.aws.fault(Fault::on("dynamodb", "UpdateItem").times(5).error("TransactionConflictException"));
    let report = table.job().await.build().unwrap().run().await.unwrap();
    assert!(report.finished && report.total.poison == 0, "{report}");
    assert_eq!((report.total.rewritten, report.total.conflicts), (10, 5), "{report}");
}

#[tokio::test]
async fn items_that_somebody_poisoned_are_reported_and_fit_into_a_checkpoint() {
    let table = Table::with(10).await;
    let good = table.site.stored("customers", "c-0001").await.unwrap();
    let text = |text: &str| AttributeValue::S(text.into());
    let put = async |id: &str, change: &dyn Fn(&mut std::collections::HashMap<String, AttributeValue>)| {
        let mut item = good.clone();
        item.insert("id".into(), text(id));
        change(&mut item);
        table.site.store("customers", item).await;
    };
    let header = |change: &dyn Fn(&mut Vec<u8>)| {
        let AttributeValue::B(blob) = &good["privet"] else { panic!("no header") };
        let mut bytes = blob.as_ref().to_vec();
        change(&mut bytes);
        AttributeValue::B(bytes.into())
    };
    put("moved", &|_| {}).await;
    put("no header", &|item| drop(item.insert("privet".into(), text("x")))).await;
    put("short", &|item| drop(item.insert("privet".into(), header(&|bytes| bytes.truncate(9))))).await;
    put("bit", &|item| drop(item.insert("privet".into(), header(&|bytes| *bytes.last_mut().unwrap() ^= 1)))).await;
    put("other format", &|item| drop(item.insert("aws_dbe_head".into(), text("x")))).await;
    put("clear", &|item| drop(item.remove("privet"))).await;
    // Names that a terminal would act on, and more attributes than one condition has room for.
    put("names", &|item| {
        item.remove("privet");
        for index in 0..600 {
            item.insert(format!("\u{1b}[2J{index:03}{}", "x".repeat(200)), text("x"));
        }
    })
    .await;
    let report = table.job().await.build().unwrap().run().await.unwrap();
    assert!(report.finished, "{report}");
    assert_eq!((report.total.rewritten, report.total.poison, report.total.retries), (10, 7, 0), "{report}");
    assert!(!report.to_string().contains('\u{1b}'));
    let checkpoints = TableCheckpoints::new(table.site.dynamodb.clone(), "checkpoints");
    for shard in 0..4 {
        let checkpoint = checkpoints.load("new-key", shard).await.unwrap().unwrap();
        assert!(serde_json::to_string(&checkpoint).unwrap().len() < 8 << 10);
    }
}

#[tokio::test]
async fn an_unsigned_attribute_that_changes_meanwhile_is_kept() {
    let table = Table::start().await;
    let policy = "version = 1\n[resources.customers]\nkey = [\"id\"]\nunsigned = [\"created_at\"]\n";
    let old = table.protector(MultiKeyring::new(table.kms(&table.site.key_arn).await), policy);
    let new = table.protector(MultiKeyring::new(table.kms(&table.new_key).await), policy);
    old.table::<Customer>(&table.site.dynamodb).unwrap().put(&customer(0, "Ada")).await.unwrap();
    let job = table.job_to(Reprotect::new(old, new.clone(), "customers").unwrap()).await.build().unwrap();
    table.site.aws.fault(Fault::on("dynamodb", "UpdateItem").times(1).delay(Duration::from_millis(300)));
    let running = tokio::spawn(async move { job.run().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut stored = table.site.stored("customers", "c-0000").await.unwrap();
    stored.insert("created_at".into(), AttributeValue::S("today".into()));
    table.site.store("customers", stored).await;
    assert!(running.await.unwrap().unwrap().finished);
    let found = new.table::<Customer>(&table.site.dynamodb).unwrap().get("c-0000").await.unwrap().unwrap();
    assert_eq!(found.created_at, "today");
}

#[tokio::test]
async fn records_in_clear_are_sealed_only_as_they_were_read() {
    let table = Table::start().await;
    let migration = format!("{POLICY}plaintext_reads = \"allow\"\n");
    let from = table.protector(MultiKeyring::new(table.kms(&table.site.key_arn).await), &migration);
    let clear = |index: u32, name: &str| to_item(privet::value::to_record(&customer(index, name)).unwrap());
    for index in 0..30 {
        table.site.store("customers", clear(index, "Ada")).await;
    }
    let rewrite = Reprotect::new(from, table.after().await, "customers").unwrap();
    let job = table.job_to(rewrite).await.build().unwrap();
    table.site.aws.fault(Fault::on("dynamodb", "UpdateItem").times(4).delay(Duration::from_millis(300)));
    let running = tokio::spawn(async move { job.run().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    // All thirty at once: some before their update, some after, and then in clear again: a later run's.
    for index in 0..30 {
        let name = if index % 2 == 0 { "Augusta" } else { "Ada" };
        let mut item = clear(index, name);
        item.insert("extra".into(), AttributeValue::S("came meanwhile".into()));
        let put = table.site.dynamodb.put_item().table_name("customers").set_item(Some(item));
        // Writers of plaintext must not write over what is sealed already.
        let put = put.condition_expression("attribute_not_exists(privet)");
        let _ = put.send().await;
    }
    let report = running.await.unwrap().unwrap();
    assert!(report.finished && report.total.poison == 0, "{report}");
    let new = table.after().await;
    let resource = new.resource("customers").unwrap();
    for index in 0..30 {
        let stored = from_item(table.site.stored("customers", &format!("c-{index:04}")).await.unwrap()).unwrap();
        let opened = new.unprotect_stored(&resource, Form::Item, stored).await.unwrap().complete().unwrap();
        assert_eq!(opened["email"], Value::S(format!("ada-{index}@example.com")));
        if opened.contains_key("extra") && index % 2 == 0 {
            assert_eq!(opened["name"], Value::S("Augusta".into()));
        }
    }
}

#[tokio::test]
async fn back_to_plaintext_and_checkpoints_of_another_job() {
    let table = Table::with(10).await;
    let open = Reprotect::dangerous_to_plaintext(table.before().await, "customers").unwrap();
    let report = table.job_to(open).await.build().unwrap().run().await.unwrap();
    assert!(report.finished, "{report}");
    let stored = table.site.stored("customers", "c-0003").await.unwrap();
    assert!(!stored.contains_key("privet"));
    assert_eq!(stored["email"], AttributeValue::S("ada-3@example.com".into()));
    let other = table.job().await.build().unwrap().process_shard(0, Default::default(), None).await;
    assert!(matches!(other, Outcome::Failed(failure) if failure.kind == privet::ErrorKind::Conflict));
}

#[tokio::test]
async fn checkpoints_are_written_on_the_revision_before_alone() {
    let table = Table::with(5).await;
    let job = table.job().await.build().unwrap();
    let Outcome::Done(done) = job.process_shard(0, Default::default(), None).await else { panic!("not done") };
    let checkpoints = TableCheckpoints::new(table.site.dynamodb.clone(), "checkpoints");
    assert_eq!(checkpoints.load("new-key", 0).await.unwrap().as_ref(), Some(&done));
    assert!(!checkpoints.swap(&done).await.unwrap());
    let mut next = done.clone();
    next.revision += 1;
    assert!(checkpoints.swap(&next).await.unwrap());
    assert!(!checkpoints.swap(&next).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_killed_again_and_again_loses_nothing_while_others_write() {
    const RECORDS: u32 = 300;
    let table = Arc::new(Table::with(RECORDS).await);
    for fault in [
        Fault::on("dynamodb", "UpdateItem").probability(0.05, 1).error("ThrottlingException"),
        Fault::on("dynamodb", "UpdateItem").probability(0.05, 2).answer_lost(),
        Fault::on("dynamodb", "UpdateItem").delay(Duration::from_millis(3)),
    ] {
        table.site.aws.fault(fault);
    }
    let expected: Arc<Mutex<BTreeMap<u32, String>>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (table, expected, stop) = (Arc::clone(&table), Arc::clone(&expected), Arc::clone(&stop));
        async move {
            let customers = table.moving().await.table::<Customer>(&table.site.dynamodb).unwrap();
            for turn in 0_u32.. {
                if stop.load(Relaxed) {
                    break;
                }
                let (index, name) = (turn.wrapping_mul(7919) % RECORDS, format!("turn {turn}"));
                customers.put(&customer(index, &name)).await.unwrap();
                expected.lock().unwrap().insert(index, name);
                tokio::time::sleep(Duration::from_millis(7)).await;
            }
        }
    });
    let mut killed = 0;
    let mut seed = 42_u64;
    for kill in 0..kills(20) {
        let builder = table.job().await;
        // As many jobs as it takes: one that is finished is followed by another.
        let job = builder.build().unwrap();
        let running = tokio::spawn(async move { job.run().await });
        tokio::time::sleep(Duration::from_millis(random(&mut seed) % 60)).await;
        killed += u64::from(!running.is_finished());
        running.abort();
        let _ = running.await;
        // Every record can be read at any moment.
        let index = u32::try_from(kill).unwrap() % RECORDS;
        let readable = table.moving().await.table::<Customer>(&table.site.dynamodb).unwrap();
        assert!(readable.get(format!("c-{index:04}").as_str()).await.unwrap().is_some());
    }
    assert!(killed > 3, "{killed}");
    let report = table.job().await.build().unwrap().run().await.unwrap();
    assert!(report.finished && report.total.poison == 0, "{report}");
    stop.store(true, Relaxed);
    writer.await.unwrap();
    table.site.aws.clear_faults();
    let names = table.names(&table.after().await, RECORDS).await;
    let expected = expected.lock().unwrap().clone();
    for (index, name) in (0..).zip(&names) {
        assert_eq!(name, expected.get(&index).map_or("Ada", String::as_str), "record {index}");
    }
    assert!(updates(&table.site.aws) <= RECORDS as usize, "{} updates of {RECORDS} records", updates(&table.site.aws));
    for index in 0..RECORDS {
        let stored = table.site.stored("customers", &format!("c-{index:04}")).await.unwrap();
        let AttributeValue::B(header) = &stored["privet"] else { panic!("no header") };
        let header = Header::parse(header.as_ref()).unwrap();
        let is_new = |edk: &privet::EncryptedDataKey| edk.provider_info == table.new_key.as_bytes();
        assert!(header.sections.iter().all(|section| section.edks.iter().all(is_new)));
    }
}

/// A clock that goes a second further with each update that was sent.
#[derive(Debug)]
struct ByUpdates(Arc<Table>);

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Table")
    }
}

impl TimeSource for ByUpdates {
    fn now(&self) -> std::time::SystemTime {
        SystemTimeSource::new().now()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(updates(&self.0.site.aws) as u64)
    }
}

#[tokio::test]
async fn a_deadline_within_a_page_ends_it_there_and_each_record_is_counted_once() {
    let table = Arc::new(Table::with(100).await);
    let job = async || {
        let resource = table.after().await.resource("customers").unwrap();
        let store = TableStore::new(table.site.dynamodb.clone(), &resource).unwrap().segments(1).concurrency(4);
        let rewrite = Reprotect::new(table.before().await, table.after().await, "customers").unwrap();
        let checkpoints = TableCheckpoints::new(table.site.dynamodb.clone(), "checkpoints");
        checkpoints.create_table().await.unwrap();
        let job = Job::builder("new-key", store, rewrite).checkpoints(checkpoints);
        job.time_source(ByUpdates(Arc::clone(&table))).build().unwrap()
    };
    let deadline = Some(Duration::from_secs(10));
    let outcome = job().await.process_shard(0, Budget::default(), deadline).await;
    let Outcome::Continue(checkpoint) = outcome else { panic!("{outcome:?}") };
    let (counts, sent) = (&checkpoint.counts, updates(&table.site.aws) as u64);
    assert!((10..=14).contains(&sent), "{sent} updates by a deadline after ten");
    assert_eq!((counts.rewritten, counts.read, counts.current), (sent, sent, 0));
    assert!(checkpoint.position.is_some());
    // Time is up before anything is begun: nothing is.
    let outcome = job().await.process_shard(0, Budget::default(), deadline).await;
    assert!(matches!(&outcome, Outcome::Continue(again) if again.counts == *counts), "{outcome:?}");
    let report = job().await.run().await.unwrap();
    assert!(report.finished, "{report}");
    let total = &report.total;
    assert_eq!((total.read, total.rewritten, total.current, updates(&table.site.aws)), (100, 100, 0, 100), "{report}");
    assert!(table.job().await.build().unwrap().verify(Extent::All).await.unwrap().passed());
}

#[tokio::test]
async fn a_job_that_is_denied_the_target_fails_and_takes_no_record_for_poison() {
    let table = Table::with(10).await;
    let run = async || table.job().await.build().unwrap().run().await;
    table.site.aws.deny(Deny::everyone().service("kms").operation("GenerateDataKey"));
    assert_eq!(run().await.unwrap_err().kind(), privet::ErrorKind::Denied);
    table.site.aws.clear_denials();
    let of_a_class = Deny::everyone().service("kms").operation("GenerateDataKey").context("privet:class", "pii");
    for (name, deny) in [("key", of_a_class), ("table", Deny::everyone().service("dynamodb").operation("UpdateItem"))] {
        table.site.aws.deny(deny);
        let resource = table.after().await.resource("customers").unwrap();
        let store = TableStore::new(table.site.dynamodb.clone(), &resource).unwrap().segments(2);
        let rewrite = Reprotect::new(table.before().await, table.after().await, "customers").unwrap();
        let report = Job::builder(name, store, rewrite).build().unwrap().run().await.unwrap();
        table.site.aws.clear_denials();
        assert!(!report.finished && !report.failures.is_empty(), "{report}");
        assert!(report.failures.iter().all(|failure| failure.kind == "denied" && !failure.retryable), "{report}");
        assert_eq!((report.total.poison, report.total.rewritten), (0, 0), "{report}");
    }
    // What one record was sealed with is its own.
    table.site.aws.deny(Deny::everyone().service("kms").operation("Decrypt"));
    let report = run().await.unwrap();
    table.site.aws.clear_denials();
    assert_eq!((report.finished, report.total.poison), (true, 10), "{report}");
}
