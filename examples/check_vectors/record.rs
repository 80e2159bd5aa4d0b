//! Vectors of the privet record format: each good record opens to what is expected, each damaged one is refused.

use std::collections::BTreeMap;

use privet::keyring::{DataKeyRequest, Keyring, MultiKeyring, RawAesKeyring};
use privet::record::{Form, Header, Integrity, Layout, RecordContext, open};
use privet::value::{Map, TypeId, Value, from_dynamodb_json, serialise_into};
use privet::{Classification, EncryptionContext, Secret};
use serde_json::Value as Json;

/// Name and result of each vector.
pub async fn check(vectors: &Json) -> Result<Vec<(String, Result<(), String>)>, String> {
    let mut results = Vec::new();
    for vector in list(vectors, "records")? {
        let result = match open_vector(vectors, vector).await {
            Ok(record) => compare(&record, vector),
            Err(why) => Err(format!("does not open: {why}")),
        };
        results.push((text(vector, "name").to_owned(), result));
    }
    for vector in list(vectors, "negative")? {
        let result = match open_vector(vectors, vector).await {
            Ok(_) => Err(format!("opens although it is damaged ({})", text(vector, "why"))),
            Err(_) => Ok(()),
        };
        results.push((text(vector, "name").to_owned(), result));
    }
    Ok(results)
}

async fn open_vector(vectors: &Json, vector: &Json) -> Result<Map, String> {
    let keyring = keyring(vectors, text(vector, "keyring"))?;
    let layout = Layout {
        header: text(vector, "header_name").to_owned(),
        key: texts(vector, "key_attributes"),
        unsigned: texts(vector, "unsigned").into_iter().collect(),
        integrity: if vector["integrity"] == true { Integrity::Record } else { Integrity::Field },
        form: Form::Item,
    };
    let item = vector["item"].as_object().ok_or("no item")?.clone();
    let stored = from_dynamodb_json(item).map_err(|error| error.to_string())?;
    let Some(Value::B(header)) = stored.get(&layout.header) else { return Err("no header".to_owned()) };
    let header = Header::parse(header).map_err(|error| error.to_string())?;
    let context = RecordContext::new(text(vector, "resource"), text(vector, "tenant"), &stored, &layout.key)
        .map_err(|error| error.to_string())?;
    let mut data_keys = BTreeMap::new();
    for section in &header.sections {
        let request = DataKeyRequest::new(encryption_context(vector, section.class));
        let secret = keyring.unwrap_data_key(&section.edks, &request).await.map_err(|error| error.to_string())?;
        data_keys.insert(section.class, secret.ok_or("no data key for this keyring")?);
    }
    let opened = open(stored, &header, |class| data_keys.get(&class), &layout, &context).map_err(|e| e.to_string())?;
    // A good vector says what it sealed and at which version.
    if let Some(expected) = vector["sealed"].as_array().filter(|_| vector["expected"].is_object()) {
        let mut found: Vec<Json> = opened.sealed.iter().map(|(path, class)| sealed_json(path, *class)).collect();
        let mut expected = expected.clone();
        found.sort_by_key(Json::to_string);
        expected.sort_by_key(Json::to_string);
        if found != expected || header.version != vector["version"].as_u64() {
            return Err("other values are sealed, or the version is another".to_owned());
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

fn sealed_json(path: &privet::value::Path, class: Classification) -> Json {
    let steps: Vec<Json> = path
        .steps()
        .iter()
        .map(|step| match step {
            privet::value::Step::Key(name) => Json::from(name.as_str()),
            privet::value::Step::Index(index) => Json::from(*index),
        })
        .collect();
    serde_json::json!([steps, class.as_str()])
}

fn compare(record: &Map, vector: &Json) -> Result<(), String> {
    let expected = vector["expected"].as_object().ok_or("nothing expected")?.clone();
    let expected = from_dynamodb_json(expected).map_err(|error| error.to_string())?;
    if !record.keys().eq(expected.keys()) {
        return Err("other attributes than expected".to_owned());
    }
    for ((name, value), wanted) in record.iter().zip(expected.values()) {
        if canonical(value) != canonical(wanted) {
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

fn keyring(vectors: &Json, name: &str) -> Result<Box<dyn Keyring>, String> {
    let key = &vectors["keys"][name];
    match text(key, "kind") {
        "raw-aes" => {
            let digits = text(key, "key_hex");
            let bytes: Option<Vec<u8>> = (0..digits.len() / 2)
                .map(|i| digits.get(2 * i..2 * i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
                .collect();
            let secret = Secret::copy_of(&bytes.ok_or("the key is not hexadecimal")?);
            RawAesKeyring::new(text(key, "namespace"), key["name"].as_str().unwrap_or(name), &secret)
                .map(|keyring| Box::new(keyring) as Box<dyn Keyring>)
                .map_err(|error| error.to_string())
        }
        "multi" => {
            let mut children = texts(key, "children").into_iter().map(|child| keyring(vectors, &child));
            let first = children.next().ok_or("a multi keyring without keyrings")??;
            children
                .try_fold(MultiKeyring::new(first), |multi, child| Ok(multi.with(child?)))
                .map(|multi| Box::new(multi) as _)
        }
        _ => Err("a kind of key that this program does not know".to_owned()),
    }
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
