//! Branch keys as an operator makes and rotates them, and records sealed with them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::{AttributeValue, KeyType, ScalarAttributeType};
use common::{Customer, Events, REGION, SECRETS, Site, ada};
use privet::cache::CacheLimits;
use privet::dynamodb::{KeyStoreTable, Tables, from_item};
use privet::keyring::store::{BranchKeyCacheLimits, BranchKeyProtection, KeyStore};
use privet::keyring::{
    BranchKeyIds, BranchKeyring, DataKeyRequest, HierarchicalKeyring, Keyring, KmsBranchKeys, MultiKeyring,
    RawAesKeyring,
};
use privet::protector::WithheldReason;
use privet::record::Header;
use privet::time::TimeSource;
use privet::value::Value;
use privet::{Classification, EncryptionContext, ErrorKind, Policy, Protector, Secret};
use privet_testkit::{Call, Deny, Fault};

const TABLE: &str = "keys";
const LOGICAL_NAME: &str = "shop-keys";
/// The branch keys of the classes, ids of 8 bytes.
const CLASSES: [(Classification, &str); 4] = [
    (Classification::Public, "shop-pub"),
    (Classification::Pii, "shop-pii"),
    (Classification::Sensitive, "shop-sen"),
    (Classification::Confidential, "shop-con"),
];

struct Keys {
    site: Site,
    store: Arc<KeyStore>,
}

impl Keys {
    /// A key store with its table, no keys yet.
    async fn start() -> Self {
        let site = Site::start().await;
        let store = store_as(&site, "operator", LOGICAL_NAME).await;
        store.create_table().await.unwrap();
        Self { site, store }
    }

    /// A branch key for each class.
    async fn with_classes() -> Self {
        let keys = Self::start().await;
        for (class, id) in CLASSES {
            keys.store.create_with_id(id, &for_class(class)).await.unwrap();
        }
        keys
    }

    async fn as_principal(&self, principal: &str) -> Arc<KeyStore> {
        store_as(&self.site, principal, LOGICAL_NAME).await
    }

    fn kms_calls(&self) -> Vec<Call> {
        self.site.aws.calls("kms")
    }

    /// The table's record of this id and type.
    async fn record(&self, id: &str, record_type: &str) -> Option<HashMap<String, AttributeValue>> {
        let get = self.site.dynamodb.get_item().table_name(TABLE).consistent_read(true);
        get.key("branch-key-id", s(id)).key("type", s(record_type)).send().await.unwrap().item
    }

    /// All records of all keys.
    async fn records(&self) -> usize {
        self.site.dynamodb.scan().table_name(TABLE).send().await.unwrap().items().len()
    }
}

async fn store_as(site: &Site, principal: &str, logical_name: &str) -> Arc<KeyStore> {
    let table = KeyStoreTable::new(site.dynamodb_as(principal).await, TABLE);
    let kms = KmsBranchKeys::new(site.kms_as(principal).await);
    let protection = BranchKeyProtection::key(&site.key_arn).unwrap();
    Arc::new(KeyStore::new(logical_name, protection, table, kms).unwrap())
}

fn for_class(class: Classification) -> EncryptionContext {
    EncryptionContext::new().with("privet:class", class.as_str())
}

fn ids() -> BranchKeyIds {
    CLASSES.into_iter().fold(BranchKeyIds::new(), |ids, (class, id)| ids.class(class, id))
}

fn none() -> EncryptionContext {
    EncryptionContext::new()
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn operations(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.operation.as_str()).collect()
}

fn kind<T>(result: privet::Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => error.kind(),
    }
}

fn protector(keyring: impl Keyring + 'static) -> Protector {
    Protector::builder().keyring(keyring).audit(Events::default()).model::<Customer>().build().unwrap()
}

/// A clock that tests set.
#[derive(Debug, Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn a_table_is_created_once_and_another_table_is_no_key_store() {
    let keys = Keys::start().await;
    keys.store.create_table().await.unwrap();
    let table = keys.site.dynamodb.describe_table().table_name(TABLE).send().await.unwrap().table.unwrap();
    let schema: Vec<_> = table.key_schema().iter().map(|key| (key.attribute_name(), key.key_type())).collect();
    assert_eq!(schema, [("branch-key-id", &KeyType::Hash), ("type", &KeyType::Range)]);
    let text = |definition: &aws_sdk_dynamodb::types::AttributeDefinition| {
        *definition.attribute_type() == ScalarAttributeType::S
    };
    assert!(table.attribute_definitions().iter().all(text));
    let kms = KmsBranchKeys::new(aws_sdk_kms::Client::new(&keys.site.aws.config(REGION).await));
    let protection = BranchKeyProtection::key(&keys.site.key_arn).unwrap();
    let customers = KeyStoreTable::new(keys.site.dynamodb.clone(), "customers");
    let other = KeyStore::new(LOGICAL_NAME, protection, customers, kms).unwrap();
    assert_eq!(kind(other.create_table().await), ErrorKind::Config);
}

#[tokio::test]
async fn a_branch_key_is_three_records_that_its_creator_cannot_read() {
    let keys = Keys::start().await;
    keys.site.aws.clear_calls();
    let id = keys.store.create(&none()).await.unwrap();
    let calls = keys.kms_calls();
    assert_eq!(operations(&calls), ["GenerateDataKeyWithoutPlaintext", "ReEncrypt", "GenerateDataKeyWithoutPlaintext"]);
    // The same key under two contexts, of the version and of the active record.
    assert_eq!(calls[0].context, calls[1].context);
    assert_eq!(calls[1].context["type"], calls[1].destination_context["version"]);
    assert_eq!(calls[1].destination_context["type"], "branch:ACTIVE");
    assert_eq!(calls[2].context["type"], "beacon:ACTIVE");
    for call in &calls {
        assert_eq!((&*call.context["tablename"], &*call.context["branch-key-id"]), (LOGICAL_NAME, &*id));
        assert_eq!((&*call.context["kms-arn"], &*call.context["hierarchy-version"]), (&*keys.site.key_arn, "1"));
    }
    assert_eq!(operations(&keys.site.aws.calls("dynamodb")), ["TransactWriteItems"]);
    assert_eq!(keys.records().await, 3);

    let active = keys.store.active(&id).await.unwrap();
    let version = keys.store.version(&id, active.version).await.unwrap();
    assert_eq!((active.secret.expose().len(), active.secret.expose()), (32, version.secret.expose()));
    let beacon = keys.store.beacon_key(&id).await.unwrap();
    assert!(beacon.expose().len() == 32 && beacon.expose() != active.secret.expose());
    let record = keys.record(&id, "branch:ACTIVE").await.unwrap();
    assert_eq!(record["hierarchy-version"], AttributeValue::N("1".into()));
    assert_eq!(record["version"], s(&format!("branch:version:{}", active.version)));
    assert_eq!(record["kms-arn"], s(&keys.site.key_arn));
    assert_eq!(record.len(), 7);
    assert_eq!(id.len(), 36);
    assert_eq!(keys.store.list().await.unwrap(), [id]);
}

#[tokio::test]
async fn rotation_adds_a_version_and_keeps_what_was_sealed_readable() {
    let keys = Keys::with_classes().await;
    let customers = |keyring: BranchKeyring| protector(keyring).table::<Customer>(&keys.site.dynamodb).unwrap();
    customers(BranchKeyring::new(Arc::clone(&keys.store), ids())).put(&ada()).await.unwrap();
    let before = keys.store.active("shop-pii").await.unwrap();
    let beacon = keys.store.beacon_key("shop-pii").await.unwrap();
    keys.site.aws.clear_calls();
    let version = keys.store.rotate("shop-pii").await.unwrap();
    let calls = keys.kms_calls();
    assert_eq!(operations(&calls), ["ReEncrypt", "GenerateDataKeyWithoutPlaintext", "ReEncrypt"]);
    assert_eq!(calls[0].context, calls[0].destination_context, "the old active record is proved");

    let after = keys.store.active("shop-pii").await.unwrap();
    assert_eq!(after.version, version);
    assert!(after.version != before.version && after.secret.expose() != before.secret.expose());
    let old = keys.store.version("shop-pii", before.version).await.unwrap();
    assert_eq!(old.secret.expose(), before.secret.expose());
    assert_eq!(keys.store.beacon_key("shop-pii").await.unwrap().expose(), beacon.expose());
    let described = keys.store.describe("shop-pii").await.unwrap();
    assert_eq!(described.active, version);
    let versions: Vec<_> = described.versions.iter().map(|described| described.version).collect();
    assert_eq!(versions, [before.version, version]);
    assert!(described.has_beacon_key && described.context == for_class(Classification::Pii));

    // A reader that has seen neither version reads both.
    let cold = customers(BranchKeyring::new(Arc::clone(&keys.store), ids()));
    assert!(cold.get("c-1").await.unwrap() == Some(ada()));
    cold.put(&Customer { id: "c-2".into(), ..ada() }).await.unwrap();
    let stored = from_item(keys.site.stored("customers", "c-2").await.unwrap()).unwrap();
    let Value::B(header) = &stored["privet"] else { panic!("no header") };
    let sections = Header::parse(header).unwrap().sections;
    let pii = sections.iter().find(|section| section.class == Classification::Pii).unwrap();
    assert_eq!(pii.edks[0].ciphertext, version.as_bytes());
    assert!(cold.get("c-1").await.unwrap().is_some() && cold.get("c-2").await.unwrap().is_some());
}

#[tokio::test]
async fn of_two_rotations_at_once_one_wins_and_nothing_is_lost() {
    let keys = Keys::start().await;
    let id = keys.store.create(&none()).await.unwrap();
    let first = keys.store.active(&id).await.unwrap().version;
    // Both have read the active record before either writes.
    keys.site.aws.fault(Fault::on("kms", "ReEncrypt").delay(Duration::from_millis(50)));
    let (one, other) = tokio::join!(keys.store.rotate(&id), keys.store.rotate(&id));
    let ((Ok(won), Err(lost)) | (Err(lost), Ok(won))) = (one, other) else {
        panic!("exactly one rotation should win");
    };
    assert_eq!(lost.kind(), ErrorKind::Conflict);
    assert_eq!(keys.store.active(&id).await.unwrap().version, won);
    let versions: Vec<_> = keys.store.describe(&id).await.unwrap().versions;
    assert_eq!(versions.iter().map(|described| described.version).collect::<Vec<_>>(), [first, won]);
    for described in versions {
        keys.store.version(&id, described.version).await.unwrap();
    }
    keys.store.rotate(&id).await.unwrap();
}

#[tokio::test]
async fn a_transaction_whose_answer_is_lost_is_not_done_twice() {
    let keys = Keys::start().await;
    // Once: the SDK's own retry is told that it was done. Always: the store looks for itself.
    for (times, versions) in [(1, 2), (1000, 2)] {
        let fault = || Fault::on("dynamodb", "TransactWriteItems").times(times).answer_lost();
        keys.site.aws.fault(fault());
        let id = keys.store.create(&none()).await.unwrap();
        keys.site.aws.clear_faults();
        keys.site.aws.fault(fault());
        let version = keys.store.rotate(&id).await.unwrap();
        keys.site.aws.clear_faults();
        assert_eq!(keys.store.active(&id).await.unwrap().version, version);
        assert_eq!(keys.store.describe(&id).await.unwrap().versions.len(), versions);
    }
    keys.site.aws.fault(Fault::on("dynamodb", "TransactWriteItems").reset());
    let before = keys.records().await;
    let error = keys.store.create(&none()).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_eq!(keys.records().await, before);
}

#[tokio::test]
async fn what_fails_on_the_way_leaves_no_record_behind() {
    let keys = Keys::start().await;
    let id = keys.store.create(&none()).await.unwrap();
    let before = keys.records().await;
    for (operation, after) in [("GenerateDataKeyWithoutPlaintext", 0), ("ReEncrypt", 0), ("ReEncrypt", 1)] {
        keys.site.aws.fault(Fault::on("kms", operation).after(after).error("DisabledException"));
        assert_eq!(kind(keys.store.rotate(&id).await), ErrorKind::KeyUnavailable);
        keys.site.aws.clear_faults();
    }
    keys.site.aws.deny(Deny::everyone().service("kms").operation("ReEncryptTo"));
    assert_eq!(kind(keys.store.create(&none()).await), ErrorKind::Denied);
    assert_eq!(keys.records().await, before);
    keys.store.active(&id).await.unwrap();
}

#[tokio::test]
async fn an_id_of_ones_own_is_taken_once_and_carries_its_context() {
    let keys = Keys::start().await;
    let custom = EncryptionContext::new().with("department", "admin").with("région", "eu");
    keys.store.create_with_id("tenant-alpha", &custom).await.unwrap();
    let first = keys.store.active("tenant-alpha").await.unwrap();
    assert!(first.context == custom);
    assert_eq!(kind(keys.store.create_with_id("tenant-alpha", &custom).await), ErrorKind::Conflict);
    assert_eq!(keys.store.active("tenant-alpha").await.unwrap().secret.expose(), first.secret.expose());
    assert_eq!(kind(keys.store.create_with_id("tenant-beta", &none()).await), ErrorKind::Input);
    let record = keys.record("tenant-alpha", "beacon:ACTIVE").await.unwrap();
    assert_eq!(record["aws-crypto-ec:région"], s("eu"));
    keys.store.rotate("tenant-alpha").await.unwrap();
    assert!(keys.store.active("tenant-alpha").await.unwrap().context == custom);
    assert_eq!(kind(keys.store.active("tenant-beta").await), ErrorKind::Config);
    assert_eq!(kind(keys.store.rotate("tenant-beta").await), ErrorKind::Config);
    assert_eq!(kind(keys.store.describe("tenant-beta").await), ErrorKind::Config);
}

#[tokio::test]
async fn records_that_were_changed_or_belong_to_another_store_do_not_open() {
    let keys = Keys::start().await;
    let custom = EncryptionContext::new().with("team", "blue");
    keys.store.create_with_id("one", &custom).await.unwrap();
    keys.store.create_with_id("two", &custom).await.unwrap();
    let other_name = store_as(&keys.site, "operator", "another-name").await;
    assert_eq!(kind(other_name.active("one").await), ErrorKind::Integrity);
    assert_eq!(kind(other_name.rotate("one").await), ErrorKind::Integrity);

    let stored = keys.record("one", "branch:ACTIVE").await.unwrap();
    let put = async |item: HashMap<String, AttributeValue>| {
        keys.site.store(TABLE, item).await;
        kind(keys.store.active("one").await)
    };
    let other = keys.record("two", "branch:ACTIVE").await.unwrap();
    let changes = [
        ("aws-crypto-ec:team", s("red")),
        ("aws-crypto-ec:more", s("x")),
        ("note", s("x")),
        ("create-time", s("2026-11-23T00:00:00.000000Z")),
        ("version", other["version"].clone()),
        ("enc", other["enc"].clone()),
        ("enc", s("text")),
    ];
    for (name, value) in changes {
        let mut changed = stored.clone();
        changed.insert(name.into(), value);
        assert_eq!(put(changed).await, ErrorKind::Integrity, "{name}");
        assert_eq!(kind(keys.store.rotate("one").await), ErrorKind::Integrity, "{name}");
    }
    let mut moved = stored.clone();
    moved.insert("kms-arn".into(), s("arn:aws:kms:eu-west-1:111122223333:key/another"));
    assert_eq!(put(moved).await, ErrorKind::Config);
    let mut newer = stored.clone();
    newer.insert("hierarchy-version".into(), AttributeValue::N("2".into()));
    assert_eq!(put(newer).await, ErrorKind::Unsupported);
    keys.site.store(TABLE, stored).await;
    keys.store.active("one").await.unwrap();
}

#[tokio::test]
async fn records_are_sealed_by_class_and_kms_is_asked_once_per_branch_key() {
    let keys = Keys::with_classes().await;
    keys.site.aws.clear_calls();
    let privet = protector(BranchKeyring::new(Arc::clone(&keys.store), ids()));
    let customers = privet.table::<Customer>(&keys.site.dynamodb).unwrap();
    for number in 0..10 {
        let customer = Customer { id: format!("c-{number}"), ..ada() };
        customers.put(&customer).await.unwrap();
        assert!(customers.get(format!("c-{number}")).await.unwrap() == Some(customer));
    }
    let calls = keys.kms_calls();
    assert_eq!(operations(&calls), ["Decrypt"; 3]);
    let mut classes: Vec<_> = calls.iter().map(|call| call.context["aws-crypto-ec:privet:class"].as_str()).collect();
    classes.sort_unstable();
    assert_eq!(classes, ["confidential", "pii", "sensitive"]);

    let item = keys.site.stored("customers", "c-1").await.unwrap();
    let stored = format!("{item:?}");
    for secret in SECRETS {
        let bytes = format!("{:?}", secret.as_bytes());
        assert!(!stored.contains(secret) && !stored.contains(bytes.trim_matches(['[', ']'])), "{secret}");
    }
    // 20 and 69 a class; with record integrity a tag of 32 a class.
    let AttributeValue::B(header) = &item["privet"] else { panic!("no header") };
    assert_eq!(header.as_ref().len(), 20 + 3 * (69 + 32));

    // Another process reads: one Decrypt a class, for the versions this time.
    keys.site.aws.clear_calls();
    let reader = protector(BranchKeyring::new(keys.as_principal("reader").await, ids()));
    let customers = reader.table::<Customer>(&keys.site.dynamodb).unwrap();
    for number in 0..10 {
        customers.get(format!("c-{number}")).await.unwrap().unwrap();
    }
    let calls = keys.kms_calls();
    assert_eq!(operations(&calls), ["Decrypt"; 3]);
    assert!(calls.iter().all(|call| call.context["type"].starts_with("branch:version:")));
}

#[tokio::test]
async fn six_fields_of_three_classes_cost_what_the_format_says() {
    let keys = Keys::with_classes().await;
    for (integrity, expected) in [("field", 419), ("record", 515)] {
        let policy = format!("version = 1\n[resources.things]\nkey = [\"id\"]\nintegrity = \"{integrity}\"");
        let privet = Protector::builder()
            .keyring(BranchKeyring::new(Arc::clone(&keys.store), ids()))
            .audit(Events::default())
            .policy(Policy::from_toml(&policy).unwrap())
            .build()
            .unwrap();
        let resource = privet.resource("things").unwrap();
        let names = ["email", "phone", "password", "api_key", "financial_data", "health_records"];
        let value = Value::S("a value".into());
        let mut record: privet::value::Map = names.map(|name| (name.to_owned(), value.clone())).into();
        record.insert("id".into(), Value::S("t-1".into()));
        let sealed = privet.protect_record(&resource, record.clone()).await.unwrap();
        let size = |value: &Value| match value {
            Value::B(bytes) => bytes.len(),
            Value::S(text) => text.len(),
            _ => panic!("not stored as it should be"),
        };
        let added: usize = sealed.values().map(size).sum::<usize>() - record.values().map(size).sum::<usize>();
        assert_eq!(added, expected, "{integrity}");
        assert!(privet.unprotect_record(&resource, sealed).await.unwrap().complete().unwrap() == record);
    }
}

#[tokio::test]
async fn a_class_whose_branch_key_kms_refuses_is_withheld() {
    let keys = Keys::with_classes().await;
    protector(BranchKeyring::new(Arc::clone(&keys.store), ids()))
        .table::<Customer>(&keys.site.dynamodb)
        .unwrap()
        .put(&ada())
        .await
        .unwrap();
    keys.site.aws.deny(Deny::principal("analyst").service("kms").context("aws-crypto-ec:privet:class", "confidential"));
    let analyst = protector(BranchKeyring::new(keys.as_principal("analyst").await, ids()));
    let opened = analyst.table::<Customer>(&keys.site.dynamodb).unwrap().open("c-1").await.unwrap().unwrap();
    let [withheld] = opened.withheld() else { panic!("one field should be withheld") };
    assert_eq!((withheld.class, withheld.reason), (Classification::Confidential, WithheldReason::Denied));
    // Who has no branch key for a class is not even asked about it.
    let some = BranchKeyIds::new().class(Classification::Pii, "shop-pii").class(Classification::Public, "shop-pub");
    let partial = protector(BranchKeyring::new(keys.as_principal("support").await, some));
    let opened = partial.table::<Customer>(&keys.site.dynamodb).unwrap().open("c-1").await.unwrap().unwrap();
    assert!(opened.withheld().iter().all(|withheld| withheld.reason == WithheldReason::NoKey));
    assert_eq!(opened.withheld().len(), 2);
}

#[tokio::test]
async fn kms_keeps_tenants_apart_by_the_context_of_their_branch_keys() {
    let keys = Keys::start().await;
    let mut ids = BranchKeyIds::new();
    for tenant in ["acme", "umbrella"] {
        for (class, _) in CLASSES {
            let id = format!("{tenant}-{class}");
            keys.store.create_with_id(&id, &for_class(class).with("privet:tenant", tenant)).await.unwrap();
            ids = ids.tenant(tenant, class, id);
        }
    }
    let privet = protector(BranchKeyring::new(Arc::clone(&keys.store), ids.clone()));
    for tenant in ["acme", "umbrella"] {
        let customers = privet.for_tenant(tenant).unwrap().table::<Customer>(&keys.site.dynamodb).unwrap();
        customers.put(&Customer { id: tenant.into(), ..ada() }).await.unwrap();
    }
    keys.site.aws.deny(Deny::principal("acme-app").service("kms").context("aws-crypto-ec:privet:tenant", "umbrella"));
    let app = protector(BranchKeyring::new(keys.as_principal("acme-app").await, ids));
    let open = async |tenant: &str, id: &str| {
        let customers = app.for_tenant(tenant).unwrap().table::<Customer>(&keys.site.dynamodb).unwrap();
        customers.get(id).await.map_err(|error| error.kind())
    };
    assert!(open("acme", "acme").await == Ok(Some(Customer { id: "acme".into(), ..ada() })));
    assert!(open("umbrella", "umbrella").await == Err(ErrorKind::Denied));
    assert!(open("acme", "umbrella").await == Err(ErrorKind::Integrity), "the branch key is not the tenant's");
    // No tenant at all: the supplier has no key for that.
    let customers = app.table::<Customer>(&keys.site.dynamodb).unwrap();
    assert_eq!(customers.put(&ada()).await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn one_branch_key_for_two_classes_or_of_another_application_is_refused() {
    let keys = Keys::with_classes().await;
    let mixed = ids().class(Classification::Sensitive, "shop-pii");
    let privet = protector(BranchKeyring::new(Arc::clone(&keys.store), mixed));
    let customers = privet.table::<Customer>(&keys.site.dynamodb).unwrap();
    let error = customers.put(&ada()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`privet:class`"), "{error}");
    let keyring = BranchKeyring::new(Arc::clone(&keys.store), ids());
    let builder = Protector::builder().keyring(keyring).audit(Events::default()).context("application", "shop");
    let customers = builder.build().unwrap().table::<Customer>(&keys.site.dynamodb).unwrap();
    let error = customers.put(&ada()).await.unwrap_err();
    assert!(error.to_string().contains("`application`"), "{error}");
}

#[tokio::test]
async fn the_hierarchical_keyring_seals_what_it_opens_and_asks_kms_once_per_key() {
    let keys = Keys::start().await;
    let id = keys.store.create(&none()).await.unwrap();
    let table = |store: Arc<KeyStore>| {
        let privet = protector(HierarchicalKeyring::new(store, &id));
        privet.table::<Customer>(&keys.site.dynamodb).unwrap()
    };
    keys.site.aws.clear_calls();
    let customers = table(Arc::clone(&keys.store));
    customers.put(&ada()).await.unwrap();
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
    assert_eq!(operations(&keys.kms_calls()), ["Decrypt"]);
    keys.store.rotate(&id).await.unwrap();
    keys.site.aws.clear_calls();
    let reader = table(keys.as_principal("reader").await);
    assert!(reader.get("c-1").await.unwrap() == Some(ada()));
    reader.put(&Customer { id: "c-2".into(), ..ada() }).await.unwrap();
    assert!(table(Arc::clone(&keys.store)).get("c-2").await.unwrap().is_some());
    // The reader: the old version, then the active one. The other: the new version.
    assert_eq!(operations(&keys.kms_calls()), ["Decrypt"; 3]);
    keys.site.aws.deny(Deny::principal("stranger").service("kms"));
    let stranger = table(keys.as_principal("stranger").await);
    assert_eq!(stranger.get("c-1").await.err().unwrap().kind(), ErrorKind::Denied);
    // A branch key of another id is another key, although its name and provider are right.
    let other = keys.store.create(&none()).await.unwrap();
    let strange = protector(HierarchicalKeyring::new(Arc::clone(&keys.store), other));
    let customers = strange.table::<Customer>(&keys.site.dynamodb).unwrap();
    assert_eq!(customers.get("c-1").await.err().unwrap().kind(), ErrorKind::Integrity);
}

#[tokio::test]
async fn a_wrapped_key_of_a_version_that_is_not_there_does_not_authenticate() {
    let keys = Keys::with_classes().await;
    let request = DataKeyRequest::new(for_class(Classification::Pii));
    let keyrings: [Box<dyn Keyring>; 2] = [
        Box::new(HierarchicalKeyring::new(Arc::clone(&keys.store), "shop-pii")),
        Box::new(BranchKeyring::new(Arc::clone(&keys.store), ids())),
    ];
    for keyring in keyrings {
        let data_key = keyring.generate_data_key(&request).await.unwrap();
        let opened = keyring.unwrap_data_key(&data_key.edks, &request).await.unwrap().unwrap();
        assert_eq!(opened.expose(), data_key.secret.expose());
        let mut unknown = data_key.edks.clone();
        let version = if unknown[0].ciphertext.len() == 16 { 0 } else { 28 };
        unknown[0].ciphertext[version] ^= 1;
        assert_eq!(kind(keyring.unwrap_data_key(&unknown, &request).await), ErrorKind::Integrity);
        let mut short = data_key.edks.clone();
        short[0].ciphertext.pop();
        assert_eq!(kind(keyring.unwrap_data_key(&short, &request).await), ErrorKind::Integrity);
        // A damaged one in front of a good one does no harm.
        unknown.extend(data_key.edks.clone());
        assert!(keyring.unwrap_data_key(&unknown, &request).await.unwrap().is_some());
        let mut foreign = data_key.edks;
        foreign[0].provider_info = b"shop-pix".to_vec();
        assert!(keyring.unwrap_data_key(&foreign, &request).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_branch_keyring_can_lead_a_multi_keyring() {
    let keys = Keys::with_classes().await;
    let recovery = || RawAesKeyring::new("shop", "recovery", &Secret::copy_of(&[7; 32])).unwrap();
    let both = MultiKeyring::new(BranchKeyring::new(Arc::clone(&keys.store), ids())).with(recovery());
    protector(both).table::<Customer>(&keys.site.dynamodb).unwrap().put(&ada()).await.unwrap();
    let alone = protector(recovery()).table::<Customer>(&keys.site.dynamodb).unwrap();
    assert!(alone.get("c-1").await.unwrap() == Some(ada()));
    let other_way = MultiKeyring::new(recovery()).with(BranchKeyring::new(Arc::clone(&keys.store), ids()));
    let request = DataKeyRequest::new(for_class(Classification::Pii));
    assert_eq!(kind(other_way.generate_data_key(&request).await), ErrorKind::Config);
}

#[tokio::test]
async fn a_revoked_branch_key_serves_until_it_is_too_old_or_purged() {
    let keys = Keys::with_classes().await;
    let clock = Clock::default();
    let keyring = BranchKeyring::new(keys.as_principal("reader").await, ids())
        .cache(BranchKeyCacheLimits::default().with_max_age(Duration::from_secs(60)))
        .time_source(clock.clone());
    let privet = Protector::builder()
        .keyring(keyring)
        .audit(Events::default())
        .cache(CacheLimits::default().with_max_age(Duration::ZERO))
        .build()
        .unwrap();
    let customers = privet.table::<Customer>(&keys.site.dynamodb).unwrap();
    customers.put(&ada()).await.unwrap();
    keys.site.aws.deny(Deny::principal("reader").service("kms"));
    clock.0.store(59, Ordering::SeqCst);
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
    clock.0.store(60, Ordering::SeqCst);
    assert_eq!(customers.get("c-1").await.err().unwrap().kind(), ErrorKind::Denied);
    keys.site.aws.clear_denials();
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
    keys.site.aws.deny(Deny::principal("reader").service("kms"));
    assert!(customers.get("c-1").await.unwrap() == Some(ada()));
    privet.purge();
    assert_eq!(customers.get("c-1").await.err().unwrap().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn a_key_store_that_cannot_be_reached_is_told_from_one_that_refuses() {
    let keys = Keys::with_classes().await;
    for (fault, expected) in [
        (Fault::on("dynamodb", "GetItem").error("ProvisionedThroughputExceededException"), ErrorKind::Throttled),
        (Fault::on("dynamodb", "GetItem").status(500), ErrorKind::KeyUnavailable),
        (Fault::on("dynamodb", "GetItem").reset(), ErrorKind::KeyUnavailable),
        (Fault::on("kms", "Decrypt").error("ThrottlingException"), ErrorKind::Throttled),
        (Fault::on("kms", "Decrypt").timeout(), ErrorKind::KeyUnavailable),
    ] {
        keys.site.aws.clear_faults();
        keys.site.aws.fault(fault);
        let error = keys.store.active("shop-pii").await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (expected, true), "{error}");
    }
    keys.site.aws.clear_faults();
    keys.site.aws.deny(Deny::principal("stranger").service("dynamodb").table(TABLE));
    assert_eq!(kind(keys.as_principal("stranger").await.active("shop-pii").await), ErrorKind::Denied);
}

#[tokio::test]
async fn nothing_that_prints_a_store_a_keyring_or_a_key_prints_a_secret() {
    let keys = Keys::with_classes().await;
    let key = keys.store.active("shop-pii").await.unwrap();
    let keyrings = (
        BranchKeyring::new(Arc::clone(&keys.store), ids()),
        HierarchicalKeyring::new(Arc::clone(&keys.store), "shop-pii"),
    );
    let printed = format!("{key:?} {:?} {keyrings:?}", keys.store);
    let bytes = format!("{:?}", key.secret.expose());
    assert!(!printed.contains(bytes.trim_matches(['[', ']'])), "{printed}");
    assert!(printed.contains("Secret(..)") && !printed.contains("pii\"}"), "{printed}");
}
