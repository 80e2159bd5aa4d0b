//! Nothing that was not sealed under the key opens, whatever surrounds it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use privet_core::record::{Header, Integrity, Layout, RecordContext, SectionKey, from_json, open, seal};
use privet_core::value::{Map, Path, Value, from_dynamodb_json};
use privet_core::{Classification, EncryptedDataKey, Secret};

static DATA_KEY: LazyLock<Secret> = LazyLock::new(|| Secret::copy_of(&[7; 32]));

/// A header that is accepted for a record whose key attribute is `1`, and the sealed value it was made for.
static SEALED: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let layout = Layout { integrity: Integrity::Field, ..Layout::item(["id"]) };
    let record = Map::from([("id".into(), Value::S("1".into())), ("a".into(), Value::S("secret".into()))]);
    let context = RecordContext::new("r", "", &record, &layout.key).unwrap();
    let edks = [EncryptedDataKey { provider_id: "t".into(), provider_info: vec![1], ciphertext: vec![2] }];
    let key = SectionKey { class: Classification::Pii, data_key: &DATA_KEY, edks: &edks };
    let path = Path::attribute("a");
    let mut stored = seal(record, &[(path, Classification::Pii)], &[key], None, &layout, &context).unwrap();
    match (stored.remove("privet"), stored.remove("a")) {
        (Some(Value::B(header)), Some(Value::B(sealed))) => (header, sealed),
        _ => unreachable!(),
    }
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else { return };
    match choice % 3 {
        // A blob under a header that is good, so that the blob is all there is to refuse.
        0 => {
            let record = Map::from([("a".into(), Value::B([&[0xe1, 2], input].concat()))]);
            let opened = try_open(record, &SEALED.0, Layout::item(["id"]).key, Integrity::Field);
            assert!(!opened || [&[0xe1, 2], input].concat() == SEALED.1, "a forged value was opened");
        }
        // A header and a blob, with record integrity.
        1 => {
            let at = input.len().min(300);
            let (header, blob) = input.split_at(at);
            let record = Map::from([("a".into(), Value::B(blob.to_vec()))]);
            assert!(
                !try_open(record, header, Layout::item(["id"]).key, Integrity::Record),
                "a forged record was opened"
            );
        }
        // An item or a document of any shape under a header that is good: it may open as far as nothing is sealed.
        _ => {
            let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(input) else { return };
            let record = from_dynamodb_json(object.clone()).or_else(|_| from_json(object));
            record.map(|record| try_open(record, &SEALED.0, Vec::new(), Integrity::Field)).unwrap_or_default();
        }
    }
});

fn try_open(mut record: Map, header: &[u8], key: Vec<String>, integrity: Integrity) -> bool {
    let Ok(parsed) = Header::parse(header) else { return false };
    record.insert("id".into(), Value::S("1".into()));
    record.insert("privet".into(), Value::B(header.to_vec()));
    let layout = Layout { integrity, ..Layout::item(key) };
    let Ok(context) = RecordContext::new("r", "", &record, &layout.key) else { return false };
    open(record, &parsed, |_| Some(&DATA_KEY), &layout, &context).is_ok()
}
