//! One record in the place of what was read, and of nothing else.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use privet_bulk::{Result, Written};
use privet_core::ErrorKind;
use privet_core::record::Header;
use privet_core::value::{Map, Value};

use super::TableStore;
use crate::convert::{from_item, to_attribute};
use crate::error::Error;

impl TableStore {
    /// Updates what differs between the two, on the condition that `old` is still there.
    pub(super) async fn update(&self, old: &Map, new: &Map) -> Result<Written> {
        let (written, now) = self.send(old, new).await?;
        // A writer of plaintext may have added an attribute since the read, which no condition can exclude and the tags
        // do not know. The record goes back to what it was, with the addition, and is read again.
        if let (Written::Done { units, .. }, Some(now)) = (written, now)
            && !old.contains_key(&self.header)
            && self.has_additions(&now, new)
        {
            let (undone, _) = self.send(new, old).await?;
            let (Written::Done { units: more, .. } | Written::Conflict { units: more }) = undone;
            return Ok(Written::Conflict { units: units + more });
        }
        Ok(written)
    }

    async fn send(&self, old: &Map, new: &Map) -> Result<(Written, Option<Map>)> {
        let expression = Expression::of(old, new, self);
        let key = self.key_of(old);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression(expression.update)
            .condition_expression(expression.condition)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values).filter(|values| !values.is_empty()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = match update.send().await {
            Ok(answer) => answer,
            Err(error) => {
                if let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() {
                    // A failed condition takes what the write would have taken; the answer does not say so.
                    let units = self.units(old, new);
                    let found = failed.item.clone().map(from_item).transpose()?;
                    // An earlier try whose answer was lost.
                    let is_ours =
                        found.is_some_and(|found| new.contains_key(&self.header) && self.is_ours(&found, new));
                    return Ok((
                        if is_ours { Written::Done { units, older_versions: 0 } } else { Written::Conflict { units } },
                        None,
                    ));
                }
                let error = Error::from_sdk("UpdateItem", &error);
                // A transaction of somebody else has the item at this moment.
                if error.kind() == ErrorKind::Conflict {
                    return Ok((Written::Conflict { units: self.units(old, new) }, None));
                }
                // Who may not write this item may write none.
                return Err(privet_bulk::Error::from(error).denied_to_all());
            }
        };
        let units = answer.consumed_capacity.and_then(|capacity| capacity.capacity_units);
        let units = units.unwrap_or_else(|| self.units(old, new));
        Ok((Written::Done { units, older_versions: 0 }, answer.attributes.map(from_item).transpose()?))
    }

    /// Each header has a salt of its own: equal headers are of one write.
    fn is_ours(&self, found: &Map, new: &Map) -> bool {
        found.get(&self.header) == new.get(&self.header)
    }

    fn has_additions(&self, now: &Map, new: &Map) -> bool {
        now.keys().any(|name| !new.contains_key(name) && !self.unsigned.contains(name))
    }

    fn units(&self, old: &Map, new: &Map) -> f64 {
        privet_bulk::Store::write_units(self, &super::Item(old.clone()), new)
    }
}

/// The expressions of an update.
#[derive(Default)]
struct Expression {
    update: String,
    condition: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    fn of(old: &Map, new: &Map, store: &TableStore) -> Self {
        let mut expression = Self::default();
        let is_key = |name: &String| store.key.contains(name);
        let (mut set, mut remove, mut conditions) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in new.iter().filter(|(name, value)| !is_key(name) && old.get(*name) != Some(*value)) {
            set.push(format!("{} = {}", expression.name(name), expression.value(value)));
        }
        for name in old.keys().filter(|name| !is_key(name) && !new.contains_key(*name)) {
            remove.push(expression.name(name));
        }
        let covered = covers_the_record(old.get(&store.header));
        for (name, value) in old {
            let is_replaced = || new.get(name) != Some(value);
            let is_header = *name == store.header;
            let is_in_clear_record = !old.contains_key(&store.header) && !store.unsigned.contains(name);
            if is_header || (!is_key(name) && !covered && (is_in_clear_record || is_replaced())) {
                conditions.push(format!("{} = {}", expression.name(name), expression.value(value)));
            }
        }
        // What was not there must not have come meanwhile. A header that was not there stands for them all where there is
        // none; and the item must be there at all.
        for name in new.keys().filter(|name| !covered && !old.contains_key(*name)) {
            conditions.push(format!("attribute_not_exists({})", expression.name(name)));
        }
        if let Some(name) = store.key.first() {
            conditions.push(format!("attribute_exists({})", expression.name(name)));
        }
        if !set.is_empty() {
            expression.update.push_str(&format!("SET {}", set.join(", ")));
        }
        if !remove.is_empty() {
            expression.update.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        expression.condition = conditions.join(" AND ");
        expression
    }

    fn name(&mut self, name: &str) -> String {
        if let Some((place, _)) = self.names.iter().find(|(_, known)| *known == name) {
            return place.clone();
        }
        let place = format!("#n{}", self.names.len());
        self.names.insert(place.clone(), name.to_owned());
        place
    }

    fn value(&mut self, value: &Value) -> String {
        let place = format!(":v{}", self.values.len());
        self.values.insert(place.clone(), to_attribute(value.clone()));
        place
    }
}

/// Whether a header carries tags over the whole record: whoever changes the record by the rules changes the header.
fn covers_the_record(header: Option<&Value>) -> bool {
    matches!(header, Some(Value::B(bytes)) if Header::parse(bytes).is_ok_and(|header| header.integrity))
}
