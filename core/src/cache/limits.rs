//! How long and how much a cached data key may serve, and what the cache counts.

use std::time::Duration;

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
    /// How long before its end a key that is in use is fetched anew in the background, so that no request waits.
    /// Default: 30 seconds. Needs a tokio runtime around the request; without one, keys are fetched when they are due.
    pub refresh_ahead: Duration,
    /// How long past its age a key may serve while the key provider cannot be reached. Default: not at all.
    pub grace: Duration,
    /// How long a refusal of the key provider is remembered. Default: 2 seconds.
    pub refusals: Duration,
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

    /// The limits with another time to fetch keys ahead of their end.
    #[must_use]
    pub fn with_refresh_ahead(mut self, refresh_ahead: Duration) -> Self {
        self.refresh_ahead = refresh_ahead;
        self
    }

    /// The limits with a grace for keys past their age while the key provider cannot be reached.
    ///
    /// # Security
    ///
    /// Within the grace, a key goes on serving although the provider may have been told to refuse it.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The limits with another time to remember refusals.
    #[must_use]
    pub fn with_refusals(mut self, refusals: Duration) -> Self {
        self.refusals = refusals;
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
        Self {
            max_age: Duration::from_secs(300),
            max_records: 1 << 20,
            max_bytes: 1 << 34,
            capacity: 1000,
            refresh_ahead: Duration::from_secs(30),
            grace: Duration::ZERO,
            refusals: Duration::from_secs(2),
        }
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
    /// Keys that were fetched anew ahead of their end.
    pub refreshes: u64,
    /// Requests served by a key past its age, while the key provider could not be reached.
    pub grace_uses: u64,
    /// Requests refused without a call, because the key provider had just refused the same.
    pub remembered_refusals: u64,
    /// Keys let go because of age, use or capacity.
    pub evictions: u64,
    /// Keys held now.
    pub entries: u64,
}
