//! What a caller says about writing and reading objects.

use super::suite::{CommitmentPolicy, ContentSuite};
use crate::encryption_context::EncryptionContext;

/// How an object is written.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    pub(super) policy: CommitmentPolicy,
    pub(super) context: EncryptionContext,
    pub(super) instruction_file: bool,
}

impl WriteOptions {
    /// Format V3, everything in the object's metadata, and this context, which is stored in the clear. With keys that do
    /// not bind it, that is all but KMS, it is only stored.
    #[must_use]
    pub fn new(context: EncryptionContext) -> Self {
        Self { context, ..Self::default() }
    }

    /// The same under another commitment policy: format V2 where it forbids to commit.
    #[must_use]
    pub fn with_policy(mut self, policy: CommitmentPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The same with the wrapped key in an instruction file.
    #[must_use]
    pub fn with_instruction_file(mut self) -> Self {
        self.instruction_file = true;
        self
    }

    /// How the content is encrypted.
    #[must_use]
    pub fn suite(&self) -> ContentSuite {
        self.policy.suite()
    }
}

/// How an object is read: what may be read, and what the reader knows of its context.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    pub(super) policy: CommitmentPolicy,
    pub(super) context: EncryptionContext,
    pub(super) legacy_wrapping: bool,
    pub(super) unauthenticated: bool,
}

impl ReadOptions {
    /// Objects of format V3, without a context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with the pairs that the object was written with: with KMS all of them, no more and no less.
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

    /// The same with data keys that old clients wrapped: `kms` without a context, `AESWrap`, and nameless AES and RSA.
    ///
    /// # Security
    ///
    /// These wrappings bind neither context nor content: who may write to the bucket can exchange what they wrap.
    #[must_use]
    pub fn dangerous_with_legacy_wrapping(mut self) -> Self {
        self.legacy_wrapping = true;
        self
    }

    /// The same with content that is not authenticated: AES-CBC of old clients, and parts of objects, which leave out
    /// the tag.
    ///
    /// # Security
    ///
    /// Who may write to the bucket can change such content, bit by bit, without anyone noticing. Who besides can see
    /// which objects of CBC fail to open can read any of them. Rewrite such objects, and stop reading them.
    #[must_use]
    pub fn dangerous_with_unauthenticated_content(mut self) -> Self {
        self.unauthenticated = true;
        self
    }
}
