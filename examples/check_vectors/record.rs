//! Vectors of the privet record format: each good record opens to what is expected, each damaged one is refused.

#[path = "keys.rs"]
mod keys;

use std::collections::BTreeMap;

use privet::keyring::DataKeyRequest;
use privet::record::{Form, Header, Integrity, Layout, RecordContext, from_json, open};
use privet::value::{Map, Path, Step, TypeId, Value, from_dynamodb_json, serialise_into};
use privet::{Classification, EncryptionContext};
use serde_json::Value as Json;

/// Name and result of each vector.
pub(crate) async fn check(vectors: &Json) -> Result<Vec<(String, Result<(), String>)>, String> {
    let mut results = Vec::new();
    for vector in list(vectors, "records")? {
        let result = match open_vector(vectors, vector).await {
            Ok(record) => compare(&record, vector),
            Err(Failure::Refused(why)) => Err(format!("does not open: {why}")),
            Err(Failure::Vector(why)) => Err(why),
        };
        results.push((text(vector, "name").to_owned(), result));
    }
    for vector in list(vectors, "negative")? {
        let result = match open_vector(vectors, vector).await {
            Ok(_) => Err(format!("opens although it is damaged ({})", text(vector, "why"))),
            Err(Failure::Refused(_)) => Ok(()),
            Err(Failure::Vector(why)) => Err(why),
        };
        results.push((text(vector, "name").to_owned(), result));
    }
    Ok(results)
}

/// Why a vector did not open.
enum Failure {
    /// The reader refuses it.
    Refused(String),
    /// The vector itself makes no sense, so that a refusal would prove nothing.
    Vector(String),
}

#[allow(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn refused(why: impl ToString) -> Failure {
    Failure::Refused(why.to_string())
}

async fn open_vector(vectors: &Json, vector: &Json) -> Result<Map, Failure> {
    let keyring = keys::keyring(vectors, text(vector, "keyring")).map_err(Failure::Vector)?;
    let form = if vector["form"] == "json" { Form::Json } else { Form::Item };
    let layout = Layout {
        header: text(vector, "header_name").to_owned(),
        key: texts(vector, "key_attributes"),
        unsigned: texts(vector, "unsigned").into_iter().collect(),
        integrity: if vector["integrity"] == true { Integrity::Record } else { Integrity::Field },
        form,
    };
    let stored = match (form, &vector["item"], &vector["document"]) {
        (Form::Json, Json::Null, Json::Object(document)) => from_json(document.clone()).map_err(refused)?,
        (Form::Item, Json::Object(item), Json::Null) => from_dynamodb_json(item.clone()).map_err(refused)?,
        _ => return Err(Failure::Vector("it needs an `item`, or a `document` if its form is `json`".to_owned())),
    };
    let Some(Value::B(header)) = stored.get(&layout.header) else { return Err(refused("no header")) };
    let header = Header::parse(header).map_err(refused)?;
    let context =
        RecordContext::new(text(vector, "resource"), text(vector, "tenant"), &stored, &layout.key).map_err(refused)?;
    let mut data_keys = BTreeMap::new();
    for section in &header.sections {
        let request = DataKeyRequest::new(encryption_context(vector, section.class));
        let secret = keyring.unwrap_data_key(&section.edks, &request).await.map_err(refused)?;
        data_keys.insert(section.class, secret.ok_or_else(|| refused("no data key for this keyring"))?);
    }
    let opened = open(stored, &header, |class| data_keys.get(&class), &layout, &context).map_err(refused)?;
    // A good vector says what it sealed and at which version.
    if let Some(expected) = vector["sealed"].as_array().filter(|_| vector["expected"].is_object()) {
        let mut found: Vec<Json> = opened.sealed.iter().map(|(path, class)| sealed_json(path, *class)).collect();
        let mut expected = expected.clone();
        found.sort_by_key(Json::to_string);
        expected.sort_by_key(Json::to_string);
        if found != expected || header.version != vector["version"].as_u64() {
            return Err(refused("other values are sealed, or the version is another"));
        }
    }
    Ok(opened.record)
}

fn encryption_context(vector: &Json, class: Classification) -> EncryptionContext {
    let mut context = EncryptionContext::new().with("privet:class", class.as_str());
    if !text(vector, "tenant").is_empty() {
        context = context.with("privet:tenant", text(vector, "tenant"));
    }
    for (name, value) in vector["application_context"].as_object().into_iter().flatten() {
        context = context.with(name, value.as_str().unwrap_or_default());
    }
    context
}

fn sealed_json(path: &Path, class: Classification) -> Json {
    let steps: Vec<Json> = path
        .steps()
        .iter()
        .map(|step| match step {
            Step::Key(name) => Json::from(name.as_str()),
            Step::Index(index) => Json::from(*index),
        })
        .collect();
    serde_json::json!([steps, class.as_str()])
}

fn compare(record: &Map, vector: &Json) -> Result<(), String> {
    let expected = vector["expected"].as_object().ok_or("nothing expected")?.clone();
    let expected: Map = if vector["form"] == "json" {
        expected.into_iter().map(|(name, json)| (name, Value::from(json))).collect()
    } else {
        from_dynamodb_json(expected).map_err(|error| error.to_string())?
    };
    if !record.keys().eq(expected.keys()) {
        return Err("other attributes than expected".to_owned());
    }
    for ((name, value), wanted) in record.iter().zip(expected.values()) {
        let (value, wanted) = (canonical(value), canonical(wanted));
        if value.is_none() || value != wanted {
            return Err(format!("another value than expected at `{name}`"));
        }
    }
    Ok(())
}

/// Type and bytes: sets in any order, numbers in any spelling.
fn canonical(value: &Value) -> Option<([u8; 2], Vec<u8>)> {
    let mut bytes = Vec::new();
    serialise_into(value, &mut bytes).ok()?;
    Some((TypeId::of(value).0, bytes))
}

fn list<'a>(json: &'a Json, name: &str) -> Result<&'a Vec<Json>, String> {
    json[name].as_array().ok_or(format!("no list `{name}`"))
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

fn texts(json: &Json, name: &str) -> Vec<String> {
    json[name].as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
