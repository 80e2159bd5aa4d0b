//! Records of tables in DB-ESDK format: one data key for all classes, and the policy's decisions as actions.

use std::collections::BTreeSet;

use super::unprotected::{self, Unprotected};
use super::{Protector, Resource};
use crate::classification::Classification;
use crate::dbesdk::{Action, HEADER, Locked, NewItem, Table};
use crate::dbesdk_items;
use crate::encryption_context::{EncryptionContext, TENANT};
use crate::error::{Error, Result};
use crate::policy::{DriftReads, TableFormat};
use crate::value::{Map, Path, Step};

impl Protector {
    /// An attribute that the policy seals, or seals something of, is encrypted whole; all others are signed. Beacons are
    /// added, signed ones inside of the signature and others beside it.
    pub(super) async fn seal_item(&self, resource: &Resource, mut record: Map) -> Result<Map> {
        let table = table_of(resource)?;
        let beacons = self.item_beacons(resource, &mut record).await?;
        let sealings = resource.plan().sealings(&record)?;
        let sealed: BTreeSet<&str> = sealings.iter().filter_map(|(path, _)| attribute_of(path)).collect();
        self.check_shown(resource, &sealed)?;
        let is_clear =
            |name: &&&str| table.is_unsigned(name) || table.keys().chain(table.context()).any(|it| it == **name);
        if let Some(name) = sealed.iter().find(is_clear) {
            return Err(Error::config(format!(
                "the attribute `{name}` is stored in clear, but is to be sealed: classify it `public`, or encrypt it"
            )));
        }
        let action = |name: &str| Some(if sealed.contains(name) { Action::EncryptAndSign } else { Action::SignOnly });
        record.extend(beacons.signed);
        let item = NewItem::new(record, table, action)?.with_pairs(self.pairs())?;
        let mut stored = dbesdk_items::seal(self.shared.cache.keyring(), item).await?;
        stored.extend(beacons.beacons);
        Ok(stored)
    }

    /// Opens an item whole or not at all: it has one data key.
    pub(super) async fn open_item(&self, resource: &Resource, stored: Map) -> Result<Unprotected> {
        let locked = Locked::parse(stored, table_of(resource)?)?;
        self.check_pairs(locked.stored_pairs())?;
        let keys = dbesdk_items::unlock(self.shared.cache.keyring(), &locked).await?;
        // Nothing tells an item of strangers from one whose header was damaged.
        let mut opened = locked.open(&keys.ok_or_else(Error::integrity)?)?;
        if let Some(search) = resource.item_search() {
            search.strip(&mut opened.item);
        }

        let is_encrypted = |path: &Path| {
            attribute_of(path).is_some_and(|name| opened.encrypted.iter().any(|encrypted| encrypted == name))
        };
        // Classes are not stored: what is encrypted is taken to be of the class that it has now.
        let mut found: Vec<(Path, Classification)> = Vec::new();
        let drift = resource.plan().sealings(&opened.item).and_then(|planned| {
            let sealed: Vec<(Path, Classification)> =
                planned.into_iter().filter(|(path, _)| is_encrypted(path)).collect();
            found.clone_from(&sealed);
            unprotected::drift(resource.plan(), &opened.item, &sealed, &[])
        });
        let refuses = resource.drift() == Some(DriftReads::Refuse);
        let drift = match drift {
            Ok(drift) => drift,
            Err(_) if refuses => return Err(Error::integrity()),
            Err(_) => Vec::new(),
        };
        if refuses && !drift.is_empty() {
            return Err(Error::integrity());
        }
        if !drift.is_empty() {
            tracing::info!(resource = resource.name(), values = drift.len(), "stored in clear, but to be sealed");
        }
        Ok(Unprotected {
            record: opened.item,
            sealed: found,
            withheld: Vec::new(),
            drift,
            plaintext: false,
            is_proven: true,
            version: None,
            format: TableFormat::DbEsdk,
        })
    }

    /// Whether a stored item in DB-ESDK format says that it is another tenant's, for searches: beacons of AWS's kind do
    /// not keep tenants apart that share a beacon key. Not authenticated: who may write to the table can have an item
    /// left out, as they can by removing its beacon.
    #[must_use]
    pub fn is_of_another_tenant(&self, resource: &Resource, stored: &Map) -> bool {
        let (Some(table), true) = (resource.db_esdk(), stored.contains_key(HEADER)) else { return false };
        let locked = Locked::parse(stored.clone(), table);
        locked.is_ok_and(|locked| locked.stored_pairs().value(TENANT).unwrap_or_default() != self.tenant.name)
    }

    /// What is stored with an item: its tenant, and the application's pairs.
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let tenant = Some((TENANT, self.tenant.name.as_str())).filter(|(_, tenant)| !tenant.is_empty());
        let application = self.shared.context.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        tenant.into_iter().chain(application)
    }

    /// An item belongs to the tenant that it names, or to none. The application's pairs are not in what AWS's clients
    /// write; where they are, they must be this application's.
    fn check_pairs(&self, stored: &EncryptionContext) -> Result<()> {
        let is_own = stored.value(TENANT).unwrap_or_default() == self.tenant.name;
        let fits = self.pairs().all(|(name, value)| stored.value(name).is_none_or(|stored| stored == value));
        if is_own && fits { Ok(()) } else { Err(Error::integrity()) }
    }
}

fn table_of(resource: &Resource) -> Result<&Table> {
    resource.db_esdk().ok_or_else(|| Error::config(format!("`{}` has no items in DB-ESDK format", resource.name())))
}

fn attribute_of(path: &Path) -> Option<&str> {
    match path.steps().first()? {
        Step::Key(name) => Some(name),
        Step::Index(_) => None,
    }
}
