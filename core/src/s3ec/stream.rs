//! An object in pieces: written in memory that does not grow with it, and on demand read before it is verified.

use super::content::Unlocked;
use super::header::Header;
use super::keys::ContentKey;
use super::seal::NewObject;
use crate::crypto::{self, GcmStream, Secret, TAG_LENGTH};
use crate::edk::EncryptedDataKey;
use crate::error::{Error, Result};

/// Seals content that comes in pieces.
#[must_use = "an object is complete only after `finish`"]
pub struct Sealer {
    key: ContentKey,
    /// Made with the first piece.
    stream: Option<GcmStream>,
}

impl NewObject {
    /// Seals the content piece by piece, under this data key, wrapped as `edk`.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal).
    pub fn sealer(&self, data_key: &Secret, edk: EncryptedDataKey) -> Result<(Sealer, Header)> {
        let (header, key) = self.start(data_key, edk)?;
        Ok((Sealer { key, stream: None }, header))
    }
}

impl Sealer {
    /// Seals more of the content, and appends it.
    ///
    /// # Errors
    ///
    /// `Input` if the content is longer than 64 GiB.
    pub fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(self.key.stream()?),
        };
        stream.encrypt(content, out)
    }

    /// Appends the end of the object.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.key.stream()?,
        };
        out.extend_from_slice(&stream.tag()?);
        Ok(())
    }

    /// Seals the whole content at once, in place, where nothing was pushed: several times as fast.
    ///
    /// # Errors
    ///
    /// `Config` if something was pushed; as [`push`](Self::push).
    pub fn whole(self, mut content: Vec<u8>) -> Result<Vec<u8>> {
        if self.stream.is_some() {
            return Err(Error::config("an object is sealed in pieces or as a whole, not both"));
        }
        self.key.seal(&mut content)?;
        Ok(content)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

/// Decrypts an object that comes in pieces, before it is verified.
///
/// # Security
///
/// Only [`finish`](Self::finish) says whether what came out was what was written. Whatever is done with it before must be
/// undone if that fails.
#[must_use = "an object is verified only if `finish` says so"]
pub struct UnverifiedReader {
    stream: GcmStream,
    /// The last bytes so far: they may be the tag.
    held: Vec<u8>,
}

impl Unlocked {
    /// Reads the object piece by piece.
    ///
    /// # Errors
    ///
    /// `Denied` unless the options let content pass that is not authenticated; `Unsupported` for AES-CBC.
    pub fn dangerous_reader(&self) -> Result<UnverifiedReader> {
        let key = self.gcm_unauthenticated()?;
        let stream = key.stream()?;
        Ok(UnverifiedReader { stream, held: Vec::with_capacity(TAG_LENGTH) })
    }
}

impl UnverifiedReader {
    /// Takes more of the object, and appends what it decrypts to, not verified.
    ///
    /// # Errors
    ///
    /// `Input` if the object is longer than any can be.
    pub fn push(&mut self, body: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let ready = (self.held.len() + body.len()).saturating_sub(TAG_LENGTH);
        let from_held = ready.min(self.held.len());
        let (first, kept) = self.held.split_at(from_held);
        self.stream.decrypt_unverified(first, out)?;
        let (second, rest) = body.split_at(ready - from_held);
        self.stream.decrypt_unverified(second, out)?;
        self.held = [kept, rest].concat();
        Ok(())
    }

    /// Ends the object: an error if it is not what was written.
    ///
    /// # Errors
    ///
    /// `Integrity`.
    pub fn finish(self) -> Result<()> {
        if self.held.len() == TAG_LENGTH && crypto::equal(&self.stream.tag()?, &self.held) {
            Ok(())
        } else {
            Err(Error::integrity())
        }
    }
}

impl std::fmt::Debug for UnverifiedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnverifiedReader(..)")
    }
}
