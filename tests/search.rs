//! Searching sealed fields: by beacons in indexes of an embedded DynamoDB.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeSet, HashMap};

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use privet::dynamodb::{
    Find, KeyStoreTable, Migrate as _, Searchable as _, Tables as _, Upgrade, beacon_indexes, from_item, to_item,
};
use privet::keyring::store::{BranchKeyCacheLimits, BranchKeyProtection, KeyStore};
use privet::keyring::{KeyStoreBeaconKeys, KmsBranchKeys, RawAesKeyring, WrappedBeaconKey};
use privet::policy::Policy;
use privet::protector::{Ask, Condition};
use privet::value::{Path, Value};
use privet::{EncryptionContext, ErrorKind, Protect, Protector, Secret};
use privet_testkit::{Deny, EmbeddedAws};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize, Clone, PartialEq)]
#[protect(resource = "people", key = "id")]
struct Person {
    #[protect(public)]
    id: String,
    #[protect(pii, searchable)]
    email: String,
    #[protect(pii)]
    age: Option<u32>,
    #[protect(nested)]
    address: Address,
    #[protect(confidential)]
    labels: Vec<String>,
    #[protect(public)]
    joined: String,
}

#[derive(Protect, Serialize, Deserialize, Clone, PartialEq)]
struct Address {
    #[protect(pii, searchable)]
    city: String,
}

fn person(id: usize, email: &str, city: &str) -> Person {
    Person {
        id: format!("p-{id:03}"),
        email: email.into(),
        age: None,
        address: Address { city: city.into() },
        labels: Vec::new(),
        joined: format!("2026-{:02}-01", id % 12 + 1),
    }
}

/// `lengths` in bits, then what the resource says of searching.
fn policy(lengths: u8, search: &str) -> Policy {
    let text = format!(
        r#"
        version = 1
        [classes.confidential]
        audit = false
        [[fields]]
        path = "email"
        beacon = {{ length = {lengths}, lengths = {{ 2 = 20 }} }}
        [[fields]]
        path = "age"
        beacon = {{ length = {lengths} }}
        [[fields]]
        path = "address.city"
        beacon = {{ length = {lengths} }}
        [[fields]]
        path = "labels"
        beacon = {{ length = {lengths}, members = true }}
        [resources.people]
        {search}
        "#
    );
    Policy::from_toml(&text).unwrap()
}

const COMPOUND: &str = r#"
    [[resources.people.search.compound]]
    name = "city_email"
    fields = ["address.city", "email"]
    sort = "joined"
"#;

fn versions(write: &[u8], query: &[u8]) -> String {
    format!("[resources.people.search]\nwrite = {write:?}\nquery = {query:?}\n")
}

struct Site {
    client: Client,
    aws: EmbeddedAws,
    beacon_key: String,
}

fn keyring() -> RawAesKeyring {
    RawAesKeyring::new("team", "key", &Secret::copy_of(&[7; 32])).unwrap()
}

impl Site {
    /// A table with indexes for all versions that any policy of a test names.
    async fn start(policy: Policy) -> (Self, Protector) {
        let common::Site { aws, dynamodb: client, .. } = common::Site::start().await;
        let beacon_key = WrappedBeaconKey::generate(&keyring(), &EncryptionContext::new()).await.unwrap();
        let site = Self { client, aws, beacon_key };
        let privet = site.protector(policy);
        site.create_table(&privet).await;
        (site, privet)
    }

    fn protector(&self, policy: Policy) -> Protector {
        let source = WrappedBeaconKey::new(keyring(), &EncryptionContext::new(), &self.beacon_key).unwrap();
        Protector::builder().policy(policy).keyring(keyring()).beacon_key(source).model::<Person>().build().unwrap()
    }

    async fn create_table(&self, privet: &Protector) {
        let resource = privet.model::<Person>().unwrap();
        let key = |name: &str, role| KeySchemaElement::builder().attribute_name(name).key_type(role).build().unwrap();
        let mut names = BTreeSet::from(["id".to_owned()]);
        let mut call = self.client.create_table().table_name("people").billing_mode(BillingMode::PayPerRequest);
        call = call.key_schema(key("id", KeyType::Hash));
        for index in beacon_indexes(&resource) {
            let mut made = GlobalSecondaryIndex::builder()
                .index_name(&index.name)
                .key_schema(key(&index.partition, KeyType::Hash))
                .projection(Projection::builder().projection_type(ProjectionType::All).build());
            if let Some(sort) = &index.sort {
                made = made.key_schema(key(sort, KeyType::Range));
            }
            names.extend([index.partition].into_iter().chain(index.sort));
            call = call.global_secondary_indexes(made.build().unwrap());
        }
        for name in names {
            let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            call = call.attribute_definitions(definition.build().unwrap());
        }
        call.send().await.unwrap();
    }

    async fn stored(&self, id: &str) -> HashMap<String, AttributeValue> {
        let get = self.client.get_item().table_name("people").key("id", AttributeValue::S(id.into()));
        get.send().await.unwrap().item.unwrap()
    }

    async fn store(&self, item: HashMap<String, AttributeValue>) {
        self.client.put_item().table_name("people").set_item(Some(item)).send().await.unwrap();
    }
}

async fn put(privet: &Protector, site: &Site, people: &[Person]) {
    let table = privet.table::<Person>(&site.client).unwrap();
    for person in people {
        table.put(person).await.unwrap();
    }
}

/// The ids of what is found, in order.
async fn find(privet: &Protector, site: &Site, what: Find<Person>) -> Vec<String> {
    let table = privet.table::<Person>(&site.client).unwrap();
    let found = table.find(what).await.unwrap().collect().await.unwrap();
    let mut ids: Vec<_> = found.into_iter().map(|person| person.id).collect();
    ids.sort();
    ids
}

fn by_email(email: &str) -> Find<Person> {
    Person::email().eq(email)
}

#[tokio::test]
async fn finds_by_equality() {
    let (site, privet) = Site::start(policy(16, "")).await;
    let mut ada = person(1, "ada@example.com", "London");
    ada.age = Some(36);
    put(&privet, &site, &[ada, person(2, "bob@example.com", "London"), person(3, "ada@example.com", "Paris")]).await;
    assert_eq!(find(&privet, &site, by_email("ada@example.com")).await, ["p-001", "p-003"]);
    assert_eq!(find(&privet, &site, by_email("ADA@example.com")).await, [""; 0]);
    assert_eq!(find(&privet, &site, Person::age().eq(Some(36))).await, ["p-001"]);
    assert_eq!(find(&privet, &site, Find::equals("address.city", "London")).await, ["p-001", "p-002"]);
    let stored = site.stored("p-001").await;
    assert_eq!(stored["privet_b1_email"].as_s().unwrap().len(), 4);
    assert!(!format!("{stored:?}").contains("ada@example.com"));
    // Nobody sees them: a null has none, and what is read has no trace of them.
    assert!(!site.stored("p-002").await.contains_key("privet_b1_age"));
    let resource = privet.model::<Person>().unwrap();
    let opened = privet.unprotect_record(&resource, from_item(stored).unwrap()).await.unwrap();
    assert!(opened.drift().is_empty());
    let opened = opened.complete().unwrap();
    assert!(opened.keys().all(|name| !name.starts_with("privet")), "{opened:?}");
}

#[tokio::test]
async fn a_collision_is_never_seen() {
    for length in 1..=3 {
        let (site, privet) = Site::start(policy(length, "")).await;
        let people: Vec<_> = (0..40).map(|id| person(id, &format!("{id}@example.com"), "London")).collect();
        put(&privet, &site, &people).await;
        let beacons: BTreeSet<_> = {
            let mut beacons = BTreeSet::new();
            for person in &people {
                beacons.insert(site.stored(&person.id).await["privet_b1_email"].as_s().unwrap().clone());
            }
            beacons
        };
        assert!(beacons.len() <= 1 << length, "40 values share {} beacons", beacons.len());
        for person in &people {
            assert_eq!(find(&privet, &site, by_email(&person.email)).await, [person.id.as_str()]);
        }
        assert_eq!(find(&privet, &site, by_email("nobody@example.com")).await, [""; 0]);
    }
}

#[tokio::test]
async fn tenants_find_their_own_records_only() {
    let (site, privet) = Site::start(policy(1, "")).await;
    let (red, blue) = (privet.for_tenant("red").unwrap(), privet.for_tenant("blue").unwrap());
    put(&red, &site, &[person(1, "ada@example.com", "London"), person(2, "bob@example.com", "Rome")]).await;
    put(&blue, &site, &[person(3, "ada@example.com", "London"), person(4, "eve@example.com", "Rome")]).await;
    put(&privet, &site, &[person(5, "ada@example.com", "London")]).await;
    // With one bit every second value collides; none of another tenant is even read, or opening it would fail.
    assert_eq!(find(&red, &site, by_email("ada@example.com")).await, ["p-001"]);
    assert_eq!(find(&blue, &site, by_email("ada@example.com")).await, ["p-003"]);
    assert_eq!(find(&privet, &site, by_email("ada@example.com")).await, ["p-005"]);
    assert_eq!(find(&red, &site, by_email("eve@example.com")).await, [""; 0]);
    let mut beacons = BTreeSet::new();
    for id in ["p-001", "p-003", "p-005"] {
        beacons.insert(site.stored(id).await["privet_b1_email"].as_s().unwrap().clone());
    }
    assert_eq!(beacons.len(), 3);
}

#[tokio::test]
async fn members_of_lists() {
    let (site, privet) = Site::start(policy(12, "")).await;
    let mut people =
        [person(1, "a@example.com", "London"), person(2, "b@example.com", "Rome"), person(3, "c@x.y", "Rome")];
    people[0].labels = vec!["vip".into(), "late".into(), "vip".into()];
    people[1].labels = vec!["late".into()];
    put(&privet, &site, &people).await;
    assert_eq!(find(&privet, &site, Person::labels().contains("late")).await, ["p-001", "p-002"]);
    assert_eq!(find(&privet, &site, Person::labels().contains("vip")).await, ["p-001"]);
    assert_eq!(site.stored("p-001").await["privet_b1_labels"].as_ss().unwrap().len(), 2);
    assert!(!site.stored("p-003").await.contains_key("privet_b1_labels"), "an empty list has no members");
}

#[tokio::test]
async fn several_fields_from_the_first_on() {
    for length in [1, 16] {
        let (site, privet) = Site::start(policy(length, COMPOUND)).await;
        let people = [
            person(1, "ada@example.com", "London"),
            person(2, "ada@example.com", "London"),
            person(3, "bob@example.com", "London"),
            person(4, "ada@example.com", "Rome"),
        ];
        put(&privet, &site, &people).await;
        let of = |city: &str| Find::<Person>::compound("city_email", city);
        assert_eq!(find(&privet, &site, of("London")).await, ["p-001", "p-002", "p-003"]);
        assert_eq!(find(&privet, &site, of("London").and("ada@example.com")).await, ["p-001", "p-002"]);
        let in_march = of("London").and("ada@example.com").starts_with("2026-03");
        assert_eq!(find(&privet, &site, in_march).await, ["p-002"]);
        let in_2026 = of("London").and("ada@example.com").starts_with("2026-");
        assert_eq!(find(&privet, &site, in_2026).await, ["p-001", "p-002"]);
        assert_eq!(find(&privet, &site, of("Rome").and("bob@example.com")).await, [""; 0]);
    }
}

/// What a record is sorted by may be sealed in one that does not fit its model: with all that is in it.
#[tokio::test]
async fn texts_that_a_record_seals_are_not_sorted_by() {
    #[derive(Protect, Serialize, Deserialize)]
    #[protect(resource = "visits", key = "id")]
    struct Visit {
        #[protect(public)]
        id: String,
        #[protect(pii, searchable)]
        patient: String,
        #[protect(nested)]
        what: What,
    }
    #[derive(Protect, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum What {
        Call {
            #[protect(public)]
            day: String,
        },
        Stay {
            #[protect(confidential)]
            reason: String,
        },
    }
    let policy = r#"
        version = 1
        classes.confidential.audit = false
        [[fields]]
        path = "patient"
        beacon = { length = 8 }
        [resources.visits]
        [[resources.visits.search.compound]]
        name = "patient_day"
        fields = ["patient"]
        sort = "what.day"
    "#;
    let beacon_key = WrappedBeaconKey::generate(&keyring(), &EncryptionContext::new()).await.unwrap();
    let source = WrappedBeaconKey::new(keyring(), &EncryptionContext::new(), &beacon_key).unwrap();
    let builder = Protector::builder().policy(Policy::from_toml(policy).unwrap()).keyring(keyring());
    let privet = builder.beacon_key(source).model::<Visit>().build().unwrap();
    let resource = privet.model::<Visit>().unwrap();
    let text = |text: &str| Value::S(text.to_owned());
    let record = |what: &[(&str, &str)]| {
        let what = what.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
        [("id", text("1")), ("patient", text("Ada")), ("what", Value::M(what))]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    };
    let stored = privet.protect_record(&resource, record(&[("kind", "Call"), ("day", "2026-11-28")])).await.unwrap();
    assert_eq!(stored["privet_b1_patient_day"], text("2026-11-28"));
    // Of a kind that the model does not know, `what` is sealed as a whole; the same if it is a kind without a day.
    for kind in ["Fax", "Stay"] {
        let sealed = record(&[("kind", kind), ("day", "secret-day")]);
        let error = privet.protect_record(&resource, sealed).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{kind}: {error}");
        assert!(error.to_string().contains("`what.day`") && !error.to_string().contains("secret"), "{error}");
    }
    // Without the text there is nothing to show.
    let stored = privet.protect_record(&resource, record(&[("kind", "Stay"), ("reason", "rest")])).await.unwrap();
    assert!(stored.contains_key("privet_b1_patient") && !stored.contains_key("privet_b1_patient_day"));
}

#[tokio::test]
async fn a_second_version_is_backfilled_while_the_first_serves() {
    let both = || versions(&[1, 2], &[1, 2]);
    let (site, _) = Site::start(policy(8, &both())).await;
    let email = || by_email("ada@example.com");
    // Before: the first version is written and asked for.
    let first = site.protector(policy(8, &versions(&[1], &[1])));
    put(&first, &site, &[person(1, "ada@example.com", "London"), person(2, "bob@example.com", "London")]).await;
    // New writers write both; those who ask for the first find all, those who ask for the second what has it.
    let writing = site.protector(policy(8, &versions(&[1, 2], &[1])));
    put(&writing, &site, &[person(3, "ada@example.com", "Rome")]).await;
    let second = site.protector(policy(8, &versions(&[2], &[2])));
    assert_eq!(find(&first, &site, email()).await, ["p-001", "p-003"]);
    assert_eq!(find(&writing, &site, email()).await, ["p-001", "p-003"]);
    assert_eq!(find(&second, &site, email()).await, ["p-003"]);
    // Who asks for both finds each record once, also those that have one of them only.
    put(&second, &site, &[person(4, "ada@example.com", "Rome")]).await;
    let asking = site.protector(policy(8, &both()));
    assert_eq!(find(&asking, &site, email()).await, ["p-001", "p-003", "p-004"]);
    // The backfill: each record is read and written anew.
    let upgrade = async |privet: &Protector, id| {
        let resource = privet.model::<Person>().unwrap();
        privet.upgrade(&site.client, &resource, id).await.unwrap()
    };
    for (id, expected) in [
        ("p-001", Upgrade::Upgraded),
        ("p-002", Upgrade::Upgraded),
        ("p-003", Upgrade::Current),
        ("p-004", Upgrade::Upgraded),
        ("p-005", Upgrade::Missing),
    ] {
        assert_eq!(upgrade(&writing, id).await, expected, "{id}");
    }
    assert_eq!(upgrade(&writing, "p-001").await, Upgrade::Current);
    for privet in [&first, &second, &asking] {
        assert_eq!(find(privet, &site, email()).await, ["p-001", "p-003", "p-004"]);
    }
    // The first version is retired: what is written anew has no trace of it.
    assert_eq!(upgrade(&second, "p-001").await, Upgrade::Upgraded);
    let stored = site.stored("p-001").await;
    assert!(!stored.contains_key("privet_b1_email"));
    assert_eq!(stored["privet_b2_email"].as_s().unwrap().len(), 5, "20 bits in version 2");
    assert_eq!(find(&second, &site, email()).await, ["p-001", "p-003", "p-004"]);
}

#[tokio::test]
async fn changed_beacons_are_noticed_or_lead_nowhere() {
    // Record integrity: beacons are signed, so that a search that is led to a record refuses it.
    let (site, privet) = Site::start(policy(16, "")).await;
    put(&privet, &site, &[person(1, "ada@example.com", "London"), person(2, "bob@example.com", "Rome")]).await;
    let (ada, mut bob) = (site.stored("p-001").await, site.stored("p-002").await);
    bob.insert("privet_b1_email".into(), ada["privet_b1_email"].clone());
    site.store(bob).await;
    let table = privet.table::<Person>(&site.client).unwrap();
    let error = table.find(by_email("ada@example.com")).await.unwrap().collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    // A beacon that was added or removed is noticed as well.
    let mut without = ada.clone();
    without.remove("privet_b1_email");
    let mut with_more = ada.clone();
    with_more.insert("privet_b9_email".into(), AttributeValue::S("0".into()));
    for changed in [without, with_more] {
        site.store(changed).await;
        assert_eq!(table.get("p-001").await.err().unwrap().kind(), ErrorKind::Integrity);
    }
    // Field integrity: the record opens, and is not what was searched for.
    let (site, privet) = Site::start(policy(16, "integrity = \"field\"")).await;
    put(&privet, &site, &[person(1, "ada@example.com", "London"), person(2, "bob@example.com", "Rome")]).await;
    let (ada, mut bob) = (site.stored("p-001").await, site.stored("p-002").await);
    bob.insert("privet_b1_email".into(), ada["privet_b1_email"].clone());
    site.store(bob).await;
    assert_eq!(find(&privet, &site, by_email("ada@example.com")).await, ["p-001"]);
    assert_eq!(find(&privet, &site, by_email("bob@example.com")).await, [""; 0]);
}

#[tokio::test]
async fn single_values_change_with_their_beacons() {
    let (site, privet) = Site::start(policy(16, &versions(&[1, 2], &[1]))).await;
    let resource = privet.model::<Person>().unwrap();
    put(&privet, &site, &[person(1, "new@example.com", "Rome")]).await;
    let stored = from_item(site.stored("p-001").await).unwrap();
    let new = Value::S("new@example.com".into());
    let changes = privet.beacon_changes(&resource, &Path::attribute("email"), Some(&new)).await.unwrap();
    assert_eq!(changes.keys().collect::<Vec<_>>(), ["privet_b1_email", "privet_b2_email"]);
    for (attribute, value) in &changes {
        assert_eq!(value.as_ref(), stored.get(attribute));
    }
    let removed = privet.beacon_changes(&resource, &Path::attribute("email"), None).await.unwrap();
    assert!(removed.len() == 2 && removed.values().all(Option::is_none));
    // A map around the field says what becomes of it.
    let address = Value::M([("city".to_owned(), Value::S("Rome".into()))].into());
    let changes = privet.beacon_changes(&resource, &Path::attribute("address"), Some(&address)).await.unwrap();
    assert_eq!(changes["privet_b1_address_city"].as_ref(), stored.get("privet_b1_address_city"));
    assert!(privet.beacon_changes(&resource, &Path::attribute("joined"), None).await.unwrap().is_empty());
    let compound = site.protector(policy(16, COMPOUND));
    let resource = compound.model::<Person>().unwrap();
    let error = compound.beacon_changes(&resource, &Path::attribute("joined"), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

/// An update of a record gives all that changes, beacons included: applied to what is stored, it is found anew.
#[tokio::test]
async fn updated_records_are_found_by_their_new_values() {
    for integrity in ["", "integrity = \"field\""] {
        let (site, old_writer) = Site::start(policy(16, &format!("{integrity}\n{COMPOUND}"))).await;
        let mut ada = person(1, "ada@example.com", "London");
        put(&old_writer, &site, std::slice::from_ref(&ada)).await;
        let resource = old_writer.model::<Person>().unwrap();
        let stored = old_writer.open_stored(&resource, from_item(site.stored("p-001").await).unwrap()).await.unwrap();
        ada.email = "new@example.com".into();
        let new = privet::value::to_record(&ada).unwrap();
        let updated = old_writer.update_record(&resource, &stored, new.clone()).await.unwrap();
        let mut item = stored.stored().clone();
        for (path, value) in updated.values {
            match value {
                Some(value) => item.insert(path.root().to_owned(), value),
                None => item.remove(path.root()),
            };
        }
        if let Some(header) = updated.header {
            item.insert("privet".into(), Value::B(header));
        }
        site.store(to_item(item)).await;
        assert_eq!(find(&old_writer, &site, by_email("ada@example.com")).await, [""; 0]);
        assert_eq!(find(&old_writer, &site, by_email("new@example.com")).await, ["p-001"]);
        let both = Find::compound("city_email", "London").and("new@example.com");
        assert_eq!(find(&old_writer, &site, both).await, ["p-001"]);
        // Without the compound beacon and its version, the update removes what is of no use any more.
        let retired = site.protector(policy(16, &format!("{integrity}\n{}", versions(&[2], &[2]))));
        let resource = retired.model::<Person>().unwrap();
        let stored = retired.open_stored(&resource, from_item(site.stored("p-001").await).unwrap()).await.unwrap();
        let updated = retired.update_record(&resource, &stored, new).await.unwrap();
        let removed: BTreeSet<_> = updated
            .values
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(path, _)| path.root().to_owned())
            .collect();
        let names = ["privet_b1_address_city", "privet_b1_city_email", "privet_b1_email"];
        assert_eq!(removed, names.map(str::to_owned).into());
        assert_eq!(updated.values.len(), 3 + 2);
    }
}

/// What no model describes is searched for by hand: the questions are the protector's, and so is what is meant.
#[tokio::test]
async fn items_without_a_model_are_found_through_the_sdk() {
    use privet::dynamodb::SendProtected as _;
    let (site, privet) = Site::start(policy(1, "key = [\"id\"]")).await;
    let people = [person(1, "ada@example.com", "London"), person(2, "bob@example.com", "Rome")];
    let others = [person(3, "ada@example.com", "Rome"), person(4, "eve@example.com", "Rome")];
    put(&privet, &site, &[people, others].concat()).await;
    let resource = privet.resource("people").unwrap();
    let condition = Condition::Equals(Path::attribute("email"), Value::S("ada@example.com".into()));
    let mut found = Vec::new();
    for query in privet.search(&resource, &condition).await.unwrap() {
        let Ask::Index { name, partition: (attribute, value), .. } = query.ask else { panic!("no index") };
        let call = site.client.query().table_name("people").index_name(name).key_condition_expression("#b = :b");
        let call = call.expression_attribute_names("#b", attribute);
        let call = call.expression_attribute_values(":b", AttributeValue::S(value));
        for item in call.send_protected(&privet).await.unwrap().items.unwrap() {
            let item = from_item(item).unwrap();
            assert!(!item.keys().any(|name| name.starts_with("privet")));
            if resource.matches(&condition, &item).unwrap() {
                found.push(item["id"].as_text().unwrap().to_owned());
            }
        }
    }
    found.sort_unstable();
    assert_eq!(found, ["p-001", "p-003"]);
}

/// With field integrity the header does not change with each update: the other values of a compound beacon are guarded by
/// themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_compound_beacons_are_updated_by_many_and_found() {
    use privet::dynamodb::SendProtected as _;
    for integrity in ["integrity = \"field\"", ""] {
        let (site, privet) = Site::start(policy(20, &format!("{integrity}\n{COMPOUND}"))).await;
        put(&privet, &site, &[person(1, "ada@example.com", "London")]).await;
        let update = |expression: &'static str, value: String| {
            let call = site.client.update_item().table_name("people").key("id", AttributeValue::S("p-001".into()));
            let call = call.update_expression(expression).expression_attribute_values(":v", AttributeValue::S(value));
            let privet = privet.clone();
            async move { call.send_protected(&privet).await }
        };
        let mut writers = tokio::task::JoinSet::new();
        for expression in ["SET email = :v", "SET address.city = :v", "SET joined = :v"] {
            for writer in 0..4 {
                let value =
                    if expression.contains("joined") { format!("2026-0{writer}") } else { format!("v{writer}") };
                writers.spawn(update(expression, value));
            }
        }
        while let Some(done) = writers.join_next().await {
            done.unwrap().unwrap();
        }
        let now = privet.table::<Person>(&site.client).unwrap().get("p-001").await.unwrap().unwrap();
        let by_all = || Find::compound("city_email", now.address.city.as_str()).and(now.email.as_str());
        assert_eq!(find(&privet, &site, by_all().starts_with(now.joined.as_str())).await, ["p-001"], "{integrity}");
        assert_eq!(find(&privet, &site, by_email(&now.email)).await, ["p-001"]);

        // What the table would work out is in the beacon as well.
        let call = site.client.update_item().table_name("people").key("id", AttributeValue::S("p-001".into()));
        call.update_expression("REMOVE joined").send_protected(&privet).await.unwrap();
        for value in ["2027-01", "never"] {
            update("SET joined = if_not_exists(joined, :v)", value.to_owned()).await.unwrap();
            assert_eq!(find(&privet, &site, by_all().starts_with("2027")).await, ["p-001"], "{integrity}");
        }

        // A value that is removed takes its part of the beacon with it, and one of no beacon reads its header only.
        let table = privet.table::<Person>(&site.client).unwrap();
        site.aws.clear_calls();
        table.update("p-001").set(Person::age(), &Some(7)).send().await.unwrap();
        let reads: Vec<_> = site.aws.calls("dynamodb").into_iter().map(|call| call.operation).collect();
        assert_eq!(reads, ["GetItem", "UpdateItem"]);
        // A condition of the caller's is not tried again.
        site.aws.clear_calls();
        let call = site.client.update_item().table_name("people").key("id", AttributeValue::S("p-001".into()));
        let call = call.update_expression("SET email = :v").condition_expression("joined = :j");
        let call = call.expression_attribute_values(":v", AttributeValue::S("x".into()));
        let call = call.expression_attribute_values(":j", AttributeValue::S("never".into()));
        assert_eq!(call.send_protected(&privet).await.err().unwrap().kind(), ErrorKind::Conflict);
        assert_eq!(site.aws.calls("dynamodb").len(), 2);
        let call = site.client.update_item().table_name("people").key("id", AttributeValue::S("p-001".into()));
        call.update_expression("REMOVE email, address.city").send_protected(&privet).await.unwrap();
        let stored = site.stored("p-001").await;
        let beacons: Vec<_> = stored.keys().filter(|name| name.starts_with("privet_b")).collect();
        assert_eq!(beacons, ["privet_b1_age"], "{integrity}");
    }
}

/// Who may choose an update's expression cannot make a record unfindable with it.
#[tokio::test]
async fn updates_leave_beacons_alone() {
    use privet::dynamodb::SendProtected as _;
    for integrity in ["integrity = \"field\"", ""] {
        let (site, privet) = Site::start(policy(20, &format!("{integrity}\n{COMPOUND}"))).await;
        put(&privet, &site, &[person(1, "ada@example.com", "London")]).await;
        let before = site.stored("p-001").await;
        let update = |expression: &'static str| {
            let call = site.client.update_item().table_name("people").key("id", AttributeValue::S("p-001".into()));
            let call = call.update_expression(expression).expression_attribute_names("#b", "privet_b1_email");
            match expression.contains(":v") {
                true => call.expression_attribute_values(":v", AttributeValue::Ss(vec!["x".into()])),
                false => call,
            }
        };
        for expression in ["REMOVE #b", "SET #b = :v", "ADD #b :v", "DELETE #b :v", "SET #b = #b"] {
            let error = update(expression).send_protected(&privet).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{expression}");
        }
        assert_eq!(site.stored("p-001").await, before);
        assert_eq!(find(&privet, &site, by_email("ada@example.com")).await, ["p-001"]);
    }
}

#[tokio::test]
async fn the_definition_of_a_table_has_the_indexes() {
    let (site, privet) = Site::start(policy(16, &format!("{}{COMPOUND}", versions(&[1, 2], &[1])))).await;
    let resource = privet.model::<Person>().unwrap();
    let names: Vec<_> = beacon_indexes(&resource).into_iter().map(|index| index.name).collect();
    let of_version =
        |version| ["email", "age", "address_city", "city_email"].map(|name| format!("privet_b{version}_{name}"));
    assert_eq!(names, [of_version(1), of_version(2)].concat());
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let definition = privet::dynamodb::TableDefinition::of_model::<Person>(&privet, key).unwrap();
    let call = definition.create_table(&site.client).unwrap();
    let made: Vec<_> = call.get_global_secondary_indexes().clone().unwrap();
    assert_eq!(made.iter().map(GlobalSecondaryIndex::index_name).collect::<Vec<_>>(), names);
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused_before_the_call() {
    let (site, privet) = Site::start(policy(16, COMPOUND)).await;
    let table = privet.table::<Person>(&site.client).unwrap();
    let kind = async |what| table.find(what).await.err().unwrap().kind();
    assert_eq!(kind(Find::equals("joined", "2026")).await, ErrorKind::Config);
    assert_eq!(kind(Find::equals("labels", ["vip"])).await, ErrorKind::Config);
    assert_eq!(kind(Person::email().contains("a")).await, ErrorKind::Config);
    assert_eq!(kind(Person::age().eq(None)).await, ErrorKind::Input);
    assert_eq!(kind(Find::compound("other", "x")).await, ErrorKind::Config);
    assert_eq!(kind(Find::compound("city_email", "x").starts_with("2026")).await, ErrorKind::Input);
    assert_eq!(kind(Find::compound("city_email", "x").and("y").and("z")).await, ErrorKind::Input);
    assert_eq!(kind(by_email("x").and("y")).await, ErrorKind::Config);
}

#[tokio::test]
async fn configurations_that_cannot_work_are_refused() {
    let refused = |toml: &str| {
        let policy = match Policy::from_toml(&format!("version = 1\n{toml}")) {
            Ok(policy) => policy,
            Err(error) => return error.to_string(),
        };
        let builder = Protector::builder().policy(policy).keyring(keyring()).audit(privet::audit::TracingSink);
        let error = builder.model::<Person>().build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    };
    let field = |path: &str, beacon: &str| format!("[[fields]]\npath = \"{path}\"\nbeacon = {{ {beacon} }}\n");
    for length in ["0", "64"] {
        assert!(refused(&field("email", &format!("length = {length}"))).contains("1 to 63"));
    }
    assert!(refused(&field("email", "length = 8, lengths = { 0 = 8 }")).contains("1 to 255"));
    assert!(refused(&field("email", "length = 8, lengths = { 01 = 8 }")).contains("1 to 255"));
    assert!(refused(&field("email", "length = 8, name = \"e-mail\"")).contains("letters"));
    assert!(refused(&field("joined", "length = 8")).contains("in clear"));
    let twice = field("email", "length = 8") + &field("age", "length = 8, name = \"email\"");
    assert!(refused(&twice).contains("two beacons are called `email`"));
    for versions in ["write = []", "write = [0]", "write = [1, 1]", "query = []"] {
        assert!(refused(&format!("[resources.people.search]\n{versions}")).contains("1 to 255"), "{versions}");
    }
    let compound = |fields: &str| {
        let head = "[[resources.people.search.compound]]\nname = \"c\"\n";
        refused(&(field("email", "length = 8") + head + fields))
    };
    assert!(compound("fields = [\"email\"]").contains("two fields"));
    assert!(compound("fields = [\"email\", \"age\"]").contains("`age`"));
    assert!(compound("fields = [\"email\", \"email\"]").contains("twice"));
    assert!(compound("fields = [\"email\"]\nsort = \"labels\"").contains("sealed"));
}

#[tokio::test]
async fn beacons_need_their_key_and_their_length() {
    let keyless = Protector::builder().policy(policy(16, "")).keyring(keyring()).build().unwrap();
    let error = keyless.protect(&person(1, "a@b.c", "Rome")).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("beacon_key"), "{error}");
    // What was searchable is no field of the policy: with a key, it must say how.
    let text = WrappedBeaconKey::generate(&keyring(), &EncryptionContext::new()).await.unwrap();
    let source = || WrappedBeaconKey::new(keyring(), &EncryptionContext::new(), &text).unwrap();
    let builder = || Protector::builder().keyring(keyring()).audit(privet::audit::TracingSink);
    let error = builder().beacon_key(source()).model::<Person>().build().unwrap_err();
    assert!(
        error.to_string().contains("`email` of `Person`") || error.to_string().contains("`email` of `people`"),
        "{error}"
    );
    // Without one, it is stored without beacons.
    let stored = builder().build().unwrap().protect(&person(1, "a@b.c", "Rome")).await.unwrap();
    assert!(stored.keys().all(|name| !name.starts_with("privet_b")));
    // And nobody else may use the names.
    let resource = keyless.model::<Person>().unwrap();
    let record = from_item(to_item(
        [("id", "1"), ("privet_b1_x", "y")].map(|(name, text)| (name.to_owned(), Value::S(text.into()))).into(),
    ));
    let error = keyless.protect_record(&resource, record.unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("`privet_b1_x`"), "{error}");
}

/// A key store with two branch keys, and with them their beacon keys.
async fn key_store(aws: &EmbeddedAws, key_arn: &str, principal: &str) -> Arc<KeyStore> {
    let config = aws.config_as("eu-west-1", principal).await;
    let kms = KmsBranchKeys::new(aws_sdk_kms::Client::new(&config));
    let protection = BranchKeyProtection::key(key_arn).unwrap();
    let table = KeyStoreTable::new(Client::new(&config), "keys");
    Arc::new(KeyStore::new("keys", protection, table, kms).unwrap())
}

#[tokio::test]
async fn beacon_keys_of_a_key_store_are_asked_for_once_until_they_are_purged() {
    let aws = EmbeddedAws::start().await;
    let key_arn = aws.create_key("eu-west-1", "alias/privet").await;
    let store = key_store(&aws, &key_arn, "operator").await;
    store.create_table().await.unwrap();
    for id in ["shop", "acme"] {
        store.create_with_id(id, &EncryptionContext::new().with("for", id)).await.unwrap();
    }
    let protector = |store, limits| {
        let source = KeyStoreBeaconKeys::new(store, "shop").tenant("acme", "acme");
        let builder = Protector::builder().policy(policy(16, "")).keyring(keyring());
        builder.beacon_key(source).beacon_key_cache(limits).model::<Person>().build().unwrap()
    };
    let decrypts = || aws.calls("kms").iter().filter(|call| call.operation == "Decrypt").count();
    let beacon = async |privet: &Protector| {
        let stored = privet.protect(&person(1, "ada@example.com", "London")).await.unwrap();
        stored["privet_b1_email"].as_text().unwrap().to_owned()
    };
    let limits = BranchKeyCacheLimits::default();
    let privet = protector(Arc::clone(&store), limits);
    let together = futures_util::future::join_all((0..8).map(|_| beacon(&privet))).await;
    assert_eq!(
        (together.iter().collect::<BTreeSet<_>>().len(), decrypts()),
        (1, 1),
        "one call for all who ask at once"
    );
    // A tenant with a key of its own, and one without.
    let of_tenant = async |tenant| beacon(&privet.for_tenant(tenant).unwrap()).await;
    let (acme, other) = (of_tenant("acme").await, of_tenant("other").await);
    assert!(acme != other && acme.len() == 20 && other.len() == 20);
    assert_eq!(decrypts(), 3);
    // The beacon key stays when its branch key is rotated; after a purge it is asked for again.
    store.rotate("shop").await.unwrap();
    let before = decrypts();
    privet.purge();
    assert_eq!((beacon(&privet).await, decrypts()), (together[0].clone(), before + 1));
    // Nothing is kept where nothing may be.
    let keeps_nothing = protector(Arc::clone(&store), limits.with_max_age(Duration::ZERO));
    let before = decrypts();
    for _ in 0..3 {
        beacon(&keeps_nothing).await;
    }
    assert_eq!(decrypts(), before + 3);
    // Who may not use the key cannot write what is to be found.
    aws.deny(Deny::principal("reader").service("kms").operation("Decrypt"));
    let denied = protector(key_store(&aws, &key_arn, "reader").await, limits);
    let error = denied.protect(&person(1, "ada@example.com", "London")).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Denied);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is asked for is what is stored, and what is meant is what is equal.
    #[test]
    fn a_record_is_found_by_its_own_value_and_by_no_other(
        email in "\\PC{0,12}", other in "\\PC{0,12}", length in 1_u8..=19, tenant in "[ab]{0,2}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let text = WrappedBeaconKey::generate(&keyring(), &EncryptionContext::new()).await.unwrap();
            let source = WrappedBeaconKey::new(keyring(), &EncryptionContext::new(), &text).unwrap();
            let builder = Protector::builder().policy(policy(length, &versions(&[1, 2], &[2, 1]))).keyring(keyring());
            let privet = builder.beacon_key(source).build().unwrap();
            let privet = if tenant.is_empty() { privet } else { privet.for_tenant(tenant).unwrap() };
            let resource = privet.model::<Person>().unwrap();
            let record = privet::value::to_record(&person(1, &email, "London")).unwrap();
            let stored = privet.protect_record(&resource, record.clone()).await.unwrap();
            let of = |text: &str| Condition::Equals(Path::attribute("email"), Value::S(text.into()));
            let queries = privet.search(&resource, &of(&email)).await.unwrap();
            assert_eq!(queries.iter().map(|query| query.version).collect::<Vec<_>>(), [2, 1]);
            for query in queries {
                let Ask::Index { partition: (attribute, value), .. } = query.ask else { panic!("no index") };
                assert_eq!(stored.get(&attribute), Some(&Value::S(value)));
            }
            assert!(resource.matches(&of(&email), &record).unwrap());
            assert_eq!(resource.matches(&of(&other), &record).unwrap(), email == other);
        });
    }
}
