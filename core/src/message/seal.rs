//! Writing messages: from options to a header, and a whole message at once.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::frame::{FINAL_OVERHEAD, FrameCipher, Kind, REGULAR_OVERHEAD};
use super::header::{Content, Fields, PUBLIC_KEY, RESERVED_PREFIX, authentication_length};
use super::id::MessageId;
use super::keys::MessageKeys;
use super::options::WriteOptions;
use super::suite::AlgorithmSuite;
use super::{footer, jobs};
use crate::crypto::{NONCE_LENGTH, Secret, SigningKey};
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

    /// The commitment policy, as a number for names of cached keys.
    pub(crate) fn policy(&self) -> u8 {
        self.options.policy as u8
    }

    /// How many bytes of plaintext the message has at most, if that was said.
    pub(crate) fn max_plaintext(&self) -> Option<u64> {
        self.options.max_plaintext
    }

    /// The whole message, with this data key, wrapped as `edks`.
    ///
    /// # Errors
    ///
    /// `Config` if the data key's length is not the suite's, or there are no or too many wrapped keys; `Input` if the
    /// header is too long, or the plaintext longer than the options say or than 2^32 - 1 frames.
    ///
    /// # Security
    ///
    /// A data key may serve several messages with a suite that commits, since each derives its own keys from 256
    /// random bits. With any other suite it must serve this one only; where nothing is derived at all (0x0014, 0x0046,
    /// 0x0078), a second message under it gives both away.
    pub fn seal(self, data_key: &Secret, edks: Vec<EncryptedDataKey>, plaintext: &[u8]) -> Result<Vec<u8>> {
        self.seal_into(data_key, edks, plaintext, Vec::new())
    }

    /// The same in the memory of `buffer`, if it is large enough: new memory costs more than the cryptography where
    /// messages are large. What the buffer holds does not matter.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal).
    pub fn seal_into(
        self,
        data_key: &Secret,
        edks: Vec<EncryptedDataKey>,
        plaintext: &[u8],
        buffer: Vec<u8>,
    ) -> Result<Vec<u8>> {
        if self.options.max_plaintext.is_some_and(|most| plaintext.len() as u64 > most) {
            return Err(beyond_bound());
        }
        let threads = jobs::threads_for(plaintext.len(), self.options.threads);
        let writing = self.start(data_key, edks)?;
        let length = |length: u64| usize::try_from(length).map_err(|_| too_long());
        let whole = length(writing.message_length(plaintext.len() as u64)?)?;
        // Zeroed memory is free where it comes straight from the system.
        let mut out = if buffer.capacity() < whole { vec![0; whole] } else { buffer };
        out.resize(whole - footer::length(writing.suite), 0);
        let (header, body) = out.split_at_mut_checked(writing.header.len()).ok_or_else(too_long)?;
        header.copy_from_slice(&writing.header);
        writing.seal_body(plaintext, body, threads)?;
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
        let message_id = MessageId::random(suite)?;
        let keys = MessageKeys::derive(suite, data_key, message_id.as_bytes())?;
        let (stored, not_stored) = parted(context, &options.required);
        let content = Content::Framed(options.frame_length);
        let fields = Fields { suite, message_id, context: stored, edks, content, commitment: keys.commitment };
        let mut header = fields.serialise(&options.limits)?;
        let body_length = header.len();
        not_stored.serialise_into(&mut header)?;
        let tag = keys.aead.seal(HEADER_IV, &header, &mut [])?;
        header.truncate(body_length);
        if suite.version() == 1 {
            header.extend_from_slice(&HEADER_IV);
        }
        header.extend_from_slice(&tag);
        debug_assert_eq!(header.len(), body_length + authentication_length(suite));
        let frame_length = usize::try_from(options.frame_length).map_err(|_| too_long())?;
        let cipher = FrameCipher::new(keys.aead, message_id);
        Ok(Writing { header_length: header.len(), header, cipher, suite, frame_length, signing_key })
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
    header_length: usize,
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
        let fixed = self.header_length + FINAL_OVERHEAD + footer::length(self.suite);
        (regular * REGULAR_OVERHEAD as u64 + fixed as u64).checked_add(plaintext).ok_or_else(too_long)
    }

    /// All frames of the plaintext, written to `out`, which is as long as they are.
    fn seal_body(&self, plaintext: &[u8], out: &mut [u8], threads: usize) -> Result<()> {
        let (frame_length, sealed_length) = (self.frame_length, self.frame_length.saturating_add(REGULAR_OVERHEAD));
        // What is an exact number of frames ends in a full final frame.
        let regular = plaintext.len().saturating_sub(1) / frame_length;
        let number = |index: usize| u32::try_from(index + 1).map_err(|_| too_long());
        let (plaintext, last) = plaintext.split_at_checked(regular * frame_length).ok_or_else(too_long)?;
        let (out, last_out) = out.split_at_mut_checked(regular * sealed_length).ok_or_else(too_long)?;
        let frames = jobs::frames_a_job(frame_length).min(regular.max(1));
        let jobs = plaintext.chunks(frames * frame_length).zip(out.chunks_mut(frames * sealed_length)).enumerate();
        jobs::run(jobs, threads, |(job, (plaintext, out))| {
            let pairs = plaintext.chunks(frame_length).zip(out.chunks_mut(sealed_length)).enumerate();
            for (index, (plaintext, out)) in pairs {
                self.cipher.seal_to(Kind::Regular, number(job * frames + index)?, plaintext, out)?;
            }
            Ok(())
        })?;
        self.cipher.seal_to(Kind::Final, number(regular)?, last, last_out)
    }
}

/// The pairs that are stored, and those that are not.
fn parted(context: EncryptionContext, required: &BTreeSet<String>) -> (EncryptionContext, EncryptionContext) {
    let none = EncryptionContext::new();
    if required.is_empty() {
        return (context, none);
    }
    context.iter().fold((none.clone(), none), |(stored, not_stored), (name, value)| {
        if required.contains(name) {
            (stored, not_stored.with(name, value))
        } else {
            (stored.with(name, value), not_stored)
        }
    })
}

pub(super) fn beyond_bound() -> Error {
    Error::input("the plaintext is longer than `with_max_plaintext` says")
}

pub(super) fn too_long() -> Error {
    Error::input("the plaintext is too long for its frames: use longer ones")
}

/// The header's frame has number zero, so to speak: its key seals frames from 1.
const HEADER_IV: [u8; NONCE_LENGTH] = [0; NONCE_LENGTH];
const MAX_REGULAR_FRAMES: u64 = u32::MAX as u64 - 1;
