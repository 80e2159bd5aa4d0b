//! The header of an item: its fields, each bounded before it is used.

use super::attribute::Mark;
use super::table::Suite;
use crate::edk::EncryptedDataKey;
use crate::encryption_context::{EncryptionContext, lp16};
use crate::error::{Error, Result};

/// What a header says (DB-ESDK item format, section 6).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) version: Version,
    pub(super) suite: Suite,
    pub(super) message_id: [u8; MESSAGE_ID_LENGTH],
    /// One mark a signed attribute, in path order.
    pub(super) legend: Vec<Mark>,
    /// The pairs of the encryption context that are stored.
    pub(super) stored: EncryptionContext,
    pub(super) edks: Vec<EncryptedDataKey>,
}

/// Whether attributes other than the keys are bound in the encryption context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

impl Header {
    /// Reads a whole header: its fields, and the commitment to the data key at its end.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, [u8; COMMITMENT_LENGTH])> {
        parse(bytes).ok_or_else(Error::integrity)
    }

    /// The header without its commitment.
    pub(super) fn serialise(&self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(512);
        out.push(match self.version {
            Version::One => 1,
            Version::Two => 2,
        });
        out.push(match self.suite {
            Suite::Tags => 0,
            Suite::Signature => 1,
        });
        out.extend_from_slice(&self.message_id);
        let count = u16::try_from(self.legend.len()).map_err(|_| Error::input("an item has too many attributes"))?;
        out.extend_from_slice(&count.to_be_bytes());
        out.extend(self.legend.iter().map(|mark| mark.code()));
        if self.stored.is_empty() {
            out.extend_from_slice(&[0, 0]);
        }
        out.extend_from_slice(&self.stored.serialise()?);
        let count = u8::try_from(self.edks.len()).ok().filter(|count| *count > 0);
        out.push(count.ok_or_else(|| Error::config("an item has 1 to 255 recipients"))?);
        for edk in &self.edks {
            lp16(edk.provider_id.as_bytes(), &mut out)?;
            lp16(&edk.provider_info, &mut out)?;
            lp16(&edk.ciphertext, &mut out)?;
        }
        Ok(out)
    }
}

fn parse(bytes: &[u8]) -> Option<(Header, [u8; COMMITMENT_LENGTH])> {
    let mut reader = Reader(bytes);
    let version = match reader.array()? {
        [1] => Version::One,
        [2] => Version::Two,
        _ => return None,
    };
    let suite = match reader.array()? {
        [0] => Suite::Tags,
        [1] => Suite::Signature,
        _ => return None,
    };
    let message_id = reader.array()?;
    let legend = reader.lp16()?.iter().map(|code| Mark::from_code(*code)).collect::<Option<Vec<_>>>()?;
    let stored = EncryptionContext::take(&mut reader.0)?;
    let [count] = reader.array()?;
    if count == 0 {
        return None;
    }
    let edks = (0..count).map(|_| reader.edk()).collect::<Option<Vec<_>>>()?;
    let commitment = reader.array()?;
    reader.0.is_empty().then_some((Header { version, suite, message_id, legend, stored, edks }, commitment))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn lp16(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.array()?);
        let (bytes, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        Some(bytes)
    }

    fn edk(&mut self) -> Option<EncryptedDataKey> {
        let provider_id = std::str::from_utf8(self.lp16()?).ok()?.to_owned();
        let provider_info = self.lp16()?.to_vec();
        let ciphertext = self.lp16()?.to_vec();
        Some(EncryptedDataKey { provider_id, provider_info, ciphertext })
    }
}

pub(super) const MESSAGE_ID_LENGTH: usize = 32;
pub(super) const COMMITMENT_LENGTH: usize = 32;
