//! Searching tables in DB-ESDK format: AWS's beacons as its clients write them, and what is found by them.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use privet::audit::TracingSink;
use privet::beacon::Comparison;
use privet::dynamodb::{
    Find, KeyStoreTable, Searchable as _, SendProtected as _, TableDefinition, Tables as _, beacon_indexes,
    ensure_table, from_item,
};
use privet::keyring::store::{BranchKeyProtection, KeyStore};
use privet::keyring::{BeaconKeySource, KeyStoreBeaconKeys, KeyringFuture, KmsBranchKeys, RawAesKeyring};
use privet::protector::{Ask, Condition};
use privet::value::{Map, Path, Value, from_dynamodb_json};
use privet::{EncryptionContext, Error, ErrorKind, Policy, Protect, Protector, Secret};
use privet_testkit::EmbeddedAws;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

fn keyring() -> RawAesKeyring {
    RawAesKeyring::new("team", "key", &Secret::copy_of(&[7; 32])).unwrap()
}

/// One beacon key for all, and one for each id.
#[derive(Debug)]
struct BeaconKey(Vec<u8>);

impl BeaconKeySource for BeaconKey {
    fn beacon_key<'a>(&'a self, _tenant: &'a str) -> KeyringFuture<'a, Secret> {
        Box::pin(async { Ok(Secret::copy_of(&self.0)) })
    }
}

mod vectors {
    //! What AWS's client stored and found, by way of a policy and a protector.

    use super::*;

    fn file() -> Json {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/dbesdk/beacons.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn item(json: &Json) -> Map {
        from_dynamodb_json(json.as_object().unwrap().clone()).unwrap()
    }

    fn beacon_key() -> BeaconKey {
        let text = file()["beacon_key_hex"].as_str().unwrap().to_owned();
        let bytes = text.as_bytes().chunks(2);
        BeaconKey(bytes.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect())
    }

    /// The configuration of AWS's client, said in a policy.
    fn protector(config: &Json) -> Protector {
        let actions = config["actions"].as_object().unwrap().iter();
        let in_clear = actions.filter(|(_, action)| *action == "SIGN_ONLY").map(|(name, _)| name);
        let fields: Vec<_> = in_clear.map(|name| json!({"path": name, "class": "public"})).collect();
        let policy = json!({
            "version": 1,
            "rules": [],
            "classes": {"confidential": {"audit": false}},
            "fields": fields,
            "resources": {"items": {
                "key": ["pk"],
                "format": "db-esdk",
                "db_esdk": {"table": config["table"], "signature": false, "search": search(&config["search"])},
            }},
        });
        let policy = Policy::from_json(&policy.to_string()).unwrap();
        Protector::builder().policy(policy).keyring(keyring()).beacon_key(beacon_key()).build().unwrap()
    }

    fn search(config: &Json) -> Json {
        let mut search = serde_json::Map::new();
        if config["max_partitions"].is_u64() {
            search.insert("max_partitions".into(), config["max_partitions"].clone());
        }
        let list = |name: &str| config[name].as_array().cloned().unwrap_or_default();
        let standard = list("standard").into_iter().map(|beacon| {
            let mut said = json!({"name": beacon["name"], "length": beacon["length"]});
            for (theirs, ours) in [("loc", "location"), ("partitions", "partitions"), ("other", "shared")] {
                if let Some(value) = beacon.get(theirs) {
                    said[ours] = value.clone();
                }
            }
            match beacon["style"].as_str() {
                Some("PartOnly") => said["part_only"] = true.into(),
                Some("AsSet" | "SharedSet") => said["members"] = true.into(),
                _ => {}
            }
            said
        });
        search.insert("standard".into(), standard.collect());
        // Parts of compound beacons and transforms are spelt alike, but for the names of two words.
        let ours = |value: Vec<Json>| -> Json {
            let text =
                Json::from(value).to_string().replace("\"loc\"", "\"location\"").replace("\"trans\"", "\"transforms\"");
            let text = text.replace("{\"lower\":true}", "\"lower\"").replace("{\"upper\":true}", "\"upper\"");
            serde_json::from_str(&text).unwrap()
        };
        search.insert("compound".into(), ours(list("compound")));
        search.insert("virtual".into(), ours(list("virtual")));
        search.into()
    }

    /// What is stored beside the item: beacons, and signed ones of `names`.
    fn beacons(stored: &Map, names: &BTreeSet<&str>) -> Map {
        let is_beacon = |name: &str| name.starts_with("aws_dbe_b_") || names.contains(name);
        stored.iter().filter(|(name, _)| is_beacon(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    #[tokio::test]
    async fn items_have_the_beacons_that_they_were_stored_with() {
        let vectors = file();
        let privet = protector(&vectors["config"]);
        let resource = privet.resource("items").unwrap();
        let (mut written, mut refused) = (0, 0);
        for vector in vectors["items"].as_array().unwrap() {
            let sealed = privet.protect_record(&resource, item(&vector["item"])).await;
            if vector["result"] != "ok" {
                assert_eq!(sealed.unwrap_err().kind(), ErrorKind::Input);
                refused += 1;
                continue;
            }
            let stored = sealed.unwrap();
            let expected = item(&vector["beacons"]);
            assert_eq!(beacons(&stored, &BTreeSet::from(["SignedOnly"])), expected);
            // All else is in the format of the client: the same attributes are encrypted, the others are as they were.
            for (name, value) in item(&vector["stored"]) {
                assert_eq!(matches!(stored[&name], Value::B(_)), matches!(value, Value::B(_)), "{name}");
            }
            let opened = privet.unprotect_record(&resource, stored).await.unwrap();
            assert_eq!(opened.drift().len(), 0);
            let mut read_back = item(&vector["read_back"]);
            // What follows from other attributes is not given back.
            read_back.remove("SignedOnly");
            assert_eq!(opened.complete().unwrap(), read_back);
            written += 1;
        }
        assert_eq!((written, refused), (4, 1));
    }

    #[tokio::test]
    async fn queries_find_what_the_client_found() {
        let vectors = file();
        let privet = protector(&vectors["config"]);
        let resource = privet.resource("items").unwrap();
        let mut stored = Vec::new();
        for vector in vectors["items"].as_array().unwrap().iter().filter(|vector| vector["result"] == "ok") {
            stored.push(privet.protect_record(&resource, item(&vector["item"])).await.unwrap());
        }
        let mut asked = 0;
        for vector in vectors["queries"].as_array().unwrap() {
            let (filter, values) = (vector["query"]["filter"].as_str().unwrap(), item(&vector["query"]["values"]));
            let words: Vec<_> = filter.split([' ', '(', ')', ',']).filter(|word| !word.is_empty()).collect();
            let (comparison, name, value) = match words[..] {
                ["begins_with", name, value] => (Comparison::BeginsWith, name, value),
                ["contains", name, value] => (Comparison::Contains, name, value),
                [name, "=", value] => (Comparison::Equals, name, value),
                [name, "<", value] => (Comparison::Order, name, value),
                _ => panic!("{filter}"),
            };
            let name = vector["query"]["names"][name].as_str().unwrap_or(name).to_owned();
            let condition = Condition::Beacon { name, comparison, value: values[value].clone() };
            let queries = privet.search(&resource, &condition).await;
            asked += 1;
            if !vector["error"].is_null() {
                assert_eq!(queries.unwrap_err().kind(), ErrorKind::Unsupported, "{filter}");
                continue;
            }
            let mut found = Vec::new();
            for item in
                stored.iter().filter(|item| queries.as_ref().unwrap().iter().any(|query| finds(&query.ask, item)))
            {
                let opened = privet.unprotect_record(&resource, item.clone()).await.unwrap().complete().unwrap();
                if resource.matches(&condition, &opened).unwrap() {
                    found.push(json!({"S": opened["pk"].as_text().unwrap()}));
                }
            }
            assert_eq!(Json::from(found), vector["found_pks"], "{filter}");
        }
        assert_eq!(asked, 6);
    }

    fn finds(ask: &Ask, item: &Map) -> bool {
        let (attribute, text) = match ask {
            Ask::Index { partition: (attribute, text), .. } => (attribute, text),
            Ask::Filter { attribute, contains } => (attribute, contains),
            Ask::Beginning { attribute, begins_with } => (attribute, begins_with),
        };
        match item.get(attribute) {
            Some(Value::S(stored)) if matches!(ask, Ask::Beginning { .. }) => stored.starts_with(text),
            Some(Value::S(stored)) => stored == text,
            Some(Value::Ss(stored)) => stored.contains(text),
            _ => false,
        }
    }

    #[tokio::test]
    async fn partitioned_items_have_the_beacons_of_some_partition_and_are_found_in_all() {
        let vectors = file();
        let privet = protector(&vectors["partitioned"]["config"]);
        let resource = privet.resource("items").unwrap();
        let vectors = vectors["partitioned"]["items"].as_array().unwrap();
        // All of the same values, in different partitions.
        let known: BTreeSet<String> = vectors.iter().map(|vector| vector["beacons"].to_string()).collect();
        assert!(known.len() > 2);
        let condition = |value: &Value| Condition::Equals(Path::attribute("a"), value.clone());
        let mut seen = BTreeSet::new();
        for _ in 0..4 {
            for vector in vectors {
                let stored = privet.protect_record(&resource, item(&vector["item"])).await.unwrap();
                let written = beacons(&stored, &BTreeSet::new());
                let of_partition = vectors.iter().find(|vector| item(&vector["beacons"]) == written);
                if item(&vector["item"])["c"] == item(&vectors[0]["item"])["c"] {
                    seen.extend(of_partition.map(|vector| vector["partition"].as_u64().unwrap()));
                }
                let queries = privet.search(&resource, &condition(&stored_value(vector))).await.unwrap();
                assert_eq!(queries.len(), 5);
                assert!(queries.iter().any(|query| finds(&query.ask, &stored)));
            }
        }
        assert!(seen.len() > 2, "{seen:?}");
        let of = |name: &str| Condition::Equals(Path::attribute(name), Value::S("same".into()));
        assert_eq!(privet.search(&resource, &of("b")).await.unwrap().len(), 2);
    }

    fn stored_value(vector: &Json) -> Value {
        item(&vector["item"])["a"].clone()
    }
}

#[derive(Protect, Serialize, Deserialize, Clone, PartialEq)]
#[protect(resource = "people", key = "id")]
struct Person {
    #[protect(public)]
    id: String,
    #[protect(pii, searchable)]
    email: String,
    #[protect(pii)]
    name: String,
    #[protect(nested)]
    address: Address,
    #[protect(confidential)]
    #[serde(with = "privet::value::string_set")]
    labels: BTreeSet<String>,
    #[protect(public)]
    joined: String,
    #[protect(public)]
    key_id: Option<String>,
}

#[derive(Protect, Serialize, Deserialize, Clone, PartialEq)]
struct Address {
    #[protect(pii)]
    city: String,
    #[protect(public)]
    country: String,
}

fn person(id: usize, email: &str, city: &str) -> Person {
    Person {
        id: format!("p-{id:03}"),
        email: email.into(),
        name: email.split('@').next().unwrap().into(),
        address: Address { city: city.into(), country: "GB".into() },
        labels: BTreeSet::from([format!("label-{}", id % 2)]),
        joined: format!("2026-{:02}-01", id % 12 + 1),
        key_id: None,
    }
}

/// A policy with all kinds of beacons, of this length where one of `[[fields]]` is meant.
fn policy(length: u8, search: &str) -> Policy {
    let text = format!(
        r#"
        version = 1
        [classes.confidential]
        audit = false
        [[fields]]
        path = "email"
        beacon = {{ length = {length} }}
        [[fields]]
        path = "address.city"
        beacon = {{ length = {length}, name = "city" }}
        [resources.people]
        format = "db-esdk"
        [resources.people.db_esdk]
        signature = false
        [resources.people.db_esdk.search]
        {search}
        [[resources.people.db_esdk.search.standard]]
        name = "labels"
        length = 12
        members = true
        [[resources.people.db_esdk.search.standard]]
        name = "initial"
        length = 5
        location = "first_letter"
        index = "people-by-initial"
        [[resources.people.db_esdk.search.virtual]]
        name = "first_letter"
        parts = [{{ location = "name", transforms = [{{ prefix = 1 }}, "upper"] }}]
        [[resources.people.db_esdk.search.compound]]
        name = "joined_city"
        split = ";"
        signed = [{{ name = "joined", prefix = "J-" }}]
        encrypted = [{{ name = "city", prefix = "C-" }}, {{ name = "email", prefix = "E-" }}]
        constructors = [[{{ name = "joined" }}, {{ name = "city" }}, {{ name = "email", required = false }}]]
        [[resources.people.db_esdk.search.compound]]
        name = "year"
        split = "/"
        signed = [{{ name = "since", prefix = "S-", location = "joined" }}]
        "#
    );
    Policy::from_toml(&text).unwrap()
}

struct Site {
    client: Client,
    aws: EmbeddedAws,
}

impl Site {
    /// A table that its definition made, with the indexes of its beacons.
    async fn start(policy: Policy) -> (Self, Protector) {
        let aws = EmbeddedAws::start().await;
        let client = Client::new(&aws.config("eu-west-1").await);
        let site = Self { client, aws };
        let privet = protector(policy, BeaconKey(vec![9; 32]));
        site.create_table(&privet).await;
        (site, privet)
    }

    async fn create_table(&self, privet: &Protector) {
        let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let resource = privet.model::<Person>().unwrap();
        let definition = TableDefinition::of_resource(&resource, &[ScalarAttributeType::S], key).unwrap();
        let definition = definition.without_recovery().without_deletion_protection();
        definition.create_table(&self.client).unwrap().set_sse_specification(None).set_tags(None).send().await.unwrap();
    }

    async fn stored(&self, id: &str) -> HashMap<String, AttributeValue> {
        let get = self.client.get_item().table_name("people").key("id", AttributeValue::S(id.into()));
        get.send().await.unwrap().item.unwrap()
    }

    async fn store(&self, item: HashMap<String, AttributeValue>) {
        self.client.put_item().table_name("people").set_item(Some(item)).send().await.unwrap();
    }
}

fn protector(policy: Policy, source: impl BeaconKeySource + 'static) -> Protector {
    Protector::builder().policy(policy).keyring(keyring()).beacon_key(source).model::<Person>().build().unwrap()
}

async fn put(privet: &Protector, site: &Site, people: &[Person]) {
    let table = privet.table::<Person>(&site.client).unwrap();
    for person in people {
        table.put(person).await.unwrap();
    }
}

async fn find(privet: &Protector, site: &Site, what: Find<Person>) -> Vec<String> {
    let found = privet.table::<Person>(&site.client).unwrap().find(what).await.unwrap().collect().await.unwrap();
    let mut ids: Vec<_> = found.into_iter().map(|person| person.id).collect();
    ids.sort_unstable();
    ids
}

fn three() -> [Person; 3] {
    [person(1, "ada@example.com", "London"), person(2, "bob@example.com", "Rome"), person(3, "ada@example.com", "Rome")]
}

#[tokio::test]
async fn typed_tables_find_by_every_kind_of_beacon() {
    // With one bit, half of all values collide: what is found is opened and looked at again.
    for length in [1, 20] {
        let (site, privet) = Site::start(policy(length, "")).await;
        put(&privet, &site, &three()).await;
        let found = async |what| find(&privet, &site, what).await;
        assert_eq!(found(Person::email().eq("ada@example.com")).await, ["p-001", "p-003"]);
        assert_eq!(found(Person::email().eq("eve@example.com")).await, [""; 0]);
        assert_eq!(found(Find::equals("address.city", "Rome")).await, ["p-002", "p-003"]);
        assert_eq!(found(Find::beacon("city", "Rome")).await, ["p-002", "p-003"]);
        assert_eq!(found(Find::contains("labels", "label-1")).await, ["p-001", "p-003"]);
        assert_eq!(found(Find::beacon_contains("labels", "label-0")).await, ["p-002"]);
        assert_eq!(found(Find::beacon("initial", "B")).await, ["p-002"]);
        assert_eq!(found(Find::beacon("joined_city", "J-2026-03-01;C-Rome;E-bob@example.com")).await, ["p-002"]);
        // What the constructor has is what the item has: an e-mail address is part of all of them.
        assert_eq!(found(Find::beacon("joined_city", "J-2026-03-01;C-Rome")).await, [""; 0]);
        assert_eq!(found(Find::beacon_starts_with("joined_city", "J-2026-0")).await, ["p-001", "p-002", "p-003"]);
        assert_eq!(found(Find::beacon_starts_with("joined_city", "J-2026-04")).await, ["p-003"]);
        assert_eq!(found(Find::beacon("year", "S-2026-02-01")).await, ["p-001"]);
    }
}

#[tokio::test]
async fn each_beacon_that_is_a_text_has_an_index() {
    let (site, privet) = Site::start(policy(16, "")).await;
    let resource = privet.model::<Person>().unwrap();
    let indexes = beacon_indexes(&resource);
    let names: BTreeSet<_> = indexes.iter().map(|index| (index.name.as_str(), index.partition.as_str())).collect();
    let own = |name: &'static str| (name, name);
    let expected = [
        own("aws_dbe_b_email"),
        own("aws_dbe_b_city"),
        ("people-by-initial", "aws_dbe_b_initial"),
        own("aws_dbe_b_joined_city"),
        own("year"),
    ];
    assert_eq!(names, expected.into());
    // A definition of the same model finds nothing to change in the table that it made.
    let described = site.client.describe_table().table_name("people").send().await.unwrap();
    assert_eq!(described.table.unwrap().global_secondary_indexes.unwrap().len(), 5);
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let definition = TableDefinition::of_resource(&resource, &[ScalarAttributeType::S], key).unwrap();
    let ensured = ensure_table(&site.client, &definition).await.unwrap();
    let about_indexes = |difference: &&privet::dynamodb::TableDifference| difference.to_string().contains("index");
    assert_eq!(ensured.differences.iter().filter(about_indexes).count(), 0);
}

#[tokio::test]
async fn the_builders_of_the_sdk_ask_for_beacons_and_change_none() {
    let (site, privet) = Site::start(policy(20, "")).await;
    put(&privet, &site, &three()).await;
    let stored = site.stored("p-001").await;
    // The last one is signed, and has no prefix that tells what it is.
    for beacon in ["aws_dbe_b_email", "aws_dbe_b_joined_city", "year"] {
        let query = site.client.query().table_name("people").index_name(beacon).key_condition_expression("#b = :b");
        let query = query.expression_attribute_names("#b", beacon);
        let query = query.expression_attribute_values(":b", stored[beacon].clone());
        let found = query.send_protected(&privet).await.unwrap().items.unwrap();
        assert!(found.iter().any(|item| item["id"] == stored["id"]), "{beacon}");
        let update = site.client.update_item().table_name("people").key("id", stored["id"].clone());
        let update = update.update_expression("SET #b = :b").expression_attribute_names("#b", beacon);
        let error = update.expression_attribute_values(":b", stored[beacon].clone()).send_protected(&privet).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(beacon) && error.to_string().contains("is a beacon"), "{error}");
    }
    assert!(site.stored("p-001").await == stored);
}

#[tokio::test]
async fn beacons_follow_updates_and_signed_ones_are_signed() {
    let (site, privet) = Site::start(policy(20, "")).await;
    put(&privet, &site, &three()).await;
    let table = privet.table::<Person>(&site.client).unwrap();
    table.modify("p-001", |person| person.email = "eve@example.com".into()).await.unwrap();
    table.update("p-002").set(Person::joined(), &"2027-01-01".to_owned()).send().await.unwrap();
    assert_eq!(find(&privet, &site, Person::email().eq("ada@example.com")).await, ["p-003"]);
    assert_eq!(find(&privet, &site, Person::email().eq("eve@example.com")).await, ["p-001"]);
    assert_eq!(find(&privet, &site, Find::beacon("year", "S-2027-01-01")).await, ["p-002"]);
    assert_eq!(find(&privet, &site, Find::beacon_starts_with("joined_city", "J-2027")).await, ["p-002"]);
    let stored = site.stored("p-002").await;
    assert_eq!(stored["year"], AttributeValue::S("S-2027-01-01".into()));
    assert!(stored.contains_key("aws_dbe_b_labels") && !stored.contains_key("aws_dbe_b_first_letter"));

    // A signed beacon is part of the item.
    let mut changed = stored.clone();
    changed.insert("year".into(), AttributeValue::S("S-2028-01-01".into()));
    site.store(changed).await;
    assert_eq!(table.get("p-002").await.err().unwrap().kind(), ErrorKind::Integrity);
    // The others stand beside it: a changed one leads to an item that is not what was searched for.
    let mut changed = stored.clone();
    changed.insert("aws_dbe_b_email".into(), site.stored("p-003").await["aws_dbe_b_email"].clone());
    site.store(changed).await;
    assert_eq!(find(&privet, &site, Person::email().eq("ada@example.com")).await, ["p-003"]);
    assert!(table.get("p-002").await.unwrap().unwrap().email == "bob@example.com");
}

#[tokio::test]
async fn what_follows_from_other_attributes_is_written_by_privet_only() {
    let privet = protector(policy(20, ""), BeaconKey(vec![9; 32]));
    let resource = privet.model::<Person>().unwrap();
    let record = privet::value::to_record(&three()[0]).unwrap();
    let with = |name: &str, value: &str| {
        let mut record = record.clone();
        record.insert(name.into(), Value::S(value.into()));
        record
    };
    // As AWS's clients: an attribute that says what the signed beacon says may be there.
    let stored = privet.protect_record(&resource, with("year", "S-2026-02-01")).await.unwrap();
    assert_eq!(privet.unprotect_record(&resource, stored).await.unwrap().complete().unwrap(), record);
    for (name, value) in
        [("year", "S-2027-02-01"), ("first_letter", "A"), ("joined_city", "x"), ("aws_dbe_b_email", "1")]
    {
        let error = privet.protect_record(&resource, with(name, value)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    // A reader needs no beacon key; a writer does.
    let reader = Protector::builder().policy(policy(20, "")).keyring(keyring()).model::<Person>().build().unwrap();
    let stored = privet.protect(&three()[0]).await.unwrap();
    assert!(reader.unprotect::<Person>(stored).await.unwrap() == three()[0]);
    let error = reader.protect(&three()[0]).await.err().unwrap();
    assert!(error.kind() == ErrorKind::Config && error.to_string().contains("beacon_key"), "{error}");
}

#[tokio::test]
async fn what_a_hash_cannot_answer_is_refused_before_the_call() {
    let (site, privet) = Site::start(policy(20, "")).await;
    let table = privet.table::<Person>(&site.client).unwrap();
    site.aws.clear_calls();
    for (what, kind) in [
        (Find::equals("joined", "2026"), ErrorKind::Config),
        (Find::equals("labels", ["label-1"]), ErrorKind::Config),
        (Person::email().contains("ada"), ErrorKind::Config),
        (Find::beacon("first_letter", "A"), ErrorKind::Config),
        (Find::compound("joined_city", "2026"), ErrorKind::Config),
        (Find::beacon_starts_with("email", "ada"), ErrorKind::Unsupported),
        (Find::beacon_contains("email", "ada"), ErrorKind::Unsupported),
        (Find::beacon_starts_with("joined_city", "J-2026-01-01;C-Ro"), ErrorKind::Unsupported),
        (Find::beacon("joined_city", "C-Rome"), ErrorKind::Input),
        (Find::beacon("joined_city", "X-Rome"), ErrorKind::Input),
        (Person::email().eq("ada@example.com").of_key("k"), ErrorKind::Config),
    ] {
        assert_eq!(table.find(what).await.err().unwrap().kind(), kind);
    }
    assert!(site.aws.calls("dynamodb").is_empty());
}

#[tokio::test]
async fn partitions_are_all_asked() {
    let (site, privet) = Site::start(policy(20, "max_partitions = 4\ndefault_partitions = 3")).await;
    let people: Vec<_> = (0..12).map(|id| person(id, "ada@example.com", "Rome")).collect();
    put(&privet, &site, &people).await;
    let ids: Vec<_> = people.iter().map(|person| person.id.clone()).collect();
    let mut beacons = BTreeSet::new();
    for id in &ids {
        beacons.insert(site.stored(id).await["aws_dbe_b_email"].as_s().unwrap().clone());
    }
    // By chance all are in one partition once in 3^11 times.
    assert!((2..=3).contains(&beacons.len()));
    assert_eq!(find(&privet, &site, Person::email().eq("ada@example.com")).await, ids);
    let joined = Find::beacon("joined_city", "J-2026-01-01;C-Rome;E-ada@example.com");
    assert_eq!(find(&privet, &site, joined).await, ["p-000"]);
}

#[tokio::test]
async fn tenants_that_share_a_beacon_key_find_their_own_items_only() {
    let (site, privet) = Site::start(policy(20, "")).await;
    let [red, blue] = ["red", "blue"].map(|tenant| privet.for_tenant(tenant).unwrap());
    let [one, two, three] = three();
    put(&red, &site, &[one]).await;
    put(&blue, &site, &[two, three]).await;
    let by_email = || Person::email().eq("ada@example.com");
    assert_eq!(site.stored("p-001").await["aws_dbe_b_email"], site.stored("p-003").await["aws_dbe_b_email"]);
    assert_eq!(find(&red, &site, by_email()).await, ["p-001"]);
    assert_eq!(find(&blue, &site, by_email()).await, ["p-003"]);
    assert_eq!(find(&privet, &site, by_email()).await, [""; 0]);
}

/// A key store with two branch keys, and with them their beacon keys.
async fn key_store(aws: &EmbeddedAws) -> Arc<KeyStore> {
    let key_arn = aws.create_key("eu-west-1", "alias/privet").await;
    let config = aws.config("eu-west-1").await;
    let kms = KmsBranchKeys::new(aws_sdk_kms::Client::new(&config));
    let table = KeyStoreTable::new(Client::new(&config), "keys");
    let store = KeyStore::new("keys", BranchKeyProtection::key(key_arn).unwrap(), table, kms).unwrap();
    store.create_table().await.unwrap();
    for id in ["red-key", "blue-key"] {
        store.create_with_id(id, &EncryptionContext::new().with("for", id)).await.unwrap();
    }
    Arc::new(store)
}

#[tokio::test]
async fn items_that_name_their_beacon_key_are_found_under_it() {
    let (site, _) = Site::start(policy(20, "")).await;
    let store = key_store(&site.aws).await;
    let privet = protector(policy(20, "key_field = \"key_id\""), KeyStoreBeaconKeys::of_items(Arc::clone(&store)));
    let mut people = three();
    for (person, key) in people.iter_mut().zip(["red-key", "blue-key", "blue-key"]) {
        person.key_id = Some(key.into());
    }
    put(&privet, &site, &people).await;
    let by_email = || Person::email().eq("ada@example.com");
    assert_ne!(site.stored("p-001").await["aws_dbe_b_email"], site.stored("p-003").await["aws_dbe_b_email"]);
    assert_eq!(find(&privet, &site, by_email().of_key("red-key")).await, ["p-001"]);
    assert_eq!(find(&privet, &site, by_email().of_key("blue-key")).await, ["p-003"]);
    let table = privet.table::<Person>(&site.client).unwrap();
    assert_eq!(table.find(by_email()).await.err().unwrap().kind(), ErrorKind::Config);
    assert!(table.find(by_email().of_key("no-such-key")).await.is_err());
    let error = table.put(&three()[0]).await.err().unwrap();
    assert!(error.kind() == ErrorKind::Input && error.to_string().contains("`key_id`"), "{error}");
    // Another item's key leads nowhere: the beacon is found, the item names another key.
    let mut moved = site.stored("p-001").await;
    moved.insert("aws_dbe_b_email".into(), site.stored("p-003").await["aws_dbe_b_email"].clone());
    site.store(moved).await;
    assert_eq!(find(&privet, &site, by_email().of_key("blue-key")).await, ["p-003"]);

    // Items of a tenant name its own key, those of none no tenant's: neither is written or looked for under another's,
    // also if a protector of the same family has that one in memory.
    let of_red = KeyStoreBeaconKeys::of_items(Arc::clone(&store)).tenant("red", "red-key");
    let family = protector(policy(20, "key_field = \"key_id\""), of_red);
    let (red, green) = (family.for_tenant("red").unwrap(), family.for_tenant("green").unwrap());
    let [of_red, of_blue] = [&people[0], &people[1]];
    red.protect(of_red).await.unwrap();
    family.protect(of_blue).await.unwrap();
    let resource = red.model::<Person>().unwrap();
    let ada = || Condition::Equals(Path::attribute("email"), Value::S("ada@example.com".into()));
    for (privet, person, kind) in [
        (&red, of_blue, ErrorKind::Input),
        (&family, of_red, ErrorKind::Input),
        (&green, of_red, ErrorKind::Config),
        (&green, of_blue, ErrorKind::Config),
    ] {
        assert_eq!(privet.protect(person).await.err().unwrap().kind(), kind);
        let key = person.key_id.clone().unwrap();
        let asked = Condition::Keyed { key, condition: Box::new(ada()) };
        assert_eq!(privet.search(&resource, &asked).await.err().unwrap().kind(), kind);
    }

    // One key for all: that of one branch key, which stays when it is rotated.
    let single = protector(policy(20, ""), KeyStoreBeaconKeys::new(Arc::clone(&store), "red-key"));
    put(&single, &site, &three()).await;
    store.rotate("red-key").await.unwrap();
    single.purge();
    assert_eq!(find(&single, &site, by_email()).await, ["p-001", "p-003"]);
    // Sources that know no ids, and those that know nothing else, say so.
    let knows_no_ids = protector(policy(20, "key_field = \"key_id\""), BeaconKey(vec![9; 32]));
    let knows_ids_only = protector(policy(20, ""), KeyStoreBeaconKeys::of_items(store));
    for (privet, person) in [(knows_no_ids, &people[0]), (knows_ids_only, &people[0])] {
        assert_eq!(privet.protect(person).await.err().unwrap().kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn configurations_that_cannot_work_are_refused() {
    let refused = |search: &str| -> String {
        let text = format!(
            "version = 1\n[classes.confidential]\naudit = false\n[[fields]]\npath = \"email\"\nbeacon = {{ length = 8 }}\n\
             [resources.people]\nformat = \"db-esdk\"\n{search}"
        );
        let policy = match Policy::from_toml(&text) {
            Ok(policy) => policy,
            Err(error) => return error.to_string(),
        };
        let builder = Protector::builder().policy(policy).keyring(keyring()).audit(TracingSink);
        let built = builder.beacon_key(BeaconKey(vec![9; 32])).model::<Person>().build();
        built.err().map(|error: Error| error.to_string()).unwrap_or_default()
    };
    let standard = |text: &str| refused(&format!("[[resources.people.db_esdk.search.standard]]\n{text}"));
    let compound = |text: &str| {
        refused(&format!("[[resources.people.db_esdk.search.compound]]\nname = \"c\"\nsplit = \".\"\n{text}"))
    };
    assert_eq!(refused(""), "");
    assert_eq!(standard("name = \"name\"\nlength = 8"), "");
    assert!(standard("name = \"name\"\nlength = 64").contains("1 to 63"));
    assert!(standard("name = \"name\"\nlength = 64").contains(":9:"), "with its place");
    assert!(standard("name = \"x\"\nlength = 8\nlocation = \"a..b\"").contains("`a..b`"));
    assert!(standard("name = \"joined\"\nlength = 8").contains("`joined`"), "in clear");
    assert!(standard("name = \"mail\"\nlength = 8\nlocation = \"email\"").contains("location of another beacon"));
    assert!(standard("name = \"name\"\nlength = 8\nshared = \"none\"").contains("`none`"));
    assert!(standard("name = \"name\"\nlength = 8\npart_only = true\nmembers = true").contains("a part only"));
    assert!(standard("name = \"name\"\nlength = 8\nstyle = \"set\"").contains("unknown entry `style`"));
    // A part in clear of what is sealed, or holds something sealed, would show it.
    for part in ["name", "address", "address.country"] {
        let said = compound(&format!("signed = [{{ name = \"p\", prefix = \"P\", location = \"{part}\" }}]"));
        assert!(said.contains("part `p` in clear"), "{part}: {said}");
    }
    assert_eq!(compound("signed = [{ name = \"p\", prefix = \"P\", location = \"joined\" }]"), "");
    assert!(compound("encrypted = [{ name = \"none\", prefix = \"P\" }]").contains("`none`"));
    assert!(refused("[resources.people.db_esdk.search]\nkey_field = \"name\"").contains("`name` names the beacon key"));
    assert!(refused("[resources.people.db_esdk.search]\nmax_partitions = 0").contains("at least 1"));
    assert!(refused("[resources.people.search]\nwrite = [2]").contains("db_esdk.search"));
    // A class that the record decides: shown in clear is only what is stored in clear.
    let policy = Policy::from_toml(
        "version = 1\ndefault_class = \"public\"\n[resources.things]\nkey = [\"id\"]\nformat = \"db-esdk\"\n\
         [[resources.things.db_esdk.search.compound]]\nname = \"c\"\nsplit = \".\"\n\
         signed = [{ name = \"place\", prefix = \"P-\", location = \"place.city\" }]",
    );
    let builder = Protector::builder().policy(policy.unwrap()).keyring(keyring()).audit(TracingSink);
    let privet = builder.beacon_key(BeaconKey(vec![9; 32])).build().unwrap();
    let things = privet.resource("things").unwrap();
    let thing = |more: Json| {
        let mut place = json!({"city": {"S": "Rome"}});
        place.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        from_dynamodb_json(json!({"id": {"S": "1"}, "place": {"M": place}}).as_object().unwrap().clone()).unwrap()
    };
    let stored = privet.protect_record(&things, thing(json!({}))).await.unwrap();
    assert_eq!(stored["c"], Value::S("P-Rome".into()));
    let error = privet.protect_record(&things, thing(json!({"email": {"S": "a@b.co"}}))).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.to_string().contains("`place`"), "{error}");
}

/// On its way between formats, a table is searched in both.
#[tokio::test]
async fn a_table_on_its_way_is_searched_in_both_formats() {
    let say = |settings: &str| {
        let text = format!(
            "version = 1\n[classes.confidential]\naudit = false\n[[fields]]\npath = \"email\"\nbeacon = {{ length = 20 }}\n\
             [resources.people]\n{settings}\n[resources.people.db_esdk]\nsignature = false\n[resources.people.db_esdk.search]\n"
        );
        protector(Policy::from_toml(&text).unwrap(), BeaconKey(vec![9; 32]))
    };
    let to_records = say("reads = [\"db-esdk\"]");
    let to_items = say("format = \"db-esdk\"\nreads = [\"record\"]");
    let aws = EmbeddedAws::start().await;
    let site = Site { client: Client::new(&aws.config("eu-west-1").await), aws };
    site.create_table(&to_records).await;
    put(&to_records, &site, &three()[..2]).await;
    put(&to_items, &site, &three()[2..]).await;
    let records = from_item(site.stored("p-001").await).unwrap();
    assert!(records.contains_key("privet_b1_email") && site.stored("p-003").await.contains_key("aws_dbe_b_email"));
    for privet in [&to_records, &to_items] {
        assert_eq!(find(privet, &site, Person::email().eq("ada@example.com")).await, ["p-001", "p-003"]);
    }
    // Updates and upgrades bring items into the table's format, beacons with them.
    let table = to_records.table::<Person>(&site.client).unwrap();
    table.update("p-003").set(Person::joined(), &"2030-01-01".to_owned()).send().await.unwrap();
    let stored = site.stored("p-003").await;
    assert!(
        stored.contains_key("privet") && !stored.keys().any(|name| name.starts_with("aws_dbe_")),
        "{:?}",
        stored.keys()
    );
    let table = to_items.table::<Person>(&site.client).unwrap();
    table.modify("p-001", |person| person.name = "Ada".into()).await.unwrap();
    let stored = site.stored("p-001").await;
    assert!(stored.contains_key("aws_dbe_head") && !stored.keys().any(|name| name.starts_with("privet")));
    let resource = to_items.model::<Person>().unwrap();
    use privet::dynamodb::{Migrate as _, Upgrade};
    assert_eq!(to_items.upgrade(&site.client, &resource, "p-001").await.unwrap(), Upgrade::Current);
    assert_eq!(to_items.upgrade(&site.client, &resource, "p-002").await.unwrap(), Upgrade::Upgraded);
    assert!(site.stored("p-002").await.contains_key("aws_dbe_head"));
    for privet in [&to_records, &to_items] {
        assert_eq!(find(privet, &site, Person::email().eq("ada@example.com")).await, ["p-001", "p-003"]);
    }
}
