//! Records of privet's own format, as items and as documents.

use std::collections::BTreeMap;

use privet::record::{Header, sealed_class};
use privet::value::{Map, Path, Step, Value};
use privet::{Classification, ErrorKind};
use serde_json::{Value as Json, json};

use super::keys;

/// A record of privet's own format.
pub(super) fn stored(format: &str, header_name: &str, record: &Map) -> Json {
    let Some(Value::B(bytes)) = record.get(header_name) else {
        return json!({ "format": format, "problem": "the header is no byte string" });
    };
    let header = match Header::parse(bytes) {
        Ok(header) => header,
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return json!({ "format": format, "problem": error.to_string() });
        }
        Err(_) => return json!({ "format": format, "problem": "the header is damaged" }),
    };
    let mut sealed = Vec::new();
    for (name, value) in record.iter().filter(|(name, _)| *name != header_name) {
        find_sealed(&mut Path::from(vec![Step::Key(name.clone())]), value, &mut sealed);
    }
    let mut by_class: BTreeMap<Classification, Vec<Json>> = BTreeMap::new();
    for (path, class, bytes) in &sealed {
        by_class.entry(*class).or_default().push(json!({ "path": path, "bytes": bytes }));
    }
    let sections: Vec<Json> = header
        .sections
        .iter()
        .map(|section| {
            json!({
                "class": section.class, "keys": keys(&section.edks), "fields": by_class.remove(&section.class).unwrap_or_default(),
            })
        })
        .collect();
    let clear: Vec<&String> =
        record.iter().filter(|(name, value)| *name != header_name && is_clear(value)).map(|(name, _)| name).collect();
    let mut found = json!({
        "format": format, "version": 1, "header_bytes": bytes.len(), "integrity": if header.integrity { "record" } else { "field" },
        "record_version": header.version, "sections": sections, "in_clear": clear,
    });
    if let (false, Some(members)) = (by_class.is_empty(), found.as_object_mut()) {
        members.insert("problem".to_owned(), json!("fields are sealed under classes that the header has no keys for"));
    }
    found
}

fn find_sealed(path: &mut Path, value: &Value, found: &mut Vec<(String, Classification, usize)>) {
    if let (Some(class), Value::B(bytes)) = (sealed_class(value), value) {
        found.push((path.to_string(), class, bytes.len()));
        return;
    }
    let mut go = |step, value| {
        path.push(step);
        find_sealed(path, value, found);
        path.pop();
    };
    match value {
        Value::M(members) => members.iter().for_each(|(name, value)| go(Step::Key(name.clone()), value)),
        Value::L(values) => (0..).zip(values).for_each(|(index, value)| go(Step::Index(index), value)),
        _ => {}
    }
}

fn is_clear(value: &Value) -> bool {
    let mut found = Vec::new();
    find_sealed(&mut Path::default(), value, &mut found);
    found.is_empty()
}
