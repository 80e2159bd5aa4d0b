//! Batches that are done in part: the last entries of a request come back as unprocessed.

use dynoxide::types::normalize_dynamo_number;
use serde_json::{Map, Value};

/// Holds back the last `count` entries of a batch: what is left of the request, and the entries held back by table.
///
/// `None` if the request is not a batch.
pub(crate) fn hold_back(operation: &str, body: &[u8], count: usize) -> Option<(Value, Map<String, Value>)> {
    let batch = Batch::of(operation)?;
    let mut request: Value = serde_json::from_slice(body).ok()?;
    let tables = request.get_mut("RequestItems")?.as_object_mut()?;
    let mut held_back = Map::new();
    let mut left = count;
    for (table, entries) in tables.iter_mut().rev() {
        let list = batch.list(entries)?;
        let mut held = list.split_off(list.len().saturating_sub(left));
        // The service knows numbers by their value, and gives them back in a spelling of its own.
        held.iter_mut().for_each(spell_numbers);
        left -= held.len();
        if !held.is_empty() {
            // A clone, as the keys to get come with their projection.
            let mut rest = entries.clone();
            *batch.list(&mut rest)? = held;
            held_back.insert(table.clone(), rest);
        }
    }
    tables.retain(|_, entries| batch.list(entries).is_some_and(|list| !list.is_empty()));
    Some((request, held_back))
}

/// Adds the entries held back to the answer to the rest.
pub(crate) fn give_back(operation: &str, answer: &mut Value, held_back: Map<String, Value>) -> Option<()> {
    let batch = Batch::of(operation)?;
    let unprocessed = answer.as_object_mut()?.entry(batch.unprocessed()).or_insert_with(|| Value::Object(Map::new()));
    let unprocessed = unprocessed.as_object_mut()?;
    for (table, mut entries) in held_back {
        match unprocessed.get_mut(&table) {
            Some(known) => batch.list(known)?.append(batch.list(&mut entries)?),
            None => drop(unprocessed.insert(table, entries)),
        }
    }
    Some(())
}

fn spell_numbers(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let (1, Some(Value::String(number))) = (members.len(), members.get_mut("N")) {
                *number = normalize_dynamo_number(number);
            }
            members.values_mut().for_each(spell_numbers);
        }
        Value::Array(elements) => elements.iter_mut().for_each(spell_numbers),
        _ => {}
    }
}

#[derive(Clone, Copy)]
enum Batch {
    Write,
    Get,
}

impl Batch {
    fn of(operation: &str) -> Option<Self> {
        match operation {
            "BatchWriteItem" => Some(Self::Write),
            "BatchGetItem" => Some(Self::Get),
            _ => None,
        }
    }

    fn list(self, entries: &mut Value) -> Option<&mut Vec<Value>> {
        match self {
            Self::Write => entries.as_array_mut(),
            Self::Get => entries.get_mut("Keys")?.as_array_mut(),
        }
    }

    fn unprocessed(self) -> &'static str {
        match self {
            Self::Write => "UnprocessedItems",
            Self::Get => "UnprocessedKeys",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_entries_are_held_back_across_tables() {
        let body = json!({ "RequestItems": { "a": [1, 2], "b": [3, 4] } }).to_string();
        let (rest, held_back) = hold_back("BatchWriteItem", body.as_bytes(), 3).unwrap();
        assert_eq!(rest, json!({ "RequestItems": { "a": [1] } }));
        assert_eq!(Value::from(held_back.clone()), json!({ "a": [2], "b": [3, 4] }));

        let mut answer = json!({ "UnprocessedItems": { "a": [0] } });
        give_back("BatchWriteItem", &mut answer, held_back).unwrap();
        assert_eq!(answer, json!({ "UnprocessedItems": { "a": [0, 2], "b": [3, 4] } }));
    }

    #[test]
    fn numbers_come_back_as_the_service_spells_them() {
        let put = |number: &str| json!({ "PutRequest": { "Item": { "id": { "N": number }, "N": { "S": "1.0" } } } });
        let body = json!({ "RequestItems": { "a": [put("1.0"), put("1E1")] } }).to_string();
        let (_, held_back) = hold_back("BatchWriteItem", body.as_bytes(), 2).unwrap();
        assert_eq!(Value::from(held_back), json!({ "a": [put("1"), put("10")] }));
    }

    #[test]
    fn keys_keep_their_projection() {
        let body = json!({ "RequestItems": { "a": { "Keys": [1, 2], "ConsistentRead": true } } }).to_string();
        let (rest, held_back) = hold_back("BatchGetItem", body.as_bytes(), 1).unwrap();
        assert_eq!(rest, json!({ "RequestItems": { "a": { "Keys": [1], "ConsistentRead": true } } }));
        assert_eq!(Value::from(held_back), json!({ "a": { "Keys": [2], "ConsistentRead": true } }));
    }
}
