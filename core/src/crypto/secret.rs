//! Bytes that are nobody's business: wiped when dropped, never printed.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::Result;

/// Secret bytes, such as a data key.
///
/// # Security
///
/// The bytes live in a boxed buffer that never grows, is wiped on drop, and is not `Clone`, not serialisable and not
/// printable. Copies that were made before they came here are the caller's to wipe.
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// A copy of these bytes.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// New random bytes from the operating system.
    ///
    /// # Errors
    ///
    /// `Io` if the operating system gives none.
    pub fn random(length: usize) -> Result<Self> {
        Self::filled(length, super::fill)
    }

    /// A secret whose bytes are written in place.
    pub(crate) fn filled(length: usize, fill: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<Self> {
        let mut bytes = Zeroizing::new(vec![0; length].into_boxed_slice());
        fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes themselves: for key derivation and keyrings of your own, and nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
