//! Copies, which never lose what they need to be opened, and removals, which leave nothing behind.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::MetadataDirective;
use privet_core::ErrorKind;

use crate::bucket::Bucket;
use crate::error::{Error, Result};
use crate::instructions::InstructionFile;
use crate::locks::{Locks, with_locks};
use crate::metadata::{FramedMark, Metadata, is_document, of_application};
use crate::put::Put;

/// A request that writes an object, with what `HEAD` tells of the content of another.
macro_rules! with_content {
    ($request:expr, $head:expr) => {
        $request
            .set_content_type($head.content_type.clone())
            .set_content_encoding($head.content_encoding.clone())
            .set_content_disposition($head.content_disposition.clone())
            .set_content_language($head.content_language.clone())
            .set_cache_control($head.cache_control.clone())
            .set_expires(expires(&$head))
    };
}

/// A request that writes an object, with what `HEAD` tells of how another is stored. No copy has it of itself.
macro_rules! with_storage {
    ($request:expr, $head:expr) => {
        $request
            .set_storage_class($head.storage_class.clone())
            .set_website_redirect_location($head.website_redirect_location.clone())
            .set_server_side_encryption($head.server_side_encryption.clone())
            .set_ssekms_key_id($head.ssekms_key_id.clone())
            .set_bucket_key_enabled($head.bucket_key_enabled)
    };
}

impl Bucket {
    /// Copies an object to another key of the bucket, over whatever is there.
    ///
    /// Where its format does not bind it to its place, S3 copies it, with its instruction file. A framed object that is bound
    /// is read, verified and written anew: bound to its new place, under a new data key. Either has what S3 knows of the
    /// first, its tags too, but for access list and locks.
    ///
    /// # Errors
    ///
    /// `Input` if there is no such object; `Conflict` if it is replaced meanwhile; as [`get`](Self::get) and
    /// [`put_stream`](Self::put_stream).
    pub async fn copy(&self, from: &str, to: &str) -> Result<Put> {
        let head =
            self.head_output(from).await?.ok_or_else(|| Error::new(ErrorKind::Input, "there is no object to copy"))?;
        // A document's records are bound to its resource only.
        let sealed = head.metadata().filter(|metadata| !is_document(metadata));
        let is_bound = self.settings.bound && sealed.map(FramedMark::read).transpose()?.flatten().is_some();
        if is_bound { self.rewrite_as(from, to, head).await } else { self.copy_as_it_is(from, to, head).await }
    }

    /// Removes the object of this key, if there is one, and its instruction file. A file without an object stays: it may be
    /// the first half of one that is being written, and the next object of this key takes it over.
    ///
    /// # Errors
    ///
    /// S3's.
    pub async fn delete(&self, key: &str) -> Result<()> {
        let file = if self.settings.s3ec.is_some() { self.own_instruction_file(key).await? } else { None };
        let delete = self.client.delete_object().bucket(self.name()).key(key);
        delete.send().await.map_err(|error| Error::from_sdk("DeleteObject", &error))?;
        // After the object: before, there would be an object that nobody can read. One that was written meanwhile may have
        // taken the file over.
        match file {
            Some(e_tag) if self.head_output(key).await?.is_none() => self.remove_instruction_file(key, e_tag).await,
            _ => Ok(()),
        }
    }

    async fn copy_as_it_is(&self, from: &str, to: &str, head: HeadObjectOutput) -> Result<Put> {
        let file = if self.settings.s3ec.is_some() { self.file_of(from).await? } else { None };
        let output = match file {
            Some(file) => {
                let copy = async |entries: Metadata| {
                    let mut metadata = head.metadata.clone().unwrap_or_default();
                    let are_more = !entries.is_empty();
                    metadata.extend(entries);
                    self.copy_one(from, to, &head, are_more.then_some(metadata), Locks::default()).await
                };
                Box::pin(self.write_with_file(to, file, true, copy)).await?
            }
            None => self.copy_one(from, to, &head, None, Locks::default()).await?,
        };
        Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
    }

    /// The instruction file of the object of this key, if there is one.
    async fn file_of(&self, key: &str) -> Result<Option<String>> {
        let found = InstructionFile::find(&self.settings, &self.client, key).await?;
        found.map(|(file, _)| String::from_utf8(file.content).map_err(|_| Error::integrity())).transpose()
    }

    /// Has S3 copy the object that `head` is of, if it is still that one: with what S3 knows of it, with these locks, and with
    /// other metadata, if there are some.
    pub(crate) async fn copy_one(
        &self,
        from: &str,
        to: &str,
        head: &HeadObjectOutput,
        metadata: Option<Metadata>,
        locks: Locks,
    ) -> Result<PutObjectOutput> {
        let source = format!("{}/{}", self.name(), percent_encoded(from, b"/"));
        let copy = self.client.copy_object().bucket(self.name()).key(to).copy_source(source);
        let copy = copy.set_copy_source_if_match(head.e_tag.clone());
        let mut copy = with_locks!(with_storage!(copy, head), locks);
        if from == to {
            // Between S3's look at the source and its write somebody may write.
            copy = copy.if_match(head.e_tag.clone().ok_or_else(gone)?);
        }
        if metadata.is_some() {
            // What is known of the content goes with the metadata, and must be said again.
            copy = with_content!(copy, head).metadata_directive(MetadataDirective::Replace).set_metadata(metadata);
        }
        let output = copy.send().await.map_err(|error| Error::from_sdk("CopyObject", &error))?;
        let e_tag = output.copy_object_result.and_then(|result| result.e_tag);
        Ok(PutObjectOutput::builder().set_e_tag(e_tag).set_version_id(output.version_id).build())
    }

    /// Reads, verifies and writes an object anew, with what S3 knows of it. Where that replaces the object, only if it is
    /// still the one that was read.
    pub(crate) async fn rewrite_as(&self, from: &str, to: &str, head: HeadObjectOutput) -> Result<Put> {
        let reader = self.open(from).await?.ok_or_else(gone)?;
        if reader.e_tag() != head.e_tag.as_deref() {
            return Err(gone());
        }
        let mut put = with_head(self.client.put_object().key(to), &head).set_tagging(self.tagging(from).await?);
        if from == to {
            put = with_locks!(put, self.locks_of(&head)).if_match(head.e_tag.ok_or_else(gone)?);
        }
        let length = reader.plaintext_length();
        let content =
            if length == 0 { self.get_stream(from).await?.ok_or_else(gone)? } else { reader.stream(0..length)? };
        let output = self.write(put, Some(length), content).await?;
        Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
    }

    /// The locks that the object which `head` is of has now.
    pub(crate) fn locks_of(&self, head: &HeadObjectOutput) -> Locks {
        Locks::of(head, self.settings.privet.now())
    }

    /// The tags of an object, as requests give them.
    pub(crate) async fn tagging(&self, key: &str) -> Result<Option<String>> {
        let asked = self.client.get_object_tagging().bucket(self.name()).key(key).send().await;
        let tags = asked.map_err(|error| Error::from_sdk("GetObjectTagging", &error))?.tag_set;
        let pair = |name: &str, value: &str| format!("{}={}", percent_encoded(name, b""), percent_encoded(value, b""));
        let pairs: Vec<_> = tags.iter().map(|tag| pair(tag.key(), tag.value())).collect();
        Ok(Some(pairs.join("&")).filter(|tags| !tags.is_empty()))
    }
}

/// The request with what S3 knows of an object: not its locks, and not its access list and its tags, which `HEAD` does not
/// tell.
pub(crate) fn with_head(put: PutObjectFluentBuilder, head: &HeadObjectOutput) -> PutObjectFluentBuilder {
    with_storage!(with_content!(put, head), head).set_metadata(head.metadata().map(of_application))
}

/// Letters and digits as they are, and what is in `besides`.
fn percent_encoded(text: &str, besides: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || besides.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// `HEAD` gives this date as the text that it is.
fn expires(head: &HeadObjectOutput) -> Option<DateTime> {
    head.expires_string().and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok())
}

pub(crate) fn gone() -> Error {
    Error::new(ErrorKind::Conflict, "the object was replaced or removed meanwhile: try again")
}

/// What one copy takes: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>.
pub(crate) const MOST_COPIED: i64 = 5 << 30;
