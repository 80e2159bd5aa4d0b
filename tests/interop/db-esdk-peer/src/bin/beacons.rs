//! Has privet and AWS's Rust client find each other's items by beacons, in one table: `cargo run --release --bin beacons`
//!
//! One branch key's beacon key, new each time; beacons of few bits, so that some are alike by chance.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::ExitCode;

use aws_db_esdk::dynamodb::types::{
    AsSet, BeaconKeySource, BeaconStyle, BeaconVersion, CompoundBeacon, Constructor, ConstructorPart,
    DynamoDbTableEncryptionConfig, EncryptedPart, GetPrefix, SearchConfig, SignedPart, SingleKeyStore, StandardBeacon,
    Upper, VirtualField, VirtualPart, VirtualTransform,
};
use aws_db_esdk::intercept::DbEsdkInterceptor;
use aws_db_esdk::{CryptoAction, DynamoDbTablesEncryptionConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use db_esdk_peer::{Branch, Result, providers, verdict};
use privet::audit::TracingSink;
use privet::beacon::Comparison;
use privet::dynamodb::{Item, SendProtected, TableDefinition, from_item};
use privet::keyring::{HierarchicalKeyring, KeyStoreBeaconKeys};
use privet::protector::{Ask, Condition, Resource};
use privet::value::{Path, Value};
use privet::{Policy, Protector};

#[tokio::main]
async fn main() -> ExitCode {
    verdict(run().await)
}

async fn run() -> Result<(usize, usize)> {
    let branch = Branch::new(&providers()?, "tenant-1").await?;
    let dynamodb = Client::new(&branch.aws.config("eu-west-1").await);
    let ours = Ours::new(&branch)?;
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let definition = TableDefinition::of_resource(&ours.resource, &[ScalarAttributeType::S], key)?;
    let definition = definition.without_recovery().without_deletion_protection();
    definition.create_table(&dynamodb)?.set_sse_specification(None).set_tags(None).send().await?;
    let theirs = Client::from_conf(
        aws_sdk_dynamodb::config::Builder::from(&branch.aws.config("eu-west-1").await)
            .interceptor(DbEsdkInterceptor::new(their_tables(&branch)?)?)
            .build(),
    );

    // Each item is written by both, one after the other, under one key: the beacons must be the same.
    let (mut passed, mut failed) = (0, 0);
    let mut count = |what: &str, holds: bool| {
        if holds {
            passed += 1;
        } else {
            failed += 1;
            eprintln!("FAILED {what}");
        }
    };
    let people: Vec<Item> = (0..PEOPLE).map(person).collect();
    for (number, person) in people.iter().enumerate() {
        let put = |client: &Client| client.put_item().table_name(TABLE).set_item(Some(person.clone()));
        put(&theirs).send().await?;
        let by_them = beacons(&dynamodb, &person["id"]).await?;
        put(&dynamodb).send_protected(&ours.privet).await?;
        let by_us = beacons(&dynamodb, &person["id"]).await?;
        count(&format!("beacons of item {number}"), by_us == by_them && by_us.len() >= 4);
        // What is searched for below is of either writer.
        if number % 2 == 0 {
            put(&theirs).send().await?;
        }
    }
    for question in questions(&people) {
        let expected: BTreeSet<String> =
            people.iter().filter(|person| (question.is_meant)(person)).map(|person| id(person)).collect();
        let what = format!("{} {:?}", question.name, question.value);
        count(&format!("{what}: somebody is meant"), !expected.is_empty());
        count(&format!("{what} asked by privet"), ours.find(&dynamodb, &question.condition).await? == expected);
        count(&format!("{what} asked by AWS"), ask_theirs(&theirs, &question).await? == expected);
    }
    Ok((passed, failed))
}

/// A search in both ways of saying it.
struct Question {
    name: &'static str,
    value: String,
    /// The index, or none to scan for members.
    index: Option<&'static str>,
    condition: Condition,
    is_meant: Box<dyn Fn(&Item) -> bool>,
}

fn questions(people: &[Item]) -> Vec<Question> {
    let mut questions = Vec::new();
    let texts = |name: &'static str| people.iter().filter_map(|person| text(person, name)).collect::<BTreeSet<_>>();
    for email in texts("email") {
        let (condition, value) = (Condition::Equals(Path::attribute("email"), Value::S(email.clone())), email.clone());
        let is_meant = Box::new(move |person: &Item| text(person, "email").as_ref() == Some(&email));
        questions.push(Question { name: "email", value, index: Some("aws_dbe_b_email"), condition, is_meant });
    }
    let beacon = |name: &str, value: &str| Condition::Beacon {
        name: name.to_owned(),
        comparison: Comparison::Equals,
        value: Value::S(value.to_owned()),
    };
    for initial in ["A", "B", "É"] {
        let is_meant = Box::new(move |person: &Item| {
            text(person, "name").is_some_and(|name| name.to_uppercase().starts_with(initial))
        });
        // AWS's clients know upper case of ASCII letters only.
        let (value, name) = (initial.to_owned(), "initial");
        let condition = beacon(name, initial);
        questions.push(Question { name, value, index: Some("people-by-initial"), condition, is_meant });
    }
    for day in texts("joined") {
        let value = format!("S-{day}");
        let condition = beacon("since", &value);
        let is_meant = Box::new(move |person: &Item| text(person, "joined").as_ref() == Some(&day));
        questions.push(Question { name: "since", value, index: Some("since"), condition, is_meant });
    }
    for person in people {
        let (Some(day), Some(city)) = (text(person, "joined"), text(person, "city")) else { continue };
        let email = text(person, "email");
        let end = email.as_ref().map(|email| format!(";E-{email}")).unwrap_or_default();
        let value = format!("J-{day};C-{city}{end}");
        let condition = beacon("joined_city", &value);
        let is_meant = Box::new(move |other: &Item| {
            let same = |name: &str, value: &str| text(other, name).as_deref() == Some(value);
            same("joined", &day) && same("city", &city) && text(other, "email") == email
        });
        let index = Some("aws_dbe_b_joined_city");
        questions.push(Question { name: "joined_city", value, index, condition, is_meant });
    }
    for label in ["label-0", "label-1", "ü"] {
        let condition = Condition::Contains(Path::attribute("labels"), Value::S(label.to_owned()));
        let is_meant = Box::new(move |person: &Item| match person.get("labels") {
            Some(AttributeValue::Ss(labels)) => labels.iter().any(|it| it == label),
            _ => false,
        });
        questions.push(Question { name: "labels", value: label.to_owned(), index: None, condition, is_meant });
    }
    questions
}

/// Some lack an e-mail address; names and cities repeat.
fn person(number: usize) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let of = |texts: &[&str]| texts[number % texts.len()].to_owned();
    let labels = vec![format!("label-{}", number % 2), "ü".to_owned()];
    let mut item = Item::from([
        ("id".to_owned(), text(&format!("p-{number:02}"))),
        ("name".to_owned(), text(&of(&["ada", "Bob", "Émile", "alice", "zoë"]))),
        ("city".to_owned(), text(&of(&["London", "Rome", "São Paulo"]))),
        ("joined".to_owned(), text(&format!("2026-{:02}-01", number % 4 + 1))),
        ("labels".to_owned(), AttributeValue::Ss(labels[..1 + number % 2].to_vec())),
        ("age".to_owned(), AttributeValue::N(format!("{number}.50"))),
    ]);
    if number % 7 != 6 {
        item.insert("email".to_owned(), text(&format!("{}@example.com", number % 9)));
    }
    item
}

fn id(person: &Item) -> String {
    text(person, "id").unwrap_or_default()
}

fn text(person: &Item, name: &str) -> Option<String> {
    person.get(name)?.as_s().ok().cloned()
}

/// What of a stored item is searched by.
async fn beacons(client: &Client, id: &AttributeValue) -> Result<BTreeMap<String, String>> {
    let stored = client.get_item().table_name(TABLE).key("id", id.clone()).send().await?.item.ok_or("no item")?;
    let is_beacon = |name: &str| name.starts_with("aws_dbe_b_") || name == "since";
    let beacons = stored.into_iter().filter(|(name, _)| is_beacon(name));
    Ok(beacons
        .map(|(name, value)| match value {
            AttributeValue::Ss(mut members) => {
                members.sort();
                (name, members.join(" "))
            }
            value => (name, value.as_s().cloned().unwrap_or_default()),
        })
        .collect())
}

/// privet, over the same keys.
struct Ours {
    privet: Protector,
    resource: std::sync::Arc<Resource>,
}

impl Ours {
    fn new(branch: &Branch) -> Result<Self> {
        let keyring = HierarchicalKeyring::new(branch.store.clone(), "tenant-1");
        let builder = Protector::builder().policy(Policy::from_toml(POLICY)?).keyring(keyring).audit(TracingSink);
        let privet = builder.beacon_key(KeyStoreBeaconKeys::new(branch.store.clone(), "tenant-1")).build()?;
        let resource = privet.resource(TABLE)?;
        Ok(Self { privet, resource })
    }

    async fn find(&self, client: &Client, condition: &Condition) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for query in self.privet.search(&self.resource, condition).await? {
            let items = match query.ask {
                Ask::Index { name, partition: (attribute, value), .. } => {
                    let query = client.query().table_name(TABLE).index_name(name).key_condition_expression("#b = :b");
                    let query = query.expression_attribute_names("#b", attribute);
                    let query = query.expression_attribute_values(":b", AttributeValue::S(value));
                    query.send_protected(&self.privet).await?.items
                }
                Ask::Filter { attribute, contains } => {
                    let scan = client.scan().table_name(TABLE).filter_expression("contains(#b, :b)");
                    let scan = scan.expression_attribute_names("#b", attribute);
                    let scan = scan.expression_attribute_values(":b", AttributeValue::S(contains));
                    scan.send_protected(&self.privet).await?.items
                }
                Ask::Beginning { .. } => return Err("nothing here is asked for how it begins".into()),
            };
            for item in items.unwrap_or_default() {
                if self.resource.matches(condition, &from_item(item.clone())?)? {
                    found.insert(id(&item));
                }
            }
        }
        Ok(found)
    }
}

async fn ask_theirs(client: &Client, question: &Question) -> Result<BTreeSet<String>> {
    let value = AttributeValue::S(question.value.clone());
    let items = match question.index {
        Some(index) => {
            let query = client.query().table_name(TABLE).index_name(index).key_condition_expression("#b = :b");
            let query = query.expression_attribute_names("#b", question.name);
            query.expression_attribute_values(":b", value).send().await?.items
        }
        None => {
            let scan = client.scan().table_name(TABLE).filter_expression("contains(#b, :b)");
            let scan = scan.expression_attribute_names("#b", question.name);
            scan.expression_attribute_values(":b", value).send().await?.items
        }
    };
    Ok(items.unwrap_or_default().iter().map(id).collect())
}

/// What `POLICY` says, in the words of AWS's client.
fn their_tables(branch: &Branch) -> Result<DynamoDbTablesEncryptionConfig> {
    let standard = |name: &str, length| StandardBeacon::builder().name(name).length(length);
    let part = |name: &str, required| ConstructorPart::builder().name(name).required(required).build();
    let initial = VirtualPart::builder().loc("name").trans(vec![
        VirtualTransform::Prefix(GetPrefix::builder().length(1).build()?),
        VirtualTransform::Upper(Upper::builder().build()?),
    ]);
    let version = BeaconVersion::builder()
        .version(1)
        .key_store(branch.their_store.clone())
        .key_source(BeaconKeySource::Single(SingleKeyStore::builder().key_id("tenant-1").cache_ttl(600).build()?))
        .standard_beacons(vec![
            standard("email", 3).build()?,
            standard("city", 4).build()?,
            standard("labels", 5).style(BeaconStyle::AsSet(AsSet::builder().build()?)).build()?,
            standard("initial", 5).loc("first_letter").build()?,
        ])
        .virtual_fields(vec![VirtualField::builder().name("first_letter").parts(vec![initial.build()?]).build()?])
        .compound_beacons(vec![
            CompoundBeacon::builder()
                .name("joined_city")
                .split(";")
                .signed(vec![SignedPart::builder().name("joined").prefix("J-").build()?])
                .encrypted(vec![
                    EncryptedPart::builder().name("city").prefix("C-").build()?,
                    EncryptedPart::builder().name("email").prefix("E-").build()?,
                ])
                .constructors(vec![
                    Constructor::builder()
                        .parts(vec![part("joined", true)?, part("city", true)?, part("email", false)?])
                        .build()?,
                ])
                .build()?,
            CompoundBeacon::builder()
                .name("since")
                .split("/")
                .signed(vec![SignedPart::builder().name("since_day").prefix("S-").loc("joined").build()?])
                .build()?,
        ])
        .build()?;
    let actions = ["id", "joined"].map(|name| (name.to_owned(), CryptoAction::SignOnly)).into_iter();
    let sealed = ["email", "name", "city", "labels", "age"].map(|name| (name.to_owned(), CryptoAction::EncryptAndSign));
    let table = DynamoDbTableEncryptionConfig::builder()
        .logical_table_name(TABLE)
        .partition_key_name("id")
        .attribute_actions_on_encrypt(actions.chain(sealed).collect::<HashMap<_, _>>())
        .keyring(branch.pair.theirs.clone())
        .search(SearchConfig::builder().write_version(1).versions(vec![version]).build()?)
        .build()?;
    let tables = HashMap::from([(TABLE.to_owned(), table)]);
    Ok(DynamoDbTablesEncryptionConfig::builder().table_encryption_configs(tables).build()?)
}

const TABLE: &str = "people";
const PEOPLE: usize = 24;
const POLICY: &str = r#"
version = 1
default_class = "pii"
[[rules]]
class = "public"
names = ["id", "joined"]
[[fields]]
path = "name"
class = "pii"
[[fields]]
path = "email"
beacon = { length = 3 }
[[fields]]
path = "city"
beacon = { length = 4 }
[[fields]]
path = "labels"
beacon = { length = 5, members = true }
[resources.people]
key = ["id"]
format = "db-esdk"
[[resources.people.db_esdk.search.standard]]
name = "initial"
length = 5
location = "first_letter"
index = "people-by-initial"
[[resources.people.db_esdk.search.virtual]]
name = "first_letter"
parts = [{ location = "name", transforms = [{ prefix = 1 }, "upper"] }]
[[resources.people.db_esdk.search.compound]]
name = "joined_city"
split = ";"
signed = [{ name = "joined", prefix = "J-" }]
encrypted = [{ name = "city", prefix = "C-" }, { name = "email", prefix = "E-" }]
constructors = [[{ name = "joined" }, { name = "city" }, { name = "email", required = false }]]
[[resources.people.db_esdk.search.compound]]
name = "since"
split = "/"
signed = [{ name = "since_day", prefix = "S-", location = "joined" }]
"#;
