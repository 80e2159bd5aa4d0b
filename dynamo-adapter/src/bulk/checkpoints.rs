//! Checkpoints in a table: written on the condition of the revision before.

use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters as _;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use privet_bulk::checkpoint::CheckpointFuture;
use privet_bulk::{Checkpoint, Checkpoints, Error, Result};
use privet_core::ErrorKind;

use crate::error::Error as AdapterError;

/// Checkpoints in a table with the partition key `job` (`S`) and the sort key `shard` (`N`).
#[derive(Clone)]
pub struct TableCheckpoints {
    client: Client,
    table: String,
}

impl TableCheckpoints {
    /// Checkpoints in this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Creates the table if it is not there, billed per request, and waits until it can be used.
    ///
    /// # Errors
    ///
    /// DynamoDB's.
    pub async fn create_table(&self) -> Result<()> {
        let unbuilt = |_| Error::new(ErrorKind::Config, "the table of checkpoints has no name");
        let mut call = self.client.create_table().table_name(&self.table).billing_mode(BillingMode::PayPerRequest);
        for (name, role, kind) in
            [(JOB, KeyType::Hash, ScalarAttributeType::S), (SHARD, KeyType::Range, ScalarAttributeType::N)]
        {
            let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build();
            let key = KeySchemaElement::builder().attribute_name(name).key_type(role).build();
            call = call.attribute_definitions(definition.map_err(unbuilt)?).key_schema(key.map_err(unbuilt)?);
        }
        if let Err(error) = call.send().await
            && error.as_service_error().and_then(ProvideErrorMetadata::code) != Some("ResourceInUseException")
        {
            return Err(AdapterError::from_sdk("CreateTable", &error).into());
        }
        let wait = self.client.wait_until_table_exists().table_name(&self.table).wait(CREATION_TIMEOUT);
        let not_ready = |_| Error::new(ErrorKind::Io, "the table of checkpoints is not ready yet: try again");
        wait.await.map(drop).map_err(|error| not_ready(error).retryable(true))
    }

    async fn get(&self, job: &str, shard: u32) -> Result<Option<Checkpoint>> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(JOB, AttributeValue::S(job.to_owned()))
            .key(SHARD, AttributeValue::N(shard.to_string()))
            .consistent_read(true);
        let answer = get.send().await.map_err(|error| AdapterError::from_sdk("GetItem", &error))?;
        let Some(item) = answer.item else { return Ok(None) };
        let text = item.get(CHECKPOINT).and_then(|text| text.as_s().ok());
        let checkpoint = text.and_then(|text| serde_json::from_str(text).ok());
        checkpoint.map(Some).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "an item of the table of checkpoints is none of this release")
        })
    }

    async fn put(&self, checkpoint: &Checkpoint) -> Result<bool> {
        let unwritable = |_| Error::new(ErrorKind::Config, "a checkpoint cannot be written");
        let text = serde_json::to_string(checkpoint).map_err(unwritable)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(JOB, AttributeValue::S(checkpoint.job.clone()))
            .item(SHARD, AttributeValue::N(checkpoint.shard.to_string()))
            .item(REVISION, AttributeValue::N(checkpoint.revision.to_string()))
            .item(CHECKPOINT, AttributeValue::S(text));
        let put = match checkpoint.revision.checked_sub(1) {
            None | Some(0) => {
                put.condition_expression("attribute_not_exists(#job)").expression_attribute_names("#job", JOB)
            }
            Some(before) => put
                .condition_expression("#revision = :before")
                .expression_attribute_names("#revision", REVISION)
                .expression_attribute_values(":before", AttributeValue::N(before.to_string())),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let error = AdapterError::from_sdk("PutItem", &error);
                if error.kind() == ErrorKind::Conflict { Ok(false) } else { Err(error.into()) }
            }
        }
    }
}

impl Checkpoints for TableCheckpoints {
    fn load<'a>(&'a self, job: &'a str, shard: u32) -> CheckpointFuture<'a, Option<Checkpoint>> {
        Box::pin(self.get(job, shard))
    }

    fn swap<'a>(&'a self, checkpoint: &'a Checkpoint) -> CheckpointFuture<'a, bool> {
        Box::pin(self.put(checkpoint))
    }
}

impl fmt::Debug for TableCheckpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableCheckpoints").field("table", &self.table).finish_non_exhaustive()
    }
}

const JOB: &str = "job";
const SHARD: &str = "shard";
const REVISION: &str = "revision";
const CHECKPOINT: &str = "checkpoint";
const CREATION_TIMEOUT: Duration = Duration::from_secs(180);
