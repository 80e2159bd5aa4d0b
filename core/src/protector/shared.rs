//! What all clones of a protector share.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use super::Resource;
use super::pseudonym::Pseudonyms;
use crate::audit::AuditSink;
use crate::cache::DataKeyCache;
use crate::error::Result;
use crate::mask::Masks;
use crate::policy::Policy;
use crate::time::TimeSource;

/// What all clones of a protector share.
pub(super) struct Shared {
    pub(super) policy: Policy,
    pub(super) masks: Masks,
    pub(super) cache: DataKeyCache,
    pub(super) context: Vec<(String, String)>,
    pub(super) audit: Option<Arc<dyn AuditSink>>,
    pub(super) pseudonyms: Arc<Pseudonyms>,
    pub(super) time: Arc<dyn TimeSource>,
    pub(super) registered: Vec<Arc<Resource>>,
    pub(super) models: Memory<TypeId>,
    pub(super) resources: Memory<String>,
    pub(super) plaintext_reads: AtomicU64,
    pub(super) other_format_reads: AtomicU64,
    pub(super) audit_events: AtomicU64,
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
