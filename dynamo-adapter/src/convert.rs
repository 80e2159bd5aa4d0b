//! The SDK's items from and to value trees.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use privet_core::value::{Map, Value};
use privet_core::{Error, ErrorKind, Result};

/// The value tree of an item.
///
/// # Errors
///
/// `Unsupported` if an attribute is of a type that this release does not know.
pub fn from_item(item: HashMap<String, AttributeValue>) -> Result<Map> {
    item.into_iter().map(|(name, attribute)| Ok((name, from_attribute(attribute)?))).collect()
}

/// The item of a value tree.
#[must_use]
pub fn to_item(record: Map) -> HashMap<String, AttributeValue> {
    record.into_iter().map(|(name, value)| (name, to_attribute(value))).collect()
}

/// The value tree of an item that somebody else keeps.
pub(crate) fn from_item_ref(item: &HashMap<String, AttributeValue>) -> Result<Map> {
    item.iter().map(|(name, attribute)| Ok((name.clone(), from_attribute_ref(attribute)?))).collect()
}

/// The value of an attribute that somebody else keeps.
pub(crate) fn from_attribute_ref(attribute: &AttributeValue) -> Result<Value> {
    Ok(match attribute {
        AttributeValue::L(values) => Value::L(values.iter().map(from_attribute_ref).collect::<Result<_>>()?),
        AttributeValue::M(members) => Value::M(from_item_ref(members)?),
        AttributeValue::B(bytes) => Value::B(bytes.as_ref().to_vec()),
        leaf => from_attribute(leaf.clone())?,
    })
}

fn from_attribute(attribute: AttributeValue) -> Result<Value> {
    Ok(match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::N(number) => Value::N(number),
        AttributeValue::S(text) => Value::S(text),
        AttributeValue::B(bytes) => Value::B(bytes.into_inner()),
        AttributeValue::Ss(texts) => Value::Ss(texts),
        AttributeValue::Ns(numbers) => Value::Ns(numbers),
        AttributeValue::Bs(blobs) => Value::Bs(blobs.into_iter().map(Blob::into_inner).collect()),
        AttributeValue::L(values) => Value::L(values.into_iter().map(from_attribute).collect::<Result<_>>()?),
        AttributeValue::M(members) => Value::M(from_item(members)?),
        _ => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "an attribute is of a type that this release does not know",
            ));
        }
    })
}

pub(crate) fn to_attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(flag),
        Value::N(number) => AttributeValue::N(number),
        Value::S(text) => AttributeValue::S(text),
        Value::B(bytes) => AttributeValue::B(Blob::new(bytes)),
        Value::Ss(texts) => AttributeValue::Ss(texts),
        Value::Ns(numbers) => AttributeValue::Ns(numbers),
        Value::Bs(blobs) => AttributeValue::Bs(blobs.into_iter().map(Blob::new).collect()),
        Value::L(values) => AttributeValue::L(values.into_iter().map(to_attribute).collect()),
        Value::M(members) => AttributeValue::M(to_item(members)),
    }
}
