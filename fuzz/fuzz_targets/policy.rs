//! No text makes the policy reader panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_core::Policy;

fuzz_target!(|text: &str| {
    let _ = Policy::from_toml(text);
    let _ = Policy::from_json(text);
});
