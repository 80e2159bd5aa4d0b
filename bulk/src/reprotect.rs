//! Records from one protector to another: new keys, a new policy, from plaintext, or back to it.

use std::borrow::Cow;
use std::sync::Arc;

use privet_core::protector::{Drift, Freshness, Protector, Resource, Staleness};
use privet_core::record::Form;
use privet_core::value::Map;
use privet_core::{Classification, ErrorKind};
use serde_json::{Value as Json, json};

use crate::error::{Error, Result};
use crate::store::StoredRecord;
use crate::transformation::{Decision, Look, Reason, Transformation};

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
    decide: Decide,
}

/// What says whether a sealed record is on target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decide {
    /// Its header, and places and classes of what is sealed. The names inside of a map or list that is sealed whole are
    /// not seen.
    ByHeader,
    /// As by header; and what passes is opened, and its fields are compared with the policy. No record is written anew
    /// that need not be.
    ByOpening,
}

#[derive(Clone, Debug)]
enum Target {
    Sealed(Protector, Arc<Resource>),
    Clear,
}

impl Reprotect {
    /// From one protector to another, records of this resource. If the policies differ, records are decided
    /// [`ByOpening`](Decide::ByOpening), otherwise [`ByHeader`](Decide::ByHeader).
    ///
    /// # Errors
    ///
    /// `Config` if a policy contradicts itself for the resource, if the two know it by different keys, or if their
    /// tenants differ.
    pub fn new(from: Protector, to: Protector, resource: &str) -> Result<Self> {
        let (source, target) = (from.resource(resource)?, to.resource(resource)?);
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
        let decide = if is_same { Decide::ByHeader } else { Decide::ByOpening };
        Ok(Self { from, source, to: Target::Sealed(to, target), decide })
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
        let source = from.resource(resource)?;
        Ok(Self { from, source, to: Target::Clear, decide: Decide::ByHeader })
    }

    /// The same with another way to say what is on target.
    #[must_use]
    pub fn deciding(mut self, decide: Decide) -> Self {
        self.decide = decide;
        self
    }

    async fn look_at(&self, form: Form, stored: &Map) -> Result<Look> {
        let Target::Sealed(to, resource) = &self.to else {
            let is_clear = !stored.contains_key(&self.source.layout(form).header);
            return Ok(if is_clear { Look::Current } else { Look::Stale(vec![Reason::Sealed]) });
        };
        Ok(match to.freshness(resource, form, stored).await? {
            Freshness::Current if self.decide == Decide::ByOpening => Look::Unclear(Vec::new()),
            Freshness::Current => Look::Current,
            Freshness::Stale(stale) => Look::Stale(stale.iter().flat_map(reasons).collect()),
            Freshness::Unclear(stale) => Look::Unclear(stale.iter().flat_map(reasons).collect()),
        })
    }

    /// The record in clear, as whoever can open it does.
    async fn open(&self, form: Form, stored: Map) -> Result<Map> {
        let Target::Sealed(to, resource) = &self.to else {
            return Ok(self.from.unprotect_stored(&self.source, form, stored).await?.complete()?);
        };
        // A service that writes with the target already may have written it; the old keys then are of no use.
        let for_the_other = stored.clone();
        let opened = self.from.unprotect_stored(&self.source, form, stored).await.and_then(|opened| opened.complete());
        match opened {
            Err(error) if matches!(error.kind(), ErrorKind::Integrity | ErrorKind::Denied) => {
                let again = to.unprotect_stored(resource, form, for_the_other).await;
                again.and_then(|opened| opened.complete()).map_err(|_| error.into())
            }
            opened => Ok(opened?),
        }
    }

    /// What opening says of a record whose keys are the target's: in what way its fields are not on target, and the
    /// record if the target lets it be opened.
    async fn compare(&self, form: Form, stored: &Map) -> Result<(Vec<Reason>, Option<Map>)> {
        let Target::Sealed(to, resource) = &self.to else { return Ok((Vec::new(), None)) };
        match to.unprotect_stored(resource, form, stored.clone()).await {
            Ok(opened) => {
                let reasons = opened.drift().iter().map(class_reason).collect();
                Ok((reasons, Some(opened.complete()?)))
            }
            // Where the policy refuses drift, that is how it shows; if the record is damaged, nobody can open it.
            Err(error) if error.kind() == ErrorKind::Integrity => Ok((vec![Reason::Class(String::new())], None)),
            Err(error) => Err(error.into()),
        }
    }

    async fn seal(&self, form: Form, record: Map) -> Result<Map> {
        match &self.to {
            Target::Sealed(to, resource) => Ok(to.protect_stored(resource, form, record).await?),
            Target::Clear => Ok(record),
        }
    }
}

impl<R: StoredRecord> Transformation<R> for Reprotect {
    type Rewritten = Map;

    async fn describe(&self) -> Result<Json> {
        let source = json!({
            "resource": self.source.name(),
            "tenant": self.from.tenant(),
            "policy": self.from.policy_digest(),
        });
        let Target::Sealed(to, _) = &self.to else { return Ok(json!({ "from": source, "to": "plaintext" })) };
        let mut keys = serde_json::Map::new();
        for class in Classification::ALL {
            // A class that this process may not seal, or that has no key, is none that the job can have to do with.
            let names = match to.wrapping_keys(class).await {
                Ok(keys) => keys.iter().map(|key| Json::String(key.to_string())).collect(),
                Err(error) if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Config) => Json::Null,
                Err(error) => return Err(error.into()),
            };
            keys.insert(class.as_str().to_owned(), names);
        }
        Ok(json!({ "from": source, "to": { "policy": to.policy_digest(), "keys": keys } }))
    }

    async fn look(&self, record: &R) -> Result<Look> {
        self.look_at(record.form(), &record.stored()?).await
    }

    async fn rewrite(&self, record: &R) -> Result<Decision<Map>> {
        let (form, stored) = (record.form(), record.stored()?);
        let (reasons, opened) = match self.look_at(form, &stored).await? {
            Look::Current => return Ok(Decision::Current),
            Look::Stale(reasons) => (reasons, None),
            Look::Unclear(_) => match self.compare(form, &stored).await? {
                (reasons, _) if reasons.is_empty() => return Ok(Decision::Current),
                found => found,
            },
        };
        let clear = match opened {
            Some(clear) => clear,
            None => self.open(form, stored).await?,
        };
        Ok(Decision::Rewrite { rewritten: self.seal(form, clear).await?, reasons })
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
                if opened.is_none() && self.from.unprotect_stored(&self.source, form, stored).await.is_err() {
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
        _ => vec![Reason::Format(String::new())],
    }
}

/// The field at the root alone: names inside of sealed maps are nobody's business.
fn class_reason(drift: &Drift) -> Reason {
    let name = match drift.path.steps().first() {
        Some(privet_core::value::Step::Key(name)) => Cow::Borrowed(name.as_str()),
        _ => Cow::default(),
    };
    Reason::Class(name.into_owned())
}
