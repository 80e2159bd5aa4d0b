//! Reading objects whole and as streams.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::{Stream, stream};
use privet_core::message::{Decryptor, HeaderProgress, HeaderReader, Message};
use privet_core::messages;
use privet_core::s3ec::{ContentSuite, UnverifiedReader};

use crate::bucket::Bucket;
use crate::error::{Error, Result, is_absent};
use crate::fetch::{Kind, collect, unlock};
use crate::metadata::of_application;
use crate::settings::Settings;

/// An object in clear.
#[non_exhaustive]
pub struct Object {
    /// Its content, verified.
    pub body: Vec<u8>,
    /// The application's metadata. Nothing authenticates them.
    pub metadata: HashMap<String, String>,
    /// What conditions of later requests compare with.
    pub e_tag: Option<String>,
    /// Which version of the object it is, in a bucket with versions.
    pub version_id: Option<String>,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("length", &self.body.len()).field("e_tag", &self.e_tag).finish_non_exhaustive()
    }
}

/// The content of an object in pieces, each verified.
///
/// # Security
///
/// The object was whole only if the stream ends without an error: nothing final may be done with what came before.
pub struct ObjectStream(pub(crate) Pin<Box<dyn Stream<Item = Result<Vec<u8>>> + Send>>);

impl Stream for ObjectStream {
    type Item = Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl std::fmt::Debug for ObjectStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ObjectStream(..)")
    }
}

impl Bucket {
    /// The object of this key; `None` if there is none. Nothing is returned before everything is verified.
    ///
    /// # Errors
    ///
    /// `Integrity` if it does not authenticate, was moved here, or is not sealed; `Denied` if its data key may not be
    /// unwrapped or a policy does not let it pass; `Input` if it is larger than the bucket holds in memory; the
    /// protector's and S3's errors.
    pub async fn get(&self, key: &str) -> Result<Option<Object>> {
        let Some(output) = self.fetch(key).await? else { return Ok(None) };
        let metadata = of_application(output.metadata().unwrap_or(&HashMap::new()));
        let (e_tag, version_id) = (output.e_tag.clone(), output.version_id.clone());
        let kind = self.kind_of(key, &output).await?;
        let body = open_whole(&self.settings, key, kind, output).await?;
        Ok(Some(Object { body, metadata, e_tag, version_id }))
    }

    /// The content of the object of this key in pieces; `None` if there is none. Framed objects of any length take the
    /// memory of a frame. S3EC objects are held in memory until they are verified; beyond what the bucket holds, they are
    /// refused unless it reads before it verifies.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); what is found later is the stream's last item.
    pub async fn get_stream(&self, key: &str) -> Result<Option<ObjectStream>> {
        let Some(output) = self.fetch(key).await? else { return Ok(None) };
        let kind = self.kind_of(key, &output).await?;
        stream_of(&self.settings, key, kind, output).await.map(Some)
    }

    async fn fetch(&self, key: &str) -> Result<Option<GetObjectOutput>> {
        match self.client.get_object().bucket(self.name()).key(key).send().await {
            Ok(output) => Ok(Some(output)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::from_sdk("GetObject", &error)),
        }
    }

    async fn kind_of(&self, key: &str, output: &GetObjectOutput) -> Result<Kind> {
        let none = HashMap::new();
        Kind::of(&self.settings, Some(&self.client), key, output.metadata().unwrap_or(&none)).await
    }
}

/// The whole content of an object that was fetched whole.
pub(crate) async fn open_whole(settings: &Settings, key: &str, kind: Kind, output: GetObjectOutput) -> Result<Vec<u8>> {
    match kind {
        Kind::Framed(_) => {
            let body = collect(output, settings.most_in_memory).await?;
            let options = settings.message_reading(key);
            settings.check_message(key, Message::parse(&body, &options)?.locked().context())?;
            let opened = messages::decrypt(settings.privet.keyring(), &body, &options).await?;
            Ok(opened.plaintext)
        }
        Kind::S3ec(header, _) => {
            let body = collect(output, settings.most_in_memory).await?;
            Ok(unlock(settings, &header).await?.open(body)?)
        }
        Kind::Plain => {
            settings.check_plaintext()?;
            collect(output, settings.most_in_memory).await
        }
    }
}

/// The content of an object that was fetched whole, in pieces.
pub(crate) async fn stream_of(
    settings: &Arc<Settings>,
    key: &str,
    kind: Kind,
    output: GetObjectOutput,
) -> Result<ObjectStream> {
    let length = output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
    let work = match kind {
        Kind::Framed(_) => {
            let reader = HeaderReader::new(&settings.message_reading(key));
            Work::Header { settings: Arc::clone(settings), key: key.to_owned(), reader }
        }
        Kind::S3ec(header, _)
            if length > settings.most_in_memory && settings.unauthenticated && header.suite() != ContentSuite::Cbc =>
        {
            Work::Unverified(Box::new(unlock(settings, &header).await?.dangerous_reader()?))
        }
        kind @ Kind::S3ec(..) => {
            let whole = open_whole(settings, key, kind, output).await?;
            return Ok(ObjectStream(Box::pin(stream::once(async move { Ok(whole) }))));
        }
        Kind::Plain => {
            settings.check_plaintext()?;
            Work::Plain
        }
    };
    Ok(ObjectStream(Box::pin(pieces(output.body, work))))
}

/// An object that is being read.
enum Work {
    Header { settings: Arc<Settings>, key: String, reader: HeaderReader },
    Frames(Box<Decryptor>),
    Unverified(Box<UnverifiedReader>),
    Plain,
}

impl Work {
    async fn push(self, piece: &[u8], out: &mut Vec<u8>) -> Result<Self> {
        Ok(match self {
            Self::Header { settings, key, reader } => match reader.push(piece)? {
                HeaderProgress::NeedsMore(reader) => Self::Header { settings, key, reader },
                HeaderProgress::Locked(locked) => {
                    settings.check_message(&key, locked.locked().context())?;
                    let decryptor = messages::decryptor(settings.privet.keyring(), locked, out).await?;
                    Self::Frames(Box::new(decryptor))
                }
            },
            Self::Frames(mut decryptor) => {
                decryptor.push(piece, out)?;
                Self::Frames(decryptor)
            }
            Self::Unverified(mut reader) => {
                reader.push(piece, out)?;
                Self::Unverified(reader)
            }
            Self::Plain => {
                out.extend_from_slice(piece);
                Self::Plain
            }
        })
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Header { .. } => Err(Error::integrity()),
            Self::Frames(decryptor) => Ok(decryptor.finish()?),
            Self::Unverified(reader) => Ok(reader.finish()?),
            Self::Plain => Ok(()),
        }
    }
}

fn pieces(body: ByteStream, work: Work) -> impl Stream<Item = Result<Vec<u8>>> + Send {
    stream::try_unfold(Some((body, work)), |state| async {
        let Some((mut body, mut work)) = state else { return Ok(None) };
        let mut out = Vec::new();
        while let Some(piece) = body.next().await {
            work = work.push(&piece.map_err(Error::body)?, &mut out).await?;
            if !out.is_empty() {
                return Ok(Some((out, Some((body, work)))));
            }
        }
        work.finish().map(|()| None)
    })
}
