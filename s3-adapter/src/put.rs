//! Writing objects: whole, and as streams of any length.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::pin::Pin;

use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::{Stream, StreamExt as _, stream};
use privet_core::ErrorKind;

use crate::bucket::Bucket;
use crate::error::{Error, Result};
use crate::format::Writing;
use crate::metadata::{Metadata, check_application};
use crate::upload::Upload;

/// What S3 said of an object that it has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Put {
    /// What conditions of later requests compare with.
    pub e_tag: Option<String>,
    /// Which version of the object it is, in a bucket with versions.
    pub version_id: Option<String>,
}

impl Bucket {
    /// Writes an object, over whatever has its key.
    ///
    /// For conditions, tags, metadata and all else that S3 knows of an object, take the SDK's builder and
    /// [`send_protected`](crate::SendProtected::send_protected), or [`put_stream_as`](Self::put_stream_as).
    ///
    /// # Errors
    ///
    /// The protector's and S3's errors.
    pub async fn put(&self, key: &str, body: impl Into<Vec<u8>>) -> Result<Put> {
        let output = self.write_whole(self.client.put_object().key(key), body.into()).await?;
        Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
    }

    /// Writes an object whose content comes in pieces, over whatever has its key. Its length need not be known. The object
    /// is there as a whole, or it is not there: what fails half-way leaves no parts behind.
    ///
    /// # Errors
    ///
    /// `Io` if the content's stream fails; the protector's and S3's errors.
    pub async fn put_stream<S, B, E>(&self, key: &str, content: S) -> Result<Put>
    where
        S: Stream<Item = Result<B, E>> + Send,
        B: AsRef<[u8]> + Send,
        E: StdError + Send + Sync + 'static,
    {
        self.put_stream_as(self.client.put_object().key(key), content).await
    }

    /// The same with all that the SDK's request says of the object: key, conditions, metadata, tags, encryption by S3.
    /// Large objects are uploaded in parts, to which all of that is passed on.
    ///
    /// # Errors
    ///
    /// `Input` if the request has a body, or names metadata that are reserved, or checksums of what is not stored; as
    /// [`put_stream`](Self::put_stream).
    pub async fn put_stream_as<S, B, E>(&self, request: PutObjectFluentBuilder, content: S) -> Result<Put>
    where
        S: Stream<Item = Result<B, E>> + Send,
        B: AsRef<[u8]> + Send,
        E: StdError + Send + Sync + 'static,
    {
        let output = self.write(request, None, content).await?;
        Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
    }

    /// Writes the object of a request, whose body is `content`.
    pub(crate) async fn write_whole(
        &self,
        request: PutObjectFluentBuilder,
        content: Vec<u8>,
    ) -> Result<PutObjectOutput> {
        let length = content.len() as u64;
        if content.len() > self.settings.part_size {
            let pieces = stream::once(std::future::ready(Ok::<_, Infallible>(content)));
            return self.write(request, Some(length), pieces).await;
        }
        check(&request)?;
        let request = request.bucket(self.name());
        let key = request.get_key().clone().unwrap_or_default();
        let (writing, beside) = Writing::begin(&self.settings, &key, Some(length)).await?;
        let request = with_metadata(request, beside.metadata);
        let body = writing.whole(content)?;
        match beside.instruction_file {
            Some(file) => {
                let survives = survives_copies(&request);
                let put = |entries| put_whole(with_metadata(request, entries), body);
                Box::pin(self.write_with_file(&key, file, survives, put)).await
            }
            None => put_whole(request, body).await,
        }
    }

    /// Writes the object of a request, whose body is `content`.
    pub(crate) async fn write<S, B, E>(
        &self,
        request: PutObjectFluentBuilder,
        length: Option<u64>,
        content: S,
    ) -> Result<PutObjectOutput>
    where
        S: Stream<Item = Result<B, E>> + Send,
        B: AsRef<[u8]> + Send,
        E: StdError + Send + Sync + 'static,
    {
        check(&request)?;
        let request = request.bucket(self.name());
        let key = request.get_key().clone().unwrap_or_default();
        let (writing, beside) = Writing::begin(&self.settings, &key, length).await?;
        let request = with_metadata(request, beside.metadata);
        match beside.instruction_file {
            Some(file) => {
                let survives = survives_copies(&request);
                let upload = |entries| self.upload(with_metadata(request, entries), length, writing, content);
                Box::pin(self.write_with_file(&key, file, survives, upload)).await
            }
            None => self.upload(request, length, writing, content).await,
        }
    }

    /// Sends an object at once or in parts.
    pub(crate) async fn upload<S, B, E>(
        &self,
        request: PutObjectFluentBuilder,
        length: Option<u64>,
        writing: Writing,
        content: S,
    ) -> Result<PutObjectOutput>
    where
        S: Stream<Item = Result<B, E>> + Send,
        B: AsRef<[u8]> + Send,
        E: StdError + Send + Sync + 'static,
    {
        let part = self.settings.part_size;
        match fill(writing, content, part).await? {
            Filled::Whole(body) => put_whole(request, body).await,
            Filled::First(begun) => {
                let length = length.map(|length| length.saturating_add(length / 8));
                let upload = Upload::begin(&self.client, &request, part, self.settings.parallel, length).await?;
                upload.run(begun).await
            }
        }
    }
}

/// One request with all of the sealed body, which the SDK can repeat.
pub(crate) async fn put_whole(request: PutObjectFluentBuilder, body: Vec<u8>) -> Result<PutObjectOutput> {
    let put = request.set_content_length(None).body(ByteStream::from(body));
    put.send().await.map_err(|error| Error::from_sdk("PutObject", &error))
}

/// The request with what a reader needs beside the application's metadata.
pub(crate) fn with_metadata(request: PutObjectFluentBuilder, metadata: Metadata) -> PutObjectFluentBuilder {
    metadata.into_iter().fold(request, |request, (name, value)| request.metadata(name, value))
}

/// Whether S3's copy of the object knows all that the request says: access lists, locks and keys of the caller it does not.
fn survives_copies(request: &PutObjectFluentBuilder) -> bool {
    let put = request.as_input();
    put.get_acl().is_none()
        && put.get_grant_full_control().is_none()
        && put.get_grant_read().is_none()
        && put.get_grant_read_acp().is_none()
        && put.get_grant_write_acp().is_none()
        && put.get_object_lock_mode().is_none()
        && put.get_object_lock_legal_hold_status().is_none()
        && put.get_object_lock_event_hold().is_none()
        && put.get_sse_customer_key().is_none()
}

/// Refuses what cannot be said of an object that is sealed.
pub(crate) fn check(request: &PutObjectFluentBuilder) -> Result<()> {
    check_application(request.get_metadata().as_ref())?;
    let checksums = [
        request.get_content_md5(),
        request.get_checksum_crc32(),
        request.get_checksum_crc32_c(),
        request.get_checksum_crc64_nvme(),
        request.get_checksum_sha1(),
        request.get_checksum_sha256(),
        request.get_checksum_sha512(),
        request.get_checksum_md5(),
        request.get_checksum_xxhash64(),
        request.get_checksum_xxhash3(),
        request.get_checksum_xxhash128(),
    ];
    if checksums.into_iter().any(Option::is_some) {
        let message = "a checksum of the content is not one of what is stored: name a `checksum_algorithm` instead";
        return Err(Error::new(ErrorKind::Input, message));
    }
    if request.get_write_offset_bytes().is_some() {
        return Err(Error::new(ErrorKind::Unsupported, "nothing can be appended to a sealed object: write it anew"));
    }
    if request.get_key().as_ref().is_none_or(String::is_empty) {
        return Err(Error::new(ErrorKind::Input, "the request names no key"));
    }
    Ok(())
}

/// What came of sealing as much as one part.
enum Filled<S, B> {
    /// All of it.
    Whole(Vec<u8>),
    /// More than that.
    First(Begun<S, B>),
}

/// The first part of an upload, and how it goes on.
pub(crate) struct Begun<S, B> {
    pub(crate) part: Vec<u8>,
    pub(crate) writing: Writing,
    /// A piece of the content, and how much of it is sealed.
    pub(crate) piece: (B, usize),
    pub(crate) content: Pin<Box<S>>,
}

async fn fill<S, B, E>(mut writing: Writing, content: S, part: usize) -> Result<Filled<S, B>>
where
    S: Stream<Item = Result<B, E>> + Send,
    B: AsRef<[u8]> + Send,
    E: StdError + Send + Sync + 'static,
{
    let mut content = Box::pin(content);
    while let Some(piece) = content.next().await {
        let piece = piece.map_err(Error::body)?;
        let mut sealed = 0;
        while let Some(next) = piece.as_ref().get(sealed..).and_then(|rest| rest.chunks(PIECE).next()) {
            writing.push(next)?;
            sealed += next.len();
            if let Some(part) = writing.take(part) {
                return Ok(Filled::First(Begun { part, writing, piece: (piece, sealed), content }));
            }
        }
    }
    let body = writing.finish()?;
    Ok(Filled::Whole(body))
}

/// Sealed at a time: what is not taken yet grows by no more.
pub(crate) const PIECE: usize = 256 << 10;
