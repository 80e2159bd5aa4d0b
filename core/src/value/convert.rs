//! Value trees from and to JSON and serde models.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_dynamo::AttributeValue;
use serde_json::Value as Json;

use super::{Map, Value};
use crate::error::{Error, Result};

/// The record that serde makes of a model: a value tree with a map at its root.
///
/// # Errors
///
/// `Input` if the model's `Serialize` fails or does not make a map. The message says no value.
pub fn to_record<T: Serialize>(model: &T) -> Result<Map> {
    match serde_dynamo::to_attribute_value::<_, Value>(model) {
        Ok(Value::M(record)) => Ok(record),
        Ok(_) => Err(Error::input("a record must be a struct or a map")),
        Err(_) => Err(Error::input("the model cannot be serialised into a record")),
    }
}

/// The model that serde reads from a record.
///
/// # Errors
///
/// `Input` if the record lacks what the model needs or has another type there. serde's own message may quote values,
/// so it is left out.
pub fn from_record<T: DeserializeOwned>(record: Map) -> Result<T> {
    from_value(Value::M(record))
}

/// The model that serde reads from a record, and the top-level attributes of the record that it does not know: put them
/// beside what [`to_record`] makes of the changed model, and they survive. An attribute that goes by an alias is known.
///
/// A model with `#[serde(flatten)]` swallows what it does not know without saying so: give it a flattened map for the rest.
///
/// # Errors
///
/// As [`from_record`].
pub fn from_record_with_unknown<T: DeserializeOwned>(record: Map) -> Result<(T, Map)> {
    let mut unknown = record.clone();
    let Noting { model, ignored } = from_value::<Noting<T>>(Value::M(record))?;
    unknown.retain(|name, _| ignored.contains(name));
    Ok((model, unknown))
}

/// A model, and the names of the members that it ignored.
struct Noting<T> {
    model: T,
    ignored: BTreeSet<String>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Noting<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut ignored = BTreeSet::new();
        let model = serde_ignored::deserialize(deserializer, |path| {
            if let serde_ignored::Path::Map { parent, key } = path
                && is_root(parent)
            {
                ignored.insert(key);
            }
        })?;
        Ok(Self { model, ignored })
    }
}

fn is_root(path: &serde_ignored::Path<'_>) -> bool {
    match path {
        serde_ignored::Path::Root => true,
        serde_ignored::Path::NewtypeStruct { parent } | serde_ignored::Path::Some { parent } => is_root(parent),
        _ => false,
    }
}

/// The typed value that serde reads from a value tree; errors as [`from_record`].
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_dynamo::from_attribute_value(value)
        .map_err(|_| Error::input("the stored record does not fit the model: a field is missing or has another type"))
}

impl From<AttributeValue> for Value {
    fn from(attribute: AttributeValue) -> Self {
        match attribute {
            AttributeValue::Null(_) => Self::Null,
            AttributeValue::Bool(flag) => Self::Bool(flag),
            AttributeValue::N(text) => Self::N(text),
            AttributeValue::S(text) => Self::S(text),
            AttributeValue::B(bytes) => Self::B(bytes),
            AttributeValue::Ss(texts) => Self::Ss(texts),
            AttributeValue::Ns(texts) => Self::Ns(texts),
            AttributeValue::Bs(blobs) => Self::Bs(blobs),
            AttributeValue::L(values) => Self::L(values.into_iter().map(Self::from).collect()),
            AttributeValue::M(members) => {
                Self::M(members.into_iter().map(|(name, value)| (name, Self::from(value))).collect())
            }
        }
    }
}

impl From<Value> for AttributeValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null(true),
            Value::Bool(flag) => Self::Bool(flag),
            Value::N(text) => Self::N(text),
            Value::S(text) => Self::S(text),
            Value::B(bytes) => Self::B(bytes),
            Value::Ss(texts) => Self::Ss(texts),
            Value::Ns(texts) => Self::Ns(texts),
            Value::Bs(blobs) => Self::Bs(blobs),
            Value::L(values) => Self::L(values.into_iter().map(Self::from).collect()),
            Value::M(members) => Self::M(members.into_iter().map(|(name, value)| (name, Self::from(value))).collect()),
        }
    }
}

/// JSON as a value tree: text `S`, number `N`, truth value `Bool`, null, array `L`, object `M`.
impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(flag),
            Json::Number(number) => Self::N(number.to_string()),
            Json::String(text) => Self::S(text),
            Json::Array(values) => Self::L(values.into_iter().map(Self::from).collect()),
            Json::Object(members) => {
                Self::M(members.into_iter().map(|(name, value)| (name, Self::from(value))).collect())
            }
        }
    }
}

impl Value {
    /// The value as JSON. Bytes become base64 text, sets become arrays; a number that JSON's number types cannot hold
    /// exactly becomes its decimal text, so no digit is lost.
    #[must_use]
    pub fn into_json(self) -> Json {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => Json::Bool(flag),
            Self::N(text) => json_number(text),
            Self::S(text) => Json::String(text),
            Self::B(bytes) => Json::String(BASE64_STANDARD.encode(bytes)),
            Self::Ss(texts) => texts.into_iter().map(Json::String).collect(),
            Self::Ns(texts) => texts.into_iter().map(json_number).collect(),
            Self::Bs(blobs) => blobs.into_iter().map(|blob| Json::String(BASE64_STANDARD.encode(blob))).collect(),
            Self::L(values) => values.into_iter().map(Self::into_json).collect(),
            Self::M(members) => {
                Json::Object(members.into_iter().map(|(name, value)| (name, value.into_json())).collect())
            }
        }
    }
}

fn json_number(text: String) -> Json {
    let exact =
        |number: &serde_json::Number| super::normalise(&number.to_string()).ok() == super::normalise(&text).ok();
    serde_json::from_str::<serde_json::Number>(&text).ok().filter(exact).map_or(Json::String(text), Json::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_goes_both_ways() {
        let json = json!({"a": [1, -2.5, 1e20, null, true], "b": {"c": "ü"}, "big": 18446744073709551615u64});
        assert_eq!(Value::from(json.clone()).into_json(), json);
    }

    #[test]
    fn what_a_model_does_not_know_is_told_and_an_alias_is_known() {
        #[derive(Serialize, Deserialize)]
        struct Inner {
            a: u8,
        }
        #[derive(Serialize, Deserialize)]
        struct Model {
            #[serde(alias = "mail")]
            email: String,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            phone: Option<String>,
            inner: Inner,
        }
        let record = json!({"mail": "x", "phone": "1", "inner": {"a": 1, "deep": 2}, "new": {"b": [1]}, "pin": "0"});
        let Value::M(record) = Value::from(record) else { panic!("a record") };
        let (mut model, unknown): (Model, Map) = from_record_with_unknown(record).unwrap();
        assert_eq!(unknown.keys().collect::<Vec<_>>(), ["new", "pin"]);
        // A field that the model gives up is gone; what it never knew is kept.
        model.phone = None;
        let mut changed = to_record(&model).unwrap();
        changed.extend(unknown);
        let names: Vec<_> = changed.keys().map(String::as_str).collect();
        assert_eq!(names, ["email", "inner", "new", "pin"]);
        let (again, _): (Model, Map) = from_record_with_unknown(changed).unwrap();
        assert_eq!((again.email.as_str(), again.inner.a), ("x", 1));
    }

    #[test]
    fn digits_are_not_lost() {
        let long = "12345678901234567890123456789012345678";
        assert_eq!(Value::N(long.into()).into_json(), json!(long));
        assert_eq!(Value::N("1.50".into()).into_json(), json!(1.5));
    }

    #[test]
    fn models_go_both_ways() {
        #[derive(Serialize, serde::Deserialize, PartialEq, Debug)]
        struct Model {
            a: Option<u8>,
            b: Vec<String>,
            c: bool,
        }
        let model = Model { a: None, b: vec!["x".into()], c: true };
        let record = to_record(&model).unwrap();
        assert_eq!(record.get("c"), Some(&Value::Bool(true)));
        assert_eq!(from_record::<Model>(record).unwrap(), model);
        assert!(to_record(&1).is_err());
    }
}
