//! Any bytes are lines of an export that are read or refused, and the reader comes to its end; with and without gzip.

#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_dynamodb::{ExportLines, read_manifest};

fuzz_target!(|input: &[u8]| {
    let newlines = input.iter().filter(|byte| **byte == b'\n').count();
    assert!(ExportLines::plain(input).count() <= newlines + 1);
    let mut last = 0;
    for line in ExportLines::gzip(input) {
        assert!(line.number > last);
        last = line.number;
    }
    let _ = read_manifest(input);
});
