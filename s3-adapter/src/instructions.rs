//! Objects whose wrapped key is in an instruction file: two objects of S3, and at every moment one that opens.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use privet_core::ErrorKind;
use privet_core::s3ec::{Detached, Header, INSTRUCTION_FILE_MARK, INSTRUCTION_FILE_SUFFIX, Lookup};

use crate::bucket::Bucket;
use crate::copy::{MOST_COPIED, gone};
use crate::error::{Error, Result, is_absent};
use crate::fetch::{MOST_INSTRUCTIONS, collect};
use crate::locks::Locks;
use crate::metadata::{Metadata, is_own};
use crate::settings::Settings;

/// What is beside an object under the name of its instruction file.
pub(crate) struct InstructionFile {
    pub(crate) content: Vec<u8>,
    pub(crate) e_tag: Option<String>,
    metadata: Metadata,
}

impl InstructionFile {
    /// Fetches it, if there is one.
    pub(crate) async fn fetch(settings: &Settings, client: &Client, key: &str) -> Result<Option<Self>> {
        match client.get_object().bucket(&settings.bucket).key(name_of(key)).send().await {
            Ok(mut output) => {
                let (e_tag, metadata) = (output.e_tag.take(), output.metadata.take().unwrap_or_default());
                Ok(Some(Self { content: collect(output, MOST_INSTRUCTIONS).await?, e_tag, metadata }))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::from_sdk("GetObject", &error)),
        }
    }

    /// The same with what it says; an application's own object of that name is none.
    pub(crate) async fn find(settings: &Settings, client: &Client, key: &str) -> Result<Option<(Self, Metadata)>> {
        let file = match Self::fetch(settings, client, key).await {
            // Too large.
            Err(error) if error.kind() == ErrorKind::Input => None,
            file => file?,
        };
        let file = file.filter(|file| is_instruction_file(&file.metadata, &file.content));
        Ok(file.and_then(|file| serde_json::from_slice(&file.content).ok().map(|entries| (file, entries))))
    }
}

/// Whether an object that is called like an instruction file is one: by its mark, which not all clients write, or by what it
/// holds, of which the start is enough. An application's own object may be called like one.
pub(crate) fn is_instruction_file(metadata: &Metadata, content: &[u8]) -> bool {
    let says_so = || {
        let text = content.trim_ascii_start().strip_prefix(b"{").unwrap_or_default();
        text.trim_ascii_start().starts_with(b"\"x-amz-")
    };
    metadata.contains_key(INSTRUCTION_FILE_MARK) || says_so()
}

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
        if written.as_ref().is_err_and(|error| !error.is_retryable())
            && self.e_tag(key).await? == before
            && let Some(e_tag) = put.e_tag
        {
            self.remove_instruction_file(key, e_tag).await?;
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
        // It survives copies, so that it was not asked to have locks.
        self.copy_one(key, key, &head, Some(metadata), Locks::default()).await
    }

    /// Writes an instruction file over the one that has this ETag.
    pub(crate) async fn replace_instruction_file(
        &self,
        key: &str,
        file: String,
        e_tag: Option<String>,
    ) -> Result<PutObjectOutput> {
        let e_tag = e_tag.ok_or_else(gone)?;
        let put = self.instruction_file(key, file).if_match(e_tag);
        put.send().await.map_err(|error| Error::from_sdk("PutObject", &error))
    }

    /// The ETag of the instruction file that has the key of the object of this key, if there is one. By no other way than
    /// unwrapping it could be told from the file of an object that is being written, so only what cannot be that one is.
    pub(crate) async fn own_instruction_file(&self, key: &str) -> Result<Option<String>> {
        let Some(head) = self.head_output(key).await? else { return Ok(None) };
        let metadata = head.metadata.unwrap_or_default();
        if is_own(&metadata) {
            return Ok(None);
        }
        let Some((file, entries)) = InstructionFile::find(&self.settings, &self.client, key).await? else {
            return Ok(None);
        };
        let is_its = if entries.keys().any(|name| metadata.contains_key(name)) {
            // It has its key in both places.
            entries.iter().all(|(name, value)| metadata.get(name) == Some(value))
        } else {
            let options = self.settings.s3ec_reading();
            let has_none = |object: &Detached| object.is_encrypted() || self.settings.reads_older_s3ec();
            matches!(&Header::read(&metadata, &options), Ok(Lookup::Detached(object)) if has_none(object))
        };
        Ok(file.e_tag.filter(|_| is_its))
    }

    /// Removes the instruction file that has this ETag, if it is still that one.
    pub(crate) async fn remove_instruction_file(&self, key: &str, e_tag: String) -> Result<()> {
        let delete = self.client.delete_object().bucket(self.name()).key(name_of(key)).if_match(e_tag);
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => match Error::from_sdk("DeleteObject", &error) {
                error if error.kind() == ErrorKind::Conflict => Ok(()),
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
