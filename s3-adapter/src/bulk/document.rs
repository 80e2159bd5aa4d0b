//! Documents that are protected field by field, as a job sees them: each record looked at, proven or rewritten on its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use privet_bulk::{Decision, Look, Reason, Reprotect, Result, StoredRecord, Transformation};
use privet_core::record::{Form, from_json, to_json};
use privet_core::value::Map;
use serde_json::Value as Json;

use super::object::{Start, StoredObject};
use crate::bucket::Bucket;
use crate::documents::{DocumentFormat, Row, rows};
use crate::error::{Error, Result as S3Result};

/// A record of a document.
pub(super) struct Record(Map);

impl StoredRecord for Record {
    fn form(&self) -> Form {
        Form::Json
    }

    fn stored(&self) -> Result<Map> {
        Ok(self.0.clone())
    }
}

/// In what way the first record that is not on target is not, by its header alone.
pub(super) async fn look_at_document(
    bucket: &Bucket,
    records: &Reprotect,
    object: &StoredObject,
    start: &Start,
    format: DocumentFormat,
) -> Result<Vec<Reason>> {
    let rows = bucket.documents(format)?.rows_of(&object.key, Some(&start.e_tag)).await?;
    let mut rows = Box::pin(rows);
    while let Some(row) = rows.next().await {
        let Some(record) = record(row?)? else { continue };
        let reasons = match records.look(&record).await? {
            Look::Current => continue,
            Look::Stale(reasons) => reasons,
            Look::Unclear(_) => records.prove(&record).await?,
        };
        if !reasons.is_empty() {
            return Ok(reasons);
        }
    }
    Ok(Vec::new())
}

/// In what ways records are not on target, each of them opened.
pub(super) async fn prove_document(
    bucket: &Bucket,
    records: &Reprotect,
    object: &StoredObject,
    start: &Start,
    format: DocumentFormat,
) -> Result<Vec<Reason>> {
    let rows = bucket.documents(format)?.rows_of(&object.key, Some(&start.e_tag)).await?;
    let (mut rows, mut reasons) = (Box::pin(rows), BTreeSet::new());
    while let Some(row) = rows.next().await {
        let Some(record) = record(row?)? else { continue };
        let more = records.prove(&record).await?;
        reasons.extend(more.into_iter().take(MOST_REASONS.saturating_sub(reasons.len())));
    }
    Ok(reasons.into_iter().collect())
}

/// The lines of a document whose records are rewritten, sealed or in clear.
pub(super) fn resealed(
    rows: impl Stream<Item = S3Result<Row>> + Send,
    records: Arc<Reprotect>,
    is_sealed: bool,
) -> impl Stream<Item = S3Result<Vec<u8>>> + Send {
    rows.and_then(move |row| {
        let records = Arc::clone(&records);
        async move {
            let columns = row.columns();
            if let Row::Names(columns) = &row {
                return if is_sealed { columns.sealed_line() } else { columns.clear_line() };
            }
            let Some(record) = record(row)? else { return Ok(Vec::new()) };
            let rewritten = match records.rewrite(&record).await.map_err(|error| Error::of_job(&error))? {
                Decision::Current => record.0,
                Decision::Rewrite { rewritten, .. } => rewritten,
            };
            let json = Json::Object(to_json(rewritten)?);
            if is_sealed { rows::stored(columns.as_deref(), &json) } else { rows::clear(columns.as_deref(), &json) }
        }
    })
}

/// The record of a row; `None` for a row of names.
fn record(row: Row) -> S3Result<Option<Record>> {
    let json = match row {
        Row::Names(_) => return Ok(None),
        Row::Cells(ref columns, _) if !columns.is_sealed() => row.into_clear()?,
        row => row.into_stored()?,
    };
    let Json::Object(json) = json else { return Err(Error::integrity()) };
    Ok(Some(Record(from_json(json)?)))
}

/// Reasons of one document that are told apart.
const MOST_REASONS: usize = 64;
