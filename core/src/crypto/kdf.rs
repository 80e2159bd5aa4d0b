//! HKDF (RFC 5869).

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};

use crate::error::{Error, Result};

/// HKDF-SHA-256, extract and expand; `info` is the concatenation of its parts. An empty salt is RFC 5869's default.
pub(crate) fn hkdf_sha256(salt: &[u8], key: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<()> {
    let failed = |_| Error::config("the key derivation asks for more bytes than HKDF can give");
    Salt::new(HKDF_SHA256, salt)
        .extract(key)
        .expand(info, OutputLength(out.len()))
        .map_err(failed)?
        .fill(out)
        .map_err(failed)
}

struct OutputLength(usize);

impl KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}
