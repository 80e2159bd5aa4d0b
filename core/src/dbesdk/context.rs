//! The encryption context of an item: built from it, never stored.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::attribute::{Attribute, Mark};
use super::header::Version;
use super::table::Table;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};
use crate::value::{TypeId, Value, normalise, serialise_into};

/// The context of an item with these attributes, without what its header stores (DB-ESDK item format, section 4).
///
/// # Errors
///
/// `Input` if a key is missing or a value cannot be serialised.
pub(super) fn build(table: &Table, version: Version, attributes: &[Attribute]) -> Result<EncryptionContext> {
    let mut context = EncryptionContext::new().with(TABLE, table.name()).with(PARTITION, table.partition_key());
    if let Some(sort_key) = table.sort_key() {
        context = context.with(SORT, sort_key);
    }
    for key in table.keys() {
        if !attributes.iter().any(|attribute| attribute.name() == key) {
            return Err(Error::input(format!("the item has no key attribute `{key}`")));
        }
    }
    match version {
        Version::One => {
            for attribute in attributes.iter().filter(|attribute| table.is_key(attribute.name())) {
                context = context.with(entry(attribute), opaque(&attribute.value)?);
            }
        }
        Version::Two => {
            let mut bound: Vec<&Attribute> =
                attributes.iter().filter(|attribute| attribute.mark == Mark::Context).collect();
            bound.sort_unstable_by_key(|attribute| attribute.name());
            let mut legend = String::with_capacity(bound.len());
            for attribute in bound {
                let (value, letter) = legible(&attribute.value)?;
                context = context.with(entry(attribute), value);
                legend.push(letter);
            }
            context = context.with(LEGEND, legend);
        }
    }
    Ok(context)
}

fn entry(attribute: &Attribute) -> String {
    [ATTRIBUTE, attribute.name()].concat()
}

/// The value as version 2 has it, and the letter of its form.
fn legible(value: &Value) -> Result<(String, char)> {
    Ok(match value {
        Value::S(text) => (text.clone(), 'S'),
        Value::N(number) => (normalise(number)?, 'N'),
        Value::Null => ("null".to_owned(), 'L'),
        Value::Bool(flag) => (flag.to_string(), 'L'),
        other => (opaque(other)?, 'B'),
    })
}

/// Type and bytes in base64.
fn opaque(value: &Value) -> Result<String> {
    let mut bytes = TypeId::of(value).0.to_vec();
    serialise_into(value, &mut bytes)?;
    Ok(BASE64_STANDARD.encode(bytes))
}

/// The pair that carries the public key of a signed item; the only one of the format's own that is stored.
pub(super) const PUBLIC_KEY: &str = "aws-crypto-public-key";
/// What names of pairs begin with that are not the caller's to use.
pub(super) const RESERVED: &str = "aws-crypto-";

const TABLE: &str = "aws-crypto-table-name";
const PARTITION: &str = "aws-crypto-partition-name";
const SORT: &str = "aws-crypto-sort-name";
const ATTRIBUTE: &str = "aws-crypto-attr.";
const LEGEND: &str = "aws-crypto-legend";
