//! Stored records as JSON documents: sealed values are `{"$sealed": "..."}`, the header is `"$privet"`.

use serde_json::{Map as JsonMap, Value as Json};

use super::base64url::{decode, encode};
use super::{JSON_CLEAR, JSON_HEADER, JSON_SEALED};
use crate::error::{Error, Result};
use crate::value::{Map, Value};

/// The JSON document that stores this sealed record.
///
/// # Errors
///
/// `Input` if the record holds what JSON has no type for: clear bytes, sets, and clear numbers with more digits than
/// JSON's readers keep.
pub fn to_json(stored: Map) -> Result<JsonMap<String, Json>> {
    stored
        .into_iter()
        .map(|(name, value)| {
            let json = match value {
                Value::B(header) if name == JSON_HEADER => Json::String(encode(&header)),
                value => value_to_json(value)?,
            };
            Ok((name, json))
        })
        .collect()
}

/// The stored record that this JSON document is. A document without a header is not sealed: what looks like a mark in it is
/// its own.
///
/// # Errors
///
/// `Integrity` if what claims to be sealed, or the header, is not base64url.
pub fn from_json(document: JsonMap<String, Json>) -> Result<Map> {
    if !document.contains_key(JSON_HEADER) {
        return Ok(document.into_iter().map(|(name, json)| (name, Value::from(json))).collect());
    }
    document
        .into_iter()
        .map(|(name, json)| {
            let value = match json {
                Json::String(text) if name == JSON_HEADER => Value::B(decode(&text)?),
                _ if name == JSON_HEADER => return Err(Error::integrity()),
                json => value_from_json(json)?,
            };
            Ok((name, value))
        })
        .collect()
}

fn value_to_json(value: Value) -> Result<Json> {
    Ok(match value {
        // Class 0 is an escaped clear value, which no reader of a document takes for sealed.
        Value::B(bytes) if matches!(bytes.as_slice(), [0xe1, 1..=4, ..]) => {
            let mut object = JsonMap::new();
            object.insert(JSON_SEALED.to_owned(), Json::String(encode(&bytes)));
            Json::Object(object)
        }
        Value::B(_) | Value::Ss(_) | Value::Ns(_) | Value::Bs(_) => {
            return Err(Error::input(format!("JSON has no type for a clear value of type {}", value.type_name())));
        }
        Value::L(values) => Json::Array(values.into_iter().map(value_to_json).collect::<Result<_>>()?),
        Value::M(members) => Json::Object(
            members.into_iter().map(|(name, value)| Ok((name, value_to_json(value)?))).collect::<Result<_>>()?,
        ),
        // As text it would be another value than the one that was signed, and the document could not be opened again.
        Value::N(text) => match Value::N(text).into_json() {
            number @ Json::Number(_) => number,
            _ => return Err(Error::input("JSON cannot hold a clear number of so many digits: seal it, or write text")),
        },
        leaf => leaf.into_json(),
    })
}

fn value_from_json(json: Json) -> Result<Value> {
    Ok(match json {
        Json::Array(values) => Value::L(values.into_iter().map(value_from_json).collect::<Result<_>>()?),
        Json::Object(members) => {
            if members.len() == 1 {
                if let Some(Json::String(text)) = members.get(JSON_SEALED) {
                    return Ok(Value::B(sealed(text)?));
                }
                if let Some(Json::Object(_)) = members.get(JSON_CLEAR) {
                    return escaped(members);
                }
            }
            Value::M(members_from_json(members)?)
        }
        leaf => Value::from(leaf),
    })
}

/// `{"$clear": object}`: the object's own member is no mark, whatever its name.
fn escaped(members: JsonMap<String, Json>) -> Result<Value> {
    let mut outer = Map::new();
    for (name, json) in members {
        let inner = match json {
            Json::Object(inner) => Value::M(members_from_json(inner)?),
            other => value_from_json(other)?,
        };
        outer.insert(name, inner);
    }
    Ok(Value::M(outer))
}

fn members_from_json(members: JsonMap<String, Json>) -> Result<Map> {
    members.into_iter().map(|(name, json)| Ok((name, value_from_json(json)?))).collect()
}

fn sealed(text: &str) -> Result<Vec<u8>> {
    // An escaped clear value cannot be here, so the class is one of the four.
    decode(text).and_then(|bytes| match bytes.as_slice() {
        [0xe1, 1..=4, ..] => Ok(bytes),
        _ => Err(Error::integrity()),
    })
}
