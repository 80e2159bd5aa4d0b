//! What the cache holds under each name: a key, a call under way, or a refusal.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared};

use super::limits::{CacheLimits, CacheStatistics};
use crate::error::{Error, Result};
use crate::keyring::DataKey;
use crate::time::Moment;

/// All that a cache holds.
#[derive(Default)]
pub(super) struct Slots {
    slots: HashMap<Box<[u8]>, Slot>,
    pub(super) statistics: CacheStatistics,
}

/// A call of the keyring that any number of requests wait for.
pub(super) type Flight = Shared<BoxFuture<'static, Result<Option<Arc<DataKey>>>>>;

enum Slot {
    Ready(Entry),
    /// A call, the key it is to replace, should the key provider be out of reach, and what the request which started it
    /// is to seal.
    Flying(Flight, Option<Entry>, Use),
    Refused(Error, Moment),
}

/// What a key is wanted for: how many records, and how many bytes those have together.
#[derive(Clone, Copy)]
pub(super) struct Use {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Use {
    /// Opening counts for nothing.
    pub(super) const NOTHING: Self = Self { records: 0, bytes: 0 };

    pub(super) fn one_record(bytes: u64) -> Self {
        Self { records: 1, bytes }
    }
}

/// What is there for a request.
pub(super) enum Found {
    /// A key that may serve, and whether it is time to fetch its successor.
    Ready(Arc<DataKey>, bool),
    Flying(Flight),
    Refused(Error),
    Nothing,
}

/// A key and what it may still do.
pub(super) struct Entry {
    data_key: Arc<DataKey>,
    born: Moment,
    /// Records and bytes that the key may still seal; opening is limited by age alone.
    left: Option<(u64, u64)>,
    refreshing: bool,
}

impl Slots {
    /// Looks for a key that may still serve, and counts the use.
    pub(super) fn take_use(&mut self, name: &[u8], sealing: Use, limits: &CacheLimits, now: Moment) -> Found {
        let found = match self.slots.get_mut(name) {
            Some(Slot::Ready(entry)) => entry.find(now, limits, sealing),
            Some(Slot::Flying(flight, ..)) => Found::Flying(flight.clone()),
            Some(Slot::Refused(error, since)) if now.since(since) < limits.refusals => Found::Refused(error.clone()),
            Some(Slot::Refused(..)) | None => Found::Nothing,
        };
        match found {
            Found::Nothing => self.statistics.misses += 1,
            Found::Refused(_) => self.statistics.remembered_refusals += 1,
            _ => self.statistics.hits += 1,
        }
        found
    }

    /// Counts a use of the very key that a shared call brought, if it may still serve.
    pub(super) fn count_use(
        &mut self,
        name: &[u8],
        data_key: &Arc<DataKey>,
        sealing: Use,
        limits: &CacheLimits,
        now: Moment,
    ) -> bool {
        match self.slots.get_mut(name) {
            Some(Slot::Ready(entry)) if Arc::ptr_eq(&entry.data_key, data_key) => {
                entry.take_use(now, limits.max_age, sealing)
            }
            _ => false,
        }
    }

    /// A key past its age that may serve while the key provider is out of reach; counts the use.
    pub(super) fn take_grace(
        &mut self,
        name: &[u8],
        sealing: Use,
        limits: &CacheLimits,
        now: Moment,
    ) -> Option<Arc<DataKey>> {
        let (Slot::Ready(entry) | Slot::Flying(_, Some(entry), _)) = self.slots.get_mut(name)? else { return None };
        let served = entry.take_use(now, limits.max_age + limits.grace, sealing);
        self.statistics.grace_uses += u64::from(served);
        served.then(|| Arc::clone(&entry.data_key))
    }

    /// Puts a call into a slot. A key that is only too old stays with it, in case the call fails.
    pub(super) fn launch(
        &mut self,
        name: &[u8],
        flight: Flight,
        sealing: Use,
        limits: &CacheLimits,
        now: Moment,
    ) -> Flight {
        let old = match self.slots.remove(name) {
            Some(Slot::Ready(entry)) => {
                let is_old = now.since(&entry.born) >= limits.max_age;
                let may_serve = is_old && now.since(&entry.born) < limits.max_age + limits.grace;
                self.statistics.evictions += u64::from(!may_serve);
                Some(entry).filter(|_| may_serve)
            }
            _ => None,
        };
        self.slots.insert(name.into(), Slot::Flying(flight.clone(), old, sealing));
        flight
    }

    /// Takes a call out of its slot, if it is still in there, and leaves the key that it was to replace. Returns what the
    /// request which started it is to seal.
    pub(super) fn land(&mut self, name: &[u8], flight: &Flight) -> Option<Use> {
        let is_current = |slot: &Slot| matches!(slot, Slot::Flying(current, ..) if current.ptr_eq(flight));
        if !self.slots.get(name).is_some_and(is_current) {
            return None;
        }
        let Some(Slot::Flying(_, old, sealing)) = self.slots.remove(name) else { return None };
        if let Some(old) = old {
            self.slots.insert(name.into(), Slot::Ready(old));
        }
        Some(sealing)
    }

    pub(super) fn refuse(&mut self, name: &[u8], error: Error, now: Moment) {
        self.slots.insert(name.into(), Slot::Refused(error, now));
    }

    /// Whether this very key is there: it may have been purged or replaced meanwhile.
    pub(super) fn holds(&self, name: &[u8], data_key: &Arc<DataKey>) -> bool {
        matches!(self.slots.get(name), Some(Slot::Ready(entry)) if Arc::ptr_eq(&entry.data_key, data_key))
    }

    pub(super) fn insert(&mut self, name: &[u8], entry: Entry, limits: &CacheLimits, now: Moment) {
        if self.slots.len() >= limits.capacity && !self.slots.contains_key(name) {
            self.make_room(limits, now);
        }
        self.slots.insert(name.into(), Slot::Ready(entry));
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
    }

    pub(super) fn statistics(&self) -> CacheStatistics {
        let ready = self.slots.values().filter(|slot| matches!(slot, Slot::Ready(_))).count();
        CacheStatistics { entries: ready as u64, ..self.statistics }
    }

    /// Lets go of what is past its age, or else of the oldest.
    fn make_room(&mut self, limits: &CacheLimits, now: Moment) {
        let before = self.slots.len();
        self.slots.retain(|_, slot| match slot {
            Slot::Ready(entry) => now.since(&entry.born) < limits.max_age,
            Slot::Refused(_, since) => now.since(since) < limits.refusals,
            Slot::Flying(..) => true,
        });
        if self.slots.len() >= limits.capacity {
            let ages = self.slots.iter().filter_map(|(name, slot)| match slot {
                Slot::Ready(Entry { born, .. }) | Slot::Refused(_, born) => Some((now.since(born), name)),
                Slot::Flying(..) => None,
            });
            if let Some(name) = ages.max_by_key(|(age, _)| *age).map(|(_, name)| name.clone()) {
                self.slots.remove(&name);
            }
        }
        self.statistics.evictions += (before - self.slots.len()) as u64;
    }
}

impl Entry {
    /// A key for opening.
    pub(super) fn for_opening(data_key: &Arc<DataKey>, born: Moment) -> Self {
        Self { data_key: Arc::clone(data_key), born, left: None, refreshing: false }
    }

    /// A key for sealing, with which this much is already as good as sealed: that of the request which had
    /// it fetched, and which may be the last of those who wait to come by.
    pub(super) fn for_sealing(data_key: &Arc<DataKey>, born: Moment, limits: &CacheLimits, sealing: Use) -> Self {
        let left = (limits.max_records.saturating_sub(sealing.records), limits.max_bytes.saturating_sub(sealing.bytes));
        Self { left: Some(left), ..Self::for_opening(data_key, born) }
    }

    /// The key if it may serve, counting the use; its first use shortly before its end asks for its successor.
    fn find(&mut self, now: Moment, limits: &CacheLimits, sealing: Use) -> Found {
        if !self.take_use(now, limits.max_age, sealing) {
            return Found::Nothing;
        }
        let due = !self.refreshing && now.since(&self.born) + limits.refresh_ahead >= limits.max_age;
        self.refreshing |= due;
        Found::Ready(Arc::clone(&self.data_key), due)
    }

    /// Counts a use if age and limits allow it.
    fn take_use(&mut self, now: Moment, max_age: Duration, sealing: Use) -> bool {
        if now.since(&self.born) >= max_age {
            return false;
        }
        if let Some((records_left, bytes_left)) = &mut self.left {
            let left = (records_left.checked_sub(sealing.records), bytes_left.checked_sub(sealing.bytes));
            let (Some(records), Some(bytes)) = left else { return false };
            (*records_left, *bytes_left) = (records, bytes);
        }
        true
    }
}
