//! Reading a header, field by field, each bounded before it is used.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Content, FRAMED, Fields, Header, IV_LENGTH, PUBLIC_KEY, RESERVED, SINGLE, TYPE};
use crate::crypto::{NONCE_LENGTH, VerifyingKey};
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};
use crate::message::id::MessageId;
use crate::message::options::ReadOptions;
use crate::message::suite::AlgorithmSuite;

/// What came of reading.
pub(in crate::message) enum Parsed {
    /// The header is complete.
    Header(Box<Header>),
    /// Nothing was refused so far; at least this many bytes are needed to read on.
    Needs(usize),
}

/// Reads the header at the start of these bytes.
pub(in crate::message) fn parse(bytes: &[u8], options: &ReadOptions) -> Result<Parsed> {
    match read(&mut Reader { bytes, at: 0, most: options.limits.max_header }, options) {
        Ok(header) => Ok(Parsed::Header(Box::new(header))),
        Err(Stop::Needs(length)) => Ok(Parsed::Needs(length)),
        Err(Stop::Refused(error)) => Err(error),
    }
}

/// The order of the checks is the order of the format's section 4.7.
fn read(reader: &mut Reader<'_>, options: &ReadOptions) -> Result<Header, Stop> {
    let [version] = reader.array()?;
    demand(matches!(version, 1 | 2))?;
    if version == 1 {
        demand(reader.array()? == [TYPE])?;
    }
    let suite = AlgorithmSuite::from_id(u16::from_be_bytes(reader.array()?));
    let suite = suite.filter(|suite| suite.version() == version).ok_or_else(Error::integrity)?;
    options.policy.check_read(suite)?;
    let message_id = MessageId::of(reader.take(suite.message_id_length())?).ok_or_else(Error::integrity)?;
    let context = EncryptionContext::parse(reader.lp16()?).ok_or_else(Error::integrity)?;
    let verifying_key = verifying_key(suite, &context)?;
    let edks = read_edks(reader, options.limits.max_encrypted_data_keys)?;

    let [content_type] = reader.array()?;
    demand(matches!(content_type, FRAMED | SINGLE))?;
    if version == 1 {
        demand(reader.array()? == RESERVED)?;
        demand(reader.array()? == [IV_LENGTH])?;
    }
    let frame_length = u32::from_be_bytes(reader.array()?);
    let content = if content_type == FRAMED { Content::Framed(frame_length) } else { Content::Single };
    demand((content == Content::Single) == (frame_length == 0))?;
    let commitment = if suite.commits() { Some(reader.array()?) } else { None };
    let body = reader.so_far().to_vec();
    let iv = if version == 1 { reader.array()? } else { [0; NONCE_LENGTH] };
    let tag = reader.array()?;
    let fields = Fields { suite, message_id, context, edks, content, commitment };
    Ok(Header { fields, body, iv, tag, verifying_key })
}

fn read_edks(reader: &mut Reader<'_>, most: u16) -> Result<Vec<EncryptedDataKey>, Stop> {
    let count = u16::from_be_bytes(reader.array()?);
    demand(count > 0)?;
    if count > most {
        return Err(Error::denied("the message has more wrapped data keys than the limit allows").into());
    }
    (0..count)
        .map(|_| {
            let provider_id = std::str::from_utf8(reader.lp16()?).map_err(|_| Error::integrity())?.to_owned();
            let provider_info = reader.lp16()?.to_vec();
            let ciphertext = reader.lp16()?.to_vec();
            Ok(EncryptedDataKey { provider_id, provider_info, ciphertext })
        })
        .collect()
}

/// The key that verifies the footer: present with a signature suite, absent with another.
fn verifying_key(suite: AlgorithmSuite, context: &EncryptionContext) -> Result<Option<VerifyingKey>> {
    match (suite.curve(), context.value(PUBLIC_KEY)) {
        (None, None) => Ok(None),
        (Some(curve), Some(text)) => {
            let point = STANDARD.decode(text).map_err(|_| Error::integrity())?;
            VerifyingKey::from_point(curve, &point).map(Some)
        }
        _ => Err(Error::integrity()),
    }
}

fn demand(holds: bool) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Error::integrity().into()) }
}

/// Why reading stopped short.
enum Stop {
    Needs(usize),
    Refused(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    most: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let end = self.at.saturating_add(length);
        if end > self.most {
            return Err(Error::denied("the message's header is longer than the limit allows").into());
        }
        let bytes = self.bytes.get(self.at..end).ok_or(Stop::Needs(end))?;
        self.at = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        self.take(N)?.try_into().map_err(|_| Error::integrity().into())
    }

    fn lp16(&mut self) -> Result<&'a [u8], Stop> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(length.into())
    }

    fn so_far(&self) -> &'a [u8] {
        self.bytes.get(..self.at).unwrap_or_default()
    }
}
