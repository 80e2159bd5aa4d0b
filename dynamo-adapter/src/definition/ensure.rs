//! Creating a table and waiting for it; a table that exists is looked at and left alone.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, TableDescription, TableStatus,
};
use privet_core::ErrorKind;
use tokio::time::Instant;

use super::difference::Found;
use super::{TableDefinition, TableDifference, config, unbuilt};
use crate::error::{Error, Result};

/// What [`ensure_table`] did and found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnsuredTable {
    /// Whether there was no such table before the call.
    pub created: bool,
    /// How the table differs from its definition. Nothing was changed about them.
    pub differences: Vec<TableDifference>,
}

/// Creates the table unless it exists, and waits until it can be used. Of a table that exists it tells how it differs, and
/// changes nothing.
///
/// Needs `dynamodb:CreateTable`, `DescribeTable`, `UpdateContinuousBackups`, `DescribeContinuousBackups`, `TagResource` and
/// `ListTagsOfResource`, and `kms:CreateGrant` and `kms:DescribeKey` on the table's key. Calls that are throttled are
/// repeated until the definition's [`patience`](TableDefinition::patience) is at its end.
///
/// # Errors
///
/// `Config` if the definition contradicts itself; a retryable `Io` if the table is not usable in time; `Conflict` if it is
/// being deleted; `KeyUnavailable` if DynamoDB cannot use its KMS key; DynamoDB's errors.
pub async fn ensure_table(client: &Client, definition: &TableDefinition) -> Result<EnsuredTable> {
    let mut patience = Patience::new(definition.patience);
    let request = definition.create_table(client)?;
    if let Some(table) = definition.usable(client, &mut patience, Absence::Answer).await? {
        let differences = definition.compare(client, &table, &mut patience).await?;
        return Ok(EnsuredTable { created: false, differences });
    }
    let is_ours = loop {
        let error = match request.clone().send().await {
            Ok(_) => break true,
            Err(error) => Error::from_sdk("CreateTable", &error),
        };
        match error.code() {
            // Somebody else has created it meanwhile; or it was us, and the answer was lost.
            Some("ResourceInUseException") => break false,
            _ => patience.after(error).await?,
        }
    };
    let mut table = definition.wait_for(client, &mut patience).await?;
    if !is_ours {
        let differences = definition.compare(client, &table, &mut patience).await?;
        if differences != [TableDifference::Recovery] {
            return Ok(EnsuredTable { created: true, differences });
        }
    }
    if definition.recovery {
        definition.turn_on_recovery(client, &mut patience).await?;
        // Others may have changed it, and DynamoDB may not have understood all that was asked for.
        table = definition.wait_for(client, &mut patience).await?;
    }
    let differences = definition.compare(client, &table, &mut patience).await?;
    Ok(EnsuredTable { created: true, differences })
}

impl TableDefinition {
    /// How the table that exists differs; `None` if there is none. Changes nothing, and needs the rights to describe only.
    ///
    /// # Errors
    ///
    /// As [`ensure_table`]'s.
    pub async fn differences(&self, client: &Client) -> Result<Option<Vec<TableDifference>>> {
        self.attribute_types()?;
        let mut patience = Patience::new(self.patience);
        match self.usable(client, &mut patience, Absence::Answer).await? {
            Some(table) => Ok(Some(self.compare(client, &table, &mut patience).await?)),
            None => Ok(None),
        }
    }

    async fn wait_for(&self, client: &Client, patience: &mut Patience) -> Result<TableDescription> {
        match self.usable(client, patience, Absence::Wait).await? {
            Some(table) => Ok(table),
            None => Err(not_in_time(&self.table)),
        }
    }

    /// The table once it is there to be used.
    async fn usable(
        &self,
        client: &Client,
        patience: &mut Patience,
        absence: Absence,
    ) -> Result<Option<TableDescription>> {
        loop {
            let table = match client.describe_table().table_name(&self.table).send().await {
                Ok(answer) => answer.table,
                Err(error) => match Error::from_sdk("DescribeTable", &error) {
                    error if error.code() == Some("ResourceNotFoundException") => match absence {
                        Absence::Answer => return Ok(None),
                        Absence::Wait => None,
                    },
                    error => {
                        patience.after(error).await?;
                        continue;
                    }
                },
            };
            match table.as_ref().and_then(TableDescription::table_status) {
                Some(TableStatus::Active | TableStatus::Updating) => return Ok(table),
                Some(TableStatus::Deleting) => {
                    return Err(Error::new(
                        ErrorKind::Conflict,
                        format!("the table `{}` is being deleted: try again when it is gone", self.table),
                    ));
                }
                Some(TableStatus::InaccessibleEncryptionCredentials) => {
                    return Err(Error::new(
                        ErrorKind::KeyUnavailable,
                        format!(
                            "DynamoDB cannot use the KMS key of the table `{}`: let it use the key again",
                            self.table
                        ),
                    ));
                }
                Some(TableStatus::Archiving | TableStatus::Archived) => {
                    return Err(config(format!(
                        "DynamoDB has archived the table `{}`, its key was out of reach too long: restore it from its backup",
                        self.table
                    )));
                }
                // Being created; or of a status that this release does not know, which may pass.
                _ => patience.after(not_in_time(&self.table)).await?,
            }
        }
    }

    async fn compare(
        &self,
        client: &Client,
        table: &TableDescription,
        patience: &mut Patience,
    ) -> Result<Vec<TableDifference>> {
        let recovery = !self.recovery || self.has_recovery(client, patience).await?;
        let tags = tags_of(client, table.table_arn().unwrap_or_default(), patience).await?;
        Ok(self.differences_of(&Found { table, recovery, tags: &tags }))
    }

    async fn has_recovery(&self, client: &Client, patience: &mut Patience) -> Result<bool> {
        loop {
            match client.describe_continuous_backups().table_name(&self.table).send().await {
                Ok(answer) => {
                    let backups = answer.continuous_backups_description;
                    let recovery = backups.and_then(|backups| backups.point_in_time_recovery_description);
                    let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
                    return Ok(status == Some(PointInTimeRecoveryStatus::Enabled));
                }
                Err(error) => patience.after(soon(Error::from_sdk("DescribeContinuousBackups", &error))).await?,
            }
        }
    }

    async fn turn_on_recovery(&self, client: &Client, patience: &mut Patience) -> Result<()> {
        let wanted = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
        let wanted = wanted.map_err(unbuilt)?;
        loop {
            let request = client.update_continuous_backups().table_name(&self.table);
            match request.point_in_time_recovery_specification(wanted.clone()).send().await {
                Ok(_) => return Ok(()),
                Err(error) => patience.after(soon(Error::from_sdk("UpdateContinuousBackups", &error))).await?,
            }
        }
    }
}

/// What to do if there is no table.
#[derive(Clone, Copy)]
enum Absence {
    Answer,
    /// It was created: whoever is asked may not know yet.
    Wait,
}

async fn tags_of(client: &Client, arn: &str, patience: &mut Patience) -> Result<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    let mut next = None;
    loop {
        match client.list_tags_of_resource().resource_arn(arn).set_next_token(next.clone()).send().await {
            Ok(page) => {
                tags.extend(page.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)));
                if page.next_token.is_none() {
                    return Ok(tags);
                }
                next = page.next_token;
            }
            Err(error) => patience.after(soon(Error::from_sdk("ListTagsOfResource", &error))).await?,
        }
    }
}

/// Of a new table, not every part of DynamoDB knows at once: what says so will pass.
fn soon(error: Error) -> Error {
    match error.code() {
        Some("ContinuousBackupsUnavailableException" | "TableNotFoundException" | "ResourceNotFoundException") => {
            error.retryable()
        }
        _ => error,
    }
}

fn not_in_time(table: &str) -> Error {
    Error::new(ErrorKind::Io, format!("the table `{table}` is not ready yet: try again")).retryable()
}

/// How long to go on, and how long to wait in between.
struct Patience {
    end: Instant,
    pause: Duration,
}

impl Patience {
    fn new(patience: Duration) -> Self {
        let now = Instant::now();
        Self { end: now.checked_add(patience).unwrap_or(now), pause: FIRST_PAUSE }
    }

    /// Waits a while after an error that may pass.
    ///
    /// # Errors
    ///
    /// The error itself, if it will not pass or there is no time left.
    async fn after(&mut self, error: Error) -> Result<()> {
        let next = Instant::now() + self.pause;
        if !error.is_retryable() || next > self.end {
            return Err(error);
        }
        tokio::time::sleep_until(next).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
