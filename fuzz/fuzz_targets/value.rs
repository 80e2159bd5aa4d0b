//! A value has one serialisation: what is read is written back byte by byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_core::value::{TypeId, deserialise, serialise_into};

fuzz_target!(|bytes: &[u8]| {
    let Some((type_id, bytes)) = bytes.split_first_chunk() else { return };
    if let Ok(value) = deserialise(TypeId(*type_id), bytes) {
        assert_eq!(TypeId::of(&value), TypeId(*type_id));
        let mut again = Vec::new();
        serialise_into(&value, &mut again).unwrap();
        assert_eq!(again, bytes);
    }
});
