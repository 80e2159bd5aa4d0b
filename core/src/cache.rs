//! The data-key cache: one wrapped key serves many records, within limits of age, records and bytes.

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use crate::edk::EncryptedDataKey;
use crate::error::{Error, ErrorKind, Result};
use crate::keyring::{DataKey, DataKeyRequest, Keyring};
use crate::time::{Moment, TimeSource};

/// How long and how much one data key may serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheLimits {
    /// How old a key may become. Default: 5 minutes. Zero turns the cache off.
    pub max_age: Duration,
    /// How many records one key may seal. Default: 2^20. (Each record derives keys of its own from a random 128-bit
    /// salt, so this bounds the loss of one data key, not nonces.)
    pub max_records: u64,
    /// How many bytes one key may seal. Default: 16 GiB.
    pub max_bytes: u64,
    /// How many keys are held, for sealing and for opening together. Default: 1,000.
    pub capacity: usize,
}

impl CacheLimits {
    /// The default limits with another age.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// The limits with another number of records.
    #[must_use]
    pub fn with_max_records(mut self, max_records: u64) -> Self {
        self.max_records = max_records;
        self
    }

    /// The limits with another number of bytes.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// The limits with another number of keys held.
    #[must_use]
    pub fn with_capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(300), max_records: 1 << 20, max_bytes: 1 << 34, capacity: 1000 }
    }
}

/// What the cache has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// Requests served by a key in the cache, or by a call that was already under way.
    pub hits: u64,
    /// Requests that asked the keyring.
    pub misses: u64,
    /// Calls of the keyring that failed.
    pub failures: u64,
    /// Keys let go because of age, use or capacity.
    pub evictions: u64,
    /// Keys held now.
    pub entries: u64,
}

/// The data-key cache in front of a keyring.
///
/// Concurrent requests for the same key share one call of the keyring; a failed call is shared too, and then forgotten.
///
/// # Security
///
/// A key is found only under the whole encryption context it was asked with, so classes and tenants never share one.
/// Data keys are in this process's memory while they are cached; [`purge`](Self::purge) lets go of them, for example
/// before a Lambda SnapStart snapshot.
pub struct DataKeyCache {
    keyring: Arc<dyn Keyring>,
    limits: CacheLimits,
    time: Arc<dyn TimeSource>,
    state: Mutex<State>,
}

impl DataKeyCache {
    /// A cache in front of this keyring.
    #[must_use]
    pub fn new(keyring: Arc<dyn Keyring>, limits: CacheLimits, time: Arc<dyn TimeSource>) -> Self {
        Self { keyring, limits, time, state: Mutex::default() }
    }

    /// A data key to seal one more record of `bytes` bytes with.
    ///
    /// # Errors
    ///
    /// As the keyring's.
    pub async fn for_sealing(&self, request: &DataKeyRequest, bytes: u64) -> Result<Arc<DataKey>> {
        loop {
            let (flight, lead) = {
                let mut state = self.lock();
                match self.take_use(&mut state, request.name(), bytes) {
                    Found::Ready(data_key) => return Ok(data_key),
                    Found::Flying(flight) => (flight, false),
                    Found::Nothing => (state.launch(request.name(), self.generate(request)), true),
                }
            };
            if let Some(data_key) = self.land(request, request.name(), &flight).await? {
                // Followers count their use like everyone else, unless the cache keeps nothing.
                let counted = self.count_use(request.name(), &data_key, bytes);
                if counted || lead || self.limits.max_age.is_zero() {
                    return Ok(data_key);
                }
            }
        }
    }

    /// The data key behind these wrapped keys; `None` if none of them is for this keyring.
    ///
    /// # Errors
    ///
    /// As the keyring's.
    pub async fn for_opening(
        &self,
        edks: &[EncryptedDataKey],
        request: &DataKeyRequest,
    ) -> Result<Option<Arc<DataKey>>> {
        let name = opening_name(request, edks);
        let flight = {
            let mut state = self.lock();
            match self.take_use(&mut state, &name, 0) {
                Found::Ready(data_key) => return Ok(Some(data_key)),
                Found::Flying(flight) => flight,
                Found::Nothing => state.launch(&name, self.unwrap(edks, request)),
            }
        };
        self.land(request, &name, &flight).await
    }

    /// Lets go of all keys. Calls under way finish for those who wait for them, and are not kept.
    pub fn purge(&self) {
        let mut state = self.lock();
        state.slots.clear();
        tracing::debug!("data-key cache purged");
    }

    /// What the cache has done so far.
    #[must_use]
    pub fn statistics(&self) -> CacheStatistics {
        let state = self.lock();
        let ready = state.slots.values().filter(|slot| matches!(slot, Slot::Ready(_))).count();
        CacheStatistics { entries: ready as u64, ..state.statistics }
    }

    fn generate(&self, request: &DataKeyRequest) -> Flight {
        let (keyring, request) = (Arc::clone(&self.keyring), request.clone());
        flight(async move { keyring.generate_data_key(&request).await.map(|data_key| Some(Arc::new(data_key))) })
    }

    fn unwrap(&self, edks: &[EncryptedDataKey], request: &DataKeyRequest) -> Flight {
        let (keyring, request, edks) = (Arc::clone(&self.keyring), request.clone(), edks.to_vec());
        flight(async move {
            let secret = keyring.unwrap_data_key(&edks, &request).await?;
            Ok(secret.map(|secret| Arc::new(DataKey { secret, edks })))
        })
    }

    /// Looks for a key that may still serve, and counts the use.
    fn take_use(&self, state: &mut State, name: &[u8], bytes: u64) -> Found {
        let found = match state.slots.get_mut(name) {
            Some(Slot::Ready(entry)) => {
                let age = Moment::now(&*self.time).since(&entry.born);
                match entry.take_use(age, bytes, &self.limits) {
                    true => Found::Ready(Arc::clone(&entry.data_key)),
                    false => {
                        state.slots.remove(name);
                        state.statistics.evictions += 1;
                        Found::Nothing
                    }
                }
            }
            Some(Slot::Flying(flight)) => Found::Flying(flight.clone()),
            None => Found::Nothing,
        };
        match found {
            Found::Nothing => state.statistics.misses += 1,
            _ => state.statistics.hits += 1,
        }
        found
    }

    /// Counts a use of the key that a shared call brought, if it is still the one in the cache and may still serve.
    fn count_use(&self, name: &[u8], data_key: &Arc<DataKey>, bytes: u64) -> bool {
        let mut state = self.lock();
        match state.slots.get_mut(name) {
            Some(Slot::Ready(entry)) if Arc::ptr_eq(&entry.data_key, data_key) => {
                let age = Moment::now(&*self.time).since(&entry.born);
                entry.take_use(age, bytes, &self.limits)
            }
            _ => false,
        }
    }

    /// Waits for a call and, if it is still the one in its slot, keeps what it brought.
    async fn land(&self, request: &DataKeyRequest, name: &[u8], flight: &Flight) -> Result<Option<Arc<DataKey>>> {
        let result = flight.clone().await;
        let mut state = self.lock();
        if !matches!(state.slots.get(name), Some(Slot::Flying(current)) if current.ptr_eq(flight)) {
            return result;
        }
        state.slots.remove(name);
        match &result {
            Ok(Some(data_key)) if !self.limits.max_age.is_zero() => {
                let born = Moment::now(&*self.time);
                // What was just written is often read next: its key is known, the provider need not be asked.
                let opening = opening_name(request, &data_key.edks);
                if opening != name {
                    state.insert(name, Entry::new(data_key, born, Some(&self.limits)), &self.limits, born);
                }
                state.insert(&opening, Entry::new(data_key, born, None), &self.limits, born);
            }
            // That no wrapped key is this keyring's is cheap to find out again.
            Ok(_) => {}
            Err(error) => {
                state.statistics.failures += 1;
                tracing::debug!(kind = %error.kind(), "the keyring failed");
            }
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; if it did, the cache would still be consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DataKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKeyCache")
            .field("keyring", &self.keyring)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    slots: HashMap<Box<[u8]>, Slot>,
    statistics: CacheStatistics,
}

impl State {
    fn launch(&mut self, name: &[u8], flight: Flight) -> Flight {
        self.slots.insert(name.into(), Slot::Flying(flight.clone()));
        flight
    }

    fn insert(&mut self, name: &[u8], entry: Entry, limits: &CacheLimits, now: Moment) {
        if self.slots.len() >= limits.capacity {
            let before = self.slots.len();
            self.slots
                .retain(|_, slot| !matches!(slot, Slot::Ready(entry) if now.since(&entry.born) >= limits.max_age));
            if self.slots.len() >= limits.capacity {
                self.remove_oldest(now);
            }
            self.statistics.evictions += (before - self.slots.len()) as u64;
        }
        self.slots.insert(name.into(), Slot::Ready(entry));
    }

    fn remove_oldest(&mut self, now: Moment) {
        let ready = self.slots.iter().filter_map(|(name, slot)| match slot {
            Slot::Ready(entry) => Some((now.since(&entry.born), name)),
            Slot::Flying(_) => None,
        });
        if let Some(name) = ready.max_by_key(|(age, _)| *age).map(|(_, name)| name.clone()) {
            self.slots.remove(&name);
        }
    }
}

enum Slot {
    Ready(Entry),
    Flying(Flight),
}

enum Found {
    Ready(Arc<DataKey>),
    Flying(Flight),
    Nothing,
}

struct Entry {
    data_key: Arc<DataKey>,
    born: Moment,
    /// Records and bytes that the key may still seal; opening is limited by age alone.
    left: Option<(u64, u64)>,
}

impl Entry {
    fn new(data_key: &Arc<DataKey>, born: Moment, sealing: Option<&CacheLimits>) -> Self {
        let left = sealing.map(|limits| (limits.max_records, limits.max_bytes));
        Self { data_key: Arc::clone(data_key), born, left }
    }

    /// Counts a use if age and limits allow it.
    fn take_use(&mut self, age: Duration, bytes: u64, limits: &CacheLimits) -> bool {
        if age >= limits.max_age {
            return false;
        }
        if let Some((records_left, bytes_left)) = &mut self.left {
            let (Some(records), Some(bytes)) = (records_left.checked_sub(1), bytes_left.checked_sub(bytes)) else {
                return false;
            };
            (*records_left, *bytes_left) = (records, bytes);
        }
        true
    }
}

/// The wrapped keys and the whole request: a key is never found under another context. Starts unlike any request's own
/// name, which begins with a length far below 2^56.
fn opening_name(request: &DataKeyRequest, edks: &[EncryptedDataKey]) -> Vec<u8> {
    let parts = || edks.iter().flat_map(|edk| [edk.provider_id.as_bytes(), &edk.provider_info, &edk.ciphertext]);
    let mut name = Vec::with_capacity(1 + 8 + request.name().len() + parts().map(|part| 8 + part.len()).sum::<usize>());
    name.push(0xff);
    for part in std::iter::once(&**request.name()).chain(parts()) {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part);
    }
    name
}

/// A call that many may wait for. A keyring that panics fails this call only: the panic would otherwise stay in the
/// slot and meet everyone who asks for this key from then on.
fn flight(call: impl Future<Output = Result<Option<Arc<DataKey>>>> + Send + 'static) -> Flight {
    let panicked = |_| Err(Error::new(ErrorKind::KeyUnavailable, "the keyring panicked"));
    AssertUnwindSafe(call).catch_unwind().map(move |result| result.unwrap_or_else(panicked)).boxed().shared()
}

type Flight = Shared<BoxFuture<'static, Result<Option<Arc<DataKey>>>>>;

#[cfg(test)]
mod tests;
