//! TransactWriteItems.

use std::sync::Arc;

use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsOutput};
use aws_sdk_dynamodb::types::{
    ConditionCheck, Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use privet_core::ErrorKind;
use privet_core::protector::{Protector, Resource};
use privet_core::value::Map;

use super::updating::{Expect, Read, Updating, never};
use super::{Scope, SendProtected, seal};
use crate::backoff::Backoff;
use crate::check;
use crate::convert::{from_item, from_item_ref};
use crate::error::{CancellationReason, Error, Item, Result};
use crate::expression::{Condition, Placeholders, Writer};

impl SendProtected for TransactWriteItemsFluentBuilder {
    type Output = TransactWriteItemsOutput;

    async fn send_protected(self, privet: &Protector) -> Result<TransactWriteItemsOutput> {
        transact_write(&Scope::new(privet), self).await
    }
}

/// Writes a transaction. Updates of sealed values and puts of versions start from what is there, which is read by a
/// transaction that cannot succeed; if others change it meanwhile it is tried again, a few times.
pub(crate) async fn transact_write(
    scope: &Scope<'_>,
    call: TransactWriteItemsFluentBuilder,
) -> Result<TransactWriteItemsOutput> {
    let given = call.get_transact_items().clone().unwrap_or_default();
    let mut steps = Vec::with_capacity(given.len());
    for item in &given {
        steps.push(Step::new(scope, item)?);
    }
    let mut found: Vec<Option<Map>> = vec![None; given.len()];
    let is_read: Vec<bool> =
        given.iter().zip(&steps).map(|(item, step)| step.is_guarded || item.update.is_some()).collect();
    if steps.iter().any(Step::needs_item) {
        found = read(&call, &given, &steps, &is_read).await?;
    }
    for tried in 1.. {
        let mut sent = Vec::with_capacity(given.len());
        let mut expected = Vec::with_capacity(given.len());
        for ((item, step), found) in given.iter().zip(&steps).zip(&found) {
            let (item, expect) = step.write(scope, item, found.as_ref(), tried == 1).await?;
            sent.push(item);
            expected.push(expect);
        }
        let mut next = call.clone().set_transact_items(Some(sent));
        if tried > 1 {
            // The bytes are others now, so that it is another request to DynamoDB.
            next = next.set_client_request_token(None);
        }
        let error = match next.send().await {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        let known = Error::from_sdk("TransactWriteItems", &error);
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(known);
        };
        let mut reasons = Vec::with_capacity(given.len());
        let (mut meanwhile, mut final_ones) = (false, false);
        for (((reason, step), expect), (item, found)) in
            cancelled.cancellation_reasons().iter().zip(&steps).zip(&expected).zip(given.iter().zip(&mut found))
        {
            let code = reason.code.clone().filter(|code| code != "None");
            let failed = code.as_deref() == Some("ConditionalCheckFailed");
            let mut opened = None;
            if let Some(expect) = expect.as_ref().filter(|_| failed) {
                *found = reason.item.clone().map(from_item).transpose()?;
                if expect.holds(&step.resource, found.as_ref()) { final_ones = true } else { meanwhile = true }
            } else if code.is_some() {
                final_ones = true;
            }
            if failed && wants_item(item) {
                opened = scope.open_some(&step.resource, reason.item.clone()).await?;
            }
            reasons.push(CancellationReason { code, item: opened });
        }
        if let Some(refused) = refusal(&call, &given, &steps, &reasons).await {
            return Err(refused);
        }
        if final_ones || !meanwhile || !Backoff::CONFLICT.wait(tried).await {
            return Err(known.with_reasons(reasons));
        }
        // The others may have changed as well.
        found = read(&call, &given, &steps, &is_read).await?;
    }
    Err(Error::new(ErrorKind::Conflict, "the items were changed by others at each try: try again later"))
}

/// What one action of a transaction is to become.
struct Step {
    resource: Arc<Resource>,
    key: Item,
    condition: Option<Condition>,
    changed: bool,
    is_guarded: bool,
}

impl Step {
    fn new(scope: &Scope<'_>, item: &TransactWriteItem) -> Result<Self> {
        let (table, text, names, values) = match item {
            TransactWriteItem { put: Some(put), .. } => (
                &put.table_name,
                put.condition_expression.as_deref(),
                &put.expression_attribute_names,
                &put.expression_attribute_values,
            ),
            TransactWriteItem { delete: Some(delete), .. } => (
                &delete.table_name,
                delete.condition_expression.as_deref(),
                &delete.expression_attribute_names,
                &delete.expression_attribute_values,
            ),
            TransactWriteItem { condition_check: Some(check), .. } => (
                &check.table_name,
                Some(check.condition_expression.as_str()),
                &check.expression_attribute_names,
                &check.expression_attribute_values,
            ),
            TransactWriteItem { update: Some(update), .. } => {
                let resource = scope.resource(Some(&update.table_name))?;
                let updating = updating(&resource, update)?;
                let is_guarded = updating.without_reading()?.is_none();
                return Ok(Self { key: update.key.clone(), resource, condition: None, changed: false, is_guarded });
            }
            _ => return Err(Error::new(ErrorKind::Input, "an action of a transaction does nothing")),
        };
        let resource = scope.resource(Some(table))?;
        let key = match item {
            TransactWriteItem { put: Some(put), .. } => {
                let key = put.item.iter().filter(|(name, _)| resource.key().contains(name));
                key.map(|(name, value)| (name.clone(), value.clone())).collect()
            }
            _ => Item::new(),
        };
        let is_guarded = item.put.is_some() && resource.is_versioned();
        let placeholders = Placeholders::new(names.as_ref(), values.as_ref());
        let checked = text.map(|text| check::condition(&resource, text, &placeholders)).transpose()?;
        let changed = checked.as_ref().is_some_and(|checked| checked.changed);
        if changed || is_guarded {
            placeholders.check_all_used()?;
        }
        Ok(Self { resource, key, condition: checked.map(|checked| checked.condition), changed, is_guarded })
    }

    fn needs_item(&self) -> bool {
        self.is_guarded
    }

    /// The action as it is sent, and what it expects of the item.
    async fn write(
        &self,
        scope: &Scope<'_>,
        item: &TransactWriteItem,
        found: Option<&Map>,
        first: bool,
    ) -> Result<(TransactWriteItem, Option<Expect>)> {
        let mut item = item.clone();
        let mut writer = Writer::default();
        if let Some(put) = &mut item.put {
            let record = from_item_ref(&put.item)?;
            let expect = self.is_guarded.then(|| Expect::of(&self.resource, found));
            let header = expect.as_ref().and_then(Expect::header);
            put.item = seal(scope.privet, &self.resource, record, header).await?;
            if let Some(expect) = &expect {
                put.condition_expression = Some(expect.condition(&self.resource, self.condition.clone(), &mut writer));
                put.return_values_on_condition_check_failure = Some(OnFailure::AllOld);
            } else if let Some(condition) = self.condition.clone().filter(|_| self.changed) {
                put.condition_expression = Some(writer.condition(condition));
            } else {
                return Ok((item, None));
            }
            (put.expression_attribute_names, put.expression_attribute_values) = writer.into_placeholders();
            return Ok((item, expect));
        }
        if let Some(update) = &mut item.update {
            let updating = updating(&self.resource, update)?;
            let written = match updating.without_reading()?.filter(|_| first) {
                Some(written) => written,
                None => {
                    let written = updating.of(scope.privet, Read::Whole, found.cloned()).await?;
                    written
                        .ok_or_else(|| Error::new(ErrorKind::Conflict, "the item was changed meanwhile: try again"))?
                }
            };
            if written.update.is_empty() {
                let check = ConditionCheck::builder()
                    .table_name(&update.table_name)
                    .set_key(Some(update.key.clone()))
                    .condition_expression(written.condition)
                    .set_expression_attribute_names(written.names)
                    .set_expression_attribute_values(written.values)
                    .return_values_on_condition_check_failure(OnFailure::AllOld);
                let check = TransactWriteItem::builder().condition_check(check.build().map_err(unbuilt)?).build();
                return Ok((check, Some(written.expect)));
            }
            update.update_expression = written.update;
            update.condition_expression = Some(written.condition);
            update.expression_attribute_names = written.names;
            update.expression_attribute_values = written.values;
            update.return_values_on_condition_check_failure = Some(OnFailure::AllOld);
            return Ok((item, Some(written.expect)));
        }
        if let Some(condition) = self.condition.clone().filter(|_| self.changed) {
            let text = writer.condition(condition);
            let (names, values) = writer.into_placeholders();
            if let Some(delete) = &mut item.delete {
                delete.condition_expression = Some(text);
                (delete.expression_attribute_names, delete.expression_attribute_values) = (names, values);
            } else if let Some(check) = &mut item.condition_check {
                check.condition_expression = text;
                (check.expression_attribute_names, check.expression_attribute_values) = (names, values);
            }
        }
        Ok((item, None))
    }
}

/// What one of the updates that DynamoDB found invalid cannot do with an item that has something sealed as one value. Only
/// the item says so.
async fn refusal(
    call: &TransactWriteItemsFluentBuilder,
    given: &[TransactWriteItem],
    steps: &[Step],
    reasons: &[CancellationReason],
) -> Option<Error> {
    let invalid = given.iter().zip(steps).zip(reasons).map(|((item, step), reason)| {
        let update = item.update.as_ref().filter(|_| reason.code.as_deref() == Some("ValidationError"))?;
        updating(&step.resource, update).ok().filter(|updating| updating.read() == Read::Header)
    });
    let invalid: Vec<_> = invalid.collect();
    let is_read: Vec<bool> = invalid.iter().map(Option::is_some).collect();
    if !is_read.contains(&true) {
        return None;
    }
    let found = read(call, given, steps, &is_read).await.ok()?;
    invalid.iter().zip(&found).find_map(|(updating, found)| updating.as_ref()?.refusal(found.as_ref()?))
}

/// The items of those actions that are to be read, of which there is at least one.
async fn read(
    call: &TransactWriteItemsFluentBuilder,
    given: &[TransactWriteItem],
    steps: &[Step],
    is_read: &[bool],
) -> Result<Vec<Option<Map>>> {
    let mut checks = Vec::new();
    for ((item, step), _) in given.iter().zip(steps).zip(is_read).filter(|(_, is_read)| **is_read) {
        let table = item.put.as_ref().map(Put::table_name).or_else(|| item.update.as_ref().map(Update::table_name));
        let (condition, names) = never(&step.resource);
        let check = ConditionCheck::builder()
            .set_table_name(table.map(str::to_owned))
            .set_key(Some(step.key.clone()))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        checks.push(TransactWriteItem::builder().condition_check(check.build().map_err(unbuilt)?).build());
    }
    let sent = call.clone().set_client_request_token(None).set_transact_items(Some(checks)).send().await;
    let Err(error) = sent else {
        return Err(Error::new(ErrorKind::Io, "DynamoDB took a write on a condition that cannot hold"));
    };
    let known = Error::from_sdk("TransactWriteItems", &error);
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return Err(known);
    };
    let reasons = cancelled.cancellation_reasons();
    if reasons.iter().any(|reason| reason.code() != Some("ConditionalCheckFailed")) {
        let reasons = reasons.iter().map(|reason| CancellationReason { code: reason.code.clone(), item: None });
        return Err(known.with_reasons(reasons.collect()));
    }
    let mut items = reasons.iter().map(|reason| reason.item.clone());
    let mut next = || Ok(items.next().flatten().map(from_item).transpose()?);
    is_read.iter().map(|is_read| if *is_read { next() } else { Ok(None) }).collect()
}

fn updating<'r>(resource: &'r Resource, update: &Update) -> Result<Updating<'r>> {
    let placeholders =
        Placeholders::new(update.expression_attribute_names.as_ref(), update.expression_attribute_values.as_ref());
    let condition = update.condition_expression.as_deref();
    Updating::new(resource, Some(&update.key), Some(&update.update_expression), condition, &placeholders)
}

fn wants_item(item: &TransactWriteItem) -> bool {
    let wanted = match item {
        TransactWriteItem { put: Some(put), .. } => &put.return_values_on_condition_check_failure,
        TransactWriteItem { delete: Some(delete), .. } => &delete.return_values_on_condition_check_failure,
        TransactWriteItem { update: Some(update), .. } => &update.return_values_on_condition_check_failure,
        TransactWriteItem { condition_check: Some(check), .. } => &check.return_values_on_condition_check_failure,
        _ => &None,
    };
    *wanted == Some(OnFailure::AllOld)
}

fn unbuilt(_: impl std::error::Error) -> Error {
    Error::new(ErrorKind::Input, "an action of a transaction lacks its table, key or condition")
}
