//! Objects that are JSON, JSON lines or CSV, protected field by field: who holds the key of one class reads its fields.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use privet_core::ErrorKind;
use privet_core::principal::Principal;
use privet_core::protector::{Resource, Unprotected};
use privet_core::value::Value;
use serde_json::Value as Json;

use crate::bucket::Bucket;
use crate::error::{Error, Result, is_absent};
use crate::format::Writing;
use crate::get::ObjectStream;
use crate::metadata::document_mark;
use crate::put::{Put, check};

pub(crate) mod rows;
mod split;

use rows::Columns;
pub(crate) use rows::Row;
use split::Splitter;

/// What a document is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DocumentFormat {
    /// One JSON object.
    Json,
    /// A JSON object a line.
    JsonLines,
    /// A row a record, after a row of names. All values are texts.
    Csv,
}

impl DocumentFormat {
    /// What an object's metadata say that it is.
    #[cfg(feature = "bulk")]
    pub(crate) fn of_metadata(metadata: &crate::metadata::Metadata) -> Result<Self> {
        let is = |format: &Self| {
            let (name, value) = document_mark(format.name());
            metadata.get(&name) == Some(&value)
        };
        let found = [Self::Json, Self::JsonLines, Self::Csv].into_iter().find(is);
        found.ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "the object is a document of a newer format: update privet")
        })
    }

    /// What an object's metadata call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::JsonLines => "json-lines",
            Self::Csv => "csv",
        }
    }
}

/// The documents of a bucket, whose fields are classified by the policy for the bucket's resource.
///
/// Each JSON object, line or row is a record of its own, with its own header and tags, in the privet record format. Field
/// names, and fields that the policy leaves clear, can be read by who reads the bucket; so can the number of records.
///
/// # Security
///
/// Records are bound to resource and tenant and to the key fields that the policy names for the resource. They are not bound to
/// the object and to their place in it: who may write to the bucket can drop, repeat and reorder them, and move them to
/// another document of the resource. Where that matters, write the document as one framed object.
#[derive(Clone)]
pub struct Documents {
    bucket: Bucket,
    format: DocumentFormat,
    resource: Arc<Resource>,
}

/// The records of a document, each opened as far as this process's keys go.
pub struct RecordStream(Pin<Box<dyn Stream<Item = Result<Unprotected>> + Send>>);

/// What a caller may see of a document: an object a record.
pub struct ViewStream(Pin<Box<dyn Stream<Item = Result<Json>> + Send>>);

impl Bucket {
    /// The documents of this bucket.
    ///
    /// # Errors
    ///
    /// `Config` if the policy contradicts itself for the bucket's resource.
    pub fn documents(&self, format: DocumentFormat) -> Result<Documents> {
        let resource = self.settings.privet.resource(self.resource())?;
        Ok(Documents { bucket: self.clone(), format, resource })
    }
}

impl Documents {
    /// Writes a document, over whatever has its key. It is protected record by record, so that it need not fit into memory.
    ///
    /// # Errors
    ///
    /// `Input` if the content is not of the format or a record cannot be protected; as
    /// [`Bucket::put_stream`].
    pub async fn put_stream<S, B, E>(&self, key: &str, content: S) -> Result<Put>
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: AsRef<[u8]> + Send + 'static,
        E: StdError + Send + Sync + 'static,
    {
        self.put_stream_as(self.bucket.client.put_object().key(key), content).await
    }

    /// The same with all that the SDK's request says of the object.
    ///
    /// # Errors
    ///
    /// As [`put_stream`](Self::put_stream) and [`Bucket::put_stream_as`].
    pub async fn put_stream_as<S, B, E>(&self, request: PutObjectFluentBuilder, content: S) -> Result<Put>
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: AsRef<[u8]> + Send + 'static,
        E: StdError + Send + Sync + 'static,
    {
        check(&request)?;
        let (name, value) = document_mark(self.format.name());
        let request = request.bucket(self.bucket.name()).metadata(name, value);
        let this = self.clone();
        let sealed = self.rows(content).and_then(move |row| {
            let this = this.clone();
            async move { this.seal(row).await }
        });
        let output = self.bucket.upload(request, None, Writing::as_it_is(), sealed).await?;
        Ok(Put { e_tag: output.e_tag, version_id: output.version_id })
    }

    /// The document of this key in clear; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`records`](Self::records); `Denied` as the stream's last item if a class of a record may not be unwrapped.
    pub async fn get_stream(&self, key: &str) -> Result<Option<ObjectStream>> {
        let Some(rows) = self.stored(key).await? else { return Ok(None) };
        let this = self.clone();
        let clear = rows.and_then(move |row| {
            let this = this.clone();
            async move {
                match row {
                    Row::Names(columns) => columns.clear_line(),
                    row => {
                        let columns = row.columns();
                        let json = Value::M(this.open(row).await?.complete()?).into_json();
                        rows::clear(columns.as_deref(), &json)
                    }
                }
            }
        });
        Ok(Some(ObjectStream(Box::pin(clear))))
    }

    /// The records of the document of this key, each opened as far as this process's keys go; `None` if there is none.
    ///
    /// # Errors
    ///
    /// S3's. What is found in a record is the stream's last item: `Integrity` if it does not authenticate, or the document
    /// is not of the format.
    pub async fn records(&self, key: &str) -> Result<Option<RecordStream>> {
        let Some(rows) = self.stored(key).await? else { return Ok(None) };
        let this = self.clone();
        let records = rows.try_filter_map(move |row| {
            let this = this.clone();
            async move {
                if matches!(row, Row::Names(_)) {
                    return Ok(None);
                }
                this.open(row).await.map(Some)
            }
        });
        Ok(Some(RecordStream(Box::pin(records))))
    }

    /// What a caller may see of the document of this key, record by record; `None` if there is none. Classes that this
    /// process may not unwrap are withheld from everyone.
    ///
    /// # Errors
    ///
    /// As [`records`](Self::records); the audit sink's as the stream's last item: if it fails, nothing more is shown.
    pub async fn view(&self, key: &str, principal: &Principal) -> Result<Option<ViewStream>> {
        let Some(records) = self.records(key).await? else { return Ok(None) };
        let (this, principal) = (self.clone(), Arc::new(principal.clone()));
        let shown = records.and_then(move |opened| {
            let (this, principal) = (this.clone(), Arc::clone(&principal));
            async move {
                let privet = &this.bucket.settings.privet;
                Ok(privet.view_record(&this.resource, opened, &principal).await?.into_json())
            }
        });
        Ok(Some(ViewStream(Box::pin(shown))))
    }

    /// The line that stores a row of the document.
    async fn seal(&self, row: Row) -> Result<Vec<u8>> {
        let columns = row.columns();
        match row {
            Row::Names(columns) => columns.stored_line(),
            row => {
                let privet = &self.bucket.settings.privet;
                let sealed = privet.protect_json(self.resource.name(), row.into_clear()?).await?;
                rows::stored(columns.as_deref(), &sealed)
            }
        }
    }

    async fn open(&self, row: Row) -> Result<Unprotected> {
        Ok(self.bucket.settings.privet.open_json(&self.resource, row.into_stored()?).await?)
    }

    /// The rows of the stored object of this key.
    async fn stored(&self, key: &str) -> Result<Option<impl Stream<Item = Result<Row>> + Send + use<>>> {
        let get = self.bucket.client.get_object().bucket(self.bucket.name()).key(key);
        let output = match get.send().await {
            Ok(output) => output,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(Error::from_sdk("GetObject", &error)),
        };
        let (name, value) = document_mark(self.format.name());
        if output.metadata().and_then(|metadata| metadata.get(&name)) != Some(&value) {
            return Err(Error::new(ErrorKind::Unsupported, "the object is no document of this format"));
        }
        Ok(Some(self.rows(pieces(output.body))))
    }

    /// The rows of the object of this key, whatever it is marked as, while it has this ETag.
    #[cfg(feature = "bulk")]
    pub(crate) async fn rows_of(
        &self,
        key: &str,
        e_tag: Option<&str>,
    ) -> Result<impl Stream<Item = Result<Row>> + Send + use<>> {
        let get = self.bucket.client.get_object().bucket(self.bucket.name()).key(key);
        let output = get.set_if_match(e_tag.map(str::to_owned)).send().await;
        let output = output.map_err(|error| Error::from_sdk("GetObject", &error))?;
        Ok(self.rows(pieces(output.body)))
    }

    /// The rows of a document that comes in pieces.
    fn rows<S, B, E>(&self, content: S) -> impl Stream<Item = Result<Row>> + Send + use<S, B, E>
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: AsRef<[u8]> + Send + 'static,
        E: StdError + Send + Sync + 'static,
    {
        let state = (Box::pin(content), Some(Splitter::new(self.format)), None::<Arc<Columns>>);
        stream::try_unfold((state, self.format), |((mut content, mut splitter, mut columns), format)| async move {
            loop {
                let Some(waiting) = &mut splitter else { return Ok(None) };
                let line = match waiting.next() {
                    Some(line) => line,
                    None => match content.next().await {
                        Some(piece) => {
                            waiting.push(piece.map_err(Error::body)?.as_ref())?;
                            continue;
                        }
                        None => match splitter.take().and_then(Splitter::finish) {
                            Some(line) => line,
                            None => return Ok(None),
                        },
                    },
                };
                if let Some(row) = Row::read(format, &line, &mut columns)? {
                    return Ok(Some((row, ((content, splitter, columns), format))));
                }
            }
        })
    }
}

impl Stream for RecordStream {
    type Item = Result<Unprotected>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl Stream for ViewStream {
    type Item = Result<Json>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents").field("bucket", &self.bucket).field("format", &self.format).finish_non_exhaustive()
    }
}

impl fmt::Debug for RecordStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordStream(..)")
    }
}

impl fmt::Debug for ViewStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ViewStream(..)")
    }
}

fn pieces(
    body: ByteStream,
) -> impl Stream<Item = Result<impl AsRef<[u8]> + Send + 'static, aws_sdk_s3::primitives::ByteStreamError>> + Send + 'static
{
    stream::unfold(body, |mut body| async { body.next().await.map(|piece| (piece, body)) })
}

/// An error of what was read from others.
fn malformed(message: &str) -> Error {
    Error::new(ErrorKind::Input, message)
}
