//! Whether a stored record is as this protector would write it now, told without opening it.

use super::unprotected::drift_from;
use super::{Drift, Protector, Resource};
use crate::classification::Classification;
use crate::crypto::MacKey;
use crate::error::{Error, Result};
use crate::keyring::{WrappingKey, same_wrapping_keys};
use crate::policy::plan::is_beacon_name;
use crate::record::{Form, Header, Integrity, sealed_values};
use crate::value::{Map, Value};

/// Whether a stored record is as a protector would write it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Keys, integrity and classes are those of a record that is written now, as far as its header and the places and
    /// classes of what is sealed say. What names are inside of a map or list that is sealed whole, they do not.
    Current,
    /// It is another in these ways.
    Stale(Vec<Staleness>),
    /// Keys and integrity are right, but values are sealed under other classes than their names have. If those are maps
    /// or lists that were sealed whole for what is in them, all is well: only opening the record tells.
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
        let mut stale = match self.header_freshness(resource, form, stored).await? {
            Freshness::Stale(stale) if stale.contains(&Staleness::Plaintext) => return Ok(Freshness::Stale(stale)),
            Freshness::Stale(stale) | Freshness::Unclear(stale) => stale,
            Freshness::Current => Vec::new(),
        };
        let (mut record, sealed) = sealed_values(stored, layout)?;
        if form == Form::Item && record.keys().any(|name| is_beacon_name(name)) {
            record.to_mut().retain(|name, _| !is_beacon_name(name));
        }
        let planned = resource.plan().sealings(&record).map_err(|_| Error::integrity())?;
        let drift = drift_from(&planned, &record, &sealed, &[]);
        // A value in clear is what it is; a sealed one may be a map or list that was sealed whole.
        let is_certain = !stale.is_empty() || drift.iter().any(|drift| drift.stored.is_none());
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
        let header = match stored.get(&layout.header) {
            Some(Value::B(bytes)) => Header::parse(bytes)?,
            Some(_) => return Err(Error::integrity()),
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
        Ok(if stale.is_empty() { Freshness::Current } else { Freshness::Stale(stale) })
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
        let tag = MacKey::new(b"privet policy").tag(self.shared.policy.canonical().as_bytes());
        tag.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The tenant whose records this protector seals and opens; empty if there is none.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant.name
    }
}
