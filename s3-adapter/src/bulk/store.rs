//! The objects of a bucket, by prefix or manifest, as the store of a job.

use std::fmt;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use privet_bulk::{Checkpoint, Error, Page, Position, Result, Size, Store, Written};
use privet_core::ErrorKind;

use super::manifest::{Entry, Manifest};
use super::object::StoredObject;
use super::of_object;
use super::rewriting::Rewriting;
use crate::bucket::Bucket;
use crate::error::Error as S3Error;

/// The objects of a bucket as the store of a job: those under prefixes, each prefix a shard, or those of a manifest, which
/// is cut into shards.
///
/// An object is replaced on the condition that it has the ETag that was read. In a bucket with versions the older version
/// stays, readable with the older key (for an S3EC object with an instruction file that is wrapped anew, the older version of
/// the file): the report counts them; remove them, or let a lifecycle rule do it.
///
/// Units are requests: reads of `GetObject` and `ListObjectsV2`, writes of `PutObject` and `CopyObject`.
#[derive(Clone)]
pub struct ObjectStore {
    bucket: Bucket,
    source: Source,
    concurrency: usize,
    page: i32,
}

#[derive(Clone)]
enum Source {
    Prefixes(Vec<String>),
    Manifest(Box<Manifest>, u32),
}

impl ObjectStore {
    /// The objects whose keys begin with this prefix; all of the bucket if it is empty.
    pub fn new(bucket: Bucket, prefix: impl Into<String>) -> Self {
        Self::of_prefixes(bucket, [prefix])
    }

    /// The objects whose keys begin with one of these prefixes, each prefix a shard. Prefixes that are parts of each other
    /// only cost requests.
    pub fn of_prefixes(bucket: Bucket, prefixes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let prefixes = prefixes.into_iter().map(Into::into).collect();
        Self { bucket, source: Source::Prefixes(prefixes), concurrency: 8, page: 128 }
    }

    /// The objects of a manifest of S3 Batch Operations (`Bucket,Key` or `Bucket,Key,VersionId`, URL-encoded), which is
    /// an object itself, cut into this many shards. Of each object the version that is current is looked at, whatever the
    /// manifest says: older ones cannot be replaced. Lines of other buckets are poison.
    ///
    /// # Errors
    ///
    /// S3's, if the manifest cannot be read.
    pub async fn of_manifest(bucket: Bucket, manifest_bucket: &str, key: &str, shards: u32) -> Result<Self> {
        let manifest = Manifest::open(bucket.client.clone(), manifest_bucket, key).await?;
        Ok(Self { bucket, source: Source::Manifest(Box::new(manifest), shards.max(1)), concurrency: 8, page: 128 })
    }

    /// How many objects of a shard are under way at a time. Default: 8. Each takes the memory of the parts that its bucket
    /// has under way, if it is large.
    #[must_use]
    pub fn concurrency(mut self, objects: usize) -> Self {
        self.concurrency = objects.max(1);
        self
    }

    /// How many objects of a prefix are read at a time, up to 1,000; a checkpoint follows each page. Default: 128.
    #[must_use]
    pub fn page(mut self, objects: u16) -> Self {
        self.page = i32::from(objects.clamp(1, 1000));
        self
    }

    /// One object, apart from any list.
    ///
    /// # Errors
    ///
    /// S3's, if another try may help or it is about the bucket.
    pub async fn object(bucket: &Bucket, key: &str) -> Result<Option<StoredObject>> {
        Box::pin(StoredObject::fetch(bucket, key)).await
    }

    async fn list(&self, prefix: &str, after: Option<String>) -> Result<(Vec<String>, Vec<u64>, Option<Position>)> {
        let list = self.bucket.client.list_objects_v2().bucket(self.bucket.name()).prefix(prefix);
        // A key, not a token: tokens end, and a checkpoint may be old.
        let list = list.set_start_after(after).max_keys(self.page);
        let output = list.send().await.map_err(|error| S3Error::from_sdk("ListObjectsV2", &error))?;
        let is_over = output.is_truncated != Some(true);
        let objects = output.contents.unwrap_or_default();
        let last = objects.last().and_then(|object| object.key.clone());
        let (mut keys, mut sizes) = (Vec::new(), Vec::new());
        for object in objects {
            let (Some(key), size) = (object.key, object.size.unwrap_or_default()) else { continue };
            // Folders that the console makes hold nothing.
            let is_folder = size == 0 && key.ends_with('/');
            if !is_folder {
                keys.push(key);
                sizes.push(u64::try_from(size).unwrap_or_default());
            }
        }
        Ok((keys, sizes, last.filter(|_| !is_over).map(Position)))
    }

    async fn fetch(&self, entry: Result<Entry>) -> Result<Option<StoredObject>> {
        match entry {
            Ok(entry) if entry.bucket == self.bucket.name() => {
                Box::pin(StoredObject::fetch(&self.bucket, &entry.key)).await
            }
            Ok(entry) => {
                let error = Error::new(ErrorKind::Input, "the manifest names an object of another bucket");
                Ok(Some(StoredObject::wrong(&entry.key, error)))
            }
            Err(error) => Ok(Some(StoredObject::wrong("", error))),
        }
    }
}

impl Store for ObjectStore {
    type Record = StoredObject;
    type Rewritten = Rewriting;
    type Session = u32;

    async fn identity(&self) -> Result<String> {
        let name = self.bucket.name();
        Ok(match &self.source {
            Source::Prefixes(prefixes) => format!("bucket {name} {prefixes:?}"),
            Source::Manifest(manifest, _) => format!("bucket {name} by the manifest {}", manifest.e_tag),
        })
    }

    fn shards(&self) -> u32 {
        match &self.source {
            Source::Prefixes(prefixes) => u32::try_from(prefixes.len()).unwrap_or(u32::MAX),
            Source::Manifest(_, shards) => *shards,
        }
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Counts what is listed, up to some hundred thousand objects. Of a manifest only its length is known.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    async fn size(&self) -> Result<Size> {
        let Source::Prefixes(prefixes) = &self.source else { return Ok(Size::default()) };
        let (mut records, mut bytes, mut requests) = (0_u64, 0_u64, 0_u64);
        let counting = Self { page: 1000, ..self.clone() };
        for prefix in prefixes {
            let mut after = None;
            loop {
                let (keys, sizes, next) = counting.list(prefix, after).await?;
                requests += 1;
                records += keys.len() as u64;
                bytes = sizes.into_iter().fold(bytes, u64::saturating_add);
                after = match next {
                    Some(next) if requests < MOST_COUNTED => Some(next.0),
                    Some(_) => return Ok(Size::default()),
                    None => break,
                };
            }
        }
        let read_units = Some((records + requests) as f64);
        Ok(Size { records: Some(records), bytes: Some(bytes), read_units })
    }

    async fn open(&self, checkpoint: &Checkpoint) -> Result<u32> {
        Ok(checkpoint.shard)
    }

    #[expect(clippy::cast_precision_loss, reason = "a page has some thousand objects at most")]
    async fn read(&self, shard: &u32, from: Option<&Position>) -> Result<Page<StoredObject>> {
        let (entries, next) = match &self.source {
            Source::Prefixes(prefixes) => {
                let prefix = usize::try_from(*shard).ok().and_then(|shard| prefixes.get(shard));
                let prefix = prefix.ok_or_else(|| Error::new(ErrorKind::Config, "there is no such shard"))?;
                let (keys, _, next) = self.list(prefix, from.map(|position| position.0.clone())).await?;
                let bucket = self.bucket.name();
                (keys.into_iter().map(|key| Ok(Entry { bucket: bucket.to_owned(), key })).collect(), next)
            }
            Source::Manifest(manifest, shards) => {
                let damaged =
                    || Error::new(ErrorKind::Unsupported, "a checkpoint's position is not of this kind of store");
                let from = from.map(|position| position.0.parse().map_err(|_| damaged())).transpose()?;
                let at = |shard: u32| {
                    let place = u128::from(manifest.length) * u128::from(shard) / u128::from(*shards);
                    u64::try_from(place).unwrap_or(u64::MAX)
                };
                let (entries, next) = manifest.page(at(*shard)..at(shard + 1), from).await?;
                (entries, next.map(|next| Position(next.to_string())))
            }
        };
        let read_units = entries.len() as f64 + 1.0;
        let fetched = stream::iter(entries).map(|entry| self.fetch(entry)).buffered(FETCHED_AT_A_TIME);
        // What was removed since it was listed is none.
        let records = fetched.try_filter_map(|found| std::future::ready(Ok(found))).try_collect().await?;
        Ok(Page { records, next, read_units })
    }

    /// Lists are in the order of keys, and go on behind any of them.
    fn behind(&self, _shard: &u32, object: &StoredObject) -> Option<Position> {
        match &self.source {
            Source::Prefixes(_) => Some(Position(object.key.clone())),
            Source::Manifest(..) => None,
        }
    }

    async fn write(&self, _shard: &u32, object: &StoredObject, rewriting: &Rewriting) -> Result<Written> {
        let units = rewriting.requests();
        match Box::pin(rewriting.put(object)).await {
            Ok(put) => Ok(Written::Done { units, older_versions: u64::from(object.stays_behind(&put)) }),
            Err(error) if error.is_retryable() => Err(error.into()),
            // What failed may have taken effect before: the answer to an upload's end can get lost, and then there is no
            // such upload any more.
            Err(error) if error.kind() == ErrorKind::Conflict || object.is_another(&self.bucket).await? => {
                Ok(Written::Conflict { units })
            }
            // Whom S3 itself refuses to write this object it refuses all.
            Err(error) if error.code().is_some() => Err(of_object(error.into()).denied_to_all()),
            Err(error) => Err(of_object(error.into())),
        }
    }

    async fn read_again(&self, _shard: &u32, object: &StoredObject) -> Result<Option<StoredObject>> {
        Box::pin(StoredObject::fetch(&self.bucket, &object.key)).await
    }

    fn write_units(&self, _object: &StoredObject, rewriting: &Rewriting) -> f64 {
        rewriting.requests()
    }

    fn bytes(&self, object: &StoredObject) -> u64 {
        object.start().map(|start| start.length).unwrap_or_default()
    }
}

impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStore")
            .field("bucket", &self.bucket.name())
            .field("shards", &self.shards())
            .finish_non_exhaustive()
    }
}

const FETCHED_AT_A_TIME: usize = 16;
/// Requests for lists that a plan takes at most: of 1,000 objects each.
const MOST_COUNTED: u64 = 300;
