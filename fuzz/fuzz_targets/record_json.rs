//! A stored document that is read is written back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_core::record::{from_json, to_json};

fuzz_target!(|input: &[u8]| {
    let Ok(serde_json::Value::Object(document)) = serde_json::from_slice(input) else { return };
    if let Ok(record) = from_json(document.clone()) {
        assert_eq!(to_json(record).unwrap(), document);
    }
});
