//! BatchGetItem.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemFluentBuilder;
use privet_core::ErrorKind;
use privet_core::protector::{Protector, Resource};

use super::{Reading, Scope, SendProtected};
use crate::backoff::Backoff;
use crate::check;
use crate::error::{Error, Result};
use crate::expression::Placeholders;

impl SendProtected for BatchGetItemFluentBuilder {
    type Output = BatchGetItemOutput;

    async fn send_protected(self, privet: &Protector) -> Result<BatchGetItemOutput> {
        batch_get(&Scope::new(privet), self).await
    }
}

async fn batch_get(scope: &Scope<'_>, call: BatchGetItemFluentBuilder) -> Result<BatchGetItemOutput> {
    let given = call.get_request_items().clone().unwrap_or_default();
    let mut readings: HashMap<String, (Arc<Resource>, Reading)> = HashMap::with_capacity(given.len());
    let mut sent = HashMap::with_capacity(given.len());
    for (table, keys) in &given {
        let resource = scope.resource(Some(table))?;
        check::no_legacy("AttributesToGet", keys.attributes_to_get.is_some(), "ProjectionExpression")?;
        let placeholders = Placeholders::new(keys.expression_attribute_names.as_ref(), None);
        let mut reading = Reading::new(&resource, keys.projection_expression.as_deref(), &[], &placeholders)?;
        let mut request = keys.clone();
        if let Some(anew) = reading.anew.take() {
            request.projection_expression = anew.projection;
            request.expression_attribute_names = anew.names;
        }
        sent.insert(table.clone(), request);
        readings.insert(table.clone(), (resource, reading));
    }
    let sent = call.set_request_items(Some(sent)).send().await;
    let mut output = sent.map_err(|error| Error::from_sdk("BatchGetItem", &error))?;
    for (table, items) in output.responses.iter_mut().flatten() {
        let (resource, reading) = readings.get(table).ok_or_else(|| {
            Error::new(ErrorKind::Io, "DynamoDB gave items of a table that was not asked for under this name")
        })?;
        *items = reading.open_all(scope, resource, Some(std::mem::take(items))).await?.unwrap_or_default();
    }
    // As the caller gave it: with the projection that was asked for.
    for (table, keys) in output.unprocessed_keys.iter_mut().flatten() {
        let Some(given) = given.get(table) else { continue };
        keys.projection_expression.clone_from(&given.projection_expression);
        keys.expression_attribute_names.clone_from(&given.expression_attribute_names);
    }
    Ok(output)
}

/// A batch of reads until all of it was read.
pub trait SendAllKeys {
    /// Sends the request, and again what DynamoDB did not get to. What is left after the last try is in
    /// `unprocessed_keys`.
    ///
    /// # Errors
    ///
    /// As [`SendProtected::send_protected`].
    fn send_all_protected(
        self,
        privet: &Protector,
        backoff: Backoff,
    ) -> impl Future<Output = Result<BatchGetItemOutput>> + Send;
}

impl SendAllKeys for BatchGetItemFluentBuilder {
    async fn send_all_protected(self, privet: &Protector, backoff: Backoff) -> Result<BatchGetItemOutput> {
        batch_get_all(&Scope::new(privet), self, backoff).await
    }
}

pub(crate) async fn batch_get_all(
    scope: &Scope<'_>,
    call: BatchGetItemFluentBuilder,
    backoff: Backoff,
) -> Result<BatchGetItemOutput> {
    let mut output = batch_get(scope, call.clone()).await?;
    let mut tried = 1;
    while let Some(left) = output.unprocessed_keys.clone().filter(|left| !left.is_empty()) {
        if !backoff.wait(tried).await {
            break;
        }
        tried += 1;
        let next = match batch_get(scope, call.clone().set_request_items(Some(left))).await {
            Ok(next) => next,
            // What was read already is not thrown away.
            Err(error) if error.is_retryable() => continue,
            Err(error) => return Err(error),
        };
        let responses = output.responses.get_or_insert_default();
        for (table, items) in next.responses.unwrap_or_default() {
            responses.entry(table).or_default().extend(items);
        }
        output.unprocessed_keys = next.unprocessed_keys;
    }
    Ok(output)
}
