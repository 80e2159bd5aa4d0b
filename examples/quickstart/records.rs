//! Records read from JSON lines: any objects, with no digit and no member lost.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use privet::value::{MAX_DEPTH, Map, Value, normalise};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::Result;

/// One line of the file.
pub(crate) struct Record {
    file: PathBuf,
    line: usize,
    key: Map,
    pub(crate) members: Map,
}

impl Record {
    /// The key attribute by itself, as DynamoDB is asked for it.
    pub(crate) fn key(&self) -> &Map {
        &self.key
    }

    /// The key as people write it.
    pub(crate) fn key_text(&self) -> String {
        self.key.values().filter_map(key_text).collect()
    }

    /// The DynamoDB name of the key's type.
    pub(crate) fn key_type(&self) -> &'static str {
        self.key.values().next().map_or("S", Value::type_name)
    }

    /// An error of this record, with its place in the file.
    pub(crate) fn error(&self, error: impl std::fmt::Display) -> Box<dyn std::error::Error> {
        at(&self.file, self.line, error)
    }
}

/// Reads all records of a file. `key` names their key attribute.
pub(crate) fn read(file: &Path, key: &[String]) -> Result<Vec<Record>> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut records: Vec<Record> = Vec::new();
    let mut lines = HashMap::new();
    for (line, bytes) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let record = read_line(bytes, key).map_err(|error| at(file, line, error))?;
        let record = Record { file: file.to_owned(), line, key: record.0, members: record.1 };
        if let Some(first) = records.first().filter(|first| first.key_type() != record.key_type()) {
            return Err(record.error(format!("the key is of another type than on line {}", first.line)));
        }
        if let Some(earlier) = lines.insert(record.key_text(), line) {
            return Err(record.error(format!("line {earlier} has the same key; name another member with `--key NAME`")));
        }
        records.push(record);
    }
    if records.is_empty() { Err(format!("{}: there are no records in it", file.display()).into()) } else { Ok(records) }
}

fn at(file: &Path, line: usize, error: impl std::fmt::Display) -> Box<dyn std::error::Error> {
    format!("{}:{line}: {error}", file.display()).into()
}

/// The key attribute and all members of one record.
fn read_line(bytes: &[u8], key: &[String]) -> Result<(Map, Map)> {
    let text = std::str::from_utf8(bytes).map_err(|_| "this is not UTF-8")?;
    let json: &RawValue = serde_json::from_str(text).map_err(|error| {
        // The parser has seen one line only.
        error.to_string().replace(" at line 1 column ", " at column ")
    })?;
    let Value::M(members) = value(json, 0)? else { return Err("a record is an object: `{...}`".into()) };
    if let Some(name) = ["privet", "$privet"].into_iter().find(|name| members.contains_key(*name)) {
        return Err(format!("`{name}` is where a sealed record has its header; rename the member").into());
    }
    let mut found = Map::new();
    for name in key {
        let value = members.get(name).ok_or_else(|| format!("there is no `{name}`; name the key with `--key NAME`"))?;
        if key_text(value).is_none_or(|text| text.is_empty()) {
            return Err(format!("the key `{name}` must be a number or a text that is not empty").into());
        }
        found.insert(name.clone(), value.clone());
    }
    Ok((found, members))
}

fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::S(text) => Some(text.clone()),
        Value::N(number) => normalise(number).ok(), // 1.0 and 1 are one key
        _ => None,
    }
}

/// The value tree of some JSON. `serde_json::Value` would do for most files: it keeps the last of two members of one
/// name, and of a number what fits into 64 bits.
fn value(json: &RawValue, depth: usize) -> Result<Value> {
    if depth > MAX_DEPTH {
        return Err(format!("a value is nested deeper than {MAX_DEPTH} levels").into());
    }
    let text = json.get();
    Ok(match text.as_bytes() {
        [b'{', ..] => {
            let Members(members) = serde_json::from_str(text).map_err(|error| without_place(&error))?;
            let members = members.into_iter().map(|(name, json)| Ok((name, value(json, depth + 1)?)));
            Value::M(members.collect::<Result<_>>()?)
        }
        [b'[', ..] => {
            let elements: Vec<&RawValue> = serde_json::from_str(text)?;
            Value::L(elements.into_iter().map(|json| value(json, depth + 1)).collect::<Result<_>>()?)
        }
        [b'"', ..] => Value::S(serde_json::from_str(text).map_err(|error| without_place(&error))?),
        [b't', ..] => Value::Bool(true),
        [b'f', ..] => Value::Bool(false),
        [b'n', ..] => Value::Null,
        _ => Value::N(text.to_owned()),
    })
}

/// The place is one inside a part of the line, which would mislead.
fn without_place(error: &serde_json::Error) -> String {
    error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
}

/// The members of an object, each name once.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Distinct;

        impl<'de> Visitor<'de> for Distinct {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members: Vec<(String, &RawValue)> = Vec::new();
                let mut seen = std::collections::HashSet::new();
                while let Some((name, json)) = map.next_entry::<String, &RawValue>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom(format!("`{name}` is there twice")));
                    }
                    members.push((name, json));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Distinct)
    }
}
