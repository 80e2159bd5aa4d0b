//! New keys for old objects: the data key wrapped anew without reading the body, or the whole object written anew.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use privet_core::ErrorKind;
use privet_core::s3ec::Header;

use crate::bucket::Bucket;
use crate::copy::MOST_COPIED;
use crate::error::{Error, Result};
use crate::fetch::Kind;
use crate::metadata::{Metadata, of_application};
use crate::put::Put;

impl Bucket {
    /// Wraps the data key of an S3EC object anew, with the key that the bucket writes with. The body is not read: S3 puts
    /// new metadata to it, or the instruction file is replaced. What S3 knows of the object stays, its locks too (which S3
    /// tells to who may read them), but for the access list. Keys to read old objects with are added to the keyring with
    /// [`with_reader`](privet_core::keyring::S3ecKeyring::with_reader).
    ///
    /// # Errors
    ///
    /// `Input` if there is no such object or it is not sealed; `Unsupported` for framed objects, whose wrapped keys are part
    /// of what is authenticated with the data key itself: [`rewrite`](Self::rewrite) them; `Conflict` if it is replaced
    /// meanwhile; the keyring's and S3's errors.
    ///
    /// # Security
    ///
    /// The data key stays the same: who had it still has it. Where a key has leaked, [`rewrite`](Self::rewrite).
    ///
    /// S3 knows no condition on metadata: what others change of them alone, and of locks, in the moment of the copy is lost.
    pub async fn rewrap(&self, key: &str) -> Result<()> {
        let head = self.head_output(key).await?.ok_or_else(absent)?;
        self.rewrap_from(self, key, head).await.map(drop)
    }

    /// The same for an object as it was found, which is read as `old` reads. What was put is the object or its instruction
    /// file.
    pub(crate) async fn rewrap_from(&self, old: &Self, key: &str, head: HeadObjectOutput) -> Result<Put> {
        let none = Metadata::new();
        let kind = Kind::of(&old.settings, Some(&self.client), key, head.metadata().unwrap_or(&none)).await?;
        let (header, file_e_tag) = match kind {
            Kind::S3ec(header, file_e_tag) => (header, file_e_tag),
            Kind::Framed(_) => {
                let message = "a framed object's wrapped keys are part of its body: write it anew with `rewrite`";
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            Kind::Plain => return Err(Error::new(ErrorKind::Input, "the object is not sealed: write it anew")),
        };
        let data_key = old.settings.s3ec_keyring()?.data_key(&header).await?;
        let rewrapped = self.settings.s3ec_keyring()?.rewrap(&data_key, &header, &self.settings.s3ec_context()).await;
        let header = rewrapped.map_err(|error| Error::from(error).of_target())?;
        match header.instruction_file()? {
            Some(file) => {
                let output = self.replace_instruction_file(key, file, file_e_tag).await?;
                Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
            }
            None => self.replace_metadata(key, head, &header).await,
        }
    }

    /// Reads and verifies an object and writes it anew, as the bucket writes now: format, keys, context. What S3 knows of it
    /// stays, its tags too (which it must be allowed to read) and its locks (which S3 tells to who may read them), but for
    /// the access list.
    ///
    /// # Errors
    ///
    /// `Input` if there is no such object; `Conflict` if it is replaced meanwhile, which keeps the other one; as
    /// [`get`](Self::get) and [`put_stream`](Self::put_stream).
    pub async fn rewrite(&self, key: &str) -> Result<Put> {
        let head = self.head_output(key).await?.ok_or_else(absent)?;
        self.rewrite_as(key, key, head).await
    }

    async fn replace_metadata(&self, key: &str, head: HeadObjectOutput, header: &Header) -> Result<Put> {
        if head.content_length.is_none_or(|length| length > MOST_COPIED) {
            let message = "S3 copies no object of more than 5 GiB at once: write it anew with `rewrite`";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let mut metadata = head.metadata().map(of_application).unwrap_or_default();
        metadata.extend(header.object_metadata()?.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let output = self.copy_one(key, key, &head, Some(metadata), self.locks_of(&head)).await?;
        Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
    }
}

fn absent() -> Error {
    Error::new(ErrorKind::Input, "there is no such object")
}
