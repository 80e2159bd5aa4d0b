//! UpdateItem.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use privet_core::ErrorKind;
use privet_core::dbesdk;
use privet_core::protector::{Protector, Resource};
use privet_core::value::Map;

use super::updating::{Read, Updating, check_places, never};
use super::{Scope, SendProtected};
use crate::backoff::Backoff;
use crate::check;
use crate::convert::{from_item, to_item};
use crate::error::{Error, Item, Result};
use crate::expression::{Placeholders, project};

impl SendProtected for UpdateItemFluentBuilder {
    type Output = UpdateItemOutput;

    async fn send_protected(self, privet: &Protector) -> Result<UpdateItemOutput> {
        update_item(&Scope::new(privet), self, Source::Builder).await
    }
}

/// How the item is read before it is updated.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// By an update that cannot succeed: a builder can do nothing else.
    Builder,
    /// By GetItem, no more of it than is needed.
    Client(&'a Client),
}

/// Updates an item. If others change it meanwhile it is tried again, a few times.
pub(crate) async fn update_item(
    scope: &Scope<'_>,
    call: UpdateItemFluentBuilder,
    source: Source<'_>,
) -> Result<UpdateItemOutput> {
    let resource = scope.resource(call.get_table_name().as_deref())?;
    check::no_legacy("AttributeUpdates", call.get_attribute_updates().is_some(), "UpdateExpression")?;
    check::no_legacy("Expected", call.get_expected().is_some(), "ConditionExpression")?;
    let updating = {
        let placeholders = Placeholders::new(
            call.get_expression_attribute_names().as_ref(),
            call.get_expression_attribute_values().as_ref(),
        );
        let (update, condition) = (call.get_update_expression(), call.get_condition_expression());
        Updating::new(&resource, call.get_key().as_ref(), update.as_deref(), condition.as_deref(), &placeholders)?
    };
    let wants_item = call.get_return_values_on_condition_check_failure().clone();
    let wanted = call.get_return_values().clone();
    let whole = match &wanted {
        Some(ReturnValue::UpdatedNew) => Some(ReturnValue::AllNew),
        Some(ReturnValue::UpdatedOld) => Some(ReturnValue::AllOld),
        other => other.clone(),
    };
    let call = call
        .set_return_values(whole)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);

    let mut written = match updating.without_reading()? {
        Some(written) => written,
        None => {
            let (how, item) = read(&resource, &call, source, updating.read()).await?;
            match updating.of(scope.privet, how, item).await? {
                Some(written) => written,
                None => {
                    let (_, item) = read(&resource, &call, source, Read::Whole).await?;
                    updating.of(scope.privet, Read::Whole, item).await?.ok_or_else(conflict)?
                }
            }
        }
    };
    for tried in 1.. {
        let sent = call
            .clone()
            .set_update_expression(Some(written.update).filter(|text| !text.is_empty()))
            .condition_expression(written.condition)
            .set_expression_attribute_names(written.names)
            .set_expression_attribute_values(written.values)
            .send()
            .await;
        let error = match sent {
            Ok(mut output) => {
                if let Some(stored) = output.attributes.take() {
                    let mut record = scope.open(&resource, stored).await?;
                    if matches!(wanted, Some(ReturnValue::UpdatedNew | ReturnValue::UpdatedOld)) {
                        record = project(record, updating.update.paths());
                    }
                    output.attributes = Some(to_item(record)).filter(|item| !item.is_empty());
                }
                return Ok(output);
            }
            Err(error) => error,
        };
        let old = match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => failed.item.clone(),
            _ => {
                let known = Error::from_sdk("UpdateItem", &error);
                if known.code() != Some("ValidationException") || updating.read() == Read::Whole {
                    return Err(known);
                }
                // Only the item says whether it was one of its values.
                let item = read(&resource, &call, source, Read::Whole).await.ok().and_then(|(_, item)| item);
                return Err(item.and_then(|item| updating.refusal(&item)).unwrap_or(known));
            }
        };
        let record = old.clone().map(from_item).transpose()?;
        if written.expect.holds(&resource, record.as_ref()) {
            record.iter().try_for_each(|record| check_places(&written.in_place, record))?;
            let asked = wants_item == Some(ReturnValuesOnConditionCheckFailure::AllOld);
            let item = scope.open_some(&resource, old.filter(|_| asked)).await?;
            return Err(Error::from_sdk("UpdateItem", &error).with_item(item));
        }
        if !Backoff::CONFLICT.wait(tried).await {
            break;
        }
        written = updating.of(scope.privet, Read::Whole, record).await?.ok_or_else(conflict)?;
    }
    Err(conflict())
}

/// The item as it is, and how much of it was read.
async fn read(
    resource: &Resource,
    call: &UpdateItemFluentBuilder,
    source: Source<'_>,
    how: Read,
) -> Result<(Read, Option<Map>)> {
    let item: Option<Item> = match source {
        Source::Client(client) => {
            let layout = resource.item_layout();
            let mut get = client
                .get_item()
                .set_table_name(call.get_table_name().clone())
                .set_key(call.get_key().clone())
                .consistent_read(true);
            if how == Read::Header {
                // With a key attribute, since an item that has no header is there all the same.
                let partition = layout.key.first().cloned().unwrap_or_default();
                get = get
                    .projection_expression("#h, #d, #k")
                    .expression_attribute_names("#h", &layout.header)
                    .expression_attribute_names("#d", dbesdk::HEADER)
                    .expression_attribute_names("#k", partition);
            }
            get.send().await.map_err(|error| Error::from_sdk("GetItem", &error))?.item
        }
        Source::Builder => {
            let (condition, names) = never(resource);
            let sent = call
                .clone()
                .set_update_expression(None)
                .condition_expression(condition)
                .set_expression_attribute_names(Some(names))
                .set_expression_attribute_values(None)
                .set_return_values(None)
                .send()
                .await;
            let item = match &sent {
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Some(failed.item.clone()),
                    _ => return Err(Error::from_sdk("UpdateItem", error)),
                },
                Ok(_) => None,
            };
            let item =
                item.ok_or_else(|| Error::new(ErrorKind::Io, "DynamoDB took a write on a condition that cannot hold"))?;
            return Ok((Read::Whole, item.map(from_item).transpose()?));
        }
    };
    Ok((how, item.map(from_item).transpose()?))
}

fn conflict() -> Error {
    Error::new(ErrorKind::Conflict, "the item was changed by others at each try: try again later")
}
