//! What all clones of a protector share.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::Resource;
use super::beacon_keys::BeaconKeyCache;
use super::pseudonym::Pseudonyms;
use crate::audit::AuditSink;
use crate::cache::DataKeyCache;
use crate::error::{Error, Result};
use crate::mask::Masks;
use crate::policy::Policy;
use crate::time::TimeSource;

/// What all clones of a protector share.
pub(super) struct Shared {
    pub(super) policy: Policy,
    pub(super) masks: Masks,
    pub(super) cache: DataKeyCache,
    pub(super) beacon_keys: BeaconKeyCache,
    pub(super) context: Vec<(String, String)>,
    pub(super) audit: Option<Arc<dyn AuditSink>>,
    pub(super) pseudonyms: Arc<Pseudonyms>,
    pub(super) time: Arc<dyn TimeSource>,
    pub(super) registered: Vec<Arc<Resource>>,
    pub(super) models: Memory<TypeId>,
    pub(super) resources: Memory<String>,
    pub(super) plaintext_reads: Counts,
    pub(super) drift_reads: Counts,
    pub(super) other_format_reads: AtomicU64,
    pub(super) audit_events: AtomicU64,
}

impl Shared {
    /// Refuses a model that marks fields searchable that have no beacon, once there are keys for beacons.
    pub(super) fn check_search(&self, resource: &Resource) -> Result<()> {
        match resource.without_beacon() {
            Some(field) if self.beacon_keys.is_there() => Err(Error::config(format!(
                "`{field}` of `{}` is searchable and has no beacon: say its length under `[[fields]]` in the policy, as \
                 `beacon = {{ length = 16 }}`, or `searchable = false`",
                resource.name()
            ))),
            _ => Ok(()),
        }
    }
}

/// Resources that were worked out once.
pub(super) struct Memory<K>(RwLock<HashMap<K, Arc<Resource>>>);

impl<K> Default for Memory<K> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + std::hash::Hash> Memory<K> {
    pub(super) fn find_or_make(&self, key: K, make: impl FnOnce() -> Result<Resource>) -> Result<Arc<Resource>> {
        if let Some(found) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(make()?);
        Ok(Arc::clone(self.0.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(made)))
    }
}

/// How often something happened, by resource.
#[derive(Default)]
pub(super) struct Counts(Mutex<BTreeMap<String, u64>>);

impl Counts {
    pub(super) fn count(&self, resource: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(resource) {
            Some(count) => *count = count.saturating_add(1),
            None => drop(counts.insert(resource.to_owned(), 1)),
        }
    }

    pub(super) fn all(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
