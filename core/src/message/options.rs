//! What a caller says about writing and reading messages.

use std::collections::BTreeSet;

use super::suite::{AlgorithmSuite, CommitmentPolicy};
use crate::encryption_context::EncryptionContext;

/// How large a message's parts may be before anything is asked of a key provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many wrapped data keys a message may have: each can cost a call of a key provider. Default: 16.
    pub max_encrypted_data_keys: u16,
    /// How many bytes a header may have. Default: 128 KiB; contexts alone may take 64.
    pub max_header: usize,
    /// How many bytes of one frame are held at a time when a stream is read. Default: 16 MiB.
    pub max_frame: u32,
}

impl Limits {
    /// The limits with another number of wrapped data keys.
    #[must_use]
    pub fn with_max_encrypted_data_keys(mut self, most: u16) -> Self {
        self.max_encrypted_data_keys = most;
        self
    }

    /// The limits with another size of headers, in bytes.
    #[must_use]
    pub fn with_max_header(mut self, most: usize) -> Self {
        self.max_header = most;
        self
    }

    /// The limits with another size of frames in streams, in bytes.
    #[must_use]
    pub fn with_max_frame(mut self, most: u32) -> Self {
        self.max_frame = most;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_encrypted_data_keys: 16, max_header: 128 * 1024, max_frame: 16 * 1024 * 1024 }
    }
}

/// How a message is written: suite, context, frames.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    pub(super) suite: AlgorithmSuite,
    pub(super) policy: CommitmentPolicy,
    pub(super) context: EncryptionContext,
    pub(super) required: BTreeSet<String>,
    pub(super) frame_length: u32,
    pub(super) limits: Limits,
    pub(super) threads: usize,
    pub(super) max_plaintext: Option<u64>,
}

impl WriteOptions {
    /// Suite 0x0478 (key commitment, no signature), frames of 4 KiB, and this context, which is stored in the clear.
    #[must_use]
    pub fn new(context: EncryptionContext) -> Self {
        Self {
            suite: AlgorithmSuite::Committing,
            policy: CommitmentPolicy::default(),
            context,
            required: BTreeSet::new(),
            frame_length: DEFAULT_FRAME_LENGTH,
            limits: Limits::default(),
            threads: 1,
            max_plaintext: None,
        }
    }

    /// The same with a signature at the end (suite 0x0578): who may only decrypt cannot forge. Costs a key pair and
    /// signatures for each message, and messages cannot be read in ranges.
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.suite = AlgorithmSuite::CommittingSigned;
        self
    }

    /// The same with these pairs authenticated but not stored: a reader must name and know them.
    #[must_use]
    pub fn with_required(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.required.extend(names.into_iter().map(Into::into));
        self
    }

    /// The same with another number of plaintext bytes a frame, 1 to 2^32 - 1.
    #[must_use]
    pub fn with_frame_length(mut self, bytes: u32) -> Self {
        self.frame_length = bytes;
        self
    }

    /// The same with other limits: what readers with default limits would refuse is not written.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same on several threads, where a whole message is large enough to be worth it. Default: the caller's alone.
    ///
    /// They live as long as the call, which blocks its thread as it does without them.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The same for a plaintext of so many bytes at most; a longer one is refused. A stream needs it to get a data key
    /// out of a [`DataKeyCache`](crate::cache::DataKeyCache), which counts the bytes beforehand.
    #[must_use]
    pub fn with_max_plaintext(mut self, bytes: u64) -> Self {
        self.max_plaintext = Some(bytes);
        self
    }

    /// The same with a suite that has no key commitment: for tests, and for readers that know nothing newer.
    ///
    /// # Security
    ///
    /// Who can choose the data key of such a message can make it decrypt to different plaintexts for different
    /// readers. Readers must be told to let it pass.
    #[must_use]
    pub fn dangerous_without_commitment(mut self, suite: AlgorithmSuite) -> Self {
        self.suite = suite;
        self.policy = CommitmentPolicy::ForbidEncryptAllowDecrypt;
        self
    }
}

/// How a message is read: what may be read, and what the reader knows of its context.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    pub(super) policy: CommitmentPolicy,
    pub(super) context: EncryptionContext,
    pub(super) limits: Limits,
    pub(super) threads: usize,
}

impl ReadOptions {
    /// Messages with key commitment only, and their whole context stored.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with pairs that the message must have been written with, stored or not.
    #[must_use]
    pub fn with_context(mut self, context: EncryptionContext) -> Self {
        self.context = context;
        self
    }

    /// The same under another commitment policy.
    #[must_use]
    pub fn with_policy(mut self, policy: CommitmentPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same on several threads, where a whole message is large enough to be worth it. Default: the caller's alone.
    ///
    /// They live as long as the call, which blocks its thread as it does without them.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }
}

/// What AWS's clients use.
const DEFAULT_FRAME_LENGTH: u32 = 4096;
