//! Branch keys in memory: for how long, how many, and one call for all who ask at once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use super::{BranchKey, BranchKeyVersion, KeyStore};
use crate::error::Result;
use crate::time::{Moment, SystemTimeSource, TimeSource};

/// How long and how many branch keys a keyring holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BranchKeyCacheLimits {
    /// How old a key may become. Default: 10 minutes. Zero keeps nothing.
    pub max_age: Duration,
    /// How many keys are held, for writing and for reading together. Default: 1,000.
    pub capacity: usize,
}

impl BranchKeyCacheLimits {
    /// The limits with another age.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// The limits with another number of keys.
    #[must_use]
    pub fn with_capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }
}

impl Default for BranchKeyCacheLimits {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(600), capacity: 1000 }
    }
}

/// A key store with the branch keys of one keyring held in memory.
///
/// Concurrent requests for the same key share one call of the store. Failures and missing keys are not kept.
pub(in crate::keyring) struct BranchKeyCache {
    store: Arc<KeyStore>,
    pub(in crate::keyring) limits: BranchKeyCacheLimits,
    pub(in crate::keyring) time: Arc<dyn TimeSource>,
    slots: Mutex<Slots>,
}

impl BranchKeyCache {
    pub(in crate::keyring) fn new(store: Arc<KeyStore>) -> Self {
        let time = Arc::new(SystemTimeSource::new());
        Self { store, limits: BranchKeyCacheLimits::default(), time, slots: Mutex::default() }
    }

    /// The version that writers use; `None` if there is no such branch key.
    pub(in crate::keyring) async fn active(&self, id: &str) -> Result<Option<Arc<BranchKey>>> {
        self.get((id.to_owned(), None)).await
    }

    /// A version; `None` if the store does not have it.
    pub(in crate::keyring) async fn version(
        &self,
        id: &str,
        version: BranchKeyVersion,
    ) -> Result<Option<Arc<BranchKey>>> {
        self.get((id.to_owned(), Some(version))).await
    }

    /// Lets go of all keys. Calls under way finish for those who wait for them, and are not kept.
    pub(in crate::keyring) fn purge(&self) {
        self.lock().clear();
    }

    async fn get(&self, name: Name) -> Result<Option<Arc<BranchKey>>> {
        let (flight, launched) = {
            let mut slots = self.lock();
            let now = Moment::now(&*self.time);
            match slots.get(&name) {
                Some(Slot::Ready(key, born)) if now.since(born) < self.limits.max_age => {
                    return Ok(Some(Arc::clone(key)));
                }
                Some(Slot::Flying(flight, launched)) => (flight.clone(), *launched),
                _ => {
                    let flight = self.launch(&name);
                    slots.insert(name.clone(), Slot::Flying(flight.clone(), now));
                    (flight, now)
                }
            }
        };
        let result = flight.clone().await;
        self.land(&name, &flight, launched, &result);
        result
    }

    fn launch(&self, (id, version): &Name) -> Flight {
        let (store, id, version) = (Arc::clone(&self.store), id.clone(), *version);
        async move {
            let key = match version {
                Some(version) => store.find_version(&id, version).await?,
                None => store.find_active(&id).await?,
            };
            Ok(key.map(Arc::new))
        }
        .boxed()
        .shared()
    }

    /// Keeps what a call brought, if it is still the one in its slot. Ages count from when it was asked for.
    fn land(&self, name: &Name, flight: &Flight, launched: Moment, result: &Result<Option<Arc<BranchKey>>>) {
        let mut slots = self.lock();
        if !matches!(slots.get(name), Some(Slot::Flying(current, _)) if current.ptr_eq(flight)) {
            return;
        }
        slots.remove(name);
        let Ok(Some(key)) = result else { return };
        if self.limits.max_age.is_zero() {
            return;
        }
        // What was written with the active version is often read next: KMS has proved which version it is.
        self.insert(&mut slots, (name.0.clone(), Some(key.version)), key, launched);
        if name.1.is_none() {
            self.insert(&mut slots, name.clone(), key, launched);
        }
    }

    fn insert(&self, slots: &mut Slots, name: Name, key: &Arc<BranchKey>, born: Moment) {
        if slots.len() >= self.limits.capacity {
            let now = Moment::now(&*self.time);
            let max_age = self.limits.max_age;
            slots.retain(|_, slot| !matches!(slot, Slot::Ready(_, born) if now.since(born) >= max_age));
            if slots.len() >= self.limits.capacity {
                let ready = slots.iter().filter_map(|(name, slot)| match slot {
                    Slot::Ready(_, born) => Some((now.since(born), name)),
                    Slot::Flying(..) => None,
                });
                if let Some(oldest) = ready.max_by_key(|(age, _)| *age).map(|(_, name)| name.clone()) {
                    slots.remove(&oldest);
                }
            }
        }
        slots.insert(name, Slot::Ready(Arc::clone(key), born));
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Nothing panics while it is held; if it did, the cache would still be consistent.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for BranchKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BranchKeyCache")
            .field("store", &self.store)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A branch key's id, and its version unless the active one is meant.
type Name = (String, Option<BranchKeyVersion>);
type Slots = HashMap<Name, Slot>;
type Flight = Shared<BoxFuture<'static, Result<Option<Arc<BranchKey>>>>>;

enum Slot {
    Ready(Arc<BranchKey>, Moment),
    Flying(Flight, Moment),
}
