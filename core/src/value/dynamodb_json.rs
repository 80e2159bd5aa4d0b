//! Value trees from and to DynamoDB's own JSON: `{"S": "text"}`, `{"N": "1"}`, as exports and streams have it.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::path::MAX_DEPTH;
use super::{Map, Value};
use crate::error::{Error, Result};

/// The record that this DynamoDB JSON holds.
///
/// # Errors
///
/// `Input` if a value is not an object with one member that names a type, or its content does not fit the type.
pub fn from_dynamodb_json(item: JsonMap<String, Json>) -> Result<Map> {
    members(item, 1)
}

/// The DynamoDB JSON of a record.
#[must_use]
pub fn to_dynamodb_json(record: &Map) -> Json {
    record.iter().map(|(name, value)| (name.clone(), one_to_json(value))).collect()
}

fn members(item: JsonMap<String, Json>, depth: usize) -> Result<Map> {
    item.into_iter().map(|(name, json)| Ok((name, one_from_json(json, depth)?))).collect()
}

fn one_from_json(json: Json, depth: usize) -> Result<Value> {
    let malformed =
        || Error::input("an attribute is not in DynamoDB's JSON: `{\"S\": \"text\"}`, `{\"N\": \"1\"}`, ...");
    let Json::Object(object) = json else { return Err(malformed()) };
    let mut members_of_type = object.into_iter();
    let (Some((type_name, content)), None) = (members_of_type.next(), members_of_type.next()) else {
        return Err(malformed());
    };
    if depth > MAX_DEPTH {
        return Err(Error::input("a value is nested deeper than 32 levels"));
    }
    let texts = |content: Json| match content {
        Json::Array(values) => values.into_iter().map(text).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    let value = match (type_name.as_str(), content) {
        ("NULL", Json::Bool(true)) => Some(Value::Null),
        ("BOOL", Json::Bool(flag)) => Some(Value::Bool(flag)),
        ("N", Json::String(number)) => Some(Value::N(number)),
        ("S", Json::String(text)) => Some(Value::S(text)),
        ("B", Json::String(base64)) => bytes(base64).map(Value::B),
        ("SS", content) => texts(content).map(Value::Ss),
        ("NS", content) => texts(content).map(Value::Ns),
        ("BS", content) => {
            texts(content).and_then(|texts| texts.into_iter().map(bytes).collect::<Option<_>>()).map(Value::Bs)
        }
        ("L", Json::Array(values)) => {
            Some(Value::L(values.into_iter().map(|json| one_from_json(json, depth + 1)).collect::<Result<_>>()?))
        }
        ("M", Json::Object(item)) => Some(Value::M(members(item, depth + 1)?)),
        _ => None,
    };
    value.ok_or_else(malformed)
}

fn one_to_json(value: &Value) -> Json {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(flag) => json!({ "BOOL": flag }),
        Value::N(number) => json!({ "N": number }),
        Value::S(text) => json!({ "S": text }),
        Value::B(bytes) => json!({ "B": BASE64_STANDARD.encode(bytes) }),
        Value::Ss(texts) => json!({ "SS": texts }),
        Value::Ns(numbers) => json!({ "NS": numbers }),
        Value::Bs(blobs) => json!({ "BS": blobs.iter().map(|blob| BASE64_STANDARD.encode(blob)).collect::<Vec<_>>() }),
        Value::L(values) => json!({ "L": values.iter().map(one_to_json).collect::<Vec<_>>() }),
        Value::M(members) => json!({ "M": to_dynamodb_json(members) }),
    }
}

fn text(json: Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text),
        _ => None,
    }
}

fn bytes(base64: String) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(base64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: Json) -> Result<Map> {
        let Json::Object(item) = json else { panic!("an object is needed") };
        from_dynamodb_json(item)
    }

    #[test]
    fn goes_both_ways() {
        let item = json!({
            "a": {"S": "ü"}, "b": {"N": "1.50"}, "c": {"B": "4QI="}, "d": {"BOOL": false}, "e": {"NULL": true},
            "f": {"SS": ["x"]}, "g": {"NS": ["1"]}, "h": {"BS": ["AA=="]},
            "i": {"L": [{"S": ""}, {"M": {"j": {"N": "0"}}}]},
        });
        assert_eq!(to_dynamodb_json(&read(item.clone()).unwrap()), item);
    }

    #[test]
    fn what_is_no_item_is_refused() {
        for value in
            [json!("x"), json!({}), json!({"S": 1}), json!({"S": "a", "N": "1"}), json!({"B": "*"}), json!({"X": 1})]
        {
            assert!(read(json!({ "a": value })).is_err());
        }
        let deep = (0..40).fold(json!({"S": "x"}), |inner, _| json!({ "L": [inner] }));
        assert!(read(json!({ "a": deep })).is_err());
    }
}
