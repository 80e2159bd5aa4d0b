//! Objects from one bucket's settings to another's: new keys, new class, new format, or back to plaintext.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::TryStreamExt as _;
use privet_bulk::{Decision, Error, Look, Reason, Reprotect, Result, Store as _, Transformation, Written};
use privet_core::ErrorKind;
use privet_core::keyring::WrappingKey;
use privet_core::message::Header as MessageHeader;
use privet_core::s3ec::{ContentSuite, Header};
use serde_json::{Value as Json, json};

use super::document::{look_at_document, prove_document};
use super::object::{Start, StoredObject};
use super::of_object;
use super::rewriting::{How, Rewriting};
use super::store::ObjectStore;
use crate::bucket::Bucket;
use crate::documents::DocumentFormat;
use crate::error::Result as S3Result;
use crate::fetch::Kind;
use crate::format::ObjectFormat;
use crate::metadata::{Metadata, is_document};

/// Reads objects as one [`Bucket`] and writes them as another: the same bucket with other keys, another policy, another
/// class, another format.
///
/// The first must be able to read whatever there is: its keyrings have the old keys (and, if service and job write at the
/// same time, the new ones), its options let old formats pass. The second is the target. If its builder names a format,
/// objects get that; otherwise each keeps what it is, S3EC objects in the version that is written now.
///
/// Where an S3EC object changes nothing but its key, the data key is wrapped anew and the body is not read. All else is
/// read, verified and written anew.
#[derive(Clone)]
pub struct Reseal {
    from: Bucket,
    to: Option<Bucket>,
    documents: Option<Arc<Reprotect>>,
    plain_as: Option<DocumentFormat>,
    rewraps: bool,
    names: bool,
    calls: Arc<AtomicU64>,
}

/// What came of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It was rewritten.
    Rewritten,
    /// It was on target.
    Current,
    /// There is no such object.
    Absent,
    /// The version that was named is not the current one, and stays as it is.
    Outdated,
}

/// What is to become of an object.
enum Finding {
    Current,
    Stale(Vec<Reason>, How),
    /// Only unwrapping its data key tells.
    Unclear(Box<Header>, How),
}

impl Reseal {
    /// From one bucket's settings to another's.
    ///
    /// # Errors
    ///
    /// `Config` if they are of two buckets, tenants or resources.
    pub fn new(from: Bucket, to: Bucket) -> Result<Self> {
        let wrong = |message| Err(Error::new(ErrorKind::Config, message));
        if from.name() != to.name() {
            return wrong("a job rewrites objects where they are: both must be of one bucket");
        }
        if from.settings.privet.tenant() != to.settings.privet.tenant() || from.resource() != to.resource() {
            return wrong("a job cannot move objects from one tenant or resource to another");
        }
        if from.settings.bound != to.settings.bound {
            return wrong("whether objects are bound to their place cannot be told from them: both must say the same");
        }
        Ok(Self::of(from, Some(to)))
    }

    /// Back to plaintext: objects are stored in clear.
    ///
    /// # Security
    ///
    /// All that was sealed can be read by whoever reads the bucket.
    #[must_use]
    pub fn dangerous_to_plaintext(from: Bucket) -> Self {
        Self::of(from, None)
    }

    /// How the records of documents that are protected field by field are rewritten. Without it, documents are poison.
    #[must_use]
    pub fn documents(mut self, records: Reprotect) -> Self {
        self.documents = Some(Arc::new(records));
        self
    }

    /// Objects in clear are documents of this format, and are sealed field by field.
    #[must_use]
    pub fn plaintext_is(mut self, format: DocumentFormat) -> Self {
        self.plain_as = Some(format);
        self
    }

    /// Writes objects anew where wrapping their data keys anew would do: who had a data key has it no more.
    #[must_use]
    pub fn with_new_data_keys(mut self) -> Self {
        self.rewraps = false;
        self
    }

    /// Reports name objects by their keys, not by digests of them.
    #[must_use]
    pub fn name_objects(mut self) -> Self {
        self.names = true;
        self
    }

    /// Moves one object, apart from any job: what S3 Batch Operations want.
    ///
    /// # Errors
    ///
    /// `Conflict` if the object was replaced meanwhile: another try decides anew; otherwise S3's, the key provider's, and
    /// what is wrong with the object.
    pub async fn move_one(&self, key: &str) -> Result<Moved> {
        self.move_version(key, None).await
    }

    /// The same if this version of the object, where one is named, is the current one: S3 replaces no other. An object without
    /// versions is its version `null`.
    ///
    /// # Errors
    ///
    /// As [`move_one`](Self::move_one).
    pub async fn move_version(&self, key: &str, version: Option<&str>) -> Result<Moved> {
        let store = ObjectStore::new(self.from.clone(), key);
        let Some(object) = StoredObject::fetch(&self.from, key).await? else {
            // Behind what marks a removal, older versions are still there.
            return Ok(if version.is_some() { Moved::Outdated } else { Moved::Absent });
        };
        if version.is_some_and(|version| !object.is_version(version)) {
            return Ok(Moved::Outdated);
        }
        let Decision::Rewrite { rewritten, .. } = self.rewrite(&object).await? else { return Ok(Moved::Current) };
        match store.write(&0, &object, &rewritten).await? {
            Written::Done { .. } => Ok(Moved::Rewritten),
            Written::Conflict { .. } => Err(Error::new(ErrorKind::Conflict, "the object was replaced meanwhile")),
        }
    }

    fn of(from: Bucket, to: Option<Bucket>) -> Self {
        let calls = Arc::default();
        Self { from, to, documents: None, plain_as: None, rewraps: true, names: false, calls }
    }

    async fn find(&self, object: &StoredObject) -> Result<Finding> {
        let start = object.start()?;
        if is_document(&start.metadata) {
            return self.find_document(object, start).await;
        }
        let kind = self.kind_of(&object.key, &start.metadata).await?;
        let Some(to) = &self.to else {
            let is_clear = matches!(kind, Kind::Plain);
            return Ok(if is_clear { Finding::Current } else { Finding::Stale(vec![Reason::Sealed], How::Clear) });
        };
        match kind {
            Kind::Plain => {
                // Reading it would be refused: a plan is to say so.
                self.from.settings.check_plaintext()?;
                let how = self.plain_as.map_or(How::Anew(None), How::Document);
                Ok(Finding::Stale(vec![Reason::Plaintext], how))
            }
            Kind::Framed(mark) => {
                let length = mark.plaintext_length(start.length).unwrap_or(start.length);
                let keeps = to.settings.format.is_none();
                let format = keeps.then_some(ObjectFormat::Framed);
                if !keeps && to.settings.s3ec_for(Some(length))?.is_some() {
                    return Ok(Finding::Stale(vec![Reason::Format("framed".into())], How::Anew(None)));
                }
                let reasons = self.framed_reasons(to, object, start).await?;
                let how = How::Anew(format);
                Ok(if reasons.is_empty() { Finding::Current } else { Finding::Stale(reasons, how) })
            }
            Kind::S3ec(header, _) => self.find_s3ec(to, start, header),
        }
    }

    async fn kind_of(&self, key: &str, metadata: &Metadata) -> S3Result<Kind> {
        let of = async |bucket: &Bucket| Kind::of(&bucket.settings, Some(&bucket.client), key, metadata).await;
        match (of(&self.from).await, &self.to) {
            // What was moved to another context before has the target's.
            (Err(error), Some(to)) if error.kind() == ErrorKind::Integrity => match of(to).await {
                Ok(kind @ Kind::S3ec(..)) => Ok(kind),
                _ => Err(error),
            },
            (kind, _) => kind,
        }
    }

    fn find_s3ec(&self, to: &Bucket, start: &Start, header: Box<Header>) -> Result<Finding> {
        let keeps = to.settings.format.is_none();
        let format = keeps.then_some(ObjectFormat::S3ec);
        let length = header.plaintext_length(start.length)?.unwrap_or(start.length);
        let stale = |reason| Ok(Finding::Stale(vec![Reason::Format(reason)], How::Anew(format)));
        if !keeps && to.settings.s3ec_for(Some(length))?.is_none() {
            return stale("S3EC".to_owned());
        }
        if header.suite() != to.settings.s3ec_writing().suite() {
            return stale(version_of(&header).to_owned());
        }
        let how = if self.rewraps && start.length <= MOST_COPIED { How::Rewrap } else { How::Anew(format) };
        // One that the target would not read as it is: wrapped as old clients did, or under another context.
        if header.wrapping().is_legacy() || header.check(&to.settings.s3ec_reading()).is_err() {
            return Ok(Finding::Stale(vec![Reason::Format("S3EC context".to_owned())], how));
        }
        Ok(Finding::Unclear(header, how))
    }

    async fn framed_reasons(&self, to: &Bucket, object: &StoredObject, start: &Start) -> Result<Vec<Reason>> {
        let options = self.from.settings.message_reading(&object.key);
        let peek = |bytes: &[u8]| MessageHeader::peek(bytes, &options);
        let header = match peek(&start.first).map_err(Error::from)? {
            Some(header) => header,
            None => {
                let more = object.first_bytes(&self.from, MOST_HEADER).await?;
                peek(&more).map_err(Error::from)?.ok_or_else(privet_core::Error::integrity)?
            }
        };
        let mut reasons = Vec::new();
        let wanted = to.settings.context();
        if *header.stored_context() != wanted {
            reasons.push(Reason::Format("context".to_owned()));
        }
        let fresh = to.settings.privet.wrapping_keys(to.class()).await;
        let fresh = fresh.map_err(|error| Error::from(error).denied_to_all())?;
        let found: Vec<_> = header.encrypted_data_keys().iter().map(WrappingKey::of).collect();
        if !is_same(&found, &fresh) {
            reasons.extend(found.iter().map(|key| Reason::Key(key.to_string())));
        }
        Ok(reasons)
    }

    async fn find_document(&self, object: &StoredObject, start: &Start) -> Result<Finding> {
        let format = DocumentFormat::of_metadata(&start.metadata)?;
        let records = self.records()?;
        Ok(match look_at_document(&self.from, records, object, start, format).await? {
            reasons if reasons.is_empty() => Finding::Current,
            reasons => Finding::Stale(reasons, How::Document(format)),
        })
    }

    fn records(&self) -> Result<&Arc<Reprotect>> {
        self.documents.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "the object is a document that is protected field by field: give the job `.documents(...)`",
            )
        })
    }

    async fn is_of_writer(&self, header: &Header) -> Result<bool> {
        let Some(to) = &self.to else { return Ok(false) };
        self.calls.fetch_add(1, Relaxed);
        Ok(to.settings.s3ec_keyring()?.is_of_writer(header).await?)
    }

    /// What the object becomes, if it is not on target.
    async fn decide(&self, object: &StoredObject) -> Result<Decision<Rewriting>> {
        let (reasons, how) = match self.find(object).await? {
            Finding::Current => return Ok(Decision::Current),
            Finding::Stale(reasons, how) => (reasons, how),
            Finding::Unclear(header, how) => {
                if self.is_of_writer(&header).await? {
                    return Ok(Decision::Current);
                }
                (vec![key_of(&header)], how)
            }
        };
        let documents = if matches!(how, How::Document(_)) { Some(Arc::clone(self.records()?)) } else { None };
        let rewritten =
            Rewriting { from: self.from.clone(), to: self.to.clone(), how, documents, calls: Arc::clone(&self.calls) };
        Ok(Decision::Rewrite { rewritten, reasons })
    }

    async fn find_wrong(&self, object: &StoredObject) -> Result<Vec<Reason>> {
        match self.find(object).await? {
            Finding::Stale(reasons, _) => return Ok(reasons),
            Finding::Unclear(header, _) if !self.is_of_writer(&header).await? => return Ok(vec![key_of(&header)]),
            Finding::Unclear(..) | Finding::Current => {}
        }
        let Some(to) = &self.to else { return Ok(Vec::new()) };
        let start = object.start()?;
        if is_document(&start.metadata) {
            let format = DocumentFormat::of_metadata(&start.metadata)?;
            return prove_document(&self.from, self.records()?, object, start, format).await;
        }
        let content = to.get_stream(&object.key).await?.ok_or_else(|| Error::new(ErrorKind::Conflict, "it is gone"))?;
        // That it opens is the proof.
        let opened: S3Result<()> = content.try_for_each(|_| std::future::ready(Ok(()))).await;
        opened?;
        Ok(Vec::new())
    }
}

impl Transformation<StoredObject> for Reseal {
    type Rewritten = Rewriting;

    async fn describe(&self) -> Result<Json> {
        let from = &self.from.settings;
        let documents = match &self.documents {
            Some(records) => Transformation::<super::document::Record>::describe(&**records).await?,
            None => Json::Null,
        };
        let source = json!({
            "resource": from.resource,
            "class": from.class.as_str(),
            "tenant": from.privet.tenant(),
            "policy": from.privet.policy_digest(),
        });
        let Some(to) = &self.to else {
            return Ok(json!({ "from": source, "to": "plaintext", "documents": documents }));
        };
        let settings = &to.settings;
        let keys: BTreeSet<String> =
            settings.privet.wrapping_keys(settings.class).await?.iter().map(ToString::to_string).collect();
        let target = json!({
            "class": settings.class.as_str(),
            "policy": settings.privet.policy_digest(),
            "format": settings.format.map(|format| format!("{format:?}")),
            "threshold": settings.threshold,
            "s3ec": format!("{:?}", settings.s3ec_writing().suite()),
            "keys": { "framed": keys, "s3ec": settings.s3ec.as_ref().map(|keyring| keyring.name()) },
            "new data keys": !self.rewraps,
            "plaintext is": self.plain_as.map(|format| format!("{format:?}")),
        });
        Ok(json!({ "from": source, "to": target, "documents": documents }))
    }

    async fn look(&self, object: &StoredObject) -> Result<Look> {
        Ok(match Box::pin(self.find(object)).await.map_err(of_object)? {
            Finding::Current => Look::Current,
            Finding::Stale(reasons, _) => Look::Stale(reasons),
            Finding::Unclear(..) => Look::Unclear(Vec::new()),
        })
    }

    async fn rewrite(&self, object: &StoredObject) -> Result<Decision<Rewriting>> {
        Box::pin(self.decide(object)).await.map_err(of_object)
    }

    async fn prove(&self, object: &StoredObject) -> Result<Vec<Reason>> {
        Box::pin(self.find_wrong(object)).await.map_err(of_object)
    }

    fn digest(&self, object: &StoredObject) -> String {
        match object.key.as_str() {
            "" => String::new(),
            key if self.names => key.to_owned(),
            key => self.from.settings.privet.digest_of(&[self.from.name(), key]),
        }
    }

    fn key_calls(&self) -> u64 {
        let calls = |bucket: &Bucket| {
            let cache = bucket.settings.privet.statistics().cache;
            cache.misses + cache.refreshes
        };
        calls(&self.from) + self.to.as_ref().map_or(0, calls) + self.calls.load(Relaxed)
    }

    fn key_calls_of(&self, rewritten: &Rewriting) -> u64 {
        rewritten.key_calls()
    }
}

impl fmt::Debug for Reseal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reseal").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

fn is_same(some: &[WrappingKey], others: &[WrappingKey]) -> bool {
    let among = |key: &WrappingKey, keys: &[WrappingKey]| keys.iter().any(|other| other.is_same(key));
    some.len() == others.len() && some.iter().all(|key| among(key, others)) && others.iter().all(|key| among(key, some))
}

/// S3EC metadata name no key: only how it wraps.
fn key_of(header: &Header) -> Reason {
    Reason::Key(format!("of an S3EC object ({})", header.wrapping().name()))
}

fn version_of(header: &Header) -> &'static str {
    match header.suite() {
        ContentSuite::Cbc => "S3EC V1",
        ContentSuite::Gcm => "S3EC V2",
        ContentSuite::CommittingGcm => "S3EC V3",
    }
}

/// What one copy takes, in bytes: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>.
const MOST_COPIED: u64 = 5 << 30;
/// Bytes of the longest header of a message, which readers take.
const MOST_HEADER: u64 = 129 << 10;
