//! What a record is bound to besides its keys: resource, tenant, and its own key attributes.

use crate::encryption_context::lp16;
use crate::error::{Error, Result};
use crate::value::{Map, TypeId, serialise_into};

/// The bytes that say which record this is (privet record format, section 2). They enter every derived key, so a field
/// that was moved to another table, tenant or key opens nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordContext(Vec<u8>);

impl RecordContext {
    /// The context of `record` in the logical table `resource`, for `tenant` (empty if there is none), with these key
    /// attributes.
    ///
    /// # Errors
    ///
    /// `Input` if a key attribute is missing or a name is longer than 65,535 bytes.
    pub fn new(resource: &str, tenant: &str, record: &Map, key: &[String]) -> Result<Self> {
        Self::write(resource, tenant, key, |name, out| {
            let value =
                record.get(name).ok_or_else(|| Error::input(format!("the record has no key attribute `{name}`")))?;
            append_attribute(name, TypeId::of(value), out, |out| serialise_into(value, out))
        })
    }

    /// The context of a record whose key attributes `attribute` appends.
    pub(super) fn write(
        resource: &str,
        tenant: &str,
        key: &[String],
        mut attribute: impl FnMut(&str, &mut Vec<u8>) -> Result<()>,
    ) -> Result<Self> {
        let mut names: Vec<&String> = key.iter().collect();
        names.sort_unstable();
        let mut out = Vec::with_capacity(128);
        lp16(MAGIC, &mut out)?;
        lp16(resource.as_bytes(), &mut out)?;
        lp16(tenant.as_bytes(), &mut out)?;
        out.push(u8::try_from(names.len()).map_err(|_| Error::config("a record has at most 255 key attributes"))?);
        for name in names {
            attribute(name, &mut out)?;
        }
        Ok(Self(out))
    }

    /// The bytes themselves.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for RecordContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordContext(..)")
    }
}

/// Appends `lp16(name) || type id || lp32(value)`: a key attribute of a context, or a signed one. `value` appends the value.
pub(super) fn append_attribute(
    name: &str,
    type_id: TypeId,
    out: &mut Vec<u8>,
    value: impl FnOnce(&mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    lp16(name.as_bytes(), out)?;
    out.extend_from_slice(&type_id.0);
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    value(out)?;
    let length = u32::try_from(out.len() - start - 4).map_err(|_| Error::input("a value is longer than 4 GiB"))?;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

const MAGIC: &[u8] = b"privet/record/1";
