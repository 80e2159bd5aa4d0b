//! Tables as stores of bulk jobs: parallel scans in, conditional updates out.

use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, TableDescription};
use privet_bulk::{Checkpoint, Page, Position, Result, Size, Store, StoredRecord, Written};
use privet_core::ErrorKind;
use privet_core::protector::Resource;
use privet_core::record::Form;
use privet_core::value::{Map, from_dynamodb_json, to_dynamodb_json};

use crate::convert::{from_item, to_attribute, to_item};
use crate::error::Error;
use crate::size::{check_size, item_size};

mod checkpoints;
mod export;
mod update;

pub use checkpoints::TableCheckpoints;
pub use export::{ExportItem, ExportSession, ExportStore};

/// A table as the store of a job: each shard is a segment of a parallel scan.
///
/// A record is updated on the condition that it still is what was read: its header, if that carries tags over the record;
/// otherwise every attribute that is replaced, and for a record in clear every attribute there was. Attributes that stay
/// as they are, such as those that the policy leaves unsigned, are not written.
#[derive(Clone)]
pub struct TableStore {
    client: Client,
    table: String,
    key: Vec<String>,
    header: String,
    unsigned: Vec<String>,
    segments: u32,
    concurrency: usize,
    page: Option<i32>,
    consistent: bool,
}

impl TableStore {
    /// The table of this resource.
    ///
    /// # Errors
    ///
    /// `Config` if the resource does not say its key.
    pub fn new(client: Client, resource: &Resource) -> Result<Self> {
        if resource.key().is_empty() {
            let message = format!("the key of `{}` is not known: say it under `[resources]`", resource.name());
            return Err(privet_bulk::Error::new(ErrorKind::Config, message));
        }
        let layout = resource.item_layout();
        Ok(Self {
            client,
            table: resource.table().to_owned(),
            key: resource.key().to_vec(),
            header: layout.header.clone(),
            unsigned: layout.unsigned.iter().cloned().collect(),
            segments: 8,
            concurrency: 32,
            page: None,
            consistent: true,
        })
    }

    /// How many segments the scan has, up to 1,000,000. Default: 8.
    #[must_use]
    pub fn segments(mut self, segments: u32) -> Self {
        self.segments = segments.clamp(1, 1_000_000);
        self
    }

    /// How many items of a segment are written at a time. Default: 32.
    #[must_use]
    pub fn concurrency(mut self, items: usize) -> Self {
        self.concurrency = items.max(1);
        self
    }

    /// How many items a page has at most. Default: as many as fit into 1 MiB, DynamoDB's limit.
    #[must_use]
    pub fn page(mut self, items: u32) -> Self {
        self.page = Some(i32::try_from(items.max(1)).unwrap_or(i32::MAX));
        self
    }

    /// Reads at half the cost, that may miss what was written in the last second.
    #[must_use]
    pub fn eventually_consistent(mut self) -> Self {
        self.consistent = false;
        self
    }

    async fn describe(&self) -> Result<TableDescription> {
        let answer = self.client.describe_table().table_name(&self.table).send().await;
        let answer = answer.map_err(|error| Error::from_sdk("DescribeTable", &error))?;
        let missing = || privet_bulk::Error::new(ErrorKind::Config, format!("there is no table `{}`", self.table));
        answer.table.ok_or_else(missing)
    }

    fn key_of(&self, stored: &Map) -> HashMap<String, AttributeValue> {
        let attributes =
            self.key.iter().filter_map(|name| Some((name.clone(), to_attribute(stored.get(name)?.clone()))));
        attributes.collect()
    }
}

impl Store for TableStore {
    type Record = Item;
    type Rewritten = Map;
    type Session = u32;

    async fn identity(&self) -> Result<String> {
        let table = self.describe().await?;
        let created = table.creation_date_time.map(|time| time.secs()).unwrap_or_default();
        Ok(format!("table {} created at {created}", table.table_arn.unwrap_or_else(|| self.table.clone())))
    }

    fn shards(&self) -> u32 {
        self.segments
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// What DynamoDB says, which is up to six hours old.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    async fn size(&self) -> Result<Size> {
        let table = self.describe().await?;
        let natural = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        let bytes = natural(table.table_size_bytes);
        // A unit reads 4 KiB, or 8 KiB eventually consistent.
        let unit = if self.consistent { 4096.0 } else { 8192.0 };
        let read_units = bytes.map(|bytes| bytes as f64 / unit);
        Ok(Size { records: natural(table.item_count), bytes, read_units })
    }

    async fn open(&self, checkpoint: &Checkpoint) -> Result<u32> {
        Ok(checkpoint.shard)
    }

    async fn read(&self, segment: &u32, from: Option<&Position>) -> Result<Page<Item>> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .segment(i32::try_from(*segment).unwrap_or(i32::MAX))
            .total_segments(i32::try_from(self.segments).unwrap_or(i32::MAX))
            .consistent_read(self.consistent)
            .set_limit(self.page)
            .set_exclusive_start_key(from.map(start_key).transpose()?)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = scan.send().await.map_err(|error| Error::from_sdk("Scan", &error))?;
        let read_units = answer.consumed_capacity.and_then(|capacity| capacity.capacity_units).unwrap_or_default();
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty()).map(position).transpose()?;
        let items = answer.items.unwrap_or_default().into_iter();
        let records = items.map(|item| Ok(Item(from_item(item)?))).collect::<Result<_>>()?;
        Ok(Page { records, next, read_units })
    }

    fn behind(&self, _segment: &u32, record: &Item) -> Option<Position> {
        let key = self.key_of(&record.0);
        if key.len() == self.key.len() { position(key).ok() } else { None }
    }

    async fn write(&self, _segment: &u32, record: &Item, rewritten: &Map) -> Result<Written> {
        check_size(item_size(&record.0), rewritten)?;
        self.update(&record.0, rewritten).await
    }

    async fn read_again(&self, _segment: &u32, record: &Item) -> Result<Option<Item>> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(self.key_of(&record.0)));
        let answer = get.consistent_read(true).send().await.map_err(|error| Error::from_sdk("GetItem", &error))?;
        Ok(answer.item.map(from_item).transpose()?.map(Item))
    }

    #[expect(clippy::cast_precision_loss, reason = "an item has 400 KiB at most")]
    fn write_units(&self, record: &Item, rewritten: &Map) -> f64 {
        // A unit writes 1 KiB of the larger of the two.
        item_size(&record.0).max(item_size(rewritten)).div_ceil(1024).max(1) as f64
    }
}

impl fmt::Debug for TableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableStore")
            .field("table", &self.table)
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}

/// An item as it was read.
#[derive(Clone, Debug)]
pub struct Item(Map);

impl StoredRecord for Item {
    fn form(&self) -> Form {
        Form::Item
    }

    fn stored(&self) -> Result<Map> {
        Ok(self.0.clone())
    }
}

impl From<Error> for privet_bulk::Error {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error.to_string()).retryable(error.is_retryable())
    }
}

fn position(key: HashMap<String, AttributeValue>) -> Result<Position> {
    Ok(Position(to_dynamodb_json(&from_item(key)?).to_string()))
}

fn start_key(position: &Position) -> Result<HashMap<String, AttributeValue>> {
    let damaged =
        || privet_bulk::Error::new(ErrorKind::Unsupported, "a checkpoint's position is not of this kind of store");
    let json = serde_json::from_str(&position.0).map_err(|_| damaged())?;
    Ok(to_item(from_dynamodb_json(json).map_err(|_| damaged())?))
}
