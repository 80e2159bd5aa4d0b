//! What goes for the objects of one bucket.

use std::sync::Arc;

use privet_core::keyring::S3ecKeyring;
use privet_core::message;
use privet_core::policy::PlaintextReads;
use privet_core::protector::Protector;
use privet_core::s3ec::{self, CommitmentPolicy};
use privet_core::{Classification, EncryptionContext, ErrorKind};

use crate::error::{Error, Result};
use crate::format::ObjectFormat;

/// What goes for the objects of one bucket.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) privet: Protector,
    pub(crate) bucket: String,
    pub(crate) resource: String,
    pub(crate) class: Classification,
    pub(crate) format: Option<ObjectFormat>,
    /// Bytes of the largest object that is small.
    pub(crate) threshold: u64,
    pub(crate) bound: bool,
    pub(crate) frame_length: u32,
    pub(crate) part_size: usize,
    pub(crate) parallel: usize,
    /// Bytes of the largest object that is held in memory as a whole.
    pub(crate) most_in_memory: u64,
    pub(crate) plaintext_reads: PlaintextReads,
    pub(crate) s3ec: Option<Arc<S3ecKeyring>>,
    pub(crate) s3ec_context: Option<EncryptionContext>,
    pub(crate) commitment: CommitmentPolicy,
    pub(crate) instruction_files: bool,
    pub(crate) legacy_wrapping: bool,
    pub(crate) unauthenticated: bool,
}

impl Settings {
    /// Those that go where nobody says otherwise.
    pub(crate) fn new(privet: &Protector, bucket: impl Into<String>) -> Self {
        let bucket = bucket.into();
        let named = privet.policy().resources().find(|resource| resource.table == bucket);
        Self {
            resource: named.map_or_else(|| bucket.clone(), |resource| resource.name.clone()),
            class: named.and_then(|resource| resource.class).unwrap_or_else(|| privet.policy().default_class()),
            plaintext_reads: named.map(|resource| resource.plaintext_reads).unwrap_or_default(),
            privet: privet.clone(),
            bucket,
            format: None,
            threshold: 1 << 20,
            bound: true,
            frame_length: 64 << 10,
            part_size: 8 << 20,
            parallel: 4,
            most_in_memory: 64 << 20,
            s3ec: None,
            s3ec_context: None,
            commitment: CommitmentPolicy::default(),
            instruction_files: false,
            legacy_wrapping: false,
            unauthenticated: false,
        }
    }

    /// The keyring of an S3EC object, if one of this length is to be written; nobody may know the length.
    pub(crate) fn s3ec_for(&self, length: Option<u64>) -> Result<Option<&S3ecKeyring>> {
        let format = match (self.format, &self.s3ec) {
            (Some(format), _) => format,
            (None, Some(_)) => ObjectFormat::BySize,
            (None, None) => ObjectFormat::Framed,
        };
        let is_small = length.is_some_and(|length| length <= self.threshold);
        match format {
            ObjectFormat::Framed => Ok(None),
            ObjectFormat::BySize if !is_small => Ok(None),
            _ => self.s3ec_keyring().map(Some),
        }
    }

    pub(crate) fn s3ec_keyring(&self) -> Result<&S3ecKeyring> {
        self.s3ec.as_deref().ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "S3EC objects need a keyring of their own: give the bucket's builder `.s3ec(S3ecKeyring::...)`",
            )
        })
    }

    /// Whether older S3EC objects pass, whose metadata may say nothing of their instruction files.
    pub(crate) fn reads_older_s3ec(&self) -> bool {
        self.s3ec.is_some() && self.commitment != CommitmentPolicy::default()
    }

    /// Class, tenant, resource and the application's pairs.
    pub(crate) fn context(&self) -> EncryptionContext {
        self.privet.context(self.class).clone().with(RESOURCE, &self.resource)
    }

    /// The same, and where the object is, if objects stay where they are.
    fn bound_context(&self, key: &str) -> EncryptionContext {
        let context = self.context();
        if self.bound { context.with(BUCKET, &self.bucket).with(KEY, key) } else { context }
    }

    /// How the object of this key is written as a message: what binds it to its place is not stored.
    pub(crate) fn message_writing(&self, key: &str) -> message::WriteOptions {
        let options = message::WriteOptions::new(self.bound_context(key)).with_frame_length(self.frame_length);
        if self.bound { options.with_required([BUCKET, KEY]) } else { options }
    }

    pub(crate) fn message_reading(&self, key: &str) -> message::ReadOptions {
        message::ReadOptions::new().with_context(self.bound_context(key))
    }

    /// Refuses a message whose context has more than was asked for, such as a tenant: what is stored would be taken as it is.
    pub(crate) fn check_message(&self, key: &str, found: &EncryptionContext) -> Result<()> {
        if *found == self.bound_context(key) { Ok(()) } else { Err(Error::integrity()) }
    }

    /// The context of S3EC objects, which readers of other makes must give, too.
    pub(crate) fn s3ec_context(&self) -> EncryptionContext {
        self.s3ec_context.clone().unwrap_or_else(|| self.context())
    }

    pub(crate) fn s3ec_writing(&self) -> s3ec::WriteOptions {
        let options = s3ec::WriteOptions::new(self.s3ec_context()).with_policy(self.commitment);
        if self.instruction_files { options.with_instruction_file() } else { options }
    }

    pub(crate) fn s3ec_reading(&self) -> s3ec::ReadOptions {
        let mut options = s3ec::ReadOptions::new().with_context(self.s3ec_context()).with_policy(self.commitment);
        if self.legacy_wrapping {
            options = options.dangerous_with_legacy_wrapping();
        }
        if self.unauthenticated {
            options = options.dangerous_with_unauthenticated_content();
        }
        options
    }

    /// Whether an object that is stored in clear may be read.
    pub(crate) fn check_plaintext(&self) -> Result<()> {
        match self.plaintext_reads {
            PlaintextReads::Refuse => Err(Error::integrity()),
            PlaintextReads::Count => {
                tracing::warn!(resource = self.resource, "an object is stored in clear");
                Ok(())
            }
            PlaintextReads::Allow => Ok(()),
        }
    }

    /// What is larger than memory should hold is to be streamed.
    pub(crate) fn check_in_memory(&self, length: u64) -> Result<()> {
        if length <= self.most_in_memory {
            return Ok(());
        }
        let message = "the object is larger than the bucket holds in memory: stream it, or raise `most_in_memory`";
        Err(Error::new(ErrorKind::Input, message))
    }
}

/// The pairs that say what an object is of, and where it is.
const RESOURCE: &str = "privet:resource";
const BUCKET: &str = "privet:bucket";
const KEY: &str = "privet:key";
