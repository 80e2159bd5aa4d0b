//! A table of customers on embedded AWS: the model and what tests need around it.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use privet::audit::{AuditEvent, AuditFuture, AuditSink};
use privet::keyring::KmsKeyring;
use privet::protector::ProtectorBuilder;
use privet::{Error, ErrorKind, Protect, Protector};
use privet_testkit::EmbeddedAws;
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize, Clone, PartialEq)]
#[protect(resource = "customers", key = "id")]
pub struct Customer {
    #[protect(public)]
    pub id: String,
    #[protect(public)]
    pub name: String,
    #[protect(pii, mask = "email", searchable)]
    pub email: String,
    #[protect(pii, mask = "last4")]
    pub ssn: Option<String>,
    #[protect(sensitive)]
    pub api_key: String,
    #[protect(confidential, category = "phi")]
    pub health_records: Vec<Visit>,
    #[protect(nested)]
    pub address: Address,
    #[protect(public)]
    pub active: bool,
    #[protect(pii)]
    pub age: u32,
    #[protect(public)]
    pub created_at: String,
}

#[derive(Serialize, Deserialize, Clone, PartialEq)]
pub struct Visit {
    pub date: String,
    pub note: String,
}

#[derive(Protect, Serialize, Deserialize, Clone, PartialEq)]
pub struct Address {
    #[protect(pii)]
    pub street: String,
    #[protect(pii)]
    pub city: String,
}

pub fn ada() -> Customer {
    Customer {
        id: "c-1".into(),
        name: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
        ssn: Some("900-12-3456".into()),
        api_key: "key_live_51H8xk2fictive".into(),
        health_records: vec![Visit { date: "2026-01-02".into(), note: "a very private note".into() }],
        address: Address { street: "12 Analytical Row".into(), city: "London".into() },
        active: true,
        age: 36,
        created_at: "2026-11-23".into(),
    }
}

/// Text of `ada()` that must never be seen at rest.
pub const SECRETS: [&str; 6] =
    ["ada@example.com", "900-12-3456", "key_live_51H8xk2fictive", "a very private note", "12 Analytical Row", "London"];

pub mod scripted;

/// KMS and DynamoDB of one test: the embedded ones, or those that `AWS_ENDPOINT_URL_KMS` and `AWS_ENDPOINT_URL_DYNAMODB`
/// name (`tests/engines/run.sh`). What only the embedded ones can do goes through `aws`.
pub struct Site {
    pub aws: EmbeddedAws,
    account: String,
    pub key_arn: String,
    pub dynamodb: DynamoDb,
}

impl Site {
    pub async fn start() -> Self {
        let aws = EmbeddedAws::start().await;
        let account = fresh_account();
        let key_arn = create_key(&aws, &account, "alias/privet").await;
        let dynamodb = DynamoDb::new(&config(&aws, &account, DYNAMODB, EmbeddedAws::DEFAULT_PRINCIPAL).await);
        let site = Self { aws, account, key_arn, dynamodb };
        site.create_table("customers").await;
        site
    }

    pub async fn create_table(&self, name: &str) {
        let definition = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
        self.dynamodb
            .create_table()
            .table_name(name)
            .attribute_definitions(definition.build().unwrap())
            .key_schema(key.build().unwrap())
            .billing_mode(BillingMode::PayPerRequest)
            .send()
            .await
            .unwrap();
    }

    /// One more KMS key.
    pub async fn create_key(&self, alias: &str) -> String {
        create_key(&self.aws, &self.account, alias).await
    }

    /// A keyring whose KMS requests are this principal's.
    pub async fn keyring(&self, principal: &str) -> KmsKeyring {
        KmsKeyring::new(self.kms_as(principal).await, &self.key_arn).unwrap()
    }

    /// A client of KMS whose requests are this principal's.
    pub async fn kms_as(&self, principal: &str) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&config(&self.aws, &self.account, KMS, principal).await)
    }

    /// A client of DynamoDB whose requests are this principal's.
    pub async fn dynamodb_as(&self, principal: &str) -> DynamoDb {
        DynamoDb::new(&config(&self.aws, &self.account, DYNAMODB, principal).await)
    }

    pub async fn builder(&self) -> ProtectorBuilder {
        Protector::builder().keyring(self.keyring("service").await).audit(Events::default()).model::<Customer>()
    }

    pub async fn protector(&self) -> Protector {
        self.builder().await.build().unwrap()
    }

    pub async fn stored(&self, table: &str, id: &str) -> Option<HashMap<String, AttributeValue>> {
        let get = self.dynamodb.get_item().table_name(table).key("id", AttributeValue::S(id.into()));
        get.consistent_read(true).send().await.unwrap().item
    }

    pub async fn store(&self, table: &str, item: HashMap<String, AttributeValue>) {
        self.dynamodb.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }
}

/// A KMS key; elsewhere it has no alias.
async fn create_key(aws: &EmbeddedAws, account: &str, alias: &str) -> String {
    match std::env::var_os(KMS) {
        Some(_) => elsewhere::create_key(account).await,
        None => aws.create_key(REGION, alias).await,
    }
}

/// The configuration of a service's clients: where the variable says, or embedded.
async fn config(aws: &EmbeddedAws, account: &str, variable: &str, principal: &str) -> SdkConfig {
    match std::env::var_os(variable) {
        Some(_) => elsewhere::config(account).await,
        None => aws.config_as(REGION, principal).await,
    }
}

/// A service outside of this process, which many tests use at a time.
mod elsewhere {
    use super::{REGION, SdkConfig};

    /// The access key is the account: each test has tables of its own, and all principals are alike.
    pub(super) async fn config(account: &str) -> SdkConfig {
        let credentials = aws_sdk_dynamodb::config::Credentials::new(account, "test", None, None, "tests");
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).region(REGION);
        config.credentials_provider(credentials).load().await
    }

    pub(super) async fn create_key(account: &str) -> String {
        let created = aws_sdk_kms::Client::new(&config(account).await).create_key().send().await.unwrap();
        created.key_metadata.unwrap().arn.unwrap()
    }
}

/// The number of an account that no other test has.
fn fresh_account() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    format!("{:012}", u64::from_be_bytes(bytes) % 1_000_000_000_000)
}

/// Keeps events in memory, and fails when told.
#[derive(Debug, Clone, Default)]
pub struct Events {
    pub kept: Arc<Mutex<Vec<AuditEvent>>>,
    pub failing: bool,
}

impl AuditSink for Events {
    fn write<'a>(&'a self, events: &'a [AuditEvent]) -> AuditFuture<'a> {
        Box::pin(async move {
            if self.failing {
                return Err(Error::new(ErrorKind::Io, "the sink is full"));
            }
            self.kept.lock().unwrap().extend_from_slice(events);
            Ok(())
        })
    }
}

pub const REGION: &str = "eu-west-1";
// The SDK reads them by itself.
const KMS: &str = "AWS_ENDPOINT_URL_KMS";
const DYNAMODB: &str = "AWS_ENDPOINT_URL_DYNAMODB";
