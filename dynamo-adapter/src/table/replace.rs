//! Records with what was read of them, and replacing them only if they are still that.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use privet_core::ErrorKind;
use privet_core::protector;
use privet_core::schema::Protect;
use privet_core::value::{Map, Path, Value, from_record, from_record_with_unknown, to_record};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Table;
use crate::backoff::Backoff;
use crate::convert::{from_item, to_item};
use crate::error::{Error, Result};
use crate::expression::Writer;
use crate::key::Key;
use crate::send::updating::{Expect, actions, unsigned_before};
use crate::size::{check_size, item_size};

/// A record as it was read, to be replaced: [`Table::read`].
pub struct Stored<T> {
    model: T,
    // Top-level attributes that the model ignored.
    unknown: BTreeSet<String>,
    stored: protector::Stored,
}

impl<T> Stored<T> {
    /// The record version, where the resource says `versioned`.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.stored.version()
    }

    /// The record itself, given away.
    #[must_use]
    pub fn into_model(self) -> T {
        self.model
    }
}

impl<T> std::ops::Deref for Stored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.model
    }
}

/// Prints nothing of the record.
impl<T> std::fmt::Debug for Stored<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").field("version", &self.version()).finish_non_exhaustive()
    }
}

impl<T: Protect + Serialize + DeserializeOwned + 'static> Table<T> {
    /// The record of this key with what [`replace`](Self::replace) needs; `None` if there is none. The read is strongly
    /// consistent.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn read(&self, key: impl Into<Key>) -> Result<Option<Stored<T>>> {
        let get: GetItemFluentBuilder =
            self.client.get_item().table_name(self.resource.table()).set_key(Some(self.key(key)?));
        let output = get.consistent_read(true).send().await.map_err(|error| Error::from_sdk("GetItem", &error))?;
        let Some(item) = output.item else { return Ok(None) };
        let stored = self.privet.open_stored(&self.resource, from_item(item)?).await?;
        let (model, unknown) = from_record_with_unknown::<T>(stored.record().clone())?;
        Ok(Some(Stored { model, unknown: unknown.into_keys().collect(), stored }))
    }

    /// Writes `new` in place of the record that was read, if nobody changed that meanwhile. Only what differs is written;
    /// attributes that the model does not know stay as they are.
    ///
    /// # Errors
    ///
    /// `Conflict` if somebody changed the record: read it again; `Input` if `new` has another key; the protector's and
    /// DynamoDB's errors.
    pub async fn replace(&self, old: &Stored<T>, new: &T) -> Result<()> {
        // What serde wrote of the old model and not of the new one is gone; what it did not know was never its own.
        let (was, mut record) = (to_record(&old.model)?, to_record(new)?);
        for (name, value) in old.stored.record() {
            if was.contains_key(name) || record.contains_key(name) {
                continue;
            }
            record.insert(name.clone(), value.clone());
            // What is known by another name would be there twice. A model that flattens does not tell what it ignores, so
            // it is asked whether it can be read with it.
            if !old.unknown.contains(name) && from_record::<T>(record.clone()).is_err() {
                record.remove(name);
            }
        }
        let stored = old.stored.stored();
        let updated = self.privet.update_record(&self.resource, &old.stored, record).await?;
        let mut after = stored.clone();
        for (path, value) in &updated.values {
            match value {
                Some(value) => after.insert(path.root().to_owned(), value.clone()),
                None => after.remove(path.root()),
            };
        }
        check_size(item_size(stored), &after)?;
        // Of a DB-ESDK item and with record integrity the header changes with every write but that of what is left
        // unsigned. Without, an update of one field leaves it as it is: there everything that was read has to be the same.
        let expect = Expect::of(&self.resource, Some(stored));
        let is_item = matches!(expect, Expect::Item(_));
        let mut before = if !is_item && (updated.header.is_none() || self.is_field_integrity(&old.stored)) {
            self.values_of(stored).collect()
        } else {
            unsigned_before(&self.resource, &updated, stored)
        };
        for (path, _) in &updated.values {
            if !stored.contains_key(path.root()) && !before.iter().any(|(known, _)| known == path) {
                before.push((path.clone(), None));
            }
        }
        let mut writer = Writer::default();
        let condition = expect.with(before).condition(&self.resource, None, &mut writer);
        let key = stored.iter().filter(|(name, _)| self.resource.key().contains(name));
        let key = to_item(key.map(|(name, value)| (name.clone(), value.clone())).collect());
        let update = writer.update(actions(&self.resource, updated));
        let (names, values) = writer.into_placeholders();
        self.client
            .update_item()
            .table_name(self.resource.table())
            .set_key(Some(key))
            .set_update_expression(Some(update).filter(|text| !text.is_empty()))
            .condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .send()
            .await
            .map_err(|error| Error::from_sdk("UpdateItem", &error))?;
        Ok(())
    }

    /// Reads the record of this key, changes it and replaces it; again, if others change it meanwhile. `false` if there is
    /// no such record.
    ///
    /// # Errors
    ///
    /// `Conflict` if others change it at each try; otherwise as [`replace`](Self::replace).
    pub async fn modify(&self, key: impl Into<Key>, mut change: impl FnMut(&mut T)) -> Result<bool> {
        let key = key.into();
        for tried in 1.. {
            let Some(old) = self.read(key.clone()).await? else { return Ok(false) };
            let mut new: T = from_record(old.stored.record().clone())?;
            change(&mut new);
            match self.replace(&old, &new).await {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() != ErrorKind::Conflict => return Err(error),
                Err(error) => {
                    if !Backoff::CONFLICT.wait(tried).await {
                        return Err(error);
                    }
                }
            }
        }
        Ok(false)
    }

    /// Removes the record that was read, if nobody changed it meanwhile.
    ///
    /// # Errors
    ///
    /// `Conflict` if somebody did; DynamoDB's.
    pub async fn delete_read(&self, old: &Stored<T>) -> Result<()> {
        let stored = old.stored.stored();
        let key = stored.iter().filter(|(name, _)| self.resource.key().contains(name));
        let mut writer = Writer::default();
        let expect = Expect::of(&self.resource, Some(stored)).with(self.values_of(stored).collect());
        let condition = expect.condition(&self.resource, None, &mut writer);
        let (names, values) = writer.into_placeholders();
        let key = to_item(key.map(|(name, value)| (name.clone(), value.clone())).collect());
        self.client
            .delete_item()
            .table_name(self.resource.table())
            .set_key(Some(key))
            .condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .send()
            .await
            .map_err(|error| Error::from_sdk("DeleteItem", &error))?;
        Ok(())
    }

    /// All that is stored beside key and header.
    fn values_of<'a>(&'a self, stored: &'a Map) -> impl Iterator<Item = (Path, Option<Value>)> + 'a {
        let header = &self.resource.item_layout().header;
        let values = stored.iter().filter(move |(name, _)| *name != header && !self.resource.key().contains(name));
        values.map(|(name, value)| (Path::attribute(name.as_str()), Some(value.clone())))
    }

    fn is_field_integrity(&self, old: &protector::Stored) -> bool {
        let expect = Expect::of(&self.resource, Some(old.stored()));
        expect.header().is_some_and(|header| header.starts_with(&privet_core::record::Header::FIELD_INTEGRITY))
    }
}
