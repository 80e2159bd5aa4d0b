//! The data-key cache: one wrapped key serves many records, within limits of age, records and bytes.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;

use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::error::{Error, ErrorKind, Result};
use crate::keyring::{DataKey, DataKeyRequest, Keyring, KeyringFuture};
use crate::time::{Moment, TimeSource};

mod limits;
mod slots;

pub use limits::{CacheLimits, CacheStatistics};
use slots::{Entry, Flight, Found, Slots, Use};

/// The data-key cache in front of a keyring. Cheap to clone; clones share the keys.
///
/// Concurrent requests for the same key share one call of the keyring; a failed call is shared too. A key in use is
/// fetched anew shortly before its end. Refusals are remembered for a moment. While the key provider cannot be reached, a
/// key may serve past its age if the limits grant it.
///
/// # Security
///
/// A key is found only under the whole encryption context it was asked with, so classes and tenants never share one.
/// Data keys are in this process's memory while they are cached; [`purge`](Self::purge) lets go of them, for example
/// before a Lambda SnapStart snapshot.
#[derive(Clone)]
pub struct DataKeyCache(Arc<Shared>);

struct Shared {
    keyring: Arc<dyn Keyring>,
    limits: CacheLimits,
    time: Arc<dyn TimeSource>,
    slots: Mutex<Slots>,
}

impl DataKeyCache {
    /// A cache in front of this keyring.
    #[must_use]
    pub fn new(keyring: Arc<dyn Keyring>, limits: CacheLimits, time: Arc<dyn TimeSource>) -> Self {
        Self(Arc::new(Shared { keyring, limits, time, slots: Mutex::default() }))
    }

    /// A data key to seal one more record of `bytes` bytes with.
    ///
    /// # Errors
    ///
    /// As the keyring's.
    pub async fn for_sealing(&self, request: &DataKeyRequest, bytes: u64) -> Result<Arc<DataKey>> {
        self.for_use(request, Use::one_record(bytes)).await
    }

    /// A data key to seal this many more records with, which have this many bytes together; `None` if the limits let no
    /// key seal so much, or no key serve twice.
    pub(crate) async fn for_sealing_many(
        &self,
        request: &DataKeyRequest,
        records: u64,
        bytes: u64,
    ) -> Result<Option<Arc<DataKey>>> {
        let limits = &self.0.limits;
        if limits.max_age.is_zero() || limits.max_records < records || limits.max_bytes < bytes {
            return Ok(None);
        }
        self.for_use(request, Use { records, bytes }).await.map(Some)
    }

    async fn for_use(&self, request: &DataKeyRequest, sealing: Use) -> Result<Arc<DataKey>> {
        let name = request.name();
        loop {
            let found = self.take_use(name, sealing, || self.generate(request));
            let (flight, lead) = match found {
                Taken::Ready(data_key, refresh) => {
                    if refresh {
                        self.refresh(name, &data_key, request, self.generate(request));
                    }
                    return Ok(data_key);
                }
                Taken::Refused(error) => return Err(error),
                Taken::Flying(flight, lead) => (flight, lead),
            };
            if let Some(data_key) = self.land(request, name, &flight, sealing).await? {
                // The use of who started the call is counted already. Followers count theirs, unless nothing is kept.
                let now = self.now();
                if lead
                    || self.0.limits.max_age.is_zero()
                    || self.slots().count_use(name, &data_key, sealing, &self.0.limits, now)
                {
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
        match self.take_use(&name, Use::NOTHING, || self.unwrap(edks, request)) {
            Taken::Ready(data_key, refresh) => {
                if refresh {
                    self.refresh(&name, &data_key, request, self.unwrap(edks, request));
                }
                Ok(Some(data_key))
            }
            Taken::Refused(error) => Err(error),
            Taken::Flying(flight, _) => self.land(request, &name, &flight, Use::NOTHING).await,
        }
    }

    /// Lets go of all keys, the keyring's own too. Calls under way finish for those who wait for them, and are not kept.
    pub fn purge(&self) {
        self.slots().clear();
        self.0.keyring.purge();
        tracing::debug!("data-key cache purged");
    }

    /// The keyring behind the cache: for formats whose keys serve one record only.
    pub(crate) fn keyring(&self) -> &dyn Keyring {
        &*self.0.keyring
    }

    /// What the cache has done so far.
    #[must_use]
    pub fn statistics(&self) -> CacheStatistics {
        self.slots().statistics()
    }

    fn generate(&self, request: &DataKeyRequest) -> Flight {
        let (keyring, request) = (Arc::clone(&self.0.keyring), request.clone());
        flight(async move { keyring.generate_data_key(&request).await.map(|data_key| Some(Arc::new(data_key))) })
    }

    fn unwrap(&self, edks: &[EncryptedDataKey], request: &DataKeyRequest) -> Flight {
        let (keyring, request, edks) = (Arc::clone(&self.0.keyring), request.clone(), edks.to_vec());
        flight(async move {
            let secret = keyring.unwrap_data_key(&edks, &request).await?;
            Ok(secret.map(|secret| Arc::new(DataKey { secret, edks })))
        })
    }

    fn take_use(&self, name: &[u8], sealing: Use, call: impl FnOnce() -> Flight) -> Taken {
        let now = self.now();
        let mut slots = self.slots();
        match slots.take_use(name, sealing, &self.0.limits, now) {
            Found::Ready(data_key, refresh) => Taken::Ready(data_key, refresh),
            Found::Flying(flight) => Taken::Flying(flight, false),
            Found::Refused(error) => Taken::Refused(error),
            Found::Nothing => Taken::Flying(slots.launch(name, call(), sealing, &self.0.limits, now), true),
        }
    }

    /// Waits for a call and, if it is still the one in its slot, keeps what it brought.
    async fn land(
        &self,
        request: &DataKeyRequest,
        name: &[u8],
        flight: &Flight,
        sealing: Use,
    ) -> Result<Option<Arc<DataKey>>> {
        let result = flight.clone().await;
        let now = self.now();
        let mut slots = self.slots();
        if let Some(lead) = slots.land(name, flight) {
            match &result {
                Ok(Some(data_key)) => self.keep(&mut slots, request, name, data_key, now, lead),
                // That no wrapped key is this keyring's is cheap to find out again.
                Ok(None) => {}
                Err(error) => {
                    slots.statistics.failures += 1;
                    tracing::debug!(kind = %error.kind(), "the keyring failed");
                    let remembers = !self.0.limits.refusals.is_zero() && !self.0.limits.max_age.is_zero();
                    if error.kind() == ErrorKind::Denied && remembers {
                        slots.refuse(name, error.clone(), now);
                    }
                }
            }
        }
        match result {
            Err(error) if error.is_retryable() => {
                slots.take_grace(name, sealing, &self.0.limits, now).map(Some).ok_or(error)
            }
            result => result,
        }
    }

    fn keep(
        &self,
        slots: &mut Slots,
        request: &DataKeyRequest,
        name: &[u8],
        data_key: &Arc<DataKey>,
        born: Moment,
        sealing: Use,
    ) {
        let limits = &self.0.limits;
        if limits.max_age.is_zero() {
            return;
        }
        // What was just written is often read next: its key is known, the provider need not be asked.
        let opening = opening_name(request, &data_key.edks);
        if opening != name {
            slots.insert(name, Entry::for_sealing(data_key, born, limits, sealing), limits, born);
        }
        slots.insert(&opening, Entry::for_opening(data_key, born), limits, born);
    }

    /// Fetches the successor of a key in the background, if there is a runtime to do it on.
    fn refresh(&self, name: &[u8], old: &Arc<DataKey>, request: &DataKeyRequest, flight: Flight) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (cache, name, old, request) = (self.clone(), name.to_vec(), Arc::clone(old), request.clone());
        runtime.spawn(async move {
            let result = flight.await;
            let now = cache.now();
            let mut slots = cache.slots();
            match result {
                // Purged or replaced meanwhile: what was fetched is not wanted any more.
                Ok(Some(data_key)) if slots.holds(&name, &old) => {
                    slots.statistics.refreshes += 1;
                    cache.keep(&mut slots, &request, &name, &data_key, now, Use::one_record(0));
                }
                Ok(_) => {}
                // The old key serves until its end; then the provider is asked again.
                Err(error) => tracing::debug!(kind = %error.kind(), "a key could not be fetched ahead of its end"),
            }
        });
    }

    fn now(&self) -> Moment {
        Moment::now(&*self.0.time)
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        // Nothing panics while it is held; if it did, the cache would still be consistent.
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cache is a keyring itself, for [`messages`](crate::messages): messages that may share a data key do so within the
/// limits, and a wrapped key that is read again is not unwrapped again. Suite and commitment policy are part of what a key
/// is found under.
///
/// Messages that may share one are those of suite 0x0478 whose length is known: whole ones, and streams with
/// [`with_max_plaintext`](crate::message::WriteOptions::with_max_plaintext). All others, and whoever else asks, get a new
/// data key each time.
impl Keyring for DataKeyCache {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        let Some(bytes) = request.shared() else { return self.0.keyring.generate_data_key(request) };
        Box::pin(async move {
            let data_key = self.for_sealing(request, bytes).await?;
            Ok(DataKey { secret: Secret::copy_of(data_key.secret.expose()), edks: data_key.edks.clone() })
        })
    }

    fn wrap_data_key<'a>(
        &'a self,
        data_key: &'a Secret,
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        self.0.keyring.wrap_data_key(data_key, request)
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(async move {
            let data_key = self.for_opening(edks, request).await?;
            Ok(data_key.map(|data_key| Secret::copy_of(data_key.secret.expose())))
        })
    }

    fn purge(&self) {
        Self::purge(self);
    }
}

impl fmt::Debug for DataKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKeyCache")
            .field("keyring", &self.0.keyring)
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

/// What a request goes on with.
enum Taken {
    Ready(Arc<DataKey>, bool),
    /// A call, and whether this request started it.
    Flying(Flight, bool),
    Refused(Error),
}

/// A call that can be waited for many times. A keyring that panics has failed; it does not take the cache with it.
fn flight(call: impl Future<Output = Result<Option<Arc<DataKey>>>> + Send + 'static) -> Flight {
    AssertUnwindSafe(call)
        .catch_unwind()
        .map(|result| result.unwrap_or_else(|_| Err(Error::new(ErrorKind::KeyUnavailable, "the keyring panicked"))))
        .boxed()
        .shared()
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

#[cfg(test)]
mod tests;
