//! The bytes that a record's tags are computed over.

use super::Layout;
use crate::encryption_context::lp16;
use crate::error::{Error, Result};
use crate::value::{Map, TypeId, Value, serialise_into};

/// `lp16(header with zero tags)`, then for each signed attribute in byte order of its name `lp16(name) || type id ||
/// lp32(serialised stored value)` (privet record format, section 6).
pub(super) fn signed_bytes(untagged_header: &[u8], stored: &Map, layout: &Layout) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(2048);
    lp16(untagged_header, &mut out)?;
    for (name, value) in stored {
        if *name == layout.header || layout.unsigned.contains(name) {
            continue;
        }
        lp16(name.as_bytes(), &mut out)?;
        out.extend_from_slice(&TypeId::of(value).0);
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        serialise_into(value, &mut out)?;
        let length = u32::try_from(out.len() - start - 4).map_err(|_| too_long(value))?;
        if let Some(place) = out.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(out)
}

fn too_long(value: &Value) -> Error {
    Error::input(format!("a value of type {} is longer than 4 GiB", value.type_name()))
}
