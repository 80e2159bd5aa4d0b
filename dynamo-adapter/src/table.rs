//! Typed tables: models in, models out.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use privet_core::ErrorKind;
use privet_core::principal::Principal;
use privet_core::protector::{Protector, Resource, Unprotected};
use privet_core::schema::Protect;
use privet_core::value::{from_record, to_record};
use privet_core::view::View;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::convert::from_item;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::send::{Scope, put_item};

mod batch;
mod read;
mod replace;
mod transact;
mod update;

pub use read::{Query, Scan};
pub use replace::Stored;
pub use transact::Transaction;
pub use update::UpdateRecord;

/// Gives a [`Protector`] typed tables.
pub trait Tables {
    /// The table of a model's resource.
    ///
    /// # Errors
    ///
    /// `Config` if the model names no resource or key, or contradicts the policy.
    fn table<T: Protect + 'static>(&self, client: &Client) -> Result<Table<T>>;
}

impl Tables for Protector {
    fn table<T: Protect + 'static>(&self, client: &Client) -> Result<Table<T>> {
        let resource = self.model::<T>()?;
        if resource.key().is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                format!("`{}` names no key: write `#[protect(key = \"...\")]` on it", T::schema().name),
            ));
        }
        Ok(Table { privet: self.clone(), client: client.clone(), resource, consistent: false, model: PhantomData })
    }
}

/// A table whose records are of the model `T`: sealed on the way in, opened and verified on the way out.
pub struct Table<T> {
    privet: Protector,
    client: Client,
    resource: Arc<Resource>,
    consistent: bool,
    model: PhantomData<fn() -> T>,
}

impl<T> Table<T> {
    /// The same table with strongly consistent reads.
    #[must_use]
    pub fn consistent(mut self) -> Self {
        self.consistent = true;
        self
    }

    pub(crate) fn protector(&self) -> &Protector {
        &self.privet
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The resource whose records the table holds.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }
}

impl<T: Protect + Serialize + 'static> Table<T> {
    /// Writes a record, over whatever has its key.
    ///
    /// # Errors
    ///
    /// `Input` if it cannot be serialised or the sealed item is too large; the protector's and DynamoDB's errors.
    pub async fn put(&self, model: &T) -> Result<()> {
        put_item(&self.scope(), self.put_request(), to_record(model)?).await.map(drop)
    }

    /// Writes a record if there is none of its key.
    ///
    /// # Errors
    ///
    /// `Conflict` if there is one already; otherwise as [`put`](Self::put).
    pub async fn put_new(&self, model: &T) -> Result<()> {
        let partition_key = self.resource.key().first().cloned().unwrap_or_default();
        let put = self.put_request().condition_expression("attribute_not_exists(#key)");
        let put = put.expression_attribute_names("#key", partition_key);
        put_item(&self.scope(), put, to_record(model)?).await.map(drop)
    }

    fn put_request(&self) -> PutItemFluentBuilder {
        self.client.put_item().table_name(self.resource.table())
    }
}

impl<T: Protect + DeserializeOwned + 'static> Table<T> {
    /// The record of this key in clear, for the service itself; `None` if there is none.
    ///
    /// # Errors
    ///
    /// `Denied` if this process may not unwrap one of its classes; `Integrity` if it does not authenticate; `Input` if
    /// it does not fit the model; the protector's and DynamoDB's errors.
    pub async fn get(&self, key: impl Into<Key>) -> Result<Option<T>> {
        match self.open(key).await? {
            Some(opened) => Ok(Some(from_record(opened.complete()?)?)),
            None => Ok(None),
        }
    }
}

impl<T: Protect + 'static> Table<T> {
    /// What a caller may see of the record of this key; `None` if there is none. Classes that this process may not
    /// unwrap are withheld from everyone.
    ///
    /// # Errors
    ///
    /// The audit sink's: if it fails, nothing is shown. Otherwise as [`get`](Self::get).
    pub async fn get_as(&self, key: impl Into<Key>, principal: &Principal) -> Result<Option<View<T>>> {
        match self.open(key).await? {
            Some(opened) => Ok(Some(self.privet.view_opened(opened, principal).await?)),
            None => Ok(None),
        }
    }
}

impl<T> Table<T> {
    /// The record of this key, opened as far as this process's keys go; `None` if there is none.
    ///
    /// # Errors
    ///
    /// `Integrity` if it does not authenticate; the protector's and DynamoDB's errors.
    pub async fn open(&self, key: impl Into<Key>) -> Result<Option<Unprotected>> {
        let get = self.client.get_item().table_name(self.resource.table()).set_key(Some(self.key(key)?));
        let output =
            get.consistent_read(self.consistent).send().await.map_err(|error| Error::from_sdk("GetItem", &error))?;
        match output.item {
            Some(stored) => Ok(Some(self.privet.unprotect_record(&self.resource, from_item(stored)?).await?)),
            None => Ok(None),
        }
    }

    /// Removes the record of this key, if there is one.
    ///
    /// # Errors
    ///
    /// DynamoDB's.
    pub async fn delete(&self, key: impl Into<Key>) -> Result<()> {
        let delete = self.client.delete_item().table_name(self.resource.table()).set_key(Some(self.key(key)?));
        delete.send().await.map_err(|error| Error::from_sdk("DeleteItem", &error))?;
        Ok(())
    }

    fn scope(&self) -> Scope<'_> {
        Scope::of(&self.privet, &self.resource)
    }

    fn key(&self, key: impl Into<Key>) -> Result<HashMap<String, AttributeValue>> {
        let (names, values) = (self.resource.key(), key.into().into_values());
        if names.len() != values.len() {
            return Err(Error::new(
                ErrorKind::Input,
                format!(
                    "the key of `{}` is `{}`, but {} values were given",
                    self.resource.name(),
                    names.join(", "),
                    values.len()
                ),
            ));
        }
        Ok(names.iter().cloned().zip(values).collect())
    }
}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("resource", &self.resource.name()).finish_non_exhaustive()
    }
}
