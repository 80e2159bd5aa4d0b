//! HMAC with the longer hashes, and comparing secrets in constant time.

use aws_lc_rs::{constant_time, hmac};

/// An HMAC-SHA-384 key.
pub(crate) struct LongMacKey(hmac::Key);

impl LongMacKey {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA384, bytes))
    }

    /// The tag of the parts, one after the other.
    pub(crate) fn tag(&self, message: &[&[u8]]) -> [u8; 48] {
        let mut context = hmac::Context::with_key(&self.0);
        message.iter().for_each(|part| context.update(part));
        let mut tag = [0; 48];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

/// HMAC-SHA-512 of the message.
pub(crate) fn hmac_sha512(key: &[u8], message: &[u8]) -> [u8; 64] {
    let mut tag = [0; 64];
    tag.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), message).as_ref());
    tag
}

/// Whether both are the same, in a time that depends on their lengths only.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}
