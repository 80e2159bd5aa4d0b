//! An object as a job reads it: what S3 knows of it, and its first bytes, in which a framed object names its keys.

use std::fmt;

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use privet_bulk::Result;
use privet_core::ErrorKind;
use privet_core::s3ec::INSTRUCTION_FILE_SUFFIX;

use super::of_object;
use crate::bucket::Bucket;
use crate::error::{Error, is_absent};
use crate::fetch::{collect, split};
use crate::instructions::is_instruction_file;
use crate::metadata::Metadata;
use crate::put::Put;

/// An object of a job.
#[derive(Clone)]
pub struct StoredObject {
    pub(super) key: String,
    start: Result<Start>,
}

/// What is known of it.
#[derive(Clone)]
pub(super) struct Start {
    pub(super) e_tag: String,
    version: Option<String>,
    /// Bytes that S3 stores.
    pub(super) length: u64,
    pub(super) metadata: Metadata,
    pub(super) is_tagged: bool,
    pub(super) first: Vec<u8>,
}

impl StoredObject {
    /// Fetches what is to be known of the object of this key; `None` if there is none, or if it is the instruction file of
    /// another, which goes with that one, whatever a list or manifest says.
    ///
    /// # Errors
    ///
    /// S3's, if another try may help or it is about the bucket. What is wrong with the object is part of the answer.
    pub(super) async fn fetch(bucket: &Bucket, key: &str) -> Result<Option<Self>> {
        let get = bucket.client.get_object().bucket(bucket.name()).key(key).range(format!("bytes=0-{}", FIRST - 1));
        let start = match get.send().await {
            Ok(output) => {
                let (output, body) = split(output);
                let length = output.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
                Start {
                    e_tag: output.e_tag.unwrap_or_default(),
                    version: output.version_id,
                    length: length.or(body.content_length.and_then(|length| length.try_into().ok())).unwrap_or(0),
                    metadata: output.metadata.unwrap_or_default(),
                    is_tagged: output.tag_count.is_some_and(|count| count > 0),
                    first: collect(body, FIRST).await?,
                }
            }
            Err(error) if is_absent(&error) => return Ok(None),
            // No byte of nothing can be asked for.
            Err(error) if error.as_service_error().and_then(|error| error.code()) == Some("InvalidRange") => {
                return Self::fetch_empty(bucket, key).await;
            }
            Err(error) => return Self::unreadable(key, Error::from_sdk("GetObject", &error)).map(Some),
        };
        let is_file_of_other = bucket.settings.s3ec.is_some() && start.is_instruction_file(key);
        Ok((!is_file_of_other).then(|| Self { key: key.to_owned(), start: Ok(start) }))
    }

    async fn fetch_empty(bucket: &Bucket, key: &str) -> Result<Option<Self>> {
        let head = match bucket.head_output(key).await {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(None),
            Err(error) => return Self::unreadable(key, error).map(Some),
        };
        let start = Start {
            e_tag: head.e_tag.unwrap_or_default(),
            version: head.version_id,
            length: 0,
            metadata: head.metadata.unwrap_or_default(),
            is_tagged: head.tag_count.is_some_and(|count| count > 0),
            first: Vec::new(),
        };
        Ok(Some(Self { key: key.to_owned(), start: Ok(start) }))
    }

    fn unreadable(key: &str, error: Error) -> Result<Self> {
        let error = of_object(error.into());
        match error.kind() {
            _ if error.is_retryable() => Err(error),
            ErrorKind::Config => Err(error),
            _ => Ok(Self::wrong(key, error)),
        }
    }

    /// What was to be an object, and is none.
    pub(super) fn wrong(key: &str, error: privet_bulk::Error) -> Self {
        Self { key: key.to_owned(), start: Err(error) }
    }

    /// Whether the object is another by now, or gone.
    ///
    /// # Errors
    ///
    /// S3's.
    pub(super) async fn is_another(&self, bucket: &Bucket) -> Result<bool> {
        let head = bucket.head_output(&self.key).await?;
        let e_tag = head.and_then(|head| head.e_tag);
        Ok(self.start.as_ref().is_ok_and(|start| e_tag.as_deref() != Some(&start.e_tag)))
    }

    /// Whether the object that was read is this version of it. Of one that cannot be read nobody knows otherwise.
    pub(super) fn is_version(&self, version: &str) -> bool {
        self.start.as_ref().map_or(true, |start| start.version.as_deref().unwrap_or(NO_VERSION) == version)
    }

    /// Whether the object that was read stays as an older version of what was put in its place.
    pub(super) fn stays_behind(&self, put: &Put) -> bool {
        // One that has a version of its own is never overwritten; one that has none is by another that has none.
        !self.is_version(NO_VERSION) || put.version_id.as_deref().is_some_and(|version| version != NO_VERSION)
    }

    /// The tags of the object as a request has them, if there are any.
    ///
    /// # Errors
    ///
    /// S3's.
    pub(super) async fn tagging(&self, bucket: &Bucket) -> crate::error::Result<Option<String>> {
        if !self.start.as_ref().is_ok_and(|start| start.is_tagged) {
            return Ok(None);
        }
        bucket.tagging(&self.key).await
    }

    /// The first bytes of the object that was read, this many if there are.
    ///
    /// # Errors
    ///
    /// S3's; `Conflict` if it is another by now.
    pub(super) async fn first_bytes(&self, bucket: &Bucket, most: u64) -> Result<Vec<u8>> {
        let start = self.start()?;
        let get = bucket.client.get_object().bucket(bucket.name()).key(&self.key).if_match(&start.e_tag);
        let got = get.range(format!("bytes=0-{}", most - 1)).send().await;
        let got = got.map_err(|error| Error::from_sdk("GetObject", &error))?;
        Ok(collect(got, most).await?)
    }

    pub(super) fn start(&self) -> Result<&Start> {
        self.start.as_ref().map_err(Clone::clone)
    }
}

impl Start {
    fn is_instruction_file(&self, key: &str) -> bool {
        key.ends_with(INSTRUCTION_FILE_SUFFIX) && is_instruction_file(&self.metadata, &self.first)
    }
}

/// Prints nothing of its key.
impl fmt::Debug for StoredObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredObject").field("is_readable", &self.start.is_ok()).finish_non_exhaustive()
    }
}

/// The version of an object that was written while its bucket had none, or none any more: there is one at most.
const NO_VERSION: &str = "null";
/// Bytes that are fetched of each object: the headers of all but those with many wrapped keys.
const FIRST: u64 = 4 << 10;
