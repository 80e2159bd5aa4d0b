//! Audit logs of others: what is no whole chain is refused, and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_core::audit::{ChainHead, ChainVerifier};
use privet_core::dbesdk::Described;

fuzz_target!(|input: &[u8]| {
    let mut verifier = ChainVerifier::new(None, None).unwrap();
    verifier.file();
    let found = input.split(|byte| *byte == b'\n').try_for_each(|line| verifier.line(line));
    if found.is_ok()
        && let Ok(report) = verifier.finish()
        && !report.head.is_empty()
    {
        assert_eq!(ChainHead::parse(&report.head).unwrap().to_string(), report.head);
    }
    let _ = Described::read(input);
});
