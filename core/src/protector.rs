//! The verbs: protect and unprotect; `show` has view.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;

use futures_util::future::join_all;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::audit::AuditAction;
use crate::cache::CacheStatistics;
use crate::classification::{Classification, ClassificationSet};
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, ErrorKind, Result};
use crate::keyring::{DataKey, Keyring};
use crate::policy::plan::{Reveal, is_beacon_name};
use crate::policy::{DriftReads, PlaintextReads, Policy, TableFormat};
use crate::principal::Principal;
use crate::record::{self, Form, Header, Integrity, RecordContext, SectionKey};
use crate::schema::Protect;
use crate::value::{Map, Path, Value, from_record, serialised_size, to_record};

mod beacon_keys;
mod builder;
mod freshness;
mod item_search;
mod items;
mod pseudonym;
mod rekey;
mod resource;
mod search;
mod shared;
mod show;
mod tenant;
mod unprotected;
mod update;

pub use builder::ProtectorBuilder;
pub use freshness::{Freshness, Staleness};
pub use rekey::{Rekeyed, Rekeying};
pub use resource::Resource;
pub use search::{Ask, BeaconQuery, Condition};
use shared::Shared;
use tenant::Tenant;
pub use unprotected::{Drift, Unprotected, Withheld, WithheldReason};
pub use update::Stored;

/// Seals, opens and shows records as a policy says. Cheap to clone; build one per process and share it.
///
/// ```
/// # use privet_core::{Secret, keyring::RawAesKeyring, audit::TracingSink, principal::Principal};
/// # use privet_core::Protector;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> privet_core::Result<()> {
/// let privet = Protector::builder()
///     .keyring(RawAesKeyring::new("my-team", "key-1", &Secret::random(32)?)?)
///     .audit(TracingSink)
///     .build()?;
/// let stored = privet.protect_json("customers", serde_json::json!({"id": "c-1", "email": "ada@example.com"})).await?;
/// let clear = privet.unprotect_json("customers", stored).await?;
/// let shown = privet.view_json("customers", clear, &Principal::new("u-1")).await?;
/// assert_eq!(shown["email"], "********");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Protector {
    shared: Arc<Shared>,
    tenant: Arc<Tenant>,
}

impl Protector {
    /// A builder. A keyring is needed, and an audit sink if the policy audits a class; all else has defaults.
    pub fn builder() -> ProtectorBuilder {
        ProtectorBuilder::default()
    }

    /// The same protector for one tenant: its records are sealed under data keys of its own, and open for it only.
    ///
    /// # Errors
    ///
    /// `Input` if the tenant is empty: a claim that is missing must not open the records that belong to no tenant.
    pub fn for_tenant(&self, tenant: impl Into<String>) -> Result<Self> {
        let tenant = tenant.into();
        if tenant.is_empty() {
            return Err(Error::input("the tenant is empty: use the protector itself for records of no tenant"));
        }
        Ok(Self { shared: Arc::clone(&self.shared), tenant: Arc::new(Tenant::new(tenant, &self.shared.context)) })
    }

    /// How records of a model are protected.
    ///
    /// # Errors
    ///
    /// `Config` if the policy and the model contradict each other, or the model names no resource.
    pub fn model<T: Protect + 'static>(&self) -> Result<Arc<Resource>> {
        let shared = &self.shared;
        shared.models.find_or_make(TypeId::of::<T>(), || {
            let resource = Resource::of_model(T::schema(), &shared.policy, &shared.masks)?;
            shared.check_search(&resource)?;
            Ok(resource)
        })
    }

    /// How records without a model are protected in this resource.
    ///
    /// # Errors
    ///
    /// `Config` if the policy contradicts itself for this resource.
    pub fn resource(&self, name: &str) -> Result<Arc<Resource>> {
        let shared = &self.shared;
        let make = || Resource::without_model(name, &shared.policy, &shared.masks);
        shared.resources.find_or_make(name.to_owned(), make)
    }

    /// The resource whose records a physical table holds: of a registered model, or of the policy.
    #[must_use]
    pub fn resource_of_table(&self, table: &str) -> Option<Arc<Resource>> {
        let registered = self.shared.registered.iter().find(|resource| resource.table() == table);
        registered.cloned().or_else(|| {
            let named = self.shared.policy.resources().find(|resource| resource.table == table)?;
            self.resource(&named.name).ok()
        })
    }

    /// How records of the registered model of this resource are protected, if there is one.
    #[must_use]
    pub fn registered(&self, resource: &str) -> Option<Arc<Resource>> {
        self.shared.registered.iter().find(|registered| registered.name() == resource).cloned()
    }

    /// Seals a model into the record that is stored.
    ///
    /// # Errors
    ///
    /// `Input` if the model cannot be serialised or sealed; `Config` if model and policy do not fit; the keyring's.
    pub async fn protect<T: Protect + Serialize + 'static>(&self, model: &T) -> Result<Map> {
        let resource = self.model::<T>()?;
        self.protect_record(&resource, to_record(model)?).await
    }

    /// Opens a stored record into its model.
    ///
    /// # Errors
    ///
    /// `Integrity` if it does not authenticate; `Denied` if the key provider refuses one of its classes; `Input` if it
    /// does not fit the model; the keyring's.
    pub async fn unprotect<T: Protect + DeserializeOwned + 'static>(&self, stored: Map) -> Result<T> {
        let resource = self.model::<T>()?;
        from_record(self.unprotect_record(&resource, stored).await?.complete()?)
    }

    /// Seals a record.
    ///
    /// # Errors
    ///
    /// As [`protect`](Self::protect).
    pub async fn protect_record(&self, resource: &Resource, record: Map) -> Result<Map> {
        if resource.format() == TableFormat::DbEsdk {
            return self.seal_item(resource, record).await;
        }
        self.seal(resource, resource.item_layout(), record, update::next_version(resource, None)?).await
    }

    /// Opens a stored record as far as this process's keys go: values of classes that the key provider refuses are
    /// withheld.
    ///
    /// # Errors
    ///
    /// `Integrity` if it does not authenticate; `Denied` if it has record integrity and no class of it can be unwrapped,
    /// or it is in a format that the policy does not have read; the keyring's.
    pub async fn unprotect_record(&self, resource: &Resource, stored: Map) -> Result<Unprotected> {
        let opened = match resource.format_of(&stored)? {
            TableFormat::DbEsdk => self.open_item(resource, stored).await?,
            TableFormat::Record => self.open(resource, resource.item_layout(), stored).await?,
        };
        if opened.format != resource.format() && !opened.plaintext {
            self.shared.other_format_reads.fetch_add(1, Relaxed);
        }
        Ok(opened)
    }

    /// Seals a record in the form it is stored in: as an item, or as a document that
    /// [`write_json`](crate::record::write_json) makes text of. If it takes the place of one that has a version, `read` is that.
    ///
    /// # Errors
    ///
    /// `Unsupported` for items of a resource in DB-ESDK format; otherwise as [`protect`](Self::protect).
    pub async fn protect_stored(&self, resource: &Resource, form: Form, record: Map, read: Option<u64>) -> Result<Map> {
        refuse_items(resource, form)?;
        self.seal(resource, resource.layout(form), record, update::next_version(resource, read)?).await
    }

    /// Seals a record in the form it is stored in, at these places under these classes, whatever the policy says: a record
    /// that was opened, as it was ([`Unprotected::sealed`]), with new keys. If it takes the place of one that has a version,
    /// `read` is that.
    ///
    /// # Errors
    ///
    /// As [`protect`](Self::protect).
    ///
    /// # Security
    ///
    /// What is not named is stored in clear.
    pub async fn protect_at(
        &self,
        resource: &Resource,
        form: Form,
        record: Map,
        sealings: &[(Path, Classification)],
        read: Option<u64>,
    ) -> Result<Map> {
        refuse_items(resource, form)?;
        let layout = resource.layout(form);
        let context = RecordContext::new(resource.name(), &self.tenant.name, &record, &layout.key)?;
        self.seal_at(resource, layout, record, sealings, &context, update::next_version(resource, read)?).await
    }

    /// Opens a record that is stored in this form, as far as this process's keys go.
    ///
    /// # Errors
    ///
    /// `Unsupported` for an item in DB-ESDK format; otherwise as [`unprotect_record`](Self::unprotect_record).
    pub async fn unprotect_stored(&self, resource: &Resource, form: Form, stored: Map) -> Result<Unprotected> {
        // As a record without a header it might pass for one in clear, of which the ciphertext is the content.
        if form == Form::Item && resource.format_of(&stored)? == TableFormat::DbEsdk {
            return Err(only_records());
        }
        self.open(resource, resource.layout(form), stored).await
    }

    /// Seals a JSON document, member by member. `resource` names the policy's resource, if it has one of that name;
    /// its key members are the document's identity.
    ///
    /// # Errors
    ///
    /// `Input` if the document is no object; as [`protect`](Self::protect).
    pub async fn protect_json(&self, resource: &str, document: Json) -> Result<Json> {
        let resource = self.resource(resource)?;
        let record = self.seal(&resource, resource.json_layout(), json_record(document)?, None).await?;
        record::to_json(record).map(Json::Object)
    }

    /// Opens a sealed JSON document as far as this process's keys go: values of classes that the key provider refuses
    /// are withheld.
    ///
    /// # Errors
    ///
    /// As [`unprotect_record`](Self::unprotect_record); `Input` if the document is no object.
    pub async fn open_json(&self, resource: &Resource, document: Json) -> Result<Unprotected> {
        let Json::Object(document) = document else { return Err(not_an_object()) };
        self.open(resource, resource.json_layout(), record::from_json(document)?).await
    }

    /// Opens a sealed JSON document.
    ///
    /// # Errors
    ///
    /// `Input` if the document is no object; as [`unprotect`](Self::unprotect).
    pub async fn unprotect_json(&self, resource: &str, document: Json) -> Result<Json> {
        let resource = self.resource(resource)?;
        let opened = self.open_json(&resource, document).await?;
        Ok(Value::M(opened.complete()?).into_json())
    }

    /// The encryption context of data keys of this class: class, tenant and the application's pairs. Adapters add to it what
    /// they bind their data to.
    #[must_use]
    pub fn context(&self, class: Classification) -> &EncryptionContext {
        self.tenant.request(class).context()
    }

    /// Where data keys come from, for adapters: new ones from the keyring, those that were unwrapped before from the cache.
    #[must_use]
    pub fn keyring(&self) -> &impl Keyring {
        &self.shared.cache
    }

    /// The time of day by the protector's clock, for adapters.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.shared.time.now()
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.shared.policy
    }

    /// What this protector, with all its tenants, has done so far.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            cache: self.shared.cache.statistics(),
            audit_events: self.shared.audit_events.load(Relaxed),
            plaintext_reads: self.shared.plaintext_reads.all().values().sum(),
            other_format_reads: self.shared.other_format_reads.load(Relaxed),
        }
    }

    /// How a migration goes: by resource, the reads of records that are not as the policy wants them. A resource of which
    /// there were none is missing.
    #[must_use]
    pub fn migrations(&self) -> BTreeMap<String, MigrationReads> {
        let mut reads: BTreeMap<String, MigrationReads> = BTreeMap::new();
        for (resource, count) in self.shared.plaintext_reads.all() {
            reads.entry(resource).or_default().plaintext = count;
        }
        for (resource, count) in self.shared.drift_reads.all() {
            reads.entry(resource).or_default().drift = count;
        }
        reads
    }

    /// Lets go of all data keys and beacon keys, for example before a Lambda SnapStart snapshot.
    pub fn purge(&self) {
        self.shared.cache.purge();
        self.shared.beacon_keys.purge();
    }

    async fn seal(
        &self,
        resource: &Resource,
        layout: &record::Layout,
        record: Map,
        version: Option<u64>,
    ) -> Result<Map> {
        let context = RecordContext::new(resource.name(), &self.tenant.name, &record, &layout.key)?;
        let sealings = resource.plan().sealings(&record)?;
        self.seal_at(resource, layout, record, &sealings, &context, version).await
    }

    async fn seal_at(
        &self,
        resource: &Resource,
        layout: &record::Layout,
        mut record: Map,
        sealings: &[(Path, Classification)],
        context: &RecordContext,
        version: Option<u64>,
    ) -> Result<Map> {
        let beacons = match layout.form {
            Form::Item => {
                search::refuse_beacon_names(&record)?;
                self.beacons_beside(resource, &record, sealings).await?
            }
            Form::Json => Map::new(),
        };
        let bytes = record.values().map(serialised_size).sum::<usize>() as u64;
        let classes = classes_of(sealings);
        let requests = classes.iter().map(|class| self.shared.cache.for_sealing(self.tenant.request(class), bytes));
        let data_keys = join_all(requests).await.into_iter().collect::<Result<Vec<_>>>()?;
        let keys: Vec<SectionKey<'_>> = classes
            .iter()
            .zip(&data_keys)
            .map(|(class, key)| SectionKey { class, data_key: &key.secret, edks: &key.edks })
            .collect();
        // After the plan has seen the record: beacons are stored in clear, and signed as they are.
        record.extend(beacons);
        record::seal(record, sealings, &keys, version, layout, context)
    }

    async fn open(&self, resource: &Resource, layout: &record::Layout, stored: Map) -> Result<Unprotected> {
        let header = match stored.get(&layout.header) {
            Some(Value::B(bytes)) => Header::parse(bytes)?,
            Some(_) => return Err(Error::integrity()),
            None => return self.read_plaintext(resource, stored).await,
        };
        // Before any key is asked for: without its tags this record could not pass anyway.
        if layout.integrity == Integrity::Record && !header.integrity {
            return Err(Error::integrity());
        }
        let context = RecordContext::new(resource.name(), &self.tenant.name, &stored, &layout.key)
            .map_err(|_| Error::integrity())?;
        let requests = header.sections.iter().map(|section| self.unwrap(section.class, &section.edks));
        let mut data_keys = Vec::with_capacity(header.sections.len());
        let mut reasons = Vec::new();
        for (class, outcome) in header.sections.iter().map(|section| section.class).zip(join_all(requests).await) {
            match outcome? {
                Ok(data_key) => data_keys.push((class, data_key)),
                Err(reason) => reasons.push((class, reason)),
            }
        }
        if data_keys.is_empty() && reasons.iter().all(|(_, reason)| *reason == WithheldReason::NoKey) {
            // Nothing tells a record of strangers from one whose header was damaged.
            return Err(Error::integrity());
        }
        let key = |class| data_keys.iter().find(|(with_key, _)| *with_key == class).map(|(_, key)| &key.secret);
        let mut opened = record::open(stored, &header, key, layout, &context)?;
        if layout.form == Form::Item {
            // Of whatever version: what they stand for is in the record.
            opened.record.retain(|name, _| !is_beacon_name(name));
        }
        let withheld = opened.withheld.into_iter().map(|(path, class)| {
            let reason = reasons.iter().find(|(refused, _)| *refused == class).map(|(_, reason)| *reason);
            Withheld { path, class, reason: reason.unwrap_or(WithheldReason::NoKey) }
        });
        let withheld: Vec<_> = withheld.collect();
        let refuses = |in_clear: bool| match resource.drift() {
            Some(DriftReads::Refuse) => true,
            Some(DriftReads::Report) => false,
            // With tags it is what was written under an older policy; without them it may be anyone's.
            None => in_clear && !header.integrity,
        };
        let drift = match unprotected::drift(resource.plan(), &opened.record, &opened.sealed, &withheld) {
            Ok(drift) => drift,
            // Of a record too deep to be sealed again, nothing says which values ought to be sealed.
            Err(_) if refuses(true) => return Err(Error::integrity()),
            Err(_) => Vec::new(),
        };
        if drift.iter().any(|drift| refuses(drift.stored.is_none())) {
            return Err(Error::integrity());
        }
        if !drift.is_empty() {
            self.shared.drift_reads.count(resource.name());
            tracing::info!(resource = resource.name(), values = drift.len(), "stored under other classes than planned");
        }
        Ok(Unprotected {
            record: opened.record,
            sealed: opened.sealed,
            withheld,
            drift,
            plaintext: false,
            is_proven: header.integrity,
            version: header.version,
            format: TableFormat::Record,
        })
    }

    /// The data key of a section, or why there is none.
    async fn unwrap(
        &self,
        class: Classification,
        edks: &[EncryptedDataKey],
    ) -> Result<Result<Arc<DataKey>, WithheldReason>> {
        match self.shared.cache.for_opening(edks, self.tenant.request(class)).await {
            Ok(Some(data_key)) => Ok(Ok(data_key)),
            Ok(None) => Ok(Err(WithheldReason::NoKey)),
            Err(error) if error.kind() == ErrorKind::Denied => Ok(Err(WithheldReason::Denied)),
            Err(error) => Err(error),
        }
    }

    /// The data key of a section, where it cannot be done without.
    async fn data_key(&self, class: Classification, edks: &[EncryptedDataKey]) -> Result<Arc<DataKey>> {
        match self.unwrap(class, edks).await? {
            Ok(data_key) => Ok(data_key),
            Err(WithheldReason::NoKey) => Err(Error::integrity()),
            Err(WithheldReason::Denied) => {
                Err(Error::denied(format!("the key provider refuses the key of class `{class}`")))
            }
        }
    }

    /// A record in clear, if the resource's migration lets it pass: counted where it says so, and audited like a disclosure
    /// of what should be sealed.
    async fn read_plaintext(&self, resource: &Resource, record: Map) -> Result<Unprotected> {
        match resource.plaintext_reads() {
            PlaintextReads::Refuse => return Err(Error::integrity()),
            PlaintextReads::Count => {
                self.shared.plaintext_reads.count(resource.name());
                tracing::warn!(resource = resource.name(), "a record is stored in clear");
            }
            PlaintextReads::Allow => {}
        }
        // Of a record too deep to be sealed nothing says what should be; it is read as what it is, and sealing it fails.
        let in_clear = resource.plan().sealings(&record).unwrap_or_default().into_iter();
        let audited = in_clear.filter(|(_, class)| self.shared.policy.is_audited(ClassificationSet::of(*class)));
        let revealed: Vec<Reveal> = audited.map(|(path, class)| Reveal::whole(path, class)).collect();
        if !revealed.is_empty() {
            let digest = self.digest(resource, &record);
            self.audit(resource, AuditAction::ReadInClear, digest, &revealed, &Principal::new("")).await?;
        }
        Ok(Unprotected {
            record,
            sealed: Vec::new(),
            withheld: Vec::new(),
            drift: Vec::new(),
            plaintext: true,
            is_proven: false,
            version: None,
            format: TableFormat::Record,
        })
    }
}

impl fmt::Debug for Protector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protector").field("cache", &self.shared.cache).finish_non_exhaustive()
    }
}

/// What a protector has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// The data-key cache's.
    pub cache: CacheStatistics,
    /// Audit events that the sink has taken.
    pub audit_events: u64,
    /// Records that were read although they were stored in clear, while the policy counts them.
    pub plaintext_reads: u64,
    /// Items that were read in another format than their table's.
    pub other_format_reads: u64,
}

/// Reads of a resource's records that are not as the policy wants them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationReads {
    /// Records that were stored in clear, while the policy counts them.
    pub plaintext: u64,
    /// Records that had values stored under other classes than planned, and were opened.
    pub drift: u64,
}

/// The classes that need a section. A record in which nothing is sealed has one of class public, so that it can be told
/// from a record that is not protected.
fn classes_of(sealings: &[(Path, Classification)]) -> ClassificationSet {
    let classes: ClassificationSet = sealings.iter().map(|(_, class)| *class).collect();
    if classes.is_empty() { ClassificationSet::of(Classification::Public) } else { classes }
}

/// Items in DB-ESDK format are read and written by `protect_record` and `unprotect_record` alone.
fn refuse_items(resource: &Resource, form: Form) -> Result<()> {
    if form == Form::Item && resource.format() == TableFormat::DbEsdk { Err(only_records()) } else { Ok(()) }
}

fn only_records() -> Error {
    Error::unsupported("the item is in DB-ESDK format, or would be: this is for records alone")
}

fn json_record(document: Json) -> Result<Map> {
    match Value::from(document) {
        Value::M(record) => Ok(record),
        _ => Err(not_an_object()),
    }
}

fn not_an_object() -> Error {
    Error::input("a JSON record must be an object")
}
