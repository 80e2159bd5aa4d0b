//! The keys of beacons in memory: for how long, how many, and one call for all who ask at once.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::OnceCell;

use crate::beacon::{BeaconKeys, Beacons, FieldKey, TenantTag};
use crate::crypto::Secret;
use crate::error::{Error, Result};
use crate::keyring::BeaconKeySource;
use crate::keyring::store::BranchKeyCacheLimits;
use crate::time::{Moment, TimeSource};
use crate::value::Path;

/// Where the keys of beacons come from, one source for each version or one for all, and those that are known.
pub(super) struct BeaconKeyCache {
    source: Option<Arc<dyn BeaconKeySource>>,
    versions: BTreeMap<u8, Arc<dyn BeaconKeySource>>,
    limits: BranchKeyCacheLimits,
    time: Arc<dyn TimeSource>,
    slots: Mutex<HashMap<SlotName, Slot>>,
}

/// The version, the tenant, and the id of the key if items name it, otherwise nothing.
type SlotName = (u8, String, String);

/// A call under way, or what it brought. Who waits while it fails tries anew.
type Slot = (Arc<OnceCell<Arc<TenantKeys>>>, Moment);

impl BeaconKeyCache {
    pub(super) fn new(
        source: Option<Arc<dyn BeaconKeySource>>,
        versions: BTreeMap<u8, Arc<dyn BeaconKeySource>>,
        limits: BranchKeyCacheLimits,
        time: Arc<dyn TimeSource>,
    ) -> Self {
        Self { source, versions, limits, time, slots: Mutex::default() }
    }

    /// Whether there are keys at all: without, nothing is searchable.
    pub(super) fn is_there(&self) -> bool {
        self.source.is_some() || !self.versions.is_empty()
    }

    /// The keys of one version and tenant.
    pub(super) async fn keys(&self, version: u8, tenant: &str) -> Result<Arc<TenantKeys>> {
        let source = self.versions.get(&version).or(self.source.as_ref()).ok_or_else(|| no_source(version))?;
        // INVARIANT: no id is empty, so that no tenant's slot is that of an id.
        let name = (version, tenant.to_owned(), String::new());
        self.get(name, async || Ok(TenantKeys::new(source.beacon_key(tenant).await?, version, tenant))).await
    }

    /// The keys of this id, which items of this tenant in DB-ESDK format name. Kept for this tenant alone: the source
    /// says who may name which.
    pub(super) async fn keys_of_id(&self, tenant: &str, id: &str) -> Result<Arc<TenantKeys>> {
        if id.is_empty() || id.len() > MAX_ID {
            return Err(Error::input("an item names a beacon key by an id of 1 to 2048 bytes"));
        }
        let source = self.versions.get(&1).or(self.source.as_ref()).ok_or_else(|| no_source(1))?;
        let name = (1, tenant.to_owned(), id.to_owned());
        self.get(name, async || Ok(TenantKeys::new(source.beacon_key_of_id(tenant, id).await?, 1, tenant))).await
    }

    async fn get(&self, name: SlotName, make: impl AsyncFnOnce() -> Result<TenantKeys>) -> Result<Arc<TenantKeys>> {
        let cell = self.slot(&name);
        let got = cell.get_or_try_init(|| async { make().await.map(Arc::new) }).await.map(Arc::clone);
        if got.is_err() {
            // Names may be anybody's: those of no key take no room from those that have one.
            let mut slots = self.lock();
            if slots.get(&name).is_some_and(|(known, _)| Arc::ptr_eq(known, &cell) && !known.initialized()) {
                slots.remove(&name);
            }
        }
        got
    }

    /// Lets go of all keys. Calls under way finish for those who wait for them, and are not kept.
    pub(super) fn purge(&self) {
        self.lock().clear();
    }

    fn slot(&self, name: &SlotName) -> Arc<OnceCell<Arc<TenantKeys>>> {
        let now = Moment::now(&*self.time);
        let mut slots = self.lock();
        if let Some((cell, born)) = slots.get(name)
            && now.since(born) < self.limits.max_age
        {
            return Arc::clone(cell);
        }
        if slots.len() >= self.limits.capacity && !slots.contains_key(name) {
            // Calls under way go first: whoever waits for one gets its answer all the same.
            let oldest = slots.iter().max_by_key(|(_, (cell, born))| (!cell.initialized(), now.since(born)));
            let oldest = oldest.map(|(name, _)| name.clone());
            oldest.and_then(|name| slots.remove(&name));
        }
        let cell = Arc::new(OnceCell::new());
        slots.insert(name.clone(), (Arc::clone(&cell), now));
        cell
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SlotName, Slot>> {
        // Nothing panics while it is held; if it did, the cache would still be consistent.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BeaconKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeaconKeyCache").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The keys of one version and tenant, derived when they are first needed.
pub(super) struct TenantKeys {
    beacon_key: Secret,
    version: u8,
    tenant: String,
    // By resource, then by field: as many as the configuration names.
    fields: RwLock<HashMap<String, HashMap<Path, Arc<FieldKey>>>>,
    tags: RwLock<HashMap<String, TenantTag>>,
    // Of AWS's beacons, by resource.
    items: RwLock<HashMap<String, Arc<BeaconKeys>>>,
}

impl TenantKeys {
    fn new(beacon_key: Secret, version: u8, tenant: &str) -> Self {
        Self {
            beacon_key,
            version,
            tenant: tenant.to_owned(),
            fields: RwLock::default(),
            tags: RwLock::default(),
            items: RwLock::default(),
        }
    }

    pub(super) fn field(&self, resource: &str, path: &Path) -> Result<Arc<FieldKey>> {
        let known = self.fields.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.get(resource).and_then(|fields| fields.get(path)) {
            return Ok(Arc::clone(key));
        }
        drop(known);
        let key = Arc::new(FieldKey::derive(&self.beacon_key, self.version, resource, &self.tenant, path)?);
        let mut known = self.fields.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(resource.to_owned()).or_default().insert(path.clone(), Arc::clone(&key));
        Ok(key)
    }

    /// The keys of AWS's beacons of a resource.
    pub(super) fn of_items(&self, resource: &str, beacons: &Beacons) -> Result<Arc<BeaconKeys>> {
        if let Some(keys) = self.items.read().unwrap_or_else(PoisonError::into_inner).get(resource) {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(beacons.keys(&self.beacon_key)?);
        self.items.write().unwrap_or_else(PoisonError::into_inner).insert(resource.to_owned(), Arc::clone(&keys));
        Ok(keys)
    }

    pub(super) fn tag(&self, resource: &str) -> Result<TenantTag> {
        let known = self.tags.read().unwrap_or_else(PoisonError::into_inner).get(resource).cloned();
        if let Some(tag) = known {
            return Ok(tag);
        }
        let tag = TenantTag::derive(&self.beacon_key, self.version, resource, &self.tenant)?;
        self.tags.write().unwrap_or_else(PoisonError::into_inner).insert(resource.to_owned(), tag.clone());
        Ok(tag)
    }
}

fn no_source(version: u8) -> Error {
    Error::config(format!("there is no key for beacons of version {version}: give the builder `.beacon_key(...)`"))
}

/// Bytes of a partition key of DynamoDB, which is what key stores keep keys under
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
const MAX_ID: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::keyring::KeyringFuture;
    use crate::time::SystemTimeSource;

    /// Knows `a` and `b` only, and counts how often it is asked.
    #[derive(Debug, Default)]
    struct TwoKeys(Mutex<Vec<String>>);

    impl BeaconKeySource for TwoKeys {
        fn beacon_key<'a>(&'a self, tenant: &'a str) -> KeyringFuture<'a, Secret> {
            self.beacon_key_of_id("", tenant)
        }

        fn beacon_key_of_id<'a>(&'a self, _tenant: &'a str, id: &'a str) -> KeyringFuture<'a, Secret> {
            self.0.lock().unwrap().push(id.to_owned());
            let is_known = ["a", "b"].contains(&id);
            Box::pin(async move {
                if is_known { Ok(Secret::copy_of(&[1; 32])) } else { Err(Error::config("there is no such key")) }
            })
        }
    }

    #[tokio::test]
    async fn names_of_no_key_push_no_key_out_and_are_not_kept() {
        let source = Arc::new(TwoKeys::default());
        let limits = BranchKeyCacheLimits::default().with_capacity(2);
        let cache =
            BeaconKeyCache::new(Some(source.clone()), BTreeMap::new(), limits, Arc::new(SystemTimeSource::new()));
        cache.keys_of_id("", "a").await.unwrap();
        cache.keys(1, "b").await.unwrap();
        // The first takes the place of one of the two, none of the others does.
        cache.keys_of_id("", "a").await.unwrap();
        for stranger in 0..5 {
            assert!(cache.keys_of_id("", &format!("stranger {stranger}")).await.is_err());
            assert!(cache.keys(1, &format!("stranger {stranger}")).await.is_err());
            assert!(cache.lock().values().all(|(cell, _)| cell.initialized()));
        }
        assert_eq!(cache.lock().len(), 1);
        for id in [String::new(), "a".repeat(MAX_ID + 1)] {
            let before = source.0.lock().unwrap().len();
            assert_eq!(cache.keys_of_id("", &id).await.err().unwrap().kind(), ErrorKind::Input);
            assert_eq!((source.0.lock().unwrap().len(), cache.lock().len()), (before, 1));
        }
    }
}
