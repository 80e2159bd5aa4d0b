//! Whether a stored record is as this protector would write it now, told without opening it.

use std::collections::BTreeMap;

use super::unprotected::drift_from;
use super::{Drift, Protector, Resource};
use crate::classification::Classification;
use crate::crypto::sha256;
use crate::dbesdk::{self, Locked};
use crate::error::{Error, Result};
use crate::keyring::{WrappingKey, same_wrapping_keys};
use crate::policy::TableFormat;
use crate::policy::plan::{SearchField, is_beacon_name};
use crate::record::{Form, Header, Integrity, sealed_values};
use crate::value::{Map, Path, Step, Value};

/// Whether a stored record is as a protector would write it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Keys, integrity and classes are those of a record that is written now, as far as its header and the places and
    /// classes of what is sealed say. What names are inside of a map or list that is sealed whole, they do not.
    Current,
    /// It is another in these ways.
    Stale(Vec<Staleness>),
    /// Keys and integrity are right, but values are sealed under other classes than their names have, or lack beacons. If
    /// those are maps or lists that were sealed whole for what is in them, or values that get no beacon, all is well: only
    /// opening the record tells.
    Unclear(Vec<Staleness>),
}

/// In what way a stored record is not as it would be written now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Staleness {
    /// It is not sealed.
    Plaintext,
    /// It has integrity tags and would have none, or the other way round.
    Integrity,
    /// The data key of a class is wrapped by other keys, or other versions of them.
    Key {
        /// The class.
        class: Classification,
        /// The wrapping keys that the record names.
        stored: Vec<WrappingKey>,
    },
    /// A value is sealed under another class than its name has, or in clear.
    Class(Drift),
    /// It is in another format: `record` or `db-esdk`.
    Format(&'static str),
    /// It has beacons of another version, or lacks some.
    Beacons,
}

impl Protector {
    /// Whether a record that is stored in this form is as this protector would write it now. Asks the key provider for
    /// a data key of each class, once for as long as the cache holds it, and opens nothing.
    ///
    /// # Errors
    ///
    /// `Integrity` if the header is damaged; `Unsupported` if a newer release wrote it; the keyring's.
    pub async fn freshness(&self, resource: &Resource, form: Form, stored: &Map) -> Result<Freshness> {
        let layout = resource.layout(form);
        let by_header = self.header_freshness(resource, form, stored).await?;
        if !stored.contains_key(&layout.header) {
            // In clear, or an item in DB-ESDK format, which stores no classes.
            return Ok(by_header);
        }
        let (mut stale, is_stale) = match by_header {
            Freshness::Stale(stale) => (stale, true),
            Freshness::Unclear(stale) => (stale, false),
            Freshness::Current => (Vec::new(), false),
        };
        let (mut record, sealed) = sealed_values(stored, layout)?;
        if form == Form::Item && record.keys().any(|name| is_beacon_name(name)) {
            record.to_mut().retain(|name, _| !is_beacon_name(name));
        }
        let planned = resource.plan().sealings(&record).map_err(|_| Error::integrity())?;
        let drift = drift_from(&planned, &record, &sealed, &[]);
        // A value in clear is what it is; a sealed one may be a map or list that was sealed whole.
        let is_certain = is_stale || drift.iter().any(|drift| drift.stored.is_none());
        stale.extend(drift.into_iter().map(Staleness::Class));
        Ok(match (stale.is_empty(), is_certain) {
            (true, _) => Freshness::Current,
            (false, true) => Freshness::Stale(stale),
            (false, false) => Freshness::Unclear(stale),
        })
    }

    /// As [`freshness`](Self::freshness), by the header alone: whether keys and integrity are those of a record that is
    /// written now, whatever the classes of its fields.
    ///
    /// # Errors
    ///
    /// As [`freshness`](Self::freshness).
    pub async fn header_freshness(&self, resource: &Resource, form: Form, stored: &Map) -> Result<Freshness> {
        let layout = resource.layout(form);
        let is_item =
            form == Form::Item && (stored.contains_key(dbesdk::HEADER) || stored.contains_key(dbesdk::FOOTER));
        let is_record = stored.contains_key(&layout.header);
        if form == Form::Item && resource.format() == TableFormat::DbEsdk {
            return match (is_record, is_item) {
                (true, _) => Ok(Freshness::Stale(vec![Staleness::Format("record")])),
                (false, true) => self.item_freshness(resource, stored).await,
                (false, false) => Ok(Freshness::Stale(vec![Staleness::Plaintext])),
            };
        }
        let header = match stored.get(&layout.header) {
            Some(Value::B(bytes)) => Header::parse(bytes)?,
            Some(_) => return Err(Error::integrity()),
            None if is_item => return Ok(Freshness::Stale(vec![Staleness::Format("db-esdk")])),
            None => return Ok(Freshness::Stale(vec![Staleness::Plaintext])),
        };
        let mut stale = Vec::new();
        if header.integrity != (layout.integrity == Integrity::Record) {
            stale.push(Staleness::Integrity);
        }
        for section in &header.sections {
            let fresh = self.shared.cache.for_sealing(self.tenant.request(section.class), 0).await?;
            if !same_wrapping_keys(&section.edks, &fresh.edks) {
                let stored = section.edks.iter().map(WrappingKey::of).collect();
                stale.push(Staleness::Key { class: section.class, stored });
            }
        }
        let beacons = if form == Form::Item { look_at_beacons(resource, stored) } else { BeaconLook::AsPlanned };
        let is_clear = stale.is_empty() && beacons == BeaconLook::Lacking;
        stale.extend((beacons != BeaconLook::AsPlanned).then_some(Staleness::Beacons));
        Ok(match (stale.is_empty(), is_clear) {
            (true, _) => Freshness::Current,
            (false, false) => Freshness::Stale(stale),
            (false, true) => Freshness::Unclear(stale),
        })
    }

    /// An item in DB-ESDK format has one data key for all classes: what counts is who wraps that.
    async fn item_freshness(&self, resource: &Resource, stored: &Map) -> Result<Freshness> {
        let table = resource.db_esdk().ok_or_else(Error::integrity)?;
        let locked = Locked::parse(stored.clone(), table)?;
        let class = self.shared.policy.default_class();
        let fresh = self.shared.cache.for_sealing(self.tenant.request(class), 0).await?;
        if same_wrapping_keys(locked.intermediate_keys(), &fresh.edks) {
            return Ok(Freshness::Current);
        }
        let stored = locked.intermediate_keys().iter().map(WrappingKey::of).collect();
        Ok(Freshness::Stale(vec![Staleness::Key { class, stored }]))
    }

    /// Whether a record that was opened has the beacons that it would be written with now, value by value.
    ///
    /// # Errors
    ///
    /// As [`beacons`](Self::beacons).
    pub async fn has_its_beacons(&self, resource: &Resource, stored: &Map, record: &Map) -> Result<bool> {
        let planned = self.beacons(resource, record).await?;
        let found = stored.iter().filter(|(name, _)| is_beacon_name(name));
        Ok(planned.len() == found.clone().count()
            && found.into_iter().all(|(name, value)| planned.get(name) == Some(value)))
    }

    /// The keys that a data key of this class would be wrapped by now. Asks the key provider for one, unless the cache
    /// has it.
    ///
    /// # Errors
    ///
    /// The keyring's.
    pub async fn wrapping_keys(&self, class: Classification) -> Result<Vec<WrappingKey>> {
        let fresh = self.shared.cache.for_sealing(self.tenant.request(class), 0).await?;
        Ok(fresh.edks.iter().map(WrappingKey::of).collect())
    }

    /// A digest of all that the policy decides, in hexadecimal: the same for the same decisions in one release of
    /// privet, however they are written down.
    #[must_use]
    pub fn policy_digest(&self) -> String {
        let digest = sha256(self.shared.policy.canonical().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The tenant whose records this protector seals and opens; empty if there is none.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant.name
    }
}

/// What the names of a record's beacons say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BeaconLook {
    AsPlanned,
    /// There are some that would not be written now.
    Foreign,
    /// Some are missing of fields that the record has. They may be nulls, or sets without members.
    Lacking,
}

fn look_at_beacons(resource: &Resource, stored: &Map) -> BeaconLook {
    let plan = resource.search();
    let mut found = stored.keys().filter(|name| is_beacon_name(name)).peekable();
    if plan.is_empty() && found.peek().is_none() {
        return BeaconLook::AsPlanned;
    }
    // What is inside of an attribute that is sealed whole cannot be seen.
    let has = |path: &Path| matches!(path.steps().first(), Some(Step::Key(name)) if stored.contains_key(name));
    let mut planned = BTreeMap::new();
    for version in plan.write() {
        planned.extend(plan.fields().iter().map(|field| (field.attribute(*version), has(field.path()))));
        planned.extend(plan.compound().iter().map(|compound| {
            let has_all = compound.fields().iter().map(SearchField::path).all(has);
            // Of its first field alone there is none.
            let has_more = compound.fields().len() > 1 || compound.sort().is_some_and(has);
            (compound.attribute(*version), has_all && has_more)
        }));
    }
    if found.any(|name| !planned.contains_key(name)) {
        return BeaconLook::Foreign;
    }
    let is_lacking = planned.iter().any(|(name, is_due)| *is_due && !stored.contains_key(name));
    if is_lacking { BeaconLook::Lacking } else { BeaconLook::AsPlanned }
}
