//! What stands for a sealed value of a privet record: its key, one for each field and tenant, and its hash.

use std::fmt;

use zeroize::Zeroizing;

use super::BeaconLength;
use super::hash::first_8_bytes;
use crate::crypto::{MacKey, Secret, hkdf_sha256};
use crate::encryption_context::lp16;
use crate::error::Result;
use crate::value::{Path, TypeId, Value, serialise_into, serialised_size};

/// The key of one field's beacons, for one tenant and version.
///
/// # Security
///
/// Whoever has it can find out by trying which value a beacon of the field stands for.
pub struct FieldKey(MacKey);

impl FieldKey {
    /// Derives it: HKDF-SHA-256 of the beacon key, no salt, info `privet beacon key` || u8 version || `lp16(resource)` ||
    /// `lp16(tenant)` || path (privet record format, beacons). Two different fields, tenants, resources or versions never
    /// have the same info.
    ///
    /// # Errors
    ///
    /// `Input` if a name is longer than 65,535 bytes or the path deeper than 32 steps.
    pub fn derive(beacon_key: &Secret, version: u8, resource: &str, tenant: &str, path: &Path) -> Result<Self> {
        let mut info = place(version, resource, tenant)?;
        path.encode_into(&mut info)?;
        let key = Secret::filled(32, |out| hkdf_sha256(&[], beacon_key.expose(), &[FIELD, &info], out))?;
        MacKey::new(key.expose()).map(Self)
    }

    /// The beacon of a value: the lowest bits of the first 8 bytes of HMAC-SHA-256 over its type id and canonical bytes,
    /// in lower-case hex.
    ///
    /// # Errors
    ///
    /// `Input` if the value cannot be serialised.
    pub fn beacon(&self, value: &Value, length: BeaconLength) -> Result<String> {
        let mut input = Zeroizing::new(Vec::with_capacity(2 + serialised_size(value)));
        input.extend_from_slice(&TypeId::of(value).0);
        serialise_into(value, &mut input)?;
        Ok(length.text_of(first_8_bytes(&self.0.tag(&input))))
    }
}

impl fmt::Debug for FieldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FieldKey(..)")
    }
}

/// What the beacons of one tenant start with, so that no search of one tenant finds records of another: 16 hex digits,
/// nothing for records of no tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantTag(String);

impl TenantTag {
    /// Derives it: HKDF-SHA-256 of the beacon key, no salt, info `privet beacon tenant` || u8 version ||
    /// `lp16(resource)` || `lp16(tenant)`, 8 bytes.
    ///
    /// # Errors
    ///
    /// `Input` if a name is longer than 65,535 bytes.
    pub fn derive(beacon_key: &Secret, version: u8, resource: &str, tenant: &str) -> Result<Self> {
        if tenant.is_empty() {
            return Ok(Self(String::new()));
        }
        let mut tag = [0; 8];
        hkdf_sha256(&[], beacon_key.expose(), &[TENANT, &place(version, resource, tenant)?], &mut tag)?;
        Ok(Self(format!("{:016x}", u64::from_be_bytes(tag))))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn place(version: u8, resource: &str, tenant: &str) -> Result<Vec<u8>> {
    let mut out = vec![version];
    lp16(resource.as_bytes(), &mut out)?;
    lp16(tenant.as_bytes(), &mut out)?;
    Ok(out)
}

/// Separate these derivations from all others of the same key.
const FIELD: &[u8] = b"privet beacon key";
const TENANT: &[u8] = b"privet beacon tenant";
