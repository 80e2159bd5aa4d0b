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
            let mut walk = Walk { root: &json, within: Vec::new(), left: MOST_LOOKED_AT };
            let mut fields = Vec::new();
            walk.enter_schema(&json, "", DEEPEST, &mut fields);
            if walk.left == 0 {
                return Err(wrong("says more of its fields than can be listed"));
            }
            fields.sort_unstable();
            fields.dedup();
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

/// Goes through a schema.
struct Walk<'a> {
    root: &'a Json,
    /// The references that are being followed: one that leads back to itself goes on without end.
    within: Vec<&'a str>,
    /// How many schemas are still looked at: few references to each other can make very many fields.
    left: u32,
}

impl<'a> Walk<'a> {
    /// The paths of the values that a schema has: `[]` for the elements of a list.
    fn enter_schema(&mut self, schema: &'a Json, path: &str, depth: u32, found: &mut Vec<String>) {
        let (Some(depth), Some(left)) = (depth.checked_sub(1), self.left.checked_sub(1)) else { return };
        self.left = left;
        let before = found.len();
        let reference = schema.get("$ref").and_then(Json::as_str).filter(|reference| !self.within.contains(reference));
        if let Some(reference) = reference
            && let Some(named) = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer))
        {
            self.within.push(reference);
            self.enter_schema(named, path, depth, found);
            self.within.pop();
        }
        for name in ["allOf", "anyOf", "oneOf"] {
            let parts = schema.get(name).and_then(Json::as_array).into_iter().flatten();
            parts.for_each(|part| self.enter_schema(part, path, depth, found));
        }
        for (name, inner) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.enter_schema(inner, &path, depth, found);
        }
        if let Some(items) = schema.get("items") {
            self.enter_schema(items, &format!("{path}[]"), depth, found);
        }
        if found.len() == before && !path.is_empty() && schema.get("type").and_then(Json::as_str) != Some("null") {
            found.push(path.to_owned());
        }
    }
}

/// How deep schemas are looked into: as deep as records may be.
const DEEPEST: u32 = 32;
/// How many schemas within a schema are looked at.
const MOST_LOOKED_AT: u32 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(schema: &str) -> Outcome<Vec<String>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, schema.as_bytes()).unwrap();
        Ok(read(file.path())?.into_iter().map(|field| field.path).collect())
    }

    #[test]
    fn schemas_that_refer_to_themselves_and_each_other_come_to_an_end() {
        let person = r##"{"$ref":"#/$defs/p","$defs":{"p":{"properties":{"name":{"type":"string"},
            "mother":{"$ref":"#/$defs/p"},"father":{"$ref":"#/$defs/p"},"friends":{"items":{"$ref":"#/$defs/p"}}}}}}"##;
        assert_eq!(fields(person).unwrap(), ["father", "friends[]", "mother", "name"]);
        let twice = |index: u32| {
            let reference = format!(r##"{{"$ref":"#/$defs/{}"}}"##, index + 1);
            format!(r#""{index}":{{"properties":{{"a":{reference},"b":{reference}}}}}"#)
        };
        let doubling: Vec<String> = (0..31).map(twice).collect();
        let doubling = format!(r##"{{"$ref":"#/$defs/0","$defs":{{{},"31":{{}}}}}}"##, doubling.join(","));
        assert!(fields(&doubling).is_err());
        let both = r#"{"allOf":[{"properties":{"a":{"items":{}}}},{"properties":{"a":{"items":{}},"b":{}}}]}"#;
        assert_eq!(fields(both).unwrap(), ["a[]", "b"]);
    }
}
