//! An item in DynamoDB's JSON that is read is written back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_core::value::{from_dynamodb_json, to_dynamodb_json};

fuzz_target!(|input: &[u8]| {
    let Ok(serde_json::Value::Object(item)) = serde_json::from_slice(input) else { return };
    if let Ok(record) = from_dynamodb_json(item.clone()) {
        assert_eq!(to_dynamodb_json(&record), serde_json::Value::Object(item));
    }
});
