//! Samples of stored records: which fields there are, how they are stored, and what their values look like.

use std::collections::BTreeMap;

use privet::Classification;
use privet::detect::Survey;
use privet::dynamodb::from_item;
use privet::record::{ITEM_HEADER, JSON_HEADER, from_json, sealed_class};
use privet::value::{Map, Value, from_dynamodb_json};

use super::aws::failed;
use crate::exit::Outcome;
use crate::input;
use crate::records::{Format, Reader};
use crate::session::Session;
use crate::uri::Source;

/// Records that were looked at.
pub(super) struct Sample {
    pub(super) survey: Survey,
    /// The class that each sealed field is sealed under.
    pub(super) stored: BTreeMap<String, Classification>,
    pub(super) records: u64,
    pub(super) sealed: u64,
    most: u64,
}

impl Sample {
    /// Of so many records at most; 0 is all.
    pub(super) fn of(most: u64) -> Self {
        Self { survey: Survey::new(), stored: BTreeMap::new(), records: 0, sealed: 0, most }
    }

    /// Looks at the records of a source.
    pub(super) async fn read(&mut self, session: &Session, source: &Source, format: Option<Format>) -> Outcome<()> {
        match source {
            Source::Table(name) => match session.local() {
                Some(local) => self.file(
                    session,
                    &Source::File(local.table(name)),
                    |input| Reader::new(input, Format::Jsonl),
                    true,
                ),
                None => self.table(session, name).await,
            },
            Source::Objects { bucket, prefix } => self.objects(session, bucket, prefix, format).await,
            source => {
                let format = Format::of(format, source);
                self.file(session, source, |input| Reader::new(input, format), false)
            }
        }
    }

    fn is_full(&self) -> bool {
        self.most != 0 && self.records >= self.most
    }

    fn file<R: std::io::BufRead>(
        &mut self,
        session: &Session,
        source: &Source,
        open: impl FnOnce(Box<dyn std::io::BufRead + Send>) -> Outcome<Reader<R>>,
        are_items: bool,
    ) -> Outcome<()> {
        let (input, bar) = input::open(source, session.is_quiet())?;
        self.documents(&mut open(input)?, are_items)?;
        bar.finish_and_clear();
        Ok(())
    }

    fn documents<R: std::io::BufRead>(&mut self, reader: &mut Reader<R>, are_items: bool) -> Outcome<()> {
        while !self.is_full() {
            let Some(document) = reader.next()? else { break };
            let record = if are_items {
                from_dynamodb_json(document)?
            } else if document.contains_key(JSON_HEADER) {
                from_json(document)?
            } else {
                document.into_iter().map(|(name, json)| (name, Value::from(json))).collect()
            };
            self.record(&record);
        }
        Ok(())
    }

    async fn table(&mut self, session: &Session, table: &str) -> Outcome<()> {
        let client = aws_sdk_dynamodb::Client::new(&session.aws().await?);
        let mut start = None;
        while !self.is_full() {
            let limit = if self.most == 0 { 1000 } else { (self.most - self.records).min(1000) };
            let call = client.scan().table_name(table);
            let call = call.limit(i32::try_from(limit).unwrap_or(1000)).set_exclusive_start_key(start);
            let page =
                call.send().await.map_err(|error| failed(&format!("the table `{table}` cannot be read"), &error))?;
            for item in page.items.unwrap_or_default() {
                self.record(&from_item(item)?);
            }
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Objects under the prefix, by their names: JSON lines, JSON, CSV. Others are passed over.
    async fn objects(&mut self, session: &Session, bucket: &str, prefix: &str, format: Option<Format>) -> Outcome<()> {
        let client = aws_sdk_s3::Client::new(&session.aws().await?);
        let mut token = None;
        while !self.is_full() {
            let call = client.list_objects_v2().bucket(bucket).prefix(prefix).set_continuation_token(token);
            let page = call
                .send()
                .await
                .map_err(|error| failed(&format!("the bucket `{bucket}` cannot be listed"), &error))?;
            let keys = page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
            for key in keys {
                let Some(format) = format.or_else(|| Format::by_name(key.as_ref())) else { continue };
                if self.is_full() {
                    break;
                }
                let what = || format!("the object `{key}` of `{bucket}` cannot be read");
                let object = client
                    .get_object()
                    .bucket(bucket)
                    .key(&key)
                    .send()
                    .await
                    .map_err(|error| failed(&what(), &error))?;
                let body = tokio_util::io::SyncIoBridge::new(object.body.into_async_read());
                // Reading the names of columns reads already.
                let read = || self.documents(&mut Reader::new(std::io::BufReader::new(body), format)?, false);
                tokio::task::block_in_place(read).map_err(|failure| failure.at(what()))?;
            }
            token = page.next_continuation_token;
            if token.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &Map) {
        self.records += 1;
        let is_header = |name: &str| name == JSON_HEADER || name == ITEM_HEADER;
        self.sealed += u64::from(record.keys().any(|name| is_header(name)));
        for (name, value) in record.iter().filter(|(name, _)| !is_header(name)) {
            self.value(name, value);
        }
    }

    fn value(&mut self, path: &str, value: &Value) {
        if let Some(class) = sealed_class(value) {
            self.stored.insert(path.to_owned(), class);
            return;
        }
        match value {
            Value::S(text) | Value::N(text) => self.survey.text(path, text),
            Value::Ss(texts) | Value::Ns(texts) => texts.iter().for_each(|text| self.survey.text(path, text)),
            Value::M(members) => members.iter().for_each(|(name, value)| self.value(&format!("{path}.{name}"), value)),
            Value::L(values) => values.iter().for_each(|value| self.value(&format!("{path}[]"), value)),
            Value::Null => {}
            Value::Bool(_) | Value::B(_) | Value::Bs(_) => self.survey.other(path),
        }
    }
}
