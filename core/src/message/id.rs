//! The random id of a message.

use std::fmt;

use super::suite::AlgorithmSuite;
use crate::crypto;
use crate::error::Result;

/// A message's id: 16 or 32 bytes, as the suite says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct MessageId {
    bytes: [u8; MAX_LENGTH],
    length: usize,
}

impl MessageId {
    /// A new one.
    pub(super) fn random(suite: AlgorithmSuite) -> Result<Self> {
        let mut id = Self { bytes: [0; MAX_LENGTH], length: suite.message_id_length() };
        crypto::fill(id.bytes.get_mut(..id.length).unwrap_or_default())?;
        Ok(id)
    }

    /// The one with these bytes; `None` if they are more than an id has.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let mut id = Self { bytes: [0; MAX_LENGTH], length: bytes.len() };
        id.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(id)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MessageId").field(&self.as_bytes()).finish()
    }
}

const MAX_LENGTH: usize = 32;
