//! The members of a KMS request, checked as they are read.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The members of a request.
#[derive(Debug)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map(Self).map_err(|_| malformed("the body is not a JSON object"))
    }

    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.present(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(malformed(name)),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.optional_text(name)?.ok_or_else(|| missing(name))
    }

    pub(crate) fn optional_bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(text) = self.optional_text(name)? else { return Ok(None) };
        STANDARD.decode(text).map(Some).map_err(|_| malformed(name))
    }

    /// Bytes that must be there, of a length in range.
    pub(crate) fn bytes(&self, name: &str, length: RangeInclusive<usize>) -> Result<Vec<u8>, Refusal> {
        let bytes = self.optional_bytes(name)?.ok_or_else(|| missing(name))?;
        let value = format!("at length {}", bytes.len());
        if bytes.len() < *length.start() {
            let least = format!("Member must have length greater than or equal to {}", length.start());
            return Err(Refusal::constraint(&value, name, &least));
        }
        if bytes.len() > *length.end() {
            let most = format!("Member must have length less than or equal to {}", length.end());
            return Err(Refusal::constraint(&value, name, &most));
        }
        Ok(bytes)
    }

    /// A number in range, if it is there.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.present(name) else { return Ok(None) };
        let number = value.as_i64().ok_or_else(|| malformed(name))?;
        if number < *range.start() {
            let least = format!("Member must have value greater than or equal to {}", range.start());
            return Err(Refusal::constraint(&format!("'{number}'"), name, &least));
        }
        if number > *range.end() {
            let most = format!("Member must have value less than or equal to {}", range.end());
            return Err(Refusal::constraint(&format!("'{number}'"), name, &most));
        }
        Ok(Some(number))
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.present(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// An encryption context; a missing one is an empty one.
    pub(crate) fn context(&self, name: &str) -> Result<BTreeMap<String, String>, Refusal> {
        let Some(value) = self.present(name) else { return Ok(BTreeMap::new()) };
        let pairs = value.as_object().ok_or_else(|| malformed(name))?;
        pairs
            .iter()
            .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect::<Option<_>>()
            .ok_or_else(|| malformed(name))
    }

    pub(crate) fn is_present(&self, name: &str) -> bool {
        self.present(name).is_some()
    }

    fn present(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

impl From<Value> for Params {
    fn from(value: Value) -> Self {
        Self(value.as_object().cloned().unwrap_or_default())
    }
}

/// Bytes as the protocol writes them.
pub(crate) fn base64(bytes: &[u8]) -> Value {
    Value::from(STANDARD.encode(bytes))
}

fn missing(name: &str) -> Refusal {
    Refusal::constraint("null", name, "Member must not be null")
}

fn malformed(name: &str) -> Refusal {
    Refusal::new("SerializationException", format!("cannot read `{name}`"))
}
