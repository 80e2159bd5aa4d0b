//! Several writes that happen together or not at all.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use privet_core::ErrorKind;
use privet_core::protector::Resource;
use privet_core::schema::Protect;
use privet_core::value::to_record;
use serde::Serialize;
use std::sync::Arc;

use super::Table;
use crate::convert::to_item;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::send::{Scope, transact_write};

/// Several writes that happen together or not at all: [`Table::transact`].
#[must_use = "nothing happens before `send`"]
pub struct Transaction<'t, T> {
    table: &'t Table<T>,
    own: Vec<Arc<Resource>>,
    actions: Result<Vec<TransactWriteItem>>,
}

impl<T> Table<T> {
    /// Starts a transaction. Those of other tables can be added to it.
    pub fn transact(&self) -> Transaction<'_, T> {
        Transaction { table: self, own: vec![Arc::clone(&self.resource)], actions: Ok(Vec::new()) }
    }
}

impl<'t, T: Protect + Serialize + 'static> Transaction<'t, T> {
    /// Writes a record, over whatever has its key.
    pub fn put(self, model: &T) -> Self {
        self.add_put(model, None)
    }

    /// Writes a record if there is none of its key.
    pub fn put_new(self, model: &T) -> Self {
        self.add_put(model, Some("attribute_not_exists(#key)"))
    }

    fn add_put(self, model: &T, condition: Option<&str>) -> Self {
        self.add(|table| {
            let mut put = Put::builder().table_name(table.resource.table()).set_item(Some(to_item(to_record(model)?)));
            if let Some(condition) = condition {
                let partition = table.resource.key().first().cloned().unwrap_or_default();
                put = put.condition_expression(condition).expression_attribute_names("#key", partition);
            }
            Ok(TransactWriteItem::builder().put(put.build().map_err(unbuilt)?).build())
        })
    }
}

impl<'t, T> Transaction<'t, T> {
    /// Removes the record of this key, if there is one.
    pub fn delete(self, key: impl Into<Key>) -> Self {
        self.add(|table| {
            let delete = Delete::builder().table_name(table.resource.table()).set_key(Some(table.key(key)?));
            Ok(TransactWriteItem::builder().delete(delete.build().map_err(unbuilt)?).build())
        })
    }

    /// Any other action, as the SDK has it: an update, a condition check. It is sealed like the others.
    pub fn action(self, action: TransactWriteItem) -> Self {
        self.add(|_| Ok(action))
    }

    /// With all that the other one does. It has to be for tables of the same account and region.
    pub fn and<U>(mut self, other: Transaction<'_, U>) -> Self {
        self.own.extend(other.own);
        self.actions = self.actions.and_then(|mut actions| {
            actions.extend(other.actions?);
            Ok(actions)
        });
        self
    }

    /// Does it all.
    ///
    /// # Errors
    ///
    /// `Conflict` if a condition does not hold: [`Error::cancellation_reasons`] says which; the protector's and DynamoDB's.
    pub async fn send(self) -> Result<()> {
        let scope = Scope { privet: &self.table.privet, own: self.own };
        let call = self.table.client.transact_write_items().set_transact_items(Some(self.actions?));
        transact_write(&scope, call).await.map(drop)
    }

    fn add(mut self, action: impl FnOnce(&Table<T>) -> Result<TransactWriteItem>) -> Self {
        let table = self.table;
        self.actions = self.actions.and_then(|mut actions| {
            actions.push(action(table)?);
            Ok(actions)
        });
        self
    }
}

fn unbuilt(_: impl std::error::Error) -> Error {
    Error::new(ErrorKind::Input, "an action of a transaction lacks its item or key")
}
