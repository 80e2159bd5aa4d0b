//! The table of a branch key store, in DynamoDB.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters as _;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ScalarAttributeType,
    TransactWriteItem,
};
use privet_core::keyring::KeyringFuture;
use privet_core::keyring::store::{BranchKeyTable, ConditionalPut, PutCondition};
use privet_core::value::Map;
use privet_core::{Error, ErrorKind, Result};

use crate::convert::{from_item, to_item};
use crate::error::Error as AdapterError;

/// The table of a [`KeyStore`](privet_core::keyring::store::KeyStore) in DynamoDB, laid out as AWS's clients expect it.
///
/// Reads are strongly consistent: a version is found as soon as anything was written with it. Creating the table bills
/// it per request, protects it against deletion, and waits until it can be used. Turn on point-in-time recovery
/// yourself: without this table no record can be read.
///
/// ```
/// # use std::sync::Arc;
/// # use privet_core::{Classification, EncryptionContext, Result};
/// # use privet_core::keyring::{BranchKeyIds, BranchKeyring};
/// # use privet_core::keyring::store::{BranchKeyKms, BranchKeyProtection, KeyStore};
/// # use privet_dynamodb::KeyStoreTable;
/// # async fn example(dynamodb: aws_sdk_dynamodb::Client, kms: impl BranchKeyKms + 'static) -> Result<BranchKeyring> {
/// let protection = BranchKeyProtection::key("arn:aws:kms:eu-west-1:111122223333:key/1234abcd")?;
/// let store = Arc::new(KeyStore::new("shop-keys", protection, KeyStoreTable::new(dynamodb, "shop-keys"), kms)?);
/// // Once, as an operator: the table, and a branch key for each class.
/// store.create_table().await?;
/// store.create_with_id("shop-pii", &EncryptionContext::new().with("privet:class", "pii")).await?;
/// // In the service, where `kms` is `KmsBranchKeys`:
/// let keyring = BranchKeyring::new(store, BranchKeyIds::new().class(Classification::Pii, "shop-pii"));
/// # Ok(keyring)
/// # }
/// ```
pub struct KeyStoreTable {
    client: Client,
    name: String,
}

impl KeyStoreTable {
    /// The table of this physical name, in the client's region.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    async fn create(&self) -> Result<()> {
        if self.is_there().await? {
            return Ok(());
        }
        let mut call = self
            .client
            .create_table()
            .table_name(&self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .deletion_protection_enabled(true);
        for (name, role) in KEY {
            let definition =
                AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
            let key = KeySchemaElement::builder().attribute_name(name).key_type(role).build();
            call = call.attribute_definitions(definition.map_err(unbuilt)?).key_schema(key.map_err(unbuilt)?);
        }
        if let Err(error) = call.send().await {
            // Somebody else may have created it in the meantime.
            if error.as_service_error().and_then(ProvideErrorMetadata::code) != Some("ResourceInUseException") {
                return Err(from_sdk("CreateTable", &error));
            }
            self.is_there().await?;
        }
        let wait = self.client.wait_until_table_exists().table_name(&self.name).wait(CREATION_TIMEOUT);
        wait.await.map(drop).map_err(|_| {
            Error::new(ErrorKind::KeyUnavailable, "the key store's table was created and is not ready yet: try again")
        })
    }

    /// Whether the table is there; a table with other keys is an error.
    async fn is_there(&self) -> Result<bool> {
        let answer = match self.client.describe_table().table_name(&self.name).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception) => {
                return Ok(false);
            }
            Err(error) => return Err(from_sdk("DescribeTable", &error)),
        };
        let Some(table) = answer.table else { return Ok(false) };
        let schema = table.key_schema();
        let has = |(name, role): &(&str, KeyType)| {
            let key = schema.iter().any(|key| key.attribute_name() == *name && key.key_type() == role);
            let text = table.attribute_definitions().iter().any(|definition| {
                definition.attribute_name() == *name && *definition.attribute_type() == ScalarAttributeType::S
            });
            key && text
        };
        if schema.len() == KEY.len() && KEY.iter().all(has) {
            return Ok(true);
        }
        Err(Error::new(
            ErrorKind::Config,
            "the table is no key store: it needs the partition key `branch-key-id` and the sort key `type`, both `S`",
        ))
    }

    async fn get(&self, branch_key_id: &str, record_type: &str) -> Result<Option<Map>> {
        let [(id, _), (sort, _)] = KEY;
        let call = self
            .client
            .get_item()
            .table_name(&self.name)
            .key(id, AttributeValue::S(branch_key_id.to_owned()))
            .key(sort, AttributeValue::S(record_type.to_owned()))
            .consistent_read(true);
        let answer = call.send().await.map_err(|error| from_sdk("GetItem", &error))?;
        answer.item.map(from_item).transpose()
    }

    async fn query(&self, branch_key_id: &str) -> Result<Vec<Map>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("#id = :id")
            .expression_attribute_names("#id", KEY[0].0)
            .expression_attribute_values(":id", AttributeValue::S(branch_key_id.to_owned()))
            .into_paginator()
            .send();
        let mut records = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| from_sdk("Query", &error))?;
            for item in page.items.unwrap_or_default() {
                records.push(from_item(item)?);
            }
        }
        Ok(records)
    }

    async fn list(&self, record_type: &str) -> Result<Vec<String>> {
        let [(id, _), (sort, _)] = KEY;
        let mut pages = self
            .client
            .scan()
            .table_name(&self.name)
            .projection_expression("#id")
            .filter_expression("#type = :type")
            .expression_attribute_names("#id", id)
            .expression_attribute_names("#type", sort)
            .expression_attribute_values(":type", AttributeValue::S(record_type.to_owned()))
            .into_paginator()
            .send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| from_sdk("Scan", &error))?;
            let found = page.items.unwrap_or_default().into_iter().filter_map(|mut item| item.remove(id));
            ids.extend(found.filter_map(|value| value.as_s().ok().cloned()));
        }
        Ok(ids)
    }

    async fn put_all(&self, puts: Vec<ConditionalPut>) -> Result<()> {
        let writes = puts.into_iter().map(|put| self.write(put)).collect::<Result<Vec<_>>>()?;
        // The SDK gives the transaction an idempotency token, so that its own retries are one and the same.
        let answer = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        answer.map(drop).map_err(|error| from_transaction(&error))
    }

    fn write(&self, ConditionalPut { item, condition }: ConditionalPut) -> Result<TransactWriteItem> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(to_item(item)))
            .expression_attribute_names("#id", KEY[0].0);
        let put = match condition {
            PutCondition::Absent => put.condition_expression("attribute_not_exists(#id)"),
            PutCondition::Unchanged { enc } => put
                .condition_expression("attribute_exists(#id) AND #enc = :old")
                .expression_attribute_names("#enc", "enc")
                .set_expression_attribute_values(Some(HashMap::from([(
                    ":old".to_owned(),
                    AttributeValue::B(Blob::new(enc)),
                )]))),
            _ => return Err(Error::new(ErrorKind::Unsupported, "this release does not know the condition of a write")),
        };
        Ok(TransactWriteItem::builder().put(put.build().map_err(unbuilt)?).build())
    }
}

impl BranchKeyTable for KeyStoreTable {
    fn create(&self) -> KeyringFuture<'_, ()> {
        Box::pin(self.create())
    }

    fn get<'a>(&'a self, branch_key_id: &'a str, record_type: &'a str) -> KeyringFuture<'a, Option<Map>> {
        Box::pin(self.get(branch_key_id, record_type))
    }

    fn query<'a>(&'a self, branch_key_id: &'a str) -> KeyringFuture<'a, Vec<Map>> {
        Box::pin(self.query(branch_key_id))
    }

    fn list<'a>(&'a self, record_type: &'a str) -> KeyringFuture<'a, Vec<String>> {
        Box::pin(self.list(record_type))
    }

    fn put_all(&self, puts: Vec<ConditionalPut>) -> KeyringFuture<'_, ()> {
        Box::pin(self.put_all(puts))
    }
}

impl fmt::Debug for KeyStoreTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStoreTable").field("name", &self.name).finish_non_exhaustive()
    }
}

/// DynamoDB's errors as a key provider's: what may pass is `KeyUnavailable`, which callers retry.
fn from_sdk<E>(operation: &str, error: &SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let error = AdapterError::from_sdk(operation, error);
    let kind = match error.kind() {
        ErrorKind::Io => ErrorKind::KeyUnavailable,
        kind => kind,
    };
    Error::new(kind, error.to_string())
}

/// A cancelled transaction says for each write why: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>.
fn from_transaction(error: &SdkError<TransactWriteItemsError>) -> Error {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return from_sdk("TransactWriteItems", error);
    };
    let codes = || cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    let kind = if codes().any(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict")) {
        ErrorKind::Conflict
    } else if codes().any(|code| matches!(code, "ThrottlingError" | "ProvisionedThroughputExceeded")) {
        ErrorKind::Throttled
    } else {
        ErrorKind::Input
    };
    let why = codes().find(|code| *code != "None").unwrap_or("no reason given");
    let message = match kind {
        ErrorKind::Conflict => "the branch key was created or changed by somebody else meanwhile: look at it again",
        _ => "DynamoDB cancelled the transaction",
    };
    Error::new(kind, format!("{message} ({why})"))
}

fn unbuilt(_: impl std::error::Error) -> Error {
    Error::new(ErrorKind::Config, "the key store's table has no name")
}

/// The key attributes of a key store's table, partition key first.
const KEY: [(&str, KeyType); 2] = [("branch-key-id", KeyType::Hash), ("type", KeyType::Range)];
/// A new table takes seconds; the waiter asks every 20 seconds at first.
const CREATION_TIMEOUT: Duration = Duration::from_secs(180);
