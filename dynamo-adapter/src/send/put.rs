//! PutItem.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use privet_core::ErrorKind;
use privet_core::protector::Protector;
use privet_core::value::Map;

use super::updating::{Expect, never};
use super::{Scope, SendProtected, seal};
use crate::backoff::Backoff;
use crate::check;
use crate::convert::{from_item, from_item_ref, to_item};
use crate::error::{Error, Item, Result};
use crate::expression::{Placeholders, Writer};

impl SendProtected for PutItemFluentBuilder {
    type Output = PutItemOutput;

    async fn send_protected(self, privet: &Protector) -> Result<PutItemOutput> {
        let empty = Item::new();
        let record = from_item_ref(self.get_item().as_ref().unwrap_or(&empty))?;
        put_item(&Scope::new(privet), self, record).await
    }
}

/// Puts an item. Where records have versions, it is read first, by a put that cannot succeed: a builder can do nothing else.
pub(crate) async fn put_item(scope: &Scope<'_>, mut put: PutItemFluentBuilder, record: Map) -> Result<PutItemOutput> {
    let resource = scope.resource(put.get_table_name().as_deref())?;
    check::legacy(&resource, "Expected", check::expected(put.get_expected().as_ref()))?;
    let mut condition = None;
    if let Some(text) = put.get_condition_expression() {
        let placeholders = Placeholders::new(
            put.get_expression_attribute_names().as_ref(),
            put.get_expression_attribute_values().as_ref(),
        );
        let checked = check::condition(&resource, text, &placeholders)?;
        if checked.changed || resource.is_versioned() {
            placeholders.check_all_used()?;
            condition = Some(checked.condition);
        }
    }
    if !resource.is_versioned() {
        let sealed = seal(scope.privet, &resource, record, None).await?;
        if let Some(condition) = condition {
            let mut writer = Writer::default();
            let text = writer.condition(condition);
            let (names, values) = writer.into_placeholders();
            put = put
                .condition_expression(text)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values);
        }
        let mut output = match put.set_item(Some(sealed)).send().await {
            Ok(output) => output,
            Err(error) => {
                let item = scope.open_some(&resource, failed_item(&error)).await?;
                return Err(Error::from_sdk("PutItem", &error).with_item(item));
            }
        };
        output.attributes = scope.open_some(&resource, output.attributes.take()).await?;
        return Ok(output);
    }

    check::no_legacy("Expected", put.get_expected().is_some(), "ConditionExpression")?;
    let key = record.iter().filter(|(name, _)| resource.key().contains(name));
    let key = to_item(key.map(|(name, value)| (name.clone(), value.clone())).collect());
    let wants_item = put.get_return_values_on_condition_check_failure().clone();
    let (text, names) = never(&resource);
    let mut next = put
        .clone()
        .set_item(Some(key))
        .condition_expression(text)
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(None);
    let mut expect = None;
    for tried in 1.. {
        let sent =
            next.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld).send().await;
        let error = match sent {
            Ok(mut output) => {
                output.attributes = scope.open_some(&resource, output.attributes.take()).await?;
                return Ok(output);
            }
            Err(error) => error,
        };
        let old = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => failed.item.clone(),
            _ => return Err(Error::from_sdk("PutItem", &error)),
        };
        let old = old.map(from_item).transpose()?;
        if expect.as_ref().is_some_and(|expect: &Expect| expect.holds(&resource, old.as_ref())) {
            let wanted = wants_item == Some(ReturnValuesOnConditionCheckFailure::AllOld);
            let item = scope.open_some(&resource, failed_item(&error).filter(|_| wanted)).await?;
            return Err(Error::from_sdk("PutItem", &error).with_item(item));
        }
        if expect.is_some() && !Backoff::CONFLICT.wait(tried).await {
            break;
        }
        let now = Expect::of(&resource, old.as_ref());
        let sealed = seal(scope.privet, &resource, record.clone(), now.header()).await?;
        let mut writer = Writer::default();
        let text = now.condition(&resource, condition.clone(), &mut writer);
        let (names, values) = writer.into_placeholders();
        next = put
            .clone()
            .set_item(Some(sealed))
            .condition_expression(text)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        expect = Some(now);
    }
    Err(Error::new(ErrorKind::Conflict, "the item was changed by others at each try: try again later"))
}

fn failed_item<R>(error: &SdkError<PutItemError, R>) -> Option<Item> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => failed.item.clone(),
        _ => None,
    }
}
