//! Queries and scans that give models.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use futures_util::stream::{self, Stream, TryStreamExt as _};
use privet_core::ErrorKind;
use privet_core::schema::Protect;
use privet_core::value::from_record;
use serde::de::DeserializeOwned;

use super::Table;
use crate::convert::from_item;
use crate::error::{Error, Item, Result};
use crate::key::Key;
use crate::send::{Scope, check_progress};

/// The records of one partition: [`Table::query`].
#[must_use = "nothing happens before `stream` or `all`"]
pub struct Query<'t, T> {
    table: &'t Table<T>,
    call: Result<QueryFluentBuilder>,
}

/// All records of a table, or a segment of them: [`Table::scan`].
#[must_use = "nothing happens before `stream` or `all`"]
pub struct Scan<'t, T> {
    table: &'t Table<T>,
    call: ScanFluentBuilder,
}

impl<T: Protect + DeserializeOwned + 'static> Table<T> {
    /// The records with this partition key, in the order of their sort keys.
    pub fn query(&self, partition: impl Into<Key>) -> Query<'_, T> {
        let values = partition.into().into_values();
        let [value] = values.as_slice() else {
            let error = Error::new(ErrorKind::Input, "a query takes the partition key alone");
            return Query { table: self, call: Err(error) };
        };
        let name = self.resource.key().first().cloned().unwrap_or_default();
        let call = self
            .client
            .query()
            .table_name(self.resource.table())
            .consistent_read(self.consistent)
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", name)
            .expression_attribute_values(":partition", value.clone());
        Query { table: self, call: Ok(call) }
    }

    /// All records.
    pub fn scan(&self) -> Scan<'_, T> {
        let call = self.client.scan().table_name(self.resource.table()).consistent_read(self.consistent);
        Scan { table: self, call }
    }

    pub(super) fn models(&self, items: Option<Vec<Item>>) -> Result<Vec<T>> {
        let items = items.unwrap_or_default().into_iter();
        items.map(|item| Ok(from_record(from_item(item)?)?)).collect()
    }
}

impl<'t, T: Protect + DeserializeOwned + Send + 'static> Query<'t, T> {
    /// The greatest sort key first.
    pub fn descending(mut self) -> Self {
        self.call = self.call.map(|call| call.scan_index_forward(false));
        self
    }

    /// Only sort keys that begin with this text.
    pub fn sort_begins_with(mut self, prefix: impl Into<String>) -> Self {
        let sort = self.table.resource.key().get(1).cloned();
        self.call = self.call.and_then(|call| {
            let sort = sort.ok_or_else(|| Error::new(ErrorKind::Input, "the table has no sort key"))?;
            Ok(call
                .key_condition_expression("#partition = :partition AND begins_with(#sort, :sort)")
                .expression_attribute_names("#sort", sort)
                .expression_attribute_values(":sort", aws_sdk_dynamodb::types::AttributeValue::S(prefix.into())))
        });
        self
    }

    /// How many items a page has at most.
    pub fn page_size(mut self, items: i32) -> Self {
        self.call = self.call.map(|call| call.limit(items));
        self
    }

    /// One record after the other; pages are read as they are needed.
    pub fn stream(self) -> impl Stream<Item = Result<T>> + Send + 't {
        let table = self.table;
        let pages = stream::try_unfold(Some(self.call), move |next| async move {
            let Some(call) = next.transpose()? else { return Ok::<_, Error>(None) };
            let scope = Scope::of(&table.privet, &table.resource);
            let page = crate::send::query(&scope, call.clone()).await?;
            let last = page.last_evaluated_key.filter(|key| !key.is_empty());
            check_progress(call.get_exclusive_start_key().as_ref(), last.as_ref())?;
            let next = last.map(|key| Ok(call.set_exclusive_start_key(Some(key))));
            Ok(Some((stream::iter(table.models(page.items)?.into_iter().map(Ok)), next)))
        });
        pages.try_flatten()
    }

    /// All of them.
    ///
    /// # Errors
    ///
    /// The first one's: `Denied`, `Integrity`, `Input` as [`Table::get`]; DynamoDB's.
    pub async fn all(self) -> Result<Vec<T>> {
        self.stream().try_collect().await
    }
}

impl<'t, T: Protect + DeserializeOwned + Send + 'static> Scan<'t, T> {
    /// Only one of several segments, which may be read at the same time.
    pub fn segment(mut self, segment: i32, of: i32) -> Self {
        self.call = self.call.segment(segment).total_segments(of);
        self
    }

    /// How many items a page has at most.
    pub fn page_size(mut self, items: i32) -> Self {
        self.call = self.call.limit(items);
        self
    }

    /// One record after the other; pages are read as they are needed.
    pub fn stream(self) -> impl Stream<Item = Result<T>> + Send + 't {
        let table = self.table;
        let pages = stream::try_unfold(Some(self.call), move |next| async move {
            let Some(call) = next else { return Ok::<_, Error>(None) };
            let scope = Scope::of(&table.privet, &table.resource);
            let page = crate::send::scan(&scope, call.clone()).await?;
            let last = page.last_evaluated_key.filter(|key| !key.is_empty());
            check_progress(call.get_exclusive_start_key().as_ref(), last.as_ref())?;
            let next = last.map(|key| call.set_exclusive_start_key(Some(key)));
            Ok(Some((stream::iter(table.models(page.items)?.into_iter().map(Ok)), next)))
        });
        pages.try_flatten()
    }

    /// All of them.
    ///
    /// # Errors
    ///
    /// As [`Query::all`].
    pub async fn all(self) -> Result<Vec<T>> {
        self.stream().try_collect().await
    }
}
