//! Many records at once. Batches are cut to DynamoDB's sizes and repeated until all of them is done.

use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use privet_core::ErrorKind;
use privet_core::schema::Protect;
use privet_core::value::to_record;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Table;
use crate::backoff::Backoff;
use crate::convert::to_item;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::send::{batch_get_all, batch_write_all};

impl<T: Protect + DeserializeOwned + 'static> Table<T> {
    /// The records of these keys, in no order; keys that have none are left out.
    ///
    /// # Errors
    ///
    /// `Throttled` if DynamoDB does not get to all of them; otherwise as [`get`](Self::get).
    pub async fn get_many(&self, keys: impl IntoIterator<Item = impl Into<Key>>) -> Result<Vec<T>> {
        let keys = keys.into_iter().map(|key| self.key(key)).collect::<Result<Vec<_>>>()?;
        let mut models = Vec::with_capacity(keys.len());
        for keys in keys.chunks(READS) {
            let request = KeysAndAttributes::builder().set_keys(Some(keys.to_vec())).consistent_read(self.consistent);
            let request = request.build().map_err(|_| Error::new(ErrorKind::Input, "a batch has no keys"))?;
            let call = self.client.batch_get_item().request_items(self.resource.table(), request);
            let output = batch_get_all(&self.scope(), call, Backoff::default()).await?;
            if output.unprocessed_keys.is_some_and(|left| !left.is_empty()) {
                return Err(unfinished());
            }
            for items in output.responses.unwrap_or_default().into_values() {
                models.extend(self.models(Some(items))?);
            }
        }
        Ok(models)
    }
}

impl<T: Protect + Serialize + 'static> Table<T> {
    /// Writes records, each over whatever has its key. Not all at once: if it fails, some may have been written.
    ///
    /// # Errors
    ///
    /// `Throttled` if DynamoDB does not get to all of them; `Unsupported` where records have versions; otherwise as
    /// [`put`](Self::put).
    pub async fn put_many<'m>(&self, models: impl IntoIterator<Item = &'m T>) -> Result<()> {
        let mut writes = Vec::new();
        for model in models {
            let put = PutRequest::builder().set_item(Some(to_item(to_record(model)?))).build();
            let put = put.map_err(|_| Error::new(ErrorKind::Input, "a put has no item"))?;
            writes.push(WriteRequest::builder().put_request(put).build());
        }
        self.write_many(&writes).await
    }
}

impl<T> Table<T> {
    /// Removes the records of these keys, as far as there are any.
    ///
    /// # Errors
    ///
    /// `Throttled` if DynamoDB does not get to all of them; DynamoDB's.
    pub async fn delete_many(&self, keys: impl IntoIterator<Item = impl Into<Key>>) -> Result<()> {
        let mut writes = Vec::new();
        for key in keys {
            let delete = DeleteRequest::builder().set_key(Some(self.key(key)?)).build();
            let delete = delete.map_err(|_| Error::new(ErrorKind::Input, "a delete has no key"))?;
            writes.push(WriteRequest::builder().delete_request(delete).build());
        }
        self.write_many(&writes).await
    }

    async fn write_many(&self, writes: &[WriteRequest]) -> Result<()> {
        for writes in writes.chunks(WRITES) {
            let call = self.client.batch_write_item().request_items(self.resource.table(), writes.to_vec());
            let output = batch_write_all(&self.scope(), call, Backoff::default()).await?;
            if output.unprocessed_items.is_some_and(|left| !left.is_empty()) {
                return Err(unfinished());
            }
        }
        Ok(())
    }
}

fn unfinished() -> Error {
    Error::throttled("DynamoDB did not get to all of a batch: try again later, and slower")
}

// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const READS: usize = 100;
const WRITES: usize = 25;
