//! A header that parses is written back byte by byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_core::record::Header;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = Header::parse(bytes) {
        assert_eq!(header.serialise().unwrap(), bytes);
    }
});
