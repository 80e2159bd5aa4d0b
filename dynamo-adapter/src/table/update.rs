//! Updating single fields of a record.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use privet_core::schema::{Field, Protect};
use privet_core::value::{Map, Path, Value, to_record};
use serde::Serialize;

use super::Table;
use crate::error::{Error, Result};
use crate::expression::{Action, Condition, Function, Source, Update, Writer};
use crate::key::Key;
use crate::send::{UpdateSource, update_item};
use privet_core::ErrorKind;

/// An update of single fields: [`Table::update`].
#[must_use = "nothing happens before `send`"]
pub struct UpdateRecord<'t, T> {
    table: &'t Table<T>,
    key: Key,
    actions: Result<Vec<Action>>,
    exists: bool,
}

impl<T: Protect + 'static> Table<T> {
    /// Changes single fields of the record of this key, and makes one of them if there is none.
    ///
    /// With field integrity only the header is read; with record integrity the record is read, verified and tagged anew.
    /// If others change the record meanwhile, it is tried again: no update is lost.
    pub fn update(&self, key: impl Into<Key>) -> UpdateRecord<'_, T> {
        UpdateRecord { table: self, key: key.into(), actions: Ok(Vec::new()), exists: false }
    }
}

impl<T> UpdateRecord<'_, T> {
    /// Gives a field this value.
    pub fn set<V: Serialize>(mut self, field: Field<T, V>, value: &V) -> Self {
        self.actions = self.actions.and_then(|mut actions| {
            actions.push(Action::Set(Path::attribute(field.name()), Source::Value(value_of(value)?)));
            Ok(actions)
        });
        self
    }

    /// Removes a field. A model reads it back only if it can do without: an `Option`, or a default.
    pub fn remove<V>(mut self, field: Field<T, V>) -> Self {
        if let Ok(actions) = &mut self.actions {
            actions.push(Action::Remove(Path::attribute(field.name())));
        }
        self
    }

    /// Only if there is a record of this key already.
    pub fn existing(mut self) -> Self {
        self.exists = true;
        self
    }

    /// Does it.
    ///
    /// # Errors
    ///
    /// `Conflict` if the record was to exist and does not, or others change it at each try; `Input` if a value cannot be
    /// serialised; the protector's and DynamoDB's errors.
    pub async fn send(self) -> Result<()> {
        let table = self.table;
        let (exists, actions) = (self.exists, self.actions?);
        if actions.is_empty() {
            return Err(Error::new(ErrorKind::Input, "the update changes nothing: `set` or `remove` a field"));
        }
        let call = table.client.update_item().table_name(table.resource.table()).set_key(Some(table.key(self.key)?));
        let call = request(call, table.resource.key(), actions, exists);
        update_item(&table.scope(), call, UpdateSource::Client(&table.client)).await.map(drop)
    }
}

fn request(
    call: UpdateItemFluentBuilder,
    key: &[String],
    actions: Vec<Action>,
    exists: bool,
) -> UpdateItemFluentBuilder {
    let mut writer = Writer::default();
    let condition = exists.then(|| {
        let partition = Path::attribute(key.first().cloned().unwrap_or_default());
        writer.condition(Condition::Function(Function::Exists, partition, None))
    });
    let update = writer.update(Update(actions));
    let (names, values) = writer.into_placeholders();
    call.update_expression(update)
        .set_condition_expression(condition)
        .set_expression_attribute_names(names)
        .set_expression_attribute_values(values)
}

/// What serde makes of a field's value.
pub(super) fn value_of<V: Serialize>(value: &V) -> Result<Value> {
    #[derive(Serialize)]
    struct Only<'a, V> {
        value: &'a V,
    }
    let mut record: Map = to_record(&Only { value })?;
    Ok(record.remove("value").unwrap_or(Value::Null))
}
