//! Writing messages: from options to a header, and a whole message at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::footer;
use super::frame::{FINAL_OVERHEAD, FrameCipher, Kind, REGULAR_OVERHEAD};
use super::header::{Content, Fields, PUBLIC_KEY, RESERVED_PREFIX, authentication_length};
use super::keys::MessageKeys;
use super::options::WriteOptions;
use super::suite::AlgorithmSuite;
use crate::crypto::{self, NONCE_LENGTH, Secret, SigningKey};
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};

/// A message that is to be written and waits for its data key.
pub struct NewMessage {
    options: WriteOptions,
    /// All pairs, with the public key of a signed message.
    context: EncryptionContext,
    signing_key: Option<SigningKey>,
}

impl NewMessage {
    /// A message with these options. With a signature suite, makes its key pair.
    ///
    /// # Errors
    ///
    /// `Config` if the commitment policy forbids the suite or the frame length is zero; `Input` if the context uses a
    /// reserved name or lacks a pair that is named as required.
    pub fn new(options: &WriteOptions) -> Result<Self> {
        options.policy.check_write(options.suite)?;
        if options.frame_length == 0 {
            return Err(Error::config("a frame has at least one byte"));
        }
        if options.context.iter().any(|(name, _)| name.starts_with(RESERVED_PREFIX)) {
            return Err(Error::input("names that begin with `aws-crypto-` are reserved in encryption contexts"));
        }
        if options.required.iter().any(|name| options.context.value(name).is_none()) {
            return Err(Error::input("a required pair is not in the encryption context"));
        }
        let mut context = options.context.clone();
        let signing_key = options.suite.curve().map(SigningKey::generate).transpose()?;
        if let Some(key) = &signing_key {
            context = context.with(PUBLIC_KEY, STANDARD.encode(key.public_point()?));
        }
        Ok(Self { options: options.clone(), context, signing_key })
    }

    /// The whole context: what the data key is to be bound to.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The suite, which says how long the data key is to be.
    #[must_use]
    pub fn suite(&self) -> AlgorithmSuite {
        self.options.suite
    }

    /// The whole message, with this data key, wrapped as `edks`.
    ///
    /// # Errors
    ///
    /// `Config` if the data key's length is not the suite's, or there are no or too many wrapped keys; `Input` if the
    /// header is too long, or the plaintext has more than 2^32 - 1 frames.
    ///
    /// # Security
    ///
    /// A data key may serve several messages with a suite that commits, since each derives its own keys from 256
    /// random bits. With any other suite it must serve this one only; where nothing is derived at all (0x0014, 0x0046,
    /// 0x0078), a second message under it gives both away.
    pub fn seal(self, data_key: &Secret, edks: Vec<EncryptedDataKey>, plaintext: &[u8]) -> Result<Vec<u8>> {
        let writing = self.start(data_key, edks)?;
        let length = writing.message_length(plaintext.len() as u64)?;
        let mut out = Vec::with_capacity(usize::try_from(length).map_err(|_| too_long())?);
        out.extend_from_slice(&writing.header);
        let mut scratch = Vec::new();
        let mut sequence = 1;
        let mut rest = plaintext;
        // What is an exact number of frames ends in a full final frame.
        while let Some((frame, behind)) = rest.split_at_checked(writing.frame_length).filter(|(_, b)| !b.is_empty()) {
            writing.cipher.seal(Kind::Regular, sequence, frame, &mut scratch, &mut out)?;
            sequence = sequence.checked_add(1).ok_or_else(too_long)?;
            rest = behind;
        }
        writing.cipher.seal(Kind::Final, sequence, rest, &mut scratch, &mut out)?;
        if let (Some(key), Some(mut digest)) = (&writing.signing_key, footer::digest(writing.suite)) {
            digest.update(&out);
            footer::write(writing.suite, key, &digest, &mut out)?;
        }
        Ok(out)
    }

    /// Derives the keys and writes the header.
    pub(super) fn start(self, data_key: &Secret, edks: Vec<EncryptedDataKey>) -> Result<Writing> {
        let Self { options, context, signing_key } = self;
        let suite = options.suite;
        // Once more, now that there is a data key.
        options.policy.check_write(suite)?;
        let mut message_id = vec![0; suite.message_id_length()];
        crypto::fill(&mut message_id)?;
        let keys = MessageKeys::derive(suite, data_key, &message_id)?;
        let (mut stored, mut not_stored) = (EncryptionContext::new(), EncryptionContext::new());
        for (name, value) in context.iter() {
            let place = if options.required.contains(name) { &mut not_stored } else { &mut stored };
            *place = std::mem::take(place).with(name, value);
        }
        let content = Content::Framed(options.frame_length);
        let fields = Fields { suite, message_id, context: stored, edks, content, commitment: keys.commitment };
        let mut header = fields.serialise(&options.limits)?;
        let body_length = header.len();
        header.extend_from_slice(&not_stored.serialise()?);
        let tag = keys.aead.seal(HEADER_IV, &header, &mut [])?;
        header.truncate(body_length);
        if suite.version() == 1 {
            header.extend_from_slice(&HEADER_IV);
        }
        header.extend_from_slice(&tag);
        debug_assert_eq!(header.len(), body_length + authentication_length(suite));
        let frame_length = usize::try_from(options.frame_length).map_err(|_| too_long())?;
        let cipher = FrameCipher::new(keys.aead, &fields.message_id);
        Ok(Writing { header, cipher, suite, frame_length, signing_key })
    }
}

impl std::fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewMessage").field("options", &self.options).finish_non_exhaustive()
    }
}

/// A header as it is to be stored, and what seals the frames behind it.
pub(super) struct Writing {
    pub(super) header: Vec<u8>,
    pub(super) cipher: FrameCipher,
    pub(super) suite: AlgorithmSuite,
    pub(super) frame_length: usize,
    pub(super) signing_key: Option<SigningKey>,
}

impl Writing {
    /// Bytes of the whole message with so many bytes of plaintext.
    pub(super) fn message_length(&self, plaintext: u64) -> Result<u64> {
        let regular = plaintext.saturating_sub(1) / (self.frame_length as u64);
        if regular > MAX_REGULAR_FRAMES {
            return Err(too_long());
        }
        let fixed = self.header.len() + FINAL_OVERHEAD + footer::length(self.suite);
        (regular * REGULAR_OVERHEAD as u64 + fixed as u64).checked_add(plaintext).ok_or_else(too_long)
    }
}

pub(super) fn too_long() -> Error {
    Error::input("the plaintext is too long for its frames: use longer ones")
}

/// The header's frame has number zero, so to speak: its key seals frames from 1.
const HEADER_IV: [u8; NONCE_LENGTH] = [0; NONCE_LENGTH];
const MAX_REGULAR_FRAMES: u64 = u32::MAX as u64 - 1;
