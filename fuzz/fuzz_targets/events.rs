//! What AWS's services hand over as JSON: events, claims of an authorizer, checkpoints that were stored.

#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_bulk::Checkpoint;
use privet_core::Principal;
use privet_lambda::{distributed_map, s3_batch};
use serde_json::Value as Json;

fuzz_target!(|input: &[u8]| {
    let Ok(json) = serde_json::from_slice::<Json>(input) else { return };
    if let Ok(principal) = Principal::from_authorizer(&json) {
        assert!(!principal.id().is_empty());
    }
    if let Ok(event) = serde_json::from_value::<s3_batch::Event>(json.clone()) {
        for task in &event.tasks {
            if let Ok(object) = task.object() {
                assert!(!object.bucket.is_empty() && !object.key.is_empty());
            }
        }
    }
    if let Ok(event) = serde_json::from_value::<distributed_map::Event>(json.clone()) {
        let _ = event.segments();
    }
    if let Ok(checkpoint) = serde_json::from_value::<Checkpoint>(json) {
        let again: Checkpoint = serde_json::from_str(&serde_json::to_string(&checkpoint).unwrap()).unwrap();
        assert_eq!(again, checkpoint);
    }
});
