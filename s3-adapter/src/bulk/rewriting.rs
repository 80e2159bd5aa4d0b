//! One object in the place of the one that was read, and of no other.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use futures_util::{Stream, StreamExt as _};
use privet_bulk::Reprotect;

use super::document::resealed;
use super::object::StoredObject;
use crate::bucket::Bucket;
use crate::copy::{gone, with_head};
use crate::documents::DocumentFormat;
use crate::error::{Error, Result};
use crate::fetch::Kind;
use crate::format::{ObjectFormat, Writing};
use crate::locks::with_locks;
use crate::metadata::{Metadata, document_mark};
use crate::put::Put;

/// What an object is to become, and how.
pub struct Rewriting {
    pub(super) from: Bucket,
    pub(super) to: Option<Bucket>,
    pub(super) how: How,
    pub(super) documents: Option<Arc<Reprotect>>,
    /// Calls of key providers by all of the job.
    pub(super) calls: Arc<AtomicU64>,
}

#[derive(Clone, Copy)]
pub(super) enum How {
    /// The data key is wrapped anew, the body stays.
    Rewrap,
    /// It is written anew, in this format; in the bucket's if none is named.
    Anew(Option<ObjectFormat>),
    /// Its records are.
    Document(DocumentFormat),
    /// It is written in clear.
    Clear,
}

impl Rewriting {
    /// Puts the object in its place.
    pub(super) async fn put(&self, object: &StoredObject) -> Result<Put> {
        let key = &object.key;
        let read = object.start().map_err(|_| gone())?;
        let head = self.from.head_output(key).await?.ok_or_else(gone)?;
        if head.e_tag.as_deref() != Some(&read.e_tag) {
            return Err(gone());
        }
        self.calls.fetch_add(self.key_calls(), Relaxed);
        let to = self.to.as_ref().unwrap_or(&self.from);
        if let How::Rewrap = self.how {
            return to.rewrap_from(&self.from, key, head).await;
        }
        let file = self.instruction_file(key, &read.metadata).await?;
        let tagging = object.tagging(&self.from).await?;
        let e_tag = read.e_tag.clone();
        let request = with_head(to.client.put_object().key(key), &head).set_tagging(tagging).if_match(&e_tag);
        let request = with_locks!(request, to.locks_of(&head));
        let failure = Failure::default();
        let put = match self.how {
            How::Rewrap => return Err(gone()),
            How::Anew(format) => self.anew(to, format, key, &e_tag, request, &failure).await,
            How::Clear => self.clear(key, &e_tag, request, &failure).await,
            How::Document(format) => self.document(format, key, &head, request, &failure).await,
        };
        // What went wrong with the content says more than that the upload was given up.
        let put = put.map_err(|error| failure.take().unwrap_or(error))?;
        // The object has its key elsewhere now. A file that was written meanwhile is somebody else's.
        if let Some(e_tag) = file {
            self.from.remove_instruction_file(key, e_tag).await?;
        }
        Ok(put)
    }

    /// Requests that write.
    pub(super) fn requests(&self) -> f64 {
        1.0
    }

    /// Calls of key providers that a protector's cache does not know of: unwrapping and wrapping.
    pub(super) fn key_calls(&self) -> u64 {
        match self.how {
            How::Rewrap => 2,
            How::Anew(_) | How::Clear => u64::from(self.from.settings.s3ec.is_some()),
            How::Document(_) => 0,
        }
    }

    async fn anew(
        &self,
        to: &Bucket,
        format: Option<ObjectFormat>,
        key: &str,
        e_tag: &str,
        request: PutObjectFluentBuilder,
        failure: &Failure,
    ) -> Result<Put> {
        let mut settings = (*to.settings).clone();
        settings.format = format.or(settings.format);
        // Object and instruction file cannot be replaced in one step: between the two nobody could read it.
        settings.instruction_files = false;
        let to = Bucket { settings: Arc::new(settings), client: to.client.clone() };
        let (length, content) = self.content(key, e_tag).await?;
        // What is wrong with the content is noted, and says more.
        let output = to.write(request, Some(length), failure.noting(content)).await.map_err(Error::of_target)?;
        Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
    }

    async fn clear(&self, key: &str, e_tag: &str, request: PutObjectFluentBuilder, failure: &Failure) -> Result<Put> {
        let (length, content) = self.content(key, e_tag).await?;
        let request = request.bucket(self.from.name());
        let content = failure.noting(content);
        let output = self.from.upload(request, Some(length), Writing::as_it_is(), content).await?;
        Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
    }

    async fn document(
        &self,
        format: DocumentFormat,
        key: &str,
        head: &HeadObjectOutput,
        request: PutObjectFluentBuilder,
        failure: &Failure,
    ) -> Result<Put> {
        let records = self.documents.as_ref().ok_or_else(gone)?;
        let rows = self.from.documents(format)?.rows_of(key, head.e_tag.as_deref()).await?;
        let mut request = request.bucket(self.from.name());
        if self.to.is_some() {
            let (name, value) = document_mark(format.name());
            request = request.metadata(name, value);
        }
        let content = failure.noting(resealed(rows, Arc::clone(records), self.to.is_some()));
        let output = self.from.upload(request, None, Writing::as_it_is(), content).await?;
        Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
    }

    /// The content, verified piece by piece, of the object that was read.
    async fn content(&self, key: &str, e_tag: &str) -> Result<(u64, crate::get::ObjectStream)> {
        let reader = match self.from.open(key).await {
            // An empty object in clear has no parts.
            Err(error) if error.code() == Some("InvalidRange") => {
                let content = self.from.get_stream(key).await?.ok_or_else(gone)?;
                return Ok((0, content));
            }
            reader => reader?.ok_or_else(gone)?,
        };
        if reader.e_tag() != Some(e_tag) {
            return Err(gone());
        }
        let length = reader.plaintext_length();
        let content =
            if length == 0 { self.from.get_stream(key).await?.ok_or_else(gone)? } else { reader.stream(0..length)? };
        Ok((length, content))
    }

    /// The ETag of the instruction file that has the key of the object that was read.
    async fn instruction_file(&self, key: &str, metadata: &Metadata) -> Result<Option<String>> {
        if let How::Document(_) = self.how {
            return Ok(None);
        }
        Ok(match Kind::of(&self.from.settings, Some(&self.from.client), key, metadata).await? {
            Kind::S3ec(_, e_tag) => e_tag,
            _ => None,
        })
    }
}

impl fmt::Debug for Rewriting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewriting").finish_non_exhaustive()
    }
}

/// What went wrong with the content of an upload, which itself only knows that there is no more of it.
#[derive(Clone, Default)]
struct Failure(Arc<Mutex<Option<Error>>>);

impl Failure {
    /// The same content; its failure is kept here.
    fn noting<S, B>(&self, content: S) -> impl Stream<Item = std::result::Result<B, std::io::Error>> + Send + use<S, B>
    where
        S: Stream<Item = Result<B>> + Send,
    {
        let kept = self.clone();
        content.map(move |piece| {
            piece.map_err(|error| {
                *kept.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                std::io::Error::other("the content cannot be read to its end")
            })
        })
    }

    fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
