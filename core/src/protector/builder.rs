//! Putting a protector together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::beacon_keys::BeaconKeyCache;
use super::pseudonym::Pseudonyms;
use super::shared::{Counts, Memory, Shared};
use super::tenant::Tenant;
use super::{Protector, Resource};
use crate::audit::AuditSink;
use crate::cache::{CacheLimits, DataKeyCache};
use crate::classification::{Classification, ClassificationSet};
use crate::crypto::Secret;
use crate::encryption_context::{CLASS, TENANT};
use crate::error::{Error, Result};
use crate::keyring::store::BranchKeyCacheLimits;
use crate::keyring::{BeaconKeySource, Keyring};
use crate::mask::{Mask, Masks};
use crate::policy::Policy;
use crate::schema::{Protect, Schema};
use crate::time::{SystemTimeSource, TimeSource};

/// Puts a [`Protector`] together.
#[derive(Default)]
#[must_use = "nothing happens before `build`"]
pub struct ProtectorBuilder {
    policy: Policy,
    keyring: Option<Arc<dyn Keyring>>,
    limits: CacheLimits,
    context: BTreeMap<String, String>,
    audit: Option<Arc<dyn AuditSink>>,
    pseudonym_key: Option<Secret>,
    masks: Masks,
    mistake: Option<Error>,
    time: Option<Arc<dyn TimeSource>>,
    models: Vec<&'static Schema>,
    beacon_key: Option<Arc<dyn BeaconKeySource>>,
    beacon_key_versions: BTreeMap<u8, Arc<dyn BeaconKeySource>>,
    beacon_key_cache: BranchKeyCacheLimits,
}

impl ProtectorBuilder {
    /// The policy. Default: [`Policy::default`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Where data keys come from. Needed.
    pub fn keyring(mut self, keyring: impl Keyring + 'static) -> Self {
        self.keyring = Some(Arc::new(keyring));
        self
    }

    /// Where the keys of beacons come from. Needed to write and search resources for which the policy names beacons.
    pub fn beacon_key(mut self, source: impl BeaconKeySource + 'static) -> Self {
        self.beacon_key = Some(Arc::new(source));
        self
    }

    /// Where the keys of beacons of one version come from, if not from where the others do.
    pub fn beacon_key_of_version(mut self, version: u8, source: impl BeaconKeySource + 'static) -> Self {
        self.beacon_key_versions.insert(version, Arc::new(source));
        self
    }

    /// How long and how many beacon keys are held. Default: [`BranchKeyCacheLimits::default`].
    pub fn beacon_key_cache(mut self, limits: BranchKeyCacheLimits) -> Self {
        self.beacon_key_cache = limits;
        self
    }

    /// How long and how much one data key may serve. Default: [`CacheLimits::default`].
    pub fn cache(mut self, limits: CacheLimits) -> Self {
        self.limits = limits;
        self
    }

    /// A pair for the encryption context of every data key, such as `application`. Readers need the same pairs.
    pub fn context(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.insert(name.into(), value.into());
        self
    }

    /// Where audit events go before anything is shown. Needed if the policy audits a class, as the default one does.
    pub fn audit(mut self, sink: impl AuditSink + 'static) -> Self {
        self.audit = Some(Arc::new(sink));
        self
    }

    /// The key behind pseudonyms: the mask `hash`, and the record digests of audit events. Keep it as long as those are
    /// to be compared. Without one, the mask `hash` cannot be used and digests compare within this process only.
    ///
    /// # Security
    ///
    /// Who has the key can find out by trying which value a pseudonym stands for.
    pub fn pseudonym_key(mut self, key: Secret) -> Self {
        self.pseudonym_key = Some(key);
        self
    }

    /// A mask of your own, for models and policies to name.
    pub fn mask(mut self, name: impl Into<String>, mask: impl Mask + 'static) -> Self {
        match self.masks.clone().with(name, mask) {
            Ok(masks) => self.masks = masks,
            Err(error) => self.mistake = self.mistake.or(Some(error)),
        }
        self
    }

    /// The clock. Default: the system's.
    pub fn time_source(mut self, time: impl TimeSource + 'static) -> Self {
        self.time = Some(Arc::new(time));
        self
    }

    /// Registers a model, so that its table is known to calls that name only the table, and so that whatever in it
    /// contradicts the policy shows at start-up.
    pub fn model<T: Protect>(mut self) -> Self {
        self.models.push(T::schema());
        self
    }

    /// The protector.
    ///
    /// # Errors
    ///
    /// `Config` if the keyring or a needed audit sink is missing, a mask is named twice, a context pair is reserved, or
    /// a registered model contradicts the policy.
    pub fn build(self) -> Result<Protector> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let keyring = self
            .keyring
            .ok_or_else(|| Error::config("a protector needs a keyring: give the builder `.keyring(...)`"))?;
        let audited = |class| self.policy.is_audited(ClassificationSet::of(class));
        if let Some(class) = Classification::ALL.into_iter().find(|class| audited(*class))
            && self.audit.is_none()
        {
            return Err(Error::config(format!(
                "the policy audits class `{class}`, but there is no audit sink: give the builder `.audit(...)`"
            )));
        }
        if let Some(name) =
            self.context.keys().find(|name| name.starts_with("privet:") || name.starts_with("aws-crypto-"))
        {
            return Err(Error::config(format!(
                "the context name `{name}` is reserved: `{CLASS}` and `{TENANT}` are set by privet"
            )));
        }
        let pseudonyms = Arc::new(Pseudonyms::new(self.pseudonym_key.as_ref())?);
        let mut masks = self.masks;
        if self.pseudonym_key.is_some() {
            masks = masks.with_hash(Arc::clone(&pseudonyms) as _);
        }
        let registered = self
            .models
            .into_iter()
            .map(|schema| Resource::of_model(schema, &self.policy, &masks).map(Arc::new))
            .collect::<Result<Vec<_>>>()?;
        let time = self.time.unwrap_or_else(|| Arc::new(SystemTimeSource::new()));
        let context: Vec<_> = self.context.into_iter().collect();
        let tenant = Arc::new(Tenant::new(String::new(), &context));
        let shared = Shared {
            policy: self.policy,
            masks,
            cache: DataKeyCache::new(keyring, self.limits, Arc::clone(&time)),
            beacon_keys: BeaconKeyCache::new(
                self.beacon_key,
                self.beacon_key_versions,
                self.beacon_key_cache,
                Arc::clone(&time),
            ),
            context,
            audit: self.audit,
            pseudonyms,
            time,
            registered,
            models: Memory::default(),
            resources: Memory::default(),
            plaintext_reads: Counts::default(),
            drift_reads: Counts::default(),
            other_format_reads: AtomicU64::new(0),
            audit_events: AtomicU64::new(0),
        };
        shared.registered.iter().try_for_each(|resource| shared.check_search(resource))?;
        Ok(Protector { shared: Arc::new(shared), tenant })
    }
}

/// Prints the names of the context's pairs; their values are bound to keys and told to nobody.
impl fmt::Debug for ProtectorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectorBuilder")
            .field("keyring", &self.keyring)
            .field("context", &self.context.keys())
            .field("audit", &self.audit)
            .field("mistake", &self.mistake)
            .finish_non_exhaustive()
    }
}
