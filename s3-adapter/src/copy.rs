//! Copies, which never lose what they need to be opened, and removals, which leave nothing behind.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use privet_core::ErrorKind;
use privet_core::s3ec::INSTRUCTION_FILE_SUFFIX;

use crate::bucket::Bucket;
use crate::error::{Error, Result, is_absent};
use crate::fetch::{MOST_INSTRUCTIONS, collect};
use crate::metadata::{FramedMark, is_document, of_application};
use crate::put::Put;

impl Bucket {
    /// Copies an object to another key of the bucket, over whatever is there.
    ///
    /// Where its format does not bind it to its place, S3 copies it, with all its metadata and its instruction file. A
    /// framed object that is bound is read, verified and written anew: bound to its new place, under a new data key.
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

    /// Removes the object of this key, if there is one, and its instruction file.
    ///
    /// # Errors
    ///
    /// S3's.
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.delete_one(key).await?;
        // After the object: before, there would be an object that nobody can read.
        if self.settings.s3ec.is_some() {
            self.delete_one(&format!("{key}{INSTRUCTION_FILE_SUFFIX}")).await?;
        }
        Ok(())
    }

    pub(crate) async fn delete_one(&self, key: &str) -> Result<()> {
        let delete = self.client.delete_object().bucket(self.name()).key(key);
        delete.send().await.map_err(|error| Error::from_sdk("DeleteObject", &error))?;
        Ok(())
    }

    async fn copy_as_it_is(&self, from: &str, to: &str, head: HeadObjectOutput) -> Result<Put> {
        let copy = self.copy_one(from, to, head.e_tag);
        if self.settings.s3ec.is_none() {
            return copy.await;
        }
        let name = format!("{from}{INSTRUCTION_FILE_SUFFIX}");
        match self.client.get_object().bucket(self.name()).key(name).send().await {
            Ok(file) => {
                let file = collect(file, MOST_INSTRUCTIONS).await?;
                let file = String::from_utf8(file).map_err(|_| Error::integrity())?;
                self.write_with_file(to, file, copy).await
            }
            Err(error) if is_absent(&error) => copy.await,
            Err(error) => Err(Error::from_sdk("GetObject", &error)),
        }
    }

    async fn copy_one(&self, from: &str, to: &str, e_tag: Option<String>) -> Result<Put> {
        let copy = self
            .client
            .copy_object()
            .bucket(self.name())
            .key(to)
            .copy_source(self.copy_source(from))
            .set_copy_source_if_match(e_tag);
        let output = copy.send().await.map_err(|error| Error::from_sdk("CopyObject", &error))?;
        let e_tag = output.copy_object_result.and_then(|result| result.e_tag);
        Ok(Put { e_tag, version_id: output.version_id })
    }

    /// Reads, verifies and writes an object anew, with what S3 knows of it. Where that replaces the object, only if it is
    /// still the one that was read.
    pub(crate) async fn rewrite_as(&self, from: &str, to: &str, head: HeadObjectOutput) -> Result<Put> {
        let reader = self.open(from).await?.ok_or_else(gone)?;
        if reader.e_tag() != head.e_tag.as_deref() {
            return Err(gone());
        }
        let mut put = with_head(self.client.put_object().key(to), &head);
        if from == to {
            put = put.set_if_match(head.e_tag);
        }
        let length = reader.plaintext_length();
        let content =
            if length == 0 { self.get_stream(from).await?.ok_or_else(gone)? } else { reader.stream(0..length)? };
        let output = self.write(put, Some(length), content).await?;
        Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
    }

    /// `<bucket>/<key>`, percent-encoded.
    pub(crate) fn copy_source(&self, key: &str) -> String {
        let mut source = format!("{}/", self.name());
        for byte in key.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/') {
                source.push(char::from(byte));
            } else {
                source.push_str(&format!("%{byte:02X}"));
            }
        }
        source
    }
}

/// The request with what S3 knows of an object: not its access list and its tags, which `HEAD` does not tell.
pub(crate) fn with_head(put: PutObjectFluentBuilder, head: &HeadObjectOutput) -> PutObjectFluentBuilder {
    put.set_metadata(head.metadata().map(of_application))
        .set_content_type(head.content_type.clone())
        .set_content_encoding(head.content_encoding.clone())
        .set_content_disposition(head.content_disposition.clone())
        .set_content_language(head.content_language.clone())
        .set_cache_control(head.cache_control.clone())
        .set_storage_class(head.storage_class.clone())
        .set_website_redirect_location(head.website_redirect_location.clone())
        .set_server_side_encryption(head.server_side_encryption.clone())
        .set_ssekms_key_id(head.ssekms_key_id.clone())
        .set_bucket_key_enabled(head.bucket_key_enabled)
}

pub(crate) fn gone() -> Error {
    Error::new(ErrorKind::Conflict, "the object was replaced or removed meanwhile: try again")
}
