//! A line of JSON read straight into a record is what reading the document first makes of it, and is written back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_core::record::{from_json, read_json, to_json, write_json};
use serde_json::Value as Json;

fuzz_target!(|text: &[u8]| {
    let document = match serde_json::from_slice(text) {
        Ok(Json::Object(document)) => from_json(document).ok(),
        _ => None,
    };
    let read = read_json(text).ok();
    assert_eq!(read, document);
    let Some(record) = read else { return };
    let mut written = Vec::new();
    write_json(&record, &mut written).unwrap();
    let again: Json = serde_json::from_slice(&written).unwrap();
    assert_eq!(again, Json::Object(to_json(record.clone()).unwrap()));
    assert_eq!(read_json(&written).unwrap(), record);
});
