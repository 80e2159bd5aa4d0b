//! A table on its way from clear to sealed: what is read, counted, audited and written, and what is refused in the end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use aws_sdk_dynamodb::types::AttributeValue;
use common::{Customer, Events, SECRETS, Site, ada};
use privet::audit::AuditAction;
use privet::dynamodb::{Migrate, Tables, Upgrade, to_item};
use privet::keyring::{DataKey, DataKeyRequest, Keyring, KeyringFuture, KmsKeyring};
use privet::value::to_record;
use privet::{Classification, EncryptedDataKey, Error, ErrorKind, Policy, Protector, Secret};
use privet_testkit::{Deny, Fault};

fn policy(settings: &str) -> Policy {
    Policy::from_toml(&format!("version = 1\n[resources.customers]\n{settings}")).unwrap()
}

async fn with(site: &Site, settings: &str) -> Protector {
    site.builder().await.policy(policy(settings)).build().unwrap()
}

async fn store_in_clear(site: &Site) {
    site.store("customers", to_item(to_record(&ada()).unwrap())).await;
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

async fn upgrade(privet: &Protector, site: &Site) -> Result<Upgrade, privet::dynamodb::Error> {
    privet.upgrade(&site.dynamodb, &privet.model::<Customer>().unwrap(), "c-1").await
}

fn kind<T>(result: Result<T, privet::dynamodb::Error>) -> ErrorKind {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => error.kind(),
    }
}

#[tokio::test]
async fn from_clear_to_sealed_and_then_clear_is_refused() {
    let site = Site::start().await;
    store_in_clear(&site).await;
    let migrating = with(&site, "plaintext_reads = \"count\"").await;
    let customers = migrating.table::<Customer>(&site.dynamodb).unwrap();
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
    assert_eq!(upgrade(&migrating, &site).await.unwrap(), Upgrade::Upgraded);
    let stored = format!("{:?}", site.stored("customers", "c-1").await.unwrap());
    assert!(SECRETS.iter().all(|secret| !stored.contains(secret)));
    assert_eq!(upgrade(&migrating, &site).await.unwrap(), Upgrade::Current);
    assert_eq!(migrating.migrations()["customers"].plaintext, 2, "what was read in clear, and no more");
    // The end state.
    let done = site.protector().await;
    assert!(done.table::<Customer>(&site.dynamodb).unwrap().get("c-1").await.unwrap() == Some(ada()));
    store_in_clear(&site).await;
    assert_eq!(kind(upgrade(&done, &site).await), ErrorKind::Integrity);
    assert!(done.migrations().is_empty());
}

#[tokio::test]
async fn reads_are_counted_by_resource_where_the_policy_says_so() {
    let site = Site::start().await;
    let policy = r#"
        version = 1
        [resources.customers]
        plaintext_reads = "count"
        [resources.orders]
        key = ["id"]
        plaintext_reads = "count"
        [resources.visits]
        key = ["id"]
        plaintext_reads = "allow"
    "#;
    let privet = site.builder().await.policy(Policy::from_toml(policy).unwrap()).build().unwrap();
    let record = || [("id".to_owned(), privet::value::Value::S("x".into()))].into();
    for (resource, times) in [("customers", 3), ("orders", 2), ("visits", 4)] {
        let resource = privet.resource(resource).unwrap();
        for _ in 0..times {
            assert!(privet.unprotect_record(&resource, record()).await.unwrap().was_plaintext());
        }
    }
    let counts: Vec<_> = privet.migrations().into_iter().map(|(name, reads)| (name, reads.plaintext)).collect();
    assert_eq!(counts, [("customers".to_owned(), 3), ("orders".to_owned(), 2)]);
    assert_eq!(privet.statistics().plaintext_reads, 5);
}

#[tokio::test]
async fn an_audited_value_in_clear_leaves_an_event_before_it_is_read() {
    let site = Site::start().await;
    store_in_clear(&site).await;
    for word in ["allow", "count"] {
        let events = Events::default();
        let settings = policy(&format!("plaintext_reads = \"{word}\""));
        let privet = site.builder().await.policy(settings).audit(events.clone()).build().unwrap();
        privet.table::<Customer>(&site.dynamodb).unwrap().get("c-1").await.unwrap().unwrap();
        let kept = events.kept.lock().unwrap().clone();
        let [event] = kept.as_slice() else { panic!("one field is confidential, and that is audited") };
        assert_eq!((event.action, event.principal.as_str()), (AuditAction::ReadInClear, ""));
        assert_eq!((event.path.as_str(), event.class), ("health_records", Classification::Confidential));
        let line = serde_json::to_value(event).unwrap();
        assert_eq!(line["action"], "read_in_clear");
        assert!(!line.to_string().contains("private note"));
    }
    let full = Events { failing: true, ..Events::default() };
    let privet = site.builder().await.policy(policy("plaintext_reads = \"count\"")).audit(full).build().unwrap();
    let error = privet.table::<Customer>(&site.dynamodb).unwrap().get("c-1").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Io);
    // What is refused is not read.
    let events = Events::default();
    let refusing = site.builder().await.audit(events.clone()).build().unwrap();
    let refused = refusing.table::<Customer>(&site.dynamodb).unwrap().get("c-1").await;
    assert_eq!(refused.err().unwrap().to_string(), Error::integrity().to_string());
    assert!(events.kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn whether_a_value_is_sealed_is_never_guessed() {
    let site = Site::start().await;
    site.protector().await.table::<Customer>(&site.dynamodb).unwrap().put(&ada()).await.unwrap();
    let mut stored = site.stored("customers", "c-1").await.unwrap();
    // A sealed record that lost its header is one in clear with odd bytes in it: no reader opens them.
    stored.remove("privet");
    site.store("customers", stored).await;
    let migrating = with(&site, "plaintext_reads = \"allow\"").await;
    let opened = migrating.table::<Customer>(&site.dynamodb).unwrap().open("c-1").await.unwrap().unwrap();
    assert!(opened.was_plaintext());
    assert_eq!(opened.record()["email"].type_name(), "B");
    assert_eq!(
        kind(site.protector().await.table::<Customer>(&site.dynamodb).unwrap().get("c-1").await),
        ErrorKind::Integrity
    );
}

#[tokio::test]
async fn what_is_sealed_under_other_classes_is_upgraded_in_both_integrity_modes() {
    for integrity in ["record", "field"] {
        let site = Site::start().await;
        let old = with(&site, &format!("integrity = \"{integrity}\"")).await;
        old.table::<Customer>(&site.dynamodb).unwrap().put(&ada()).await.unwrap();
        let stricter = format!(
            "integrity = \"{integrity}\"\ndrift = \"report\"\n[[fields]]\nresource = \"customers\"\npath = \"email\"\n\
             class = \"confidential\"\n[[fields]]\nresource = \"customers\"\npath = \"active\"\nclass = \"pii\""
        );
        let new = with(&site, &stricter).await;
        assert_eq!(upgrade(&new, &site).await.unwrap(), Upgrade::Upgraded);
        assert_eq!(new.migrations()["customers"].drift, 1);
        let customers = new.table::<Customer>(&site.dynamodb).unwrap();
        let opened = customers.open("c-1").await.unwrap().unwrap();
        assert!(opened.drift().is_empty());
        assert_eq!(upgrade(&new, &site).await.unwrap(), Upgrade::Current);
        assert!(customers.get("c-1").await.unwrap() == Some(ada()));
    }
}

#[tokio::test]
async fn attributes_that_no_model_knows_survive() {
    let site = Site::start().await;
    let mut item = to_item(to_record(&ada()).unwrap());
    item.insert("legacy_code".into(), text("L-7"));
    site.store("customers", item).await;
    let privet = with(&site, "plaintext_reads = \"count\"").await;
    upgrade(&privet, &site).await.unwrap();
    let opened = privet.table::<Customer>(&site.dynamodb).unwrap().open("c-1").await.unwrap().unwrap();
    assert_eq!(opened.record()["legacy_code"].as_text(), Some("L-7"));
    assert!(matches!(site.stored("customers", "c-1").await.unwrap()["legacy_code"], AttributeValue::B(_)));
}

#[tokio::test]
async fn what_changes_meanwhile_is_not_written_over() {
    let site = Site::start().await;
    store_in_clear(&site).await;
    let privet = with(&site, "plaintext_reads = \"count\"").await;
    let changes = 40;
    let writer = async {
        for number in 0..changes {
            // A writer that does not know of privet: it changes a value, and adds attributes that no model knows.
            let update = site.dynamodb.update_item().table_name("customers").key("id", text("c-1"));
            let update = update
                .update_expression("SET #name = :value, #added = :value")
                .condition_expression("attribute_not_exists(privet)")
                .expression_attribute_names("#name", "name")
                .expression_attribute_names("#added", format!("added_{number}"))
                .expression_attribute_values(":value", text(&format!("Ada {number}")));
            if update.send().await.is_err() {
                return number;
            }
            tokio::task::yield_now().await;
        }
        changes
    };
    let upgrading = async {
        tokio::task::yield_now().await;
        loop {
            match upgrade(&privet, &site).await {
                Ok(done) => return done,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
            }
        }
    };
    let (written, upgraded) = tokio::join!(writer, upgrading);
    assert_eq!(upgraded, Upgrade::Upgraded);
    let opened = privet.table::<Customer>(&site.dynamodb).unwrap().open("c-1").await.unwrap().unwrap();
    assert!(!opened.was_plaintext());
    for number in 0..written {
        assert!(opened.record().contains_key(&format!("added_{number}")), "{number} of {written} was lost");
    }
    if written > 0 {
        assert_eq!(opened.record()["name"].as_text(), Some(format!("Ada {}", written - 1).as_str()));
    }
}

/// Asked for a new data key, between the reading and the writing of an upgrade, somebody without any adds to the item.
#[derive(Debug)]
struct Meddler {
    keyring: KmsKeyring,
    dynamodb: aws_sdk_dynamodb::Client,
}

impl Keyring for Meddler {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(async move {
            let update = self.dynamodb.update_item().table_name("customers").key("id", text("c-1"));
            let update =
                update.update_expression("SET role_of = :v, #t = :t").expression_attribute_values(":v", text("admin"));
            let update = update.expression_attribute_names("#t", "ttl");
            update.expression_attribute_values(":t", AttributeValue::N("7".into())).send().await.unwrap();
            self.keyring.generate_data_key(request).await
        })
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        self.keyring.wrap_data_key(data_key, request)
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        self.keyring.unwrap_data_key(edks, request)
    }
}

#[tokio::test]
async fn what_is_added_without_a_key_to_a_sealed_record_is_not_sealed_by_its_upgrade() {
    for integrity in ["record", "field"] {
        let site = Site::start().await;
        let settings = format!("integrity = \"{integrity}\"\nunsigned = [\"ttl\"]");
        with(&site, &settings).await.table::<Customer>(&site.dynamodb).unwrap().put(&ada()).await.unwrap();
        let meddler = Meddler { keyring: site.keyring("service").await, dynamodb: site.dynamodb.clone() };
        let stricter =
            format!("{settings}\n[[fields]]\nresource = \"customers\"\npath = \"email\"\nclass = \"confidential\"");
        let builder = Protector::builder().keyring(meddler).audit(Events::default()).model::<Customer>();
        let privet = builder.policy(policy(&stricter)).build().unwrap();
        assert_eq!(upgrade(&privet, &site).await.unwrap(), Upgrade::Upgraded);
        let opened = privet.table::<Customer>(&site.dynamodb).unwrap().open("c-1").await.unwrap().unwrap();
        assert_eq!(opened.record()["email"].as_text(), Some("ada@example.com"));
        // With field integrity, others may add to a record, and nothing tells who they are.
        assert_eq!(opened.record().contains_key("role_of"), integrity == "field");
        assert!(opened.record().contains_key("ttl"), "what is left unsigned is for anyone to add: {integrity}");
    }
}

/// A prefix of unsigned attributes is of items in DB-ESDK format only: in a record they are signed as all others are.
#[tokio::test]
async fn what_is_added_without_a_key_is_kept_as_the_format_that_was_read_has_it() {
    let prefix = "[resources.customers.db_esdk]\nunsigned_prefix = \"role_\"";
    for (first, is_kept) in [("reads = [\"db-esdk\"]", false), ("format = \"db-esdk\"", true)] {
        let site = Site::start().await;
        with(&site, &format!("{first}\n{prefix}"))
            .await
            .table::<Customer>(&site.dynamodb)
            .unwrap()
            .put(&ada())
            .await
            .unwrap();
        let meddler = Meddler { keyring: site.keyring("service").await, dynamodb: site.dynamodb.clone() };
        let stricter = "[[fields]]\nresource = \"customers\"\npath = \"email\"\nclass = \"confidential\"";
        let stricter = policy(&format!("reads = [\"db-esdk\"]\nunsigned = [\"ttl\"]\n{prefix}\n{stricter}"));
        let builder = Protector::builder().keyring(meddler).audit(Events::default()).model::<Customer>();
        let privet = builder.policy(stricter).build().unwrap();
        assert_eq!(upgrade(&privet, &site).await.unwrap(), Upgrade::Upgraded);
        let opened = privet.table::<Customer>(&site.dynamodb).unwrap().open("c-1").await.unwrap().unwrap();
        assert_eq!(opened.record().contains_key("role_of"), is_kept, "{first}");
        assert!(opened.record().contains_key("ttl"), "{first}");
    }
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_record_as_it_was() {
    let site = Site::start().await;
    store_in_clear(&site).await;
    let before = site.stored("customers", "c-1").await;
    let privet = with(&site, "plaintext_reads = \"count\"").await;
    site.aws.fault(Fault::on("kms", "*").status(500));
    assert_eq!(kind(upgrade(&privet, &site).await), ErrorKind::KeyUnavailable);
    site.aws.clear_faults();
    site.aws.fault(Fault::on("dynamodb", "PutItem").error("ProvisionedThroughputExceededException"));
    assert_eq!(kind(upgrade(&privet, &site).await), ErrorKind::Throttled);
    site.aws.clear_faults();
    assert!(site.stored("customers", "c-1").await == before);

    // Written, and the answer lost: the SDK asks again, is told that it changed, and finds it upgraded.
    site.aws.fault(Fault::on("dynamodb", "PutItem").times(1).answer_lost());
    assert_eq!(upgrade(&privet, &site).await.unwrap(), Upgrade::Current);
    assert!(privet.table::<Customer>(&site.dynamodb).unwrap().get("c-1").await.unwrap() == Some(ada()));
}

#[tokio::test]
async fn what_cannot_be_read_whole_is_not_upgraded() {
    let site = Site::start().await;
    site.protector().await.table::<Customer>(&site.dynamodb).unwrap().put(&ada()).await.unwrap();
    let before = site.stored("customers", "c-1").await;
    site.aws.deny(Deny::principal("analyst").service("kms").context("privet:class", "confidential"));
    let stricter = policy("[[fields]]\nresource = \"customers\"\npath = \"email\"\nclass = \"sensitive\"");
    let analyst = site.builder().await.policy(stricter).keyring(site.keyring("analyst").await).build().unwrap();
    assert_eq!(kind(upgrade(&analyst, &site).await), ErrorKind::Denied);
    assert!(site.stored("customers", "c-1").await == before);

    let customers = analyst.model::<Customer>().unwrap();
    let missing = analyst.upgrade(&site.dynamodb, &customers, "c-2").await.unwrap();
    assert_eq!(missing, Upgrade::Missing);
    assert_eq!(kind(analyst.upgrade(&site.dynamodb, &customers, ("c-1", 2)).await), ErrorKind::Input);
}

#[tokio::test]
async fn a_record_with_more_attributes_than_can_be_compared_is_left_alone() {
    let site = Site::start().await;
    let mut item = to_item(to_record(&ada()).unwrap());
    for number in 0..150 {
        item.insert(format!("more_{number}"), text("x"));
    }
    site.store("customers", item.clone()).await;
    let privet = with(&site, "plaintext_reads = \"allow\"").await;
    assert_eq!(kind(upgrade(&privet, &site).await), ErrorKind::Unsupported);
    assert!(site.stored("customers", "c-1").await == Some(item.clone()));
    // Just below it is not.
    for number in 110..150 {
        item.remove(&format!("more_{number}"));
    }
    site.store("customers", item).await;
    assert_eq!(upgrade(&privet, &site).await.unwrap(), Upgrade::Upgraded);
}
