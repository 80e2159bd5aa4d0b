//! Beacons, searches and the keys behind them.

use privet::beacon::{BeaconAdvice, BeaconLength};
use privet::dynamodb::{Find, Searchable as _, TableDefinition, Tables, ensure_table};
use privet::keyring::WrappedBeaconKey;
use privet::protector::Condition;
use privet::value::{Path, Value, to_record};
use privet::{EncryptionContext, Policy, Protect, Protector};
use privet_testkit::{Deny, Fault};
use serde::{Deserialize, Serialize};

use crate::common::{SECRETS, Site};
use crate::{PAIR, Said, TENANT, raw};

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "people", key = "id")]
struct Person {
    #[protect(public)]
    id: String,
    #[protect(pii, searchable)]
    email: String,
    #[protect(pii, searchable)]
    city: String,
    #[protect(public)]
    joined: String,
}

const POLICY: &str = r#"
version = 1
[[fields]]
path = "email"
beacon = { length = 16 }
[[fields]]
path = "city"
beacon = { length = 12 }
[resources.people]
[[resources.people.search.compound]]
name = "city_email"
fields = ["city", "email"]
sort = "joined"
"#;
const TABLE_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

#[tokio::test]
async fn searches_say_nothing() {
    let mut said = Said::listen();
    let site = Site::start().await;
    let context = EncryptionContext::new().with("department", PAIR);
    let wrapped = WrappedBeaconKey::generate(&raw(), &context).await.unwrap();
    let source = WrappedBeaconKey::new(raw(), &context, &wrapped).unwrap();
    said.shows(&source);
    said.fails(WrappedBeaconKey::new(raw(), &context, SECRETS[0]));
    let builder = Protector::builder().policy(Policy::from_toml(POLICY).unwrap()).keyring(raw());
    let builder = builder.context("department", PAIR).beacon_key(source).model::<Person>();
    let builder = builder.audit(privet::audit::TracingSink);
    said.shows(&builder);
    let privet = builder.build().unwrap().for_tenant(TENANT).unwrap();
    let definition = TableDefinition::of_model::<Person>(&privet, TABLE_KEY).unwrap();
    said.shows(&definition);
    said.shows(&ensure_table(&site.dynamodb, &definition).await.unwrap());

    let people = privet.table::<Person>(&site.dynamodb).unwrap();
    let person =
        Person { id: "p-1".into(), email: SECRETS[0].into(), city: SECRETS[5].into(), joined: "2026-11-23".into() };
    people.put(&person).await.unwrap();
    let finds = || {
        [
            Person::email().eq(SECRETS[0]),
            Find::equals("city", SECRETS[5]),
            Find::compound("city_email", SECRETS[5]).and(SECRETS[0]).starts_with("2026"),
        ]
    };
    for find in finds() {
        said.shows(&find);
        let mut found = people.find(find).await.unwrap();
        said.shows(&found);
        assert!(found.next().await.unwrap().is_some());
        said.shows(&found);
    }
    let resource = privet.model::<Person>().unwrap();
    said.shows(&resource.search());
    for condition in [
        Condition::Equals(Path::attribute("email"), Value::S(SECRETS[0].into())),
        Condition::Contains(Path::attribute("email"), Value::S(SECRETS[0].into())),
    ] {
        said.shows(&condition);
        match privet.search(&resource, &condition).await {
            Ok(queries) => said.shows(&queries),
            Err(error) => said.error(&error),
        }
    }
    said.shows(&privet.beacons(&resource, &to_record(&person).unwrap()).await.unwrap());
    said.shows(&BeaconAdvice::from_sample(SECRETS, 1000));
    said.shows(&BeaconLength::new(16));

    // What cannot be searched for, and records that were changed.
    said.fails(people.find(Find::equals("joined", SECRETS[0])).await);
    said.fails(people.find(Find::equals("email", None::<String>)).await);
    said.fails(people.find(Find::compound("none", SECRETS[0])).await);
    said.fails(people.find(Person::email().eq(SECRETS[0]).and(SECRETS[1])).await);
    let mut stored = site.stored("people", "p-1").await.unwrap();
    stored.insert("joined".into(), aws_sdk_dynamodb::types::AttributeValue::S("2020-01-01".into()));
    site.store("people", stored).await;
    for find in finds().into_iter().take(2) {
        said.fails(people.find(find).await.unwrap().collect().await);
    }
    for fault in ["ThrottlingException", "ValidationException", "ResourceNotFoundException"] {
        site.aws.clear_faults();
        site.aws.fault(Fault::on("dynamodb", "Query").error(fault));
        for find in finds() {
            said.fails(people.find(find).await.unwrap().collect().await);
        }
    }
    site.aws.clear_faults();
    site.aws.deny(Deny::everyone());
    for find in finds() {
        said.fails(people.find(find).await.unwrap().collect().await);
    }
    said.holds_none_of(&[], 15);
}
