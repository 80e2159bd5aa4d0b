//! The table that `tests/engines/run-state-machine.sh` has a state machine rewrite: filled before, looked at after.
//! Services are where the environment says, and settings are those that the worker is given.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType,
};
use privet_core::Protector;
use privet_core::audit::TracingSink;
use privet_core::keyring::KmsKeyring;
use privet_core::value::{Map, Value};
use privet_dynamodb::bulk::TableCheckpoints;
use privet_dynamodb::{from_item, to_item};
use privet_lambda::Settings;

struct Site {
    kms: aws_sdk_kms::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    settings: Settings,
    records: usize,
}

impl Site {
    async fn of_environment() -> Self {
        let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        Self {
            kms: aws_sdk_kms::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            settings: Settings::read(|name| std::env::var(name).ok()).unwrap(),
            records: std::env::var("PRIVET_TEST_RECORDS").unwrap().parse().unwrap(),
        }
    }

    fn protector(&self, key: &str) -> Protector {
        let builder = Protector::builder().policy(self.settings.new_policy.clone()).audit(TracingSink);
        let builder = builder.keyring(KmsKeyring::new(self.kms.clone(), key).unwrap());
        let pairs = self.settings.context.iter();
        pairs.fold(builder, |builder, (name, value)| builder.context(name, value)).build().unwrap()
    }
}

#[tokio::test]
#[ignore = "has services in the environment; tests/engines/run-state-machine.sh"]
async fn fill() {
    let site = Site::of_environment().await;
    let privet = site.protector(&site.settings.old_key);
    let resource = privet.resource(&site.settings.resource).unwrap();
    let definition = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::KeysOnly);
    let create = site.dynamodb.create_table().table_name(resource.table()).billing_mode(BillingMode::PayPerRequest);
    let create = create.stream_specification(stream.build().unwrap());
    let create = create.attribute_definitions(definition.build().unwrap()).key_schema(key.build().unwrap());
    create.send().await.unwrap();
    TableCheckpoints::new(site.dynamodb.clone(), &site.settings.checkpoints).create_table().await.unwrap();
    for index in 0..site.records {
        let record = Map::from([
            ("id".to_owned(), Value::S(format!("c-{index}"))),
            ("email".to_owned(), Value::S(format!("ada-{index}@example.com"))),
        ]);
        let item = to_item(privet.protect_record(&resource, record).await.unwrap());
        site.dynamodb.put_item().table_name(resource.table()).set_item(Some(item)).send().await.unwrap();
    }
}

#[tokio::test]
#[ignore = "has services in the environment; tests/engines/run-state-machine.sh"]
async fn all_is_on_target() {
    let site = Site::of_environment().await;
    // The new key alone opens them all.
    let privet = site.protector(&site.settings.new_key);
    let resource = privet.resource(&site.settings.resource).unwrap();
    let scan = site.dynamodb.scan().table_name(resource.table()).consistent_read(true).into_paginator().items();
    let items = scan.send().collect::<Result<Vec<_>, _>>().await.unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for item in items {
        let opened = privet.unprotect_record(&resource, from_item(item).unwrap()).await.unwrap();
        let record = opened.complete().unwrap();
        let index: usize = record["id"].as_text().unwrap().trim_start_matches("c-").parse().unwrap();
        assert_eq!(record["email"], Value::S(format!("ada-{index}@example.com")));
        seen.insert(index);
    }
    assert_eq!(seen.len(), site.records);
}
