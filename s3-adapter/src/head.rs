//! What is known of an object without reading it.

use std::collections::HashMap;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use privet_core::s3ec::{Header, Lookup};

use crate::bucket::Bucket;
use crate::error::{Error, Result, is_absent};
use crate::metadata::{FramedMark, of_application};

/// What is known of an object without reading it. Nothing of it is authenticated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectHead {
    /// Bytes of the content; `None` if only reading it can tell.
    pub plaintext_length: Option<u64>,
    /// Bytes that S3 stores.
    pub stored_length: u64,
    /// Whether its metadata say that it is sealed. The wrapped key of S3EC objects of format V2 may be in an instruction
    /// file, of which the object's metadata know nothing.
    pub is_sealed: bool,
    /// The application's metadata.
    pub metadata: HashMap<String, String>,
    /// What conditions of later requests compare with.
    pub e_tag: Option<String>,
    /// Which version of the object it is, in a bucket with versions.
    pub version_id: Option<String>,
    /// What kind of content it is.
    pub content_type: Option<String>,
}

impl Bucket {
    /// What is known of the object of this key without reading it; `None` if there is none.
    ///
    /// # Errors
    ///
    /// S3's.
    pub async fn head(&self, key: &str) -> Result<Option<ObjectHead>> {
        match self.head_output(key).await? {
            Some(output) => Ok(Some(self.head_of(output))),
            None => Ok(None),
        }
    }

    pub(crate) async fn head_output(&self, key: &str) -> Result<Option<HeadObjectOutput>> {
        match self.client.head_object().bucket(self.name()).key(key).send().await {
            Ok(output) => Ok(Some(output)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::from_sdk("HeadObject", &error)),
        }
    }

    fn head_of(&self, output: HeadObjectOutput) -> ObjectHead {
        let metadata = output.metadata.unwrap_or_default();
        let stored_length = output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
        let (plaintext_length, is_sealed) = match FramedMark::read(&metadata) {
            Ok(Some(mark)) => (mark.plaintext_length(stored_length), true),
            // A document, or what a newer release wrote.
            Err(_) => (None, true),
            Ok(None) => match Header::read(&metadata, &self.settings.s3ec_reading()) {
                Ok(Lookup::Header(header)) => (header.plaintext_length(stored_length).ok().flatten(), true),
                // Format V3, whose content is known without its wrapped key.
                Ok(Lookup::Detached(detached)) if detached.is_encrypted() => (stored_length.checked_sub(16), true),
                Ok(Lookup::Detached(_)) => (None, false),
                // Whether it may be read is for those who read it.
                Err(_) => (None, true),
            },
        };
        ObjectHead {
            plaintext_length,
            stored_length,
            is_sealed,
            metadata: of_application(&metadata),
            e_tag: output.e_tag,
            version_id: output.version_id,
            content_type: output.content_type,
        }
    }
}
