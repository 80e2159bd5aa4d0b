//! The records into the table and out of it again.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use privet::Protector;
use privet::dynamodb::{SendProtected as _, from_item, item_size, to_item};
use privet::protector::{Resource, Unprotected};
use privet::value::{Map, Value, serialise_into};

use crate::Result;
use crate::args::Args;
use crate::records::Record;

/// What came of one way through all records.
#[derive(Clone, Copy)]
pub(crate) struct Pass {
    pub(crate) records: usize,
    /// The sizes of all items together, as DynamoDB counts them.
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

/// Creates the table.
pub(crate) async fn create(dynamodb: &Client, resource: &Resource, records: &[Record]) -> Result<()> {
    let mut table = dynamodb.create_table().table_name(resource.table()).billing_mode(BillingMode::PayPerRequest);
    for name in resource.key() {
        let key_type = records.first().map_or("S", Record::key_type).into();
        table = table
            .attribute_definitions(
                AttributeDefinition::builder().attribute_name(name).attribute_type(key_type).build()?,
            )
            .key_schema(KeySchemaElement::builder().attribute_name(name).key_type(KeyType::Hash).build()?);
    }
    table.send().await.map_err(aws_sdk_dynamodb::Error::from)?;
    Ok(())
}

/// Seals all records and writes them: `.send_protected(&privet)` in the place of `.send()`.
pub(crate) async fn write_all(
    dynamodb: &Client,
    privet: &Protector,
    resource: &Resource,
    records: &[Record],
    args: &Args,
) -> Result<Pass> {
    for_all(records, "sealing and writing", args, |record| async move {
        let bytes = item_size(&record.members);
        let item = to_item(record.members.clone());
        let put = dynamodb.put_item().table_name(resource.table()).set_item(Some(item));
        put.send_protected(privet).await.map_err(|error| record.error(error))?;
        Ok(bytes)
    })
    .await
}

/// Reads all records back, opens them, and makes sure that each is what it was.
pub(crate) async fn read_all(
    dynamodb: &Client,
    privet: &Protector,
    resource: &Resource,
    records: &[Record],
    args: &Args,
) -> Result<Pass> {
    for_all(records, "reading and opening", args, |record| async move {
        let stored = read(dynamodb, resource, record).await?;
        let bytes = item_size(&stored);
        let opened = privet.unprotect_record(resource, stored).await.and_then(Unprotected::complete);
        if canonical(opened.map_err(|error| record.error(error))?)? != canonical(record.members.clone())? {
            return Err(record.error("what came back is not what was written"));
        }
        Ok(bytes)
    })
    .await
}

/// A record as it is stored: the SDK's plain call, without privet.
pub(crate) async fn read(dynamodb: &Client, resource: &Resource, record: &Record) -> Result<Map> {
    let get = dynamodb.get_item().table_name(resource.table()).set_key(Some(to_item(record.key().clone())));
    let item = get.send().await.map_err(|error| record.error(aws_sdk_dynamodb::Error::from(error)))?.item;
    Ok(from_item(item.ok_or_else(|| record.error("it was written and is not there"))?)?)
}

/// Runs a step on all records, some of them at a time.
async fn for_all<'a, F: Future<Output = Result<usize>>>(
    records: &'a [Record],
    what: &'static str,
    args: &Args,
    step: impl Fn(&'a Record) -> F,
) -> Result<Pass> {
    let bar = progress_bar(records.len(), what, args);
    #[allow(clippy::disallowed_methods, reason = "no clock of privet's: this one measures the example")]
    let start = Instant::now();
    let sizes = stream::iter(records).map(step).buffer_unordered(AT_A_TIME).inspect_ok(|_| bar.inc(1));
    let bytes = sizes.try_fold(0, |sum, size| async move { Ok(sum + size) }).await;
    bar.finish_and_clear();
    Ok(Pass { records: records.len(), bytes: bytes?, time: start.elapsed() })
}

fn progress_bar(length: usize, what: &'static str, args: &Args) -> ProgressBar {
    if args.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg:20} {bar:40} {pos}/{len}").unwrap_or(ProgressStyle::default_bar());
    ProgressBar::new(length as u64).with_style(style).with_message(what)
}

/// The bytes that privet signs and seals: numbers are in one spelling there, and `1.50` is `1.5`.
fn canonical(record: Map) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    serialise_into(&Value::M(record), &mut bytes)?;
    Ok(bytes)
}

const AT_A_TIME: usize = 16;
