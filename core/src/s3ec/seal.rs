//! Writing an object.

use super::header::Header;
use super::keys::{self, ContentKey, Derivation};
use super::options::WriteOptions;
use super::suite::ContentSuite;
use super::wrapping::{CONTENT_CIPHER, LEGACY_KEY_ID};
use crate::crypto::{self, Secret};
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};

/// An object that is about to be written, and waits for its data key.
#[derive(Debug)]
pub struct NewObject {
    suite: ContentSuite,
    context: EncryptionContext,
    in_instruction_file: bool,
}

/// An object, and what goes with it.
pub struct Sealed {
    /// The object's body.
    pub body: Vec<u8>,
    /// What the metadata must hold, and the instruction file if there is one. It must be put before the object is.
    pub header: Header,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("length", &self.body.len()).field("header", &self.header).finish()
    }
}

impl NewObject {
    /// An object with these options.
    ///
    /// # Errors
    ///
    /// `Input` if the context has reserved names or is not ASCII.
    pub fn new(options: &WriteOptions) -> Result<Self> {
        let suite = options.suite();
        if options.context.iter().any(|(name, _)| name == CONTENT_CIPHER || name == LEGACY_KEY_ID) {
            return Err(Error::input(format!("`{CONTENT_CIPHER}` and `{LEGACY_KEY_ID}` are set by the format")));
        }
        super::metadata::write_description(&options.context)?;
        let context = options.context.clone().with(CONTENT_CIPHER, suite.name());
        Ok(Self { suite, context, in_instruction_file: options.instruction_file })
    }

    /// The context to ask the keyring with: the caller's pairs and the content's suite.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// Seals the whole content, in place, under this data key, wrapped as `edk`.
    ///
    /// # Errors
    ///
    /// `Config` if the data key has another length than 32 bytes or the keyring is not one for objects; `Input` if the
    /// content is longer than 64 GiB; `Io` if the operating system gives no random bytes.
    pub fn seal(&self, data_key: &Secret, edk: EncryptedDataKey, mut content: Vec<u8>) -> Result<Sealed> {
        let (header, key) = self.start(data_key, edk)?;
        key.seal(&mut content)?;
        Ok(Sealed { body: content, header })
    }

    /// Draws what is random of an object, and derives its key.
    pub(super) fn start(&self, data_key: &Secret, edk: EncryptedDataKey) -> Result<(Header, ContentKey)> {
        let mut seed = vec![0; self.suite.seed_length()];
        crypto::fill(&mut seed)?;
        // A generator that gives only zeros is broken, and would give the same nonce twice.
        if seed.iter().all(|byte| *byte == 0) {
            return Err(Error::config("the operating system gives no random bytes but zeros"));
        }
        let (key, commitment) = match self.suite {
            ContentSuite::CommittingGcm => {
                let derivation = Derivation::new(data_key, &seed)?;
                (derivation.content_key()?, Some(derivation.commitment()?))
            }
            ContentSuite::Gcm => (keys::used_as_it_is(data_key, &seed)?, None),
            ContentSuite::Cbc => return Err(Error::config("AES-CBC is only for reading")),
        };
        let header = Header::new(self.suite, edk, &self.context, seed, commitment, self.in_instruction_file)?;
        Ok((header, key))
    }
}
