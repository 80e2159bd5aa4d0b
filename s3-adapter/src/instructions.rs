//! Objects whose wrapped key is in an instruction file: two objects of S3, and at every moment one that opens.

use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use privet_core::s3ec::{INSTRUCTION_FILE_MARK, INSTRUCTION_FILE_SUFFIX};

use crate::bucket::Bucket;
use crate::copy::{MOST_COPIED, gone};
use crate::error::{Error, Result};
use crate::metadata::Metadata;

/// The key of the instruction file of the object of this key.
pub(crate) fn name_of(key: &str) -> String {
    format!("{key}{INSTRUCTION_FILE_SUFFIX}")
}

impl Bucket {
    /// Writes an object and its instruction file. `write` is given what the object's own metadata must hold besides.
    ///
    /// A first instruction file is put before its object. One that is there belongs to the object that is there, and which
    /// of the two is replaced first, in between nobody could read what is there. So the new object has its wrapped key in
    /// its own metadata to begin with, which every reader goes by first; then the file is replaced; then the key is taken
    /// out of the metadata, by a copy: unless that would lose what S3 knows of the object, which `survives_copies` says.
    ///
    /// The futures in it are on the heap: together they are larger than stacks like.
    pub(crate) async fn write_with_file<F>(
        &self,
        key: &str,
        file: String,
        survives_copies: bool,
        write: impl FnOnce(Metadata) -> F,
    ) -> Result<PutObjectOutput>
    where
        F: Future<Output = Result<PutObjectOutput>>,
    {
        let Some(old) = self.head_output(&name_of(key)).await? else {
            return self.write_after_file(key, file, Box::pin(write(Metadata::new()))).await;
        };
        let entries: Metadata = serde_json::from_str(&file).map_err(|_| Error::integrity())?;
        let written = Box::pin(write(entries.clone())).await?;
        self.replace_instruction_file(key, file, old.e_tag).await?;
        if survives_copies { Box::pin(self.take_out(key, written, &entries)).await } else { Ok(written) }
    }

    async fn write_after_file(
        &self,
        key: &str,
        file: String,
        write: impl Future<Output = Result<PutObjectOutput>>,
    ) -> Result<PutObjectOutput> {
        let before = self.e_tag(key).await?;
        let put = self.instruction_file(key, file).if_none_match("*").send().await;
        let put = put.map_err(|error| Error::from_sdk("PutObject", &error))?;
        let written = write.await;
        // Without a clear answer the object may be there, or yet come to be: better a file too many. And where S3 refuses, it
        // may refuse the second try of a request of which the first had come through.
        if written.as_ref().is_err_and(|error| !error.is_retryable()) && self.e_tag(key).await? == before {
            let delete = self.client.delete_object().bucket(self.name()).key(name_of(key)).set_if_match(put.e_tag);
            delete.send().await.map_err(|error| Error::from_sdk("DeleteObject", &error))?;
        }
        written
    }

    /// Takes entries that are in its instruction file too out of the metadata of an object that was just written.
    async fn take_out(&self, key: &str, written: PutObjectOutput, entries: &Metadata) -> Result<PutObjectOutput> {
        let Some(head) = self.head_output(key).await? else { return Ok(written) };
        let is_too_large = head.content_length.is_none_or(|length| length > MOST_COPIED);
        // Either it is another one by now, or S3 copies none that large: it opens as it is.
        if head.e_tag != written.e_tag || is_too_large {
            return Ok(written);
        }
        let mut metadata = head.metadata.clone().unwrap_or_default();
        metadata.retain(|name, _| !entries.contains_key(name));
        self.copy_one(key, key, &head, Some(metadata)).await
    }

    /// Writes an instruction file over the one that has this ETag.
    pub(crate) async fn replace_instruction_file(&self, key: &str, file: String, e_tag: Option<String>) -> Result<()> {
        let e_tag = e_tag.ok_or_else(gone)?;
        let put = self.instruction_file(key, file).if_match(e_tag);
        put.send().await.map_err(|error| Error::from_sdk("PutObject", &error))?;
        Ok(())
    }

    /// Removes the instruction file that has this ETag, if it is still that one.
    #[cfg(feature = "bulk")]
    pub(crate) async fn remove_instruction_file(&self, key: &str, e_tag: String) -> Result<()> {
        let delete = self.client.delete_object().bucket(self.name()).key(name_of(key)).if_match(e_tag);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) if crate::error::is_absent(&error) => Ok(()),
            Err(error) => match Error::from_sdk("DeleteObject", &error) {
                error if error.kind() == privet_core::ErrorKind::Conflict => Ok(()),
                error => Err(error),
            },
        }
    }

    fn instruction_file(&self, key: &str, file: String) -> PutObjectFluentBuilder {
        let put = self.client.put_object().bucket(self.name()).key(name_of(key));
        put.metadata(INSTRUCTION_FILE_MARK, "").body(ByteStream::from(file.into_bytes()))
    }

    async fn e_tag(&self, key: &str) -> Result<Option<String>> {
        Ok(self.head_output(key).await?.and_then(|head| head.e_tag))
    }
}
