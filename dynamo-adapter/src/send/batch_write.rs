//! BatchWriteItem.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::operation::batch_write_item::builders::BatchWriteItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use privet_core::ErrorKind;
use privet_core::protector::Protector;
use privet_core::value::normalise;

use super::{Scope, SendProtected, seal};
use crate::backoff::Backoff;
use crate::convert::from_item_ref;
use crate::error::{Error, Item, Result};

impl SendProtected for BatchWriteItemFluentBuilder {
    type Output = BatchWriteItemOutput;

    async fn send_protected(self, privet: &Protector) -> Result<BatchWriteItemOutput> {
        batch_write(&Scope::new(privet), self).await
    }
}

async fn batch_write(scope: &Scope<'_>, call: BatchWriteItemFluentBuilder) -> Result<BatchWriteItemOutput> {
    let given = call.get_request_items().clone().unwrap_or_default();
    let mut sent = HashMap::with_capacity(given.len());
    for (table, writes) in &given {
        let resource = scope.resource(Some(table))?;
        let mut sealed = Vec::with_capacity(writes.len());
        for write in writes {
            let Some(put) = &write.put_request else {
                sealed.push(write.clone());
                continue;
            };
            if resource.is_versioned() {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "`{}` is versioned, and a batch takes no condition on the version that was read: put items one \
                         by one or in transactions",
                        resource.name()
                    ),
                ));
            }
            let item = seal(scope.privet, &resource, from_item_ref(&put.item)?, None).await?;
            sealed.push(WriteRequest::builder().put_request(put_request(item)?).build());
        }
        sent.insert(table.clone(), sealed);
    }
    let sent = call.set_request_items(Some(sent)).send().await;
    let mut output = sent.map_err(|error| Error::from_sdk("BatchWriteItem", &error))?;
    for (table, writes) in output.unprocessed_items.iter_mut().flatten() {
        let resource = scope.resource(Some(table))?;
        for write in writes {
            let Some(put) = &mut write.put_request else { continue };
            // No two writes of a batch have the same key, so that it says which one this is.
            let same = |other: &&PutRequest| resource.key().iter().all(|key| is_same(&other.item, &put.item, key));
            let own = given.get(table).into_iter().flatten().filter_map(|write| write.put_request.as_ref()).find(same);
            *put = own
                .cloned()
                .ok_or_else(|| Error::new(ErrorKind::Io, "DynamoDB gave back an item that was not in the batch"))?;
        }
    }
    Ok(output)
}

/// Whether two items have the same value there: DynamoDB gives numbers back in a spelling of its own.
fn is_same(one: &Item, other: &Item, key: &str) -> bool {
    match (one.get(key), other.get(key)) {
        (Some(AttributeValue::N(one)), Some(AttributeValue::N(other))) => {
            one == other || normalise(one).ok().is_some_and(|one| normalise(other).ok() == Some(one))
        }
        (one, other) => one == other,
    }
}

fn put_request(item: Item) -> Result<PutRequest> {
    let built = PutRequest::builder().set_item(Some(item)).build();
    built.map_err(|_| Error::new(ErrorKind::Input, "a put in a batch has no item"))
}

/// A batch of writes until all of it was written.
pub trait SendAllWrites {
    /// Sends the request, and again what DynamoDB did not get to. What is left after the last try is in
    /// `unprocessed_items`, in clear as the caller gave it.
    ///
    /// # Errors
    ///
    /// As [`SendProtected::send_protected`], for the first try; later ones that may be repeated are.
    fn send_all_protected(
        self,
        privet: &Protector,
        backoff: Backoff,
    ) -> impl Future<Output = Result<BatchWriteItemOutput>> + Send;
}

impl SendAllWrites for BatchWriteItemFluentBuilder {
    async fn send_all_protected(self, privet: &Protector, backoff: Backoff) -> Result<BatchWriteItemOutput> {
        batch_write_all(&Scope::new(privet), self, backoff).await
    }
}

pub(crate) async fn batch_write_all(
    scope: &Scope<'_>,
    call: BatchWriteItemFluentBuilder,
    backoff: Backoff,
) -> Result<BatchWriteItemOutput> {
    let mut output = batch_write(scope, call.clone()).await?;
    let mut tried = 1;
    while let Some(left) = output.unprocessed_items.clone().filter(|left| !left.is_empty()) {
        if !backoff.wait(tried).await {
            break;
        }
        tried += 1;
        match batch_write(scope, call.clone().set_request_items(Some(left))).await {
            Ok(next) => output = next,
            Err(error) if error.is_retryable() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(output)
}
