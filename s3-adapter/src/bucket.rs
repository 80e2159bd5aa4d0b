//! A bucket whose objects are sealed on the way in and opened on the way out.

use std::fmt;
use std::sync::Arc;

use aws_sdk_s3::Client;
use privet_core::keyring::S3ecKeyring;
use privet_core::policy::PlaintextReads;
use privet_core::protector::Protector;
use privet_core::s3ec::CommitmentPolicy;
use privet_core::{Classification, EncryptionContext, ErrorKind};

use crate::error::{Error, Result};
use crate::format::ObjectFormat;
use crate::settings::Settings;

/// A bucket whose objects are sealed on the way in, and verified and opened on the way out. Cheap to clone.
///
/// ```no_run
/// # use privet_core::{Classification, Protector};
/// # use privet_s3::Bucket;
/// # async fn example(privet: &Protector, s3: &aws_sdk_s3::Client) -> privet_s3::Result<()> {
/// let documents = Bucket::builder("prod-documents").class(Classification::Pii).resource("documents").build(privet, s3)?;
/// documents.put("reports/1.txt", "attack at dawn").await?;
/// assert_eq!(documents.get("reports/1.txt").await?.unwrap().body, b"attack at dawn");
/// assert_eq!(documents.get_range("reports/1.txt", 0..6).await?.unwrap(), b"attack");
/// # Ok(())
/// # }
/// ```
///
/// # Security
///
/// An object's encryption context holds class, tenant and resource, so key policies decide by them. A framed object is
/// besides bound to its bucket and key, without storing them: moved elsewhere, it does not open. (With KMS they are part of
/// the request, so AWS logs them.) S3EC objects cannot be bound to their place: the format has no room for it.
///
/// That an object is the newest one of its key nothing tells: who may write to the bucket can put an earlier one back.
#[derive(Clone)]
pub struct Bucket {
    pub(crate) settings: Arc<Settings>,
    pub(crate) client: Client,
}

impl Bucket {
    /// A builder for the bucket of this name.
    pub fn builder(name: impl Into<String>) -> BucketBuilder {
        BucketBuilder { name: name.into(), changes: Vec::new() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.bucket
    }

    /// The class of its objects.
    #[must_use]
    pub fn class(&self) -> Classification {
        self.settings.class
    }

    /// The resource that its objects are of.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.settings.resource
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("name", &self.settings.bucket)
            .field("class", &self.settings.class)
            .field("resource", &self.settings.resource)
            .finish_non_exhaustive()
    }
}

/// Puts a [`Bucket`] together. What is not said is what the policy says of the resource whose `table` is the bucket, and
/// the policy's default class.
#[must_use = "nothing happens before `build`"]
pub struct BucketBuilder {
    name: String,
    changes: Vec<Change>,
}

type Change = Box<dyn FnOnce(&mut Settings) + Send>;

impl BucketBuilder {
    /// The class of the objects.
    pub fn class(self, class: Classification) -> Self {
        self.with(move |settings| settings.class = class)
    }

    /// The resource that the objects are of.
    pub fn resource(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.with(move |settings| settings.resource = name)
    }

    /// What objects are written in. Default: [`ObjectFormat::BySize`] with a keyring for S3EC objects, else
    /// [`ObjectFormat::Framed`].
    pub fn format(self, format: ObjectFormat) -> Self {
        self.with(move |settings| settings.format = Some(format))
    }

    /// Up to how many bytes an object is small. Default: 1 MiB.
    pub fn threshold(self, bytes: u64) -> Self {
        self.with(move |settings| settings.threshold = bytes)
    }

    /// What the data keys of S3EC objects are wrapped with.
    pub fn s3ec(self, keyring: S3ecKeyring) -> Self {
        self.with(move |settings| settings.s3ec = Some(Arc::new(keyring)))
    }

    /// The encryption context of S3EC objects in place of class, tenant, resource and the application's pairs: what other
    /// clients of the bucket give and expect. It may be empty.
    pub fn s3ec_context(self, context: EncryptionContext) -> Self {
        self.with(move |settings| settings.s3ec_context = Some(context))
    }

    /// Which S3EC formats are written and read. Default: V3 alone.
    pub fn commitment_policy(self, policy: CommitmentPolicy) -> Self {
        self.with(move |settings| settings.commitment = policy)
    }

    /// Puts the wrapped keys of S3EC objects into instruction files, beside the objects. They are read in any case.
    pub fn instruction_files(self) -> Self {
        self.with(|settings| settings.instruction_files = true)
    }

    /// Objects are moved or renamed by others: framed ones are not bound to bucket and key.
    ///
    /// # Security
    ///
    /// Who may write to the bucket can then exchange its objects for each other.
    pub fn renamable(self) -> Self {
        self.with(|settings| settings.bound = false)
    }

    /// Plaintext bytes of each frame but the last. Default: 64 KiB. A range is read in whole frames.
    pub fn frame_length(self, bytes: u32) -> Self {
        self.with(move |settings| settings.frame_length = bytes)
    }

    /// Bytes of a part of an upload, and of what is fetched at a time: at least 5 MiB, as S3 wants. Default: 8 MiB. With
    /// uploads of unknown length the parts grow, so that 10,000 of them reach 5 TiB.
    pub fn part_size(self, bytes: usize) -> Self {
        self.with(move |settings| settings.part_size = bytes)
    }

    /// How many parts are held at a time: those that are under way, and in an upload the one that is being sealed, so that with
    /// 1 there is none under way meanwhile. A reader has the one that it was given besides. Default: 4.
    pub fn parallel(self, parts: usize) -> Self {
        self.with(move |settings| settings.parallel = parts)
    }

    /// Bytes of the largest object that is read as a whole. Default: 64 MiB.
    pub fn most_in_memory(self, bytes: u64) -> Self {
        self.with(move |settings| settings.most_in_memory = bytes)
    }

    /// What to do on meeting an object that is not sealed, while a migration goes on. Default: refuse.
    pub fn plaintext_reads(self, reads: PlaintextReads) -> Self {
        self.with(move |settings| settings.plaintext_reads = reads)
    }

    /// Reads S3EC objects whose data key old clients wrapped; see
    /// [`ReadOptions::dangerous_with_legacy_wrapping`](privet_core::s3ec::ReadOptions::dangerous_with_legacy_wrapping).
    pub fn dangerous_legacy_wrapping(self) -> Self {
        self.with(|settings| settings.legacy_wrapping = true)
    }

    /// Reads S3EC objects that are not authenticated, and large ones and parts of them before they are; see
    /// [`ReadOptions::dangerous_with_unauthenticated_content`](privet_core::s3ec::ReadOptions::dangerous_with_unauthenticated_content).
    pub fn dangerous_unauthenticated_content(self) -> Self {
        self.with(|settings| settings.unauthenticated = true)
    }

    /// The bucket.
    ///
    /// # Errors
    ///
    /// `Config` if the settings contradict each other.
    pub fn build(self, privet: &Protector, client: &Client) -> Result<Bucket> {
        let mut settings = Settings::new(privet, self.name);
        self.changes.into_iter().for_each(|change| change(&mut settings));
        if matches!(settings.format, Some(ObjectFormat::S3ec | ObjectFormat::BySize)) {
            settings.s3ec_keyring()?;
        }
        let wrong = |message| Err(Error::new(ErrorKind::Config, message));
        if settings.frame_length == 0 || u64::from(settings.frame_length) > MOST_FRAME {
            return wrong("a frame has 1 byte to 16 MiB");
        }
        if !(LEAST_PART..=MOST_PART).contains(&settings.part_size) || !(1..=64).contains(&settings.parallel) {
            return wrong("a part has 5 MiB to 1 GiB, and 1 to 64 parts are under way at a time");
        }
        Ok(Bucket { settings: Arc::new(settings), client: client.clone() })
    }

    fn with(mut self, change: impl FnOnce(&mut Settings) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }
}

impl fmt::Debug for BucketBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What readers hold of a stream at a time, at most.
const MOST_FRAME: u64 = 16 << 20;
/// What S3 takes as a part that is not the last:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
const LEAST_PART: usize = 5 << 20;
const MOST_PART: usize = 1 << 30;
