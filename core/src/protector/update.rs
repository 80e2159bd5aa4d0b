//! Updates: what to write so that some values of a stored record change and all else stays as it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;

use super::{Protector, Resource, Unprotected, search};
use crate::classification::Classification;
use crate::dbesdk;
use crate::error::{Error, Result};
use crate::keyring::DataKey;
use crate::policy::TableFormat;
use crate::policy::plan::{Placement, is_beacon_name};
use crate::record::{self, Change, Header, RecordContext, SectionKey, Updated};
use crate::value::{Map, Path, Value, serialised_size};

/// A stored record that was opened, with what an update of it starts from.
#[derive(Debug)]
pub struct Stored {
    stored: Map,
    record: Map,
    version: Option<u64>,
    format: TableFormat,
}

impl Stored {
    /// The record in clear.
    #[must_use]
    pub fn record(&self) -> &Map {
        &self.record
    }

    /// The record as it is stored.
    #[must_use]
    pub fn stored(&self) -> &Map {
        &self.stored
    }

    /// The record version, if the record has one.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The record in clear, given away.
    #[must_use]
    pub fn into_record(self) -> Map {
        self.record
    }
}

impl Protector {
    /// Opens a stored record and keeps what is stored, for an update that starts from it.
    ///
    /// # Errors
    ///
    /// `Denied` if the key provider refuses one of its classes; otherwise as
    /// [`unprotect_record`](Self::unprotect_record).
    pub async fn open_stored(&self, resource: &Resource, stored: Map) -> Result<Stored> {
        let opened = self.unprotect_record(resource, stored.clone()).await?;
        let (version, format) = (opened.version(), opened.format());
        Ok(Stored { stored, record: opened.complete()?, version, format })
    }

    /// Seals single values for the record of this key without the rest of it: each value at its path, or nothing where one
    /// is to be removed; and after them what becomes of their beacons. Write all on the condition that the header is still `header`, the bytes that were read.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the record has record integrity, a value is no value of its own at its path, or its beacons need
    /// the whole record ([`Resource::beacon_sources`]): then [`update_values_of`](Self::update_values_of) does it; `Denied`
    /// if the key provider refuses one of the classes; `Integrity` if header and key do not belong together; the keyring's.
    pub async fn update_values(
        &self,
        resource: &Resource,
        key: &Map,
        header: &[u8],
        changes: Vec<(Path, Option<Value>)>,
    ) -> Result<Updated> {
        let beacons = self.beacons_of_changes(resource, &changes).await?;
        self.update_values_and(resource, key, header, changes, beacons).await
    }

    /// The same for a record that was opened, where beacons of several fields change: they are made of `new`, the record in
    /// clear as it will be. Write all on the condition that header and what is stored at the changes'
    /// [`Resource::beacon_sources`] are still what was opened.
    ///
    /// # Errors
    ///
    /// As [`update_values`](Self::update_values), and `Integrity` if the record that was opened has no header.
    pub async fn update_values_of(
        &self,
        resource: &Resource,
        old: &Stored,
        changes: Vec<(Path, Option<Value>)>,
        new: &Map,
    ) -> Result<Updated> {
        let Some(Value::B(header)) = old.stored.get(&resource.item_layout().header) else {
            return Err(Error::integrity());
        };
        changes.iter().try_for_each(|(path, _)| search::refuse_beacon_name(path.root()))?;
        // Only those that change with these values: others may change meanwhile, with the values that they are of.
        let names: BTreeSet<_> = changes.iter().flat_map(|(path, _)| resource.beacons_of(path)).collect();
        let mut beacons = self.beacons(resource, new).await?;
        let beacons = names.into_iter().map(|name| {
            let beacon = beacons.remove(&name);
            clear_change(name, beacon)
        });
        self.update_values_and(resource, &old.stored, header, changes, beacons.collect()).await
    }

    async fn update_values_and(
        &self,
        resource: &Resource,
        key: &Map,
        header: &[u8],
        changes: Vec<(Path, Option<Value>)>,
        beacons: Vec<Change>,
    ) -> Result<Updated> {
        if resource.format() == TableFormat::DbEsdk {
            return Err(Error::unsupported(
                "an item in DB-ESDK format is written as a whole: its values are not updated alone",
            ));
        }
        let layout = resource.item_layout();
        let header = Header::parse(header)?;
        if header.integrity {
            return Err(Error::unsupported("the record has record integrity: its values are not updated alone"));
        }
        if layout.integrity == record::Integrity::Record {
            return Err(Error::integrity());
        }
        let context = RecordContext::new(resource.name(), &self.tenant.name, key, &layout.key)?;
        let mut changes =
            changes.into_iter().map(|(path, value)| change(resource, path, value)).collect::<Result<Vec<_>>>()?;
        changes.extend(beacons);
        let classes = changes.iter().flat_map(|change| &change.sealings).map(|(_, class)| *class).collect();
        let keys = self.keys(&header, &classes, bytes_of(&changes)).await?;
        let given: Vec<_> = keys.iter().map(|(class, key)| section_key(*class, key)).collect();
        record::update(&header, changes, &given, layout, &context)
    }

    /// Seals what an opened record changes to: only attributes that differ, and with record integrity the header anew.
    /// Write them on the condition that the header is still the same, and without record integrity that the changed
    /// attributes are. An item in DB-ESDK format is encrypted anew, and so is a record of another format than its table's:
    /// all that is sealed and both headers differ.
    ///
    /// # Errors
    ///
    /// `Input` if the record cannot be sealed or has another key; `Integrity` if what was opened was stored in clear;
    /// `Denied` if the key provider refuses one of the classes; the keyring's.
    pub async fn update_record(&self, resource: &Resource, old: &Stored, new: Map) -> Result<Updated> {
        let layout = resource.item_layout();
        if old.format == TableFormat::DbEsdk || resource.format() == TableFormat::DbEsdk {
            return self.replace_item(resource, old, new).await;
        }
        let Some(Value::B(bytes)) = old.stored.get(&layout.header) else { return Err(Error::integrity()) };
        let header = Header::parse(bytes)?;
        if layout.integrity == record::Integrity::Record && !header.integrity {
            return Err(Error::integrity());
        }
        let context = RecordContext::new(resource.name(), &self.tenant.name, &old.stored, &layout.key)?;
        if context != RecordContext::new(resource.name(), &self.tenant.name, &new, &layout.key)? {
            return Err(Error::input("the key of a record cannot be changed: put it under the new key"));
        }
        let mut sealings = resource.plan().sealings(&new)?;
        search::refuse_beacon_names(&new)?;
        let beacons = changed_beacons(&old.stored, self.beacons_beside(resource, &new, &sealings).await?);
        let removed = old.record.keys().filter(|name| !new.contains_key(*name));
        let removed: Vec<_> = removed
            .map(|name| Change { path: Path::attribute(name.as_str()), value: None, sealings: Vec::new() })
            .collect();
        let set =
            new.into_iter().filter(|(name, value)| old.record.get(name) != Some(value) && !layout.key.contains(name));
        let set = set.map(|(name, value)| {
            let own = sealings.extract_if(.., |(path, _)| path.root() == name).collect();
            Change { path: Path::attribute(name), value: Some(value), sealings: own }
        });
        let mut changes: Vec<_> = set.collect();
        changes.extend(removed);
        changes.extend(beacons);
        let mut classes: BTreeSet<_> =
            changes.iter().flat_map(|change| &change.sealings).map(|(_, class)| *class).collect();
        if header.integrity {
            classes.extend(header.sections.iter().map(|section| section.class));
        }
        let keys = self.keys(&header, &classes, bytes_of(&changes)).await?;
        let given: Vec<_> = keys.iter().map(|(class, key)| section_key(*class, key)).collect();
        if !header.integrity {
            return record::update(&header, changes, &given, layout, &context);
        }
        let version = next_version(resource, header.version)?;
        record::update_tagged(old.stored.clone(), &header, changes, &given, version, layout, &context)
    }

    /// Seals a record as the next version after one that has this header; as the first, if there is none. Without
    /// versions in this resource, as [`protect_record`](Self::protect_record).
    ///
    /// # Errors
    ///
    /// As [`protect_record`](Self::protect_record); `Integrity` if the header is damaged.
    pub async fn protect_next(&self, resource: &Resource, record: Map, header: Option<&[u8]>) -> Result<Map> {
        if resource.format() == TableFormat::DbEsdk {
            return self.seal_item(resource, record).await;
        }
        let previous = header.map(Header::parse).transpose()?.and_then(|header| header.version);
        let version = next_version(resource, previous)?;
        self.seal(resource, resource.item_layout(), record, version).await
    }

    /// The attributes that differ once a record is sealed anew as a whole: the signature of a DB-ESDK item spans all of it,
    /// and its data key is new each time.
    async fn replace_item(&self, resource: &Resource, old: &Stored, new: Map) -> Result<Updated> {
        let headers = [resource.item_layout().header.as_str(), dbesdk::HEADER];
        if !headers.iter().any(|header| old.stored.contains_key(*header)) {
            // Nothing says whether others add to an item in clear meanwhile, which would be damage to a sealed one.
            return Err(Error::integrity());
        }
        if resource.key().iter().any(|name| old.stored.get(name) != new.get(name)) {
            return Err(Error::input("the key of a record cannot be changed: put it under the new key"));
        }
        let sealed = self.protect_record(resource, new).await?;
        let gone = old.stored.keys().filter(|name| !sealed.contains_key(*name));
        let mut values: Vec<_> = gone.map(|name| (Path::attribute(name.as_str()), None)).collect();
        let changed = sealed.into_iter().filter(|(name, value)| old.stored.get(name) != Some(value));
        values.extend(changed.map(|(name, value)| (Path::attribute(name), Some(value))));
        Ok(Updated { values, header: None })
    }

    /// What becomes of beacons when these values change.
    async fn beacons_of_changes(&self, resource: &Resource, values: &[(Path, Option<Value>)]) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        for (path, value) in values {
            search::refuse_beacon_name(path.root())?;
            let beacons = self.beacon_changes(resource, path, value.as_ref()).await?;
            changes.extend(beacons.into_iter().map(|(name, beacon)| clear_change(name, beacon)));
        }
        Ok(changes)
    }

    /// The data keys of these classes: those that the header wraps, and others for classes it lacks.
    async fn keys(
        &self,
        header: &Header,
        classes: &BTreeSet<Classification>,
        bytes: u64,
    ) -> Result<Vec<(Classification, Arc<DataKey>)>> {
        let requests = classes.iter().map(|class| async move {
            let section = header.sections.iter().find(|section| section.class == *class);
            let data_key = match section {
                Some(section) => self.data_key(*class, &section.edks).await?,
                None => self.shared.cache.for_sealing(self.tenant.request(*class), bytes).await?,
            };
            Ok((*class, data_key))
        });
        join_all(requests).await.into_iter().collect()
    }
}

impl Unprotected {
    /// The record version, which counts the record's writes where the resource says `versioned`.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The same, if the record is not older than this version: so a record that somebody put back to an earlier state is
    /// noticed by a caller who has seen a later one.
    ///
    /// # Errors
    ///
    /// `Integrity` if the record's version is less, or it has none.
    pub fn at_least(self, version: u64) -> Result<Self> {
        if self.version.is_some_and(|own| own >= version) { Ok(self) } else { Err(Error::integrity()) }
    }
}

/// A change of one value, if it is stored on its own.
fn change(resource: &Resource, path: Path, value: Option<Value>) -> Result<Change> {
    let Some(value) = value else { return Ok(Change { path, value: None, sealings: Vec::new() }) };
    match resource.plan().place(&path, &value)? {
        Placement::Own(sealings) => Ok(Change { path, value: Some(value), sealings }),
        Placement::Within(whole, class) => Err(Error::unsupported(format!(
            "`{path}` is sealed as a part of `{whole}` ({class}): set `{whole}` as a whole"
        ))),
        Placement::Depends(place) => Err(Error::unsupported(format!(
            "how `{path}` is stored depends on the rest of `{place}`: set `{place}` as a whole"
        ))),
    }
}

/// Beacons that differ from those that are stored, and stored ones that are of no use any more.
fn changed_beacons(stored: &Map, beacons: Map) -> Vec<Change> {
    let retired = stored.keys().filter(|name| is_beacon_name(name) && !beacons.contains_key(*name));
    let mut changes: Vec<_> = retired.map(|name| clear_change(name.clone(), None)).collect();
    let new = beacons.into_iter().filter(|(name, beacon)| stored.get(name) != Some(beacon));
    changes.extend(new.map(|(name, beacon)| clear_change(name, Some(beacon))));
    changes
}

/// Of an attribute that is stored in clear.
fn clear_change(name: String, value: Option<Value>) -> Change {
    Change { path: Path::attribute(name), value, sealings: Vec::new() }
}

fn section_key(class: Classification, key: &DataKey) -> SectionKey<'_> {
    SectionKey { class, data_key: &key.secret, edks: &key.edks }
}

fn bytes_of(changes: &[Change]) -> u64 {
    changes.iter().filter_map(|change| change.value.as_ref()).map(serialised_size).sum::<usize>() as u64
}

/// The version after this one; none where the resource keeps none and the record has none.
pub(super) fn next_version(resource: &Resource, previous: Option<u64>) -> Result<Option<u64>> {
    match previous {
        // Versions start at 1 and never get there; whoever wrote it wants to stop the count.
        Some(u64::MAX) => Err(Error::integrity()),
        Some(version) => Ok(Some(version + 1)),
        None => Ok(resource.is_versioned().then_some(1)),
    }
}
