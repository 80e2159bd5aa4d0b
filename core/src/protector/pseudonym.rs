//! Keyed digests that stand for a value or a record without saying what it is.

use std::fmt;

use crate::crypto::{MacKey, Secret, hkdf_sha256};
use crate::error::Result;
use crate::mask::KeyedHash;

/// Digests under keys derived from one pseudonym key, one for each use.
pub(super) struct Pseudonyms {
    values: MacKey,
    records: MacKey,
}

impl Pseudonyms {
    /// Without a key, digests can be compared within this process only.
    pub(super) fn new(key: Option<&Secret>) -> Result<Self> {
        let random;
        let key = match key {
            Some(key) => key,
            None => {
                random = Secret::random(32)?;
                &random
            }
        };
        let derive = |label: &[u8]| {
            Secret::filled(32, |out| hkdf_sha256(&[], key.expose(), &[label], out))
                .and_then(|key| MacKey::new(key.expose()))
        };
        Ok(Self { values: derive(b"privet mask hash")?, records: derive(b"privet audit record")? })
    }

    /// The name of a record in audit events.
    pub(super) fn record(&self, context: &[u8]) -> String {
        hex(&self.records.tag(context))
    }
}

impl KeyedHash for Pseudonyms {
    fn hash(&self, tenant: &str, field: &str, text: &str) -> String {
        // The lengths keep the parts apart.
        let mut message = Vec::new();
        for part in [tenant, field, text] {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        hex(&self.values.tag(&message))
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms(..)")
    }
}

/// The first 16 bytes: 64 bits against accidental collisions are enough for billions of records.
fn hex(tag: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    tag.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
