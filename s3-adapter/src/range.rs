//! Reading parts of objects: just the frames that are needed, each verified; one after the other or several at a time.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use futures_util::{StreamExt as _, stream};
use privet_core::ErrorKind;
use privet_core::message::{HeaderProgress, HeaderReader, RandomAccess};
use privet_core::messages;
use privet_core::s3ec::{ContentSuite, Unlocked};

use crate::bucket::Bucket;
use crate::error::{Error, Result, is_absent};
use crate::fetch::{Kind, collect, split, unlock};
use crate::get::ObjectStream;
use crate::settings::Settings;

/// An object of which parts are read. Its data key is asked for once; each read is one request. Cheap to clone.
///
/// All reads are of one state of the object: if it is replaced meanwhile, they end in `Conflict`.
#[derive(Clone)]
pub struct ObjectReader {
    parts: Arc<Parts>,
    request: GetObjectFluentBuilder,
}

struct Parts {
    content: Content,
    plaintext_length: u64,
    /// What the metadata say: a frame of another length only costs requests.
    frame_length: u64,
    settings: Arc<Settings>,
    e_tag: Option<String>,
}

enum Content {
    Framed(Box<RandomAccess>),
    /// An S3EC object whose parts nothing verifies.
    Unverified {
        unlocked: Box<Unlocked>,
        object_length: u64,
    },
    /// An S3EC object that was verified as a whole.
    Whole(Vec<u8>),
    Plain,
}

impl Bucket {
    /// Opens the object of this key to read parts of it; `None` if there is none.
    ///
    /// Of a framed object the header is fetched. An S3EC object has no parts that could be verified: it is fetched and
    /// verified as a whole if the bucket holds that much in memory.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); `Denied` for an S3EC object that is too large, unless the bucket reads what is not
    /// authenticated.
    pub async fn open(&self, key: &str) -> Result<Option<ObjectReader>> {
        let request = self.client.get_object().bucket(self.name()).key(key);
        let opened = ObjectReader::open(&self.settings, Some(&self.client), key, request).await?;
        Ok(opened.map(|(reader, _)| reader))
    }

    /// These bytes of the object of this key; `None` if there is none.
    ///
    /// # Errors
    ///
    /// `Input` if the range ends before it begins, or behind the content; as [`open`](Self::open).
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>> {
        match self.open(key).await? {
            Some(reader) => reader.read(range).await.map(Some),
            None => Ok(None),
        }
    }

    /// The content of the object of this key in pieces, of which several are fetched at a time; `None` if there is none.
    /// Memory: as many parts as the bucket has under way.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); what is found later is the stream's last item.
    pub async fn get_parallel(&self, key: &str) -> Result<Option<ObjectStream>> {
        let Some(reader) = self.open(key).await? else { return Ok(None) };
        let length = reader.plaintext_length();
        // Parts of what is empty would verify nothing.
        if length == 0 { self.get_stream(key).await } else { reader.stream(0..length).map(Some) }
    }
}

impl ObjectReader {
    /// The reader, and what S3 said of the object.
    pub(crate) async fn open(
        settings: &Arc<Settings>,
        client: Option<&aws_sdk_s3::Client>,
        key: &str,
        request: GetObjectFluentBuilder,
    ) -> Result<Option<(Self, GetObjectOutput)>> {
        let first = match request.clone().range(header(0..FIRST)).send().await {
            Ok(first) => first,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(Error::from_sdk("GetObject", &error)),
        };
        // From here on it must stay the same object.
        let request = match (&first.version_id, &first.e_tag) {
            (Some(version), _) => request.version_id(version),
            (None, Some(etag)) => request.if_match(etag),
            (None, None) => return Err(Error::new(ErrorKind::Io, "S3 gave no ETag for the object")),
        };
        let object_length = first.content_range().and_then(length_of).ok_or_else(Error::integrity)?;
        let none = HashMap::new();
        let kind = Kind::of(settings, client, key, first.metadata().unwrap_or(&none)).await?;
        let (first, body) = split(first);
        let start = collect(body, FIRST).await?;
        let frame_length = if let Kind::Framed(mark) = &kind { mark.frame_length } else { 1 };
        let (content, plaintext_length) = match kind {
            Kind::Framed(_) => {
                let access = framed(settings, key, &request, start, object_length).await?;
                let length = access.plaintext_length();
                (Content::Framed(Box::new(access)), length)
            }
            Kind::S3ec(header, _) => {
                let unlocked = unlock(settings, &header).await?;
                let is_large = object_length > settings.most_in_memory;
                match header.plaintext_length(object_length)? {
                    Some(length) if is_large && header.suite() != ContentSuite::Cbc => {
                        // Says why not, if it is not allowed.
                        unlocked.locate(0..0, object_length)?;
                        (Content::Unverified { unlocked: Box::new(unlocked), object_length }, length)
                    }
                    _ => {
                        let whole = whole(settings, &request, start, object_length).await?;
                        let plaintext = unlocked.open(whole)?;
                        let length = plaintext.len() as u64;
                        (Content::Whole(plaintext), length)
                    }
                }
            }
            Kind::Plain => {
                settings.check_plaintext()?;
                (Content::Plain, object_length)
            }
        };
        let parts = Parts {
            content,
            plaintext_length,
            frame_length,
            settings: Arc::clone(settings),
            e_tag: first.e_tag.clone(),
        };
        Ok(Some((Self { parts: Arc::new(parts), request }, first)))
    }

    /// Bytes of the whole content. Of a framed object it stands once a part that reaches to its end was read.
    #[must_use]
    pub fn plaintext_length(&self) -> u64 {
        self.parts.plaintext_length
    }

    /// What conditions of later requests compare with.
    #[must_use]
    pub fn e_tag(&self) -> Option<&str> {
        self.parts.e_tag.as_deref()
    }

    /// These bytes of the content.
    ///
    /// # Errors
    ///
    /// `Input` if the range ends before it begins, or behind the content, or is more than the bucket holds in memory;
    /// `Conflict` if the object was replaced meanwhile; `Integrity` if anything of it does not authenticate.
    pub async fn read(&self, range: Range<u64>) -> Result<Vec<u8>> {
        self.check(&range)?;
        self.parts.settings.check_in_memory(range.end - range.start)?;
        self.read_part(range).await
    }

    /// These bytes of the content in pieces, of which several are fetched at a time.
    ///
    /// # Errors
    ///
    /// `Input` as [`read`](Self::read); what is found later is the stream's last item.
    pub fn stream(&self, range: Range<u64>) -> Result<ObjectStream> {
        self.check(&range)?;
        let piece = self.parts.settings.part_size as u64;
        // Pieces that end where frames do, so that no frame is fetched twice.
        let piece = (piece / self.parts.frame_length).max(1).saturating_mul(self.parts.frame_length);
        let (end, parallel) = (range.end, self.parts.settings.parallel);
        let starts = stream::unfold(range.start, move |start| async move {
            let next = (start / piece + 1).saturating_mul(piece).min(end);
            (start < end).then_some((start..next, next))
        });
        let reader = self.clone();
        let fetched = starts.map(move |range| {
            let reader = reader.clone();
            async move { reader.read_part(range).await }
        });
        let mut failed = false;
        let until_failure = fetched.buffered(parallel).take_while(move |piece| {
            let goes_on = !failed;
            failed = piece.is_err();
            std::future::ready(goes_on)
        });
        Ok(ObjectStream(Box::pin(until_failure)))
    }

    fn check(&self, range: &Range<u64>) -> Result<()> {
        if range.start <= range.end && range.end <= self.plaintext_length() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Input, "the range is not within the content"))
    }

    async fn read_part(&self, range: Range<u64>) -> Result<Vec<u8>> {
        match &self.parts.content {
            Content::Framed(access) => {
                let length = range.end - range.start;
                let segment = access.locate(range)?;
                let place = segment.message_range();
                // Frames have an overhead of 32 bytes, and those at both ends may be needed in part only.
                if place.end - place.start > 33 * length.saturating_add(1) + 2 * MOST_FRAME {
                    return Err(Error::new(ErrorKind::Denied, "a frame of the object is longer than the limit allows"));
                }
                let fetched = self.fetch(segment.message_range()).await?;
                Ok(access.open(&segment, &fetched)?)
            }
            Content::Unverified { unlocked, object_length } => {
                let part = unlocked.locate(range, *object_length)?;
                let fetched = self.fetch(part.object_range()).await?;
                Ok(unlocked.dangerous_open_part(&part, &fetched)?)
            }
            Content::Whole(plaintext) => {
                let [start, end] = [range.start, range.end].map(|place| usize::try_from(place).unwrap_or(usize::MAX));
                plaintext.get(start..end).map(<[u8]>::to_vec).ok_or_else(Error::integrity)
            }
            Content::Plain => self.fetch(range).await,
        }
    }

    async fn fetch(&self, range: Range<u64>) -> Result<Vec<u8>> {
        fetch(&self.request, range).await
    }
}

impl std::fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectReader").field("plaintext_length", &self.parts.plaintext_length).finish_non_exhaustive()
    }
}

async fn framed(
    settings: &Settings,
    key: &str,
    request: &GetObjectFluentBuilder,
    start: Vec<u8>,
    object_length: u64,
) -> Result<RandomAccess> {
    let mut reader = HeaderReader::new(&settings.message_reading(key));
    let (mut piece, mut read) = (start, 0);
    loop {
        read += piece.len() as u64;
        match reader.push(&piece)? {
            HeaderProgress::Locked(locked) => {
                settings.check_message(key, locked.locked().context())?;
                return Ok(messages::random_access(settings.privet.keyring(), locked, object_length).await?);
            }
            HeaderProgress::NeedsMore(_) if read >= object_length => return Err(Error::integrity()),
            HeaderProgress::NeedsMore(more) => reader = more,
        }
        piece = fetch(request, read..(read + FIRST).min(object_length)).await?;
    }
}

async fn whole(
    settings: &Settings,
    request: &GetObjectFluentBuilder,
    mut start: Vec<u8>,
    object_length: u64,
) -> Result<Vec<u8>> {
    settings.check_in_memory(object_length)?;
    let read = start.len() as u64;
    if read < object_length {
        start.extend_from_slice(&fetch(request, read..object_length).await?);
    }
    Ok(start)
}

async fn fetch(request: &GetObjectFluentBuilder, range: Range<u64>) -> Result<Vec<u8>> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let length = range.end - range.start;
    let output = request.clone().range(header(range)).send().await.map_err(|error| {
        // What was there a moment ago is not there any more.
        let is_gone = error.as_service_error().is_some_and(GetObjectError::is_no_such_key);
        let error = Error::from_sdk("GetObject", &error);
        if is_gone { Error::new(ErrorKind::Conflict, "the object was removed while it was read") } else { error }
    })?;
    let fetched = collect(output, length).await?;
    if fetched.len() as u64 == length { Ok(fetched) } else { Err(Error::integrity()) }
}

/// The header `Range` of these bytes, which are some.
fn header(range: Range<u64>) -> String {
    format!("bytes={}-{}", range.start, range.end.saturating_sub(1))
}

/// The length in `bytes 0-99/1000`.
fn length_of(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.parse().ok()
}

/// Bytes of the longest frame that is held in memory.
const MOST_FRAME: u64 = 16 << 20;
/// Bytes that are fetched to begin with: the header, and the whole of a small object.
const FIRST: u64 = 16 << 10;
