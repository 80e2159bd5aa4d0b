//! Records from one protector to another: new keys, a new policy, from plaintext, or back to it.

use std::borrow::Cow;
use std::sync::Arc;

use privet_core::policy::TableFormat;
use privet_core::protector::{Drift, Freshness, Protector, Rekeyed, Resource, Staleness, Unprotected};
use privet_core::record::Form;
use privet_core::value::{Map, Path, Step};
use privet_core::{Classification, ErrorKind};
use serde_json::{Value as Json, json};

use crate::error::{Error, Result};
use crate::job::fingerprint;
use crate::store::StoredRecord;
use crate::transformation::{Decision, Look, Reason, TextDecision, Texts, Transformation};

/// Opens records with one protector and seals them with another.
///
/// The first must be able to open whatever is stored: its keyring has the old keys (and, if service and job write at the
/// same time, the new ones), and its policy lets plaintext be read if there is some. The second is the target: its
/// keyring writes with the new key, its policy is the new one.
///
/// ```
/// # use privet_bulk::Reprotect;
/// # use privet_core::{Protector, Secret, audit::TracingSink, keyring::{MultiKeyring, RawAesKeyring}};
/// # fn example(old: RawAesKeyring, old_too: RawAesKeyring, new: RawAesKeyring) -> privet_bulk::Result<Reprotect> {
/// let from = Protector::builder().keyring(old).audit(TracingSink).build()?;
/// let to = Protector::builder().keyring(MultiKeyring::new(new).with_reader(old_too)).audit(TracingSink).build()?;
/// Reprotect::new(from, to, "customers")
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Reprotect {
    from: Protector,
    source: Arc<Resource>,
    to: Target,
    classes: Classes,
}

/// Which classes the fields of a sealed record get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classes {
    /// Those they have: only keys, integrity and format change. Whether a record is on target is decided by its header
    /// alone.
    AsStored,
    /// Those that the target's policy, and the model if one is registered, give them. A record whose header is on target
    /// is opened and its fields are compared, since names inside of a map that is sealed whole show nowhere else.
    AsPlanned,
}

#[derive(Clone, Debug)]
enum Target {
    Sealed(Protector, Arc<Resource>),
    Clear,
}

impl Reprotect {
    /// From one protector to another, records of this resource. If the policies differ, fields get their classes
    /// [`AsPlanned`](Classes::AsPlanned), otherwise they keep them.
    ///
    /// # Errors
    ///
    /// `Config` if a policy contradicts itself for the resource, if the two know it by different keys, or if their
    /// tenants differ.
    pub fn new(from: Protector, to: Protector, resource: &str) -> Result<Self> {
        let (source, target) = (resource_of(&from, resource)?, resource_of(&to, resource)?);
        if source.key() != target.key() || source.table() != target.table() {
            return Err(Error::config(format!(
                "the policies know `{resource}` by different keys or tables, which records are bound to: a job cannot \
                 change them"
            )));
        }
        if from.tenant() != to.tenant() {
            return Err(Error::config("a job cannot move records from one tenant to another"));
        }
        let is_same = from.policy_digest() == to.policy_digest();
        let classes = if is_same { Classes::AsStored } else { Classes::AsPlanned };
        Ok(Self { from, source, to: Target::Sealed(to, target), classes })
    }

    /// Back to plaintext: records are stored in clear.
    ///
    /// # Errors
    ///
    /// `Config` if the policy contradicts itself for the resource.
    ///
    /// # Security
    ///
    /// All that was sealed can be read by whoever reads the store.
    pub fn dangerous_to_plaintext(from: Protector, resource: &str) -> Result<Self> {
        let source = resource_of(&from, resource)?;
        Ok(Self { from, source, to: Target::Clear, classes: Classes::AsStored })
    }

    /// The same with another say about classes.
    ///
    /// # Security
    ///
    /// As planned, what the policy calls public is stored in clear from then on. A policy knows the classes of a model only
    /// if the target's protector has the model registered, or the policy says them field by field.
    #[must_use]
    pub fn classes(mut self, classes: Classes) -> Self {
        self.classes = classes;
        self
    }

    async fn look_at(&self, form: Form, stored: &Map) -> Result<Look> {
        let Target::Sealed(to, resource) = &self.to else {
            let is_item = form == Form::Item && stored.contains_key(privet_core::dbesdk::HEADER);
            let is_clear = !is_item && !stored.contains_key(&self.source.layout(form).header);
            return Ok(if is_clear { Look::Current } else { Look::Stale(vec![Reason::Sealed]) });
        };
        let found = match self.classes {
            Classes::AsStored => to.header_freshness(resource, form, stored).await?,
            Classes::AsPlanned => to.freshness(resource, form, stored).await?,
        };
        Ok(match found {
            Freshness::Current if self.classes == Classes::AsPlanned => Look::Unclear(Vec::new()),
            Freshness::Current => Look::Current,
            Freshness::Stale(stale) => Look::Stale(stale.iter().flat_map(reasons).collect()),
            Freshness::Unclear(stale) => Look::Unclear(stale.iter().flat_map(reasons).collect()),
        })
    }

    /// Whose fault an error is that looking at a record had. Where a key is refused it is the target's, if the record is right:
    /// its header may say any class, and is not verified yet.
    async fn refused<R: StoredRecord>(&self, record: &R, stored: Map, error: Error) -> Error {
        if error.kind() != ErrorKind::Denied {
            return error;
        }
        self.open(record, stored).await.map_or_else(|of_record| of_record, |_| error.denied_to_all())
    }

    /// The record in clear, as whoever can open it does.
    async fn open<R: StoredRecord>(&self, record: &R, stored: Map) -> Result<Clear> {
        let form = record.form();
        let opened = unprotect(&self.from, &self.source, form, stored).await.map_err(Error::from);
        match (opened.and_then(Clear::of), &self.to) {
            // A service that writes with the target already may have written it; the old keys then are of no use.
            (Err(error), Target::Sealed(to, resource))
                if matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Denied) =>
            {
                let again = unprotect(to, resource, form, record.stored()?).await;
                again.map_err(Error::from).and_then(Clear::of).map_err(|_| error)
            }
            (opened, _) => opened,
        }
    }

    /// What opening says of a record whose keys are the target's: in what way its fields are not on target, and the
    /// record if the target lets it be opened.
    async fn compare(&self, form: Form, stored: &Map) -> Result<(Vec<Reason>, Option<Clear>)> {
        let Target::Sealed(to, resource) = &self.to else { return Ok((Vec::new(), None)) };
        match unprotect(to, resource, form, stored.clone()).await {
            Ok(opened) => {
                let mut reasons: Vec<_> = match self.classes {
                    Classes::AsStored => Vec::new(),
                    Classes::AsPlanned => opened.drift().iter().map(class_reason).collect(),
                };
                let clear = Clear::of(opened)?;
                let is_record = form == Form::Item && resource.format() == TableFormat::Record;
                if is_record && !to.has_its_beacons(resource, stored, &clear.record).await? {
                    reasons.push(Reason::Beacons);
                }
                Ok((reasons, Some(clear)))
            }
            // Where the policy refuses drift, that is how it shows; if the record is damaged, nobody can open it.
            Err(error) if error.kind() == ErrorKind::Integrity => Ok((vec![Reason::Class(String::new())], None)),
            Err(error) => Err(error.into()),
        }
    }

    async fn seal(&self, form: Form, clear: Clear) -> Result<Map> {
        let Target::Sealed(to, resource) = &self.to else { return Ok(clear.record) };
        if form == Form::Item && resource.format() == TableFormat::DbEsdk {
            // What does not fit the table's actions is wrong with this record: others may fit.
            let of_record = |error: privet_core::Error| match error.kind() {
                ErrorKind::Config => Error::new(ErrorKind::Input, error.to_string()),
                _ => error.into(),
            };
            return to.protect_record(resource, clear.record).await.map_err(of_record);
        }
        Ok(match clear.sealed {
            Some(sealed) if self.classes == Classes::AsStored => {
                to.protect_at(resource, form, clear.record, &sealed, clear.version).await?
            }
            _ => to.protect_stored(resource, form, clear.record, clear.version).await?,
        })
    }
}

/// A record in clear, and what of it was sealed; `None` if nothing says so.
struct Clear {
    record: Map,
    sealed: Option<Vec<(Path, Classification)>>,
    version: Option<u64>,
}

impl Clear {
    fn of(opened: Unprotected) -> Result<Self> {
        // Items in DB-ESDK format store no classes.
        let has_classes = !opened.was_plaintext() && opened.format() == TableFormat::Record;
        let sealed = has_classes.then(|| opened.sealed().to_vec());
        let version = opened.version();
        Ok(Self { record: opened.complete()?, sealed, version })
    }
}

/// Items are in either format that the resource reads.
async fn unprotect(
    protector: &Protector,
    resource: &Resource,
    form: Form,
    stored: Map,
) -> privet_core::Result<Unprotected> {
    match form {
        Form::Item => protector.unprotect_record(resource, stored).await,
        Form::Json => protector.unprotect_stored(resource, form, stored).await,
    }
}

/// By the model that is registered, or by names alone.
fn resource_of(protector: &Protector, name: &str) -> Result<Arc<Resource>> {
    Ok(match protector.registered(name) {
        Some(registered) => registered,
        None => protector.resource(name)?,
    })
}

impl<R: StoredRecord> Transformation<R> for Reprotect {
    type Rewritten = Map;

    async fn describe(&self) -> Result<Json> {
        let source = json!({
            "classes": format!("{:?}", self.classes),
            "resource": self.source.name(),
            // A plan is printed, and a tenant is a value of the encryption context.
            "tenant": fingerprint(self.from.tenant()),
            "policy": self.from.policy_digest(),
        });
        let Target::Sealed(to, _) = &self.to else { return Ok(json!({ "from": source, "to": "plaintext" })) };
        let (mut keys, mut refused) = (serde_json::Map::new(), None);
        for class in Classification::ALL {
            // A class that this process may not seal, or that has no key, is none that the job can have to do with.
            let names = match to.wrapping_keys(class).await {
                Ok(keys) => keys.iter().map(|key| Json::String(key.to_string())).collect(),
                Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Config) => {
                    refused = Some(error);
                    Json::Null
                }
                Err(error) => return Err(error.into()),
            };
            keys.insert(class.as_str().to_owned(), names);
        }
        if let Some(error) = refused.filter(|_| keys.values().all(Json::is_null)) {
            return Err(error.into());
        }
        Ok(json!({ "from": source, "to": { "policy": to.policy_digest(), "keys": keys } }))
    }

    async fn look(&self, record: &R) -> Result<Look> {
        let (form, stored) = (record.form(), record.stored()?);
        match self.look_at(form, &stored).await {
            Err(error) => Err(self.refused(record, stored, error).await),
            look => look,
        }
    }

    async fn rewrite(&self, record: &R) -> Result<Decision<Map>> {
        let (form, stored) = (record.form(), record.stored()?);
        let (reasons, opened) = match self.look_at(form, &stored).await {
            Ok(Look::Current) => return Ok(Decision::Current),
            Ok(Look::Stale(reasons)) => (reasons, None),
            Ok(Look::Unclear(_)) => match self.compare(form, &stored).await? {
                (reasons, _) if reasons.is_empty() => return Ok(Decision::Current),
                found => found,
            },
            Err(error) => return Err(self.refused(record, stored, error).await),
        };
        let clear = match opened {
            Some(clear) => clear,
            None => self.open(record, stored).await?,
        };
        let rewritten = self.seal(form, clear).await.map_err(Error::denied_to_all)?;
        Ok(Decision::Rewrite { rewritten, reasons })
    }

    async fn rewrite_texts(&self, records: &[R]) -> Texts {
        let Target::Sealed(to, target) = &self.to else { return Texts::default() };
        if self.classes != Classes::AsStored || records.iter().all(|record| record.text().is_none()) {
            return Texts::default();
        }
        let bytes = records.iter().filter_map(StoredRecord::text).map(<[u8]>::len).sum::<usize>();
        let (documents, length) = (records.len() as u64, bytes as u64);
        let Some(mut rekeying) = self.from.rekeying(&self.source, to, target, documents, length) else {
            return Texts::default();
        };
        let mut texts =
            Texts { text: Vec::with_capacity(bytes + bytes / 8), decided: Vec::with_capacity(records.len()) };
        let mut before: (Arc<[Staleness]>, Arc<[Reason]>) = (Arc::new([]), Arc::new([]));
        for record in records {
            let start = texts.text.len();
            let rekeyed = match record.text() {
                Some(text) => rekeying.rekey(text, &mut texts.text).await,
                None => None,
            };
            texts.decided.push(rekeyed.map(|rekeyed| match rekeyed {
                Rekeyed::Current => TextDecision::Current,
                Rekeyed::Sealed(stale) => {
                    if !Arc::ptr_eq(&before.0, &stale) {
                        before = (Arc::clone(&stale), stale.iter().flat_map(reasons).collect());
                    }
                    TextDecision::Rewrite { text: start..texts.text.len(), reasons: Arc::clone(&before.1) }
                }
                Rekeyed::Failed(error) => TextDecision::Failed(error.into()),
            }));
        }
        texts
    }

    async fn prove(&self, record: &R) -> Result<Vec<Reason>> {
        let (form, stored) = (record.form(), record.stored()?);
        match self.look_at(form, &stored).await? {
            Look::Stale(reasons) => Ok(reasons),
            // That it opens is the proof.
            Look::Current | Look::Unclear(_) => {
                if matches!(self.to, Target::Clear) {
                    return Ok(Vec::new());
                }
                let (reasons, opened) = self.compare(form, &stored).await?;
                if opened.is_none() && unprotect(&self.from, &self.source, form, stored).await.is_err() {
                    return Err(privet_core::Error::integrity().into());
                }
                Ok(reasons)
            }
        }
    }

    fn digest(&self, record: &R) -> String {
        record.stored().map(|stored| self.from.digest(&self.source, &stored)).unwrap_or_default()
    }

    fn key_calls(&self) -> u64 {
        let calls = |protector: &Protector| {
            let cache = protector.statistics().cache;
            cache.misses + cache.refreshes
        };
        calls(&self.from) + if let Target::Sealed(to, _) = &self.to { calls(to) } else { 0 }
    }
}

fn reasons(stale: &Staleness) -> Vec<Reason> {
    match stale {
        Staleness::Plaintext => vec![Reason::Plaintext],
        Staleness::Integrity => vec![Reason::Integrity],
        Staleness::Key { stored, .. } => stored.iter().map(|key| Reason::Key(key.to_string())).collect(),
        Staleness::Class(drift) => vec![class_reason(drift)],
        Staleness::Format(format) => vec![Reason::Format((*format).to_owned())],
        Staleness::Beacons => vec![Reason::Beacons],
        _ => vec![Reason::Format(String::new())],
    }
}

/// The field at the root alone: names inside of sealed maps are nobody's business.
fn class_reason(drift: &Drift) -> Reason {
    let name = match drift.path.steps().first() {
        Some(Step::Key(name)) => Cow::Borrowed(name.as_str()),
        _ => Cow::default(),
    };
    Reason::Class(name.into_owned())
}
