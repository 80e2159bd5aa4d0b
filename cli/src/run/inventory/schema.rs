//! Schema files: a JSON Schema, or the inventory of a model.

use std::path::Path;

use privet::Classification;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::exit::{Failure, Outcome};

/// A field that a schema file tells of.
pub(super) struct Field {
    pub(super) path: String,
    /// Its class, if the file says it.
    pub(super) class: Option<Classification>,
    pub(super) categories: Vec<String>,
}

/// The fields of a schema file.
pub(super) fn read(path: &Path) -> Outcome<Vec<Field>> {
    let text = std::fs::read(path).map_err(|error| Failure::io(format!("the schema `{}`", path.display()), &error))?;
    let wrong = |what: &str| Failure::failed(format!("the schema `{}` {what}", path.display()));
    let json: Json = serde_json::from_slice(&text).map_err(|error| wrong(&format!("is no JSON: {error}")))?;
    match &json {
        Json::Array(entries) => entries
            .iter()
            .map(|entry| {
                Entry::deserialize(entry).map_err(|error| wrong(&format!("is no inventory of a model: {error}")))
            })
            .map(|entry| entry.map(|Entry { path, class, categories }| Field { path, class: Some(class), categories }))
            .collect(),
        Json::Object(members) if ["properties", "$ref", "allOf"].iter().any(|name| members.contains_key(*name)) => {
            let mut fields = Vec::new();
            walk(&json, &json, "", DEEPEST, &mut fields);
            Ok(fields.into_iter().map(|path| Field { path, class: None, categories: Vec::new() }).collect())
        }
        _ => Err(wrong("is neither a JSON Schema with `properties` nor the inventory of a model")),
    }
}

/// A line of `Schema::inventory`.
#[derive(Deserialize)]
struct Entry {
    path: String,
    class: Classification,
    #[serde(default)]
    categories: Vec<String>,
}

/// The paths of the values that a schema has: `[]` for the elements of a list.
fn walk(root: &Json, schema: &Json, path: &str, depth: u32, found: &mut Vec<String>) {
    // A schema that refers to itself goes on without end.
    let Some(depth) = depth.checked_sub(1) else { return };
    let before = found.len();
    if let Some(named) =
        schema.get("$ref").and_then(Json::as_str).and_then(|name| root.pointer(name.strip_prefix('#')?))
    {
        walk(root, named, path, depth, found);
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        let parts = schema.get(name).and_then(Json::as_array).into_iter().flatten();
        parts.for_each(|part| walk(root, part, path, depth, found));
    }
    for (name, inner) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        walk(root, inner, &path, depth, found);
    }
    if let Some(items) = schema.get("items") {
        walk(root, items, &format!("{path}[]"), depth, found);
    }
    if found.len() == before && !path.is_empty() && schema.get("type").and_then(Json::as_str) != Some("null") {
        found.push(path.to_owned());
    }
    found.sort_unstable();
    found.dedup();
}

/// How deep schemas are looked into: as deep as records may be.
const DEEPEST: u32 = 32;
