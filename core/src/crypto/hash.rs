//! SHA-384 and SHA-256.

use aws_lc_rs::digest::{self, Context, SHA256, SHA384};

/// A hash, fed piece by piece.
pub(crate) struct Sha384(Context);

impl Sha384 {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA384))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; 48] {
        let mut hash = [0; 48];
        hash.copy_from_slice(self.0.finish().as_ref());
        hash
    }
}

/// SHA-256 of the message.
pub(crate) fn sha256(message: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&SHA256, message).as_ref());
    hash
}
