//! The bytes that a record's tags are computed over.

use super::Layout;
use super::context::append_attribute;
use crate::error::{Error, Result};
use crate::value::{Map, TypeId, serialise_into};

/// `lp16(header with zero tags)`, then for each signed attribute in byte order of its name `lp16(name) || type id ||
/// lp32(serialised stored value)` (privet record format, section 6).
///
/// `header` appends the header.
pub(super) fn signed_bytes(
    stored: &Map,
    layout: &Layout,
    header: impl FnOnce(&mut Vec<u8>) -> Result<()>,
) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(2048);
    out.extend_from_slice(&[0; 2]);
    header(&mut out)?;
    let length = u16::try_from(out.len() - 2).map_err(|_| Error::input("a header is longer than 65,535 bytes"))?;
    if let Some(place) = out.get_mut(..2) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    for (name, value) in stored {
        if *name == layout.header || layout.unsigned.contains(name) {
            continue;
        }
        append_attribute(name, TypeId::of(value), &mut out, |out| serialise_into(value, out))?;
    }
    Ok(out)
}
