//! The keys, aliases and key material there are, and how a key is found by name.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use super::key::{Key, arn};
use super::refusal::Refusal;
use crate::ACCOUNT;

/// Everything KMS knows.
#[derive(Debug, Default)]
pub(crate) struct State {
    regions: HashMap<String, Region>,
    /// By key id, oldest first: replicas of a multi-Region key have the same id and share the material.
    materials: HashMap<String, Vec<Vec<u8>>>,
}

/// Where and when a request is served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) region: &'a str,
    pub(crate) now: SystemTime,
}

#[derive(Debug, Default)]
struct Region {
    keys: BTreeMap<String, Key>,
    /// Alias name, with `alias/`, to key id.
    aliases: BTreeMap<String, String>,
}

impl State {
    /// Finds a key by id, ARN, alias name or alias ARN.
    pub(crate) fn find(&self, place: Place<'_>, name: &str) -> Result<&Key, Refusal> {
        let resource = local_resource(place, name)?;
        let region = self.regions.get(place.region);
        let id = match resource.starts_with("alias/") {
            true => region
                .and_then(|region| region.aliases.get(resource))
                .map(String::as_str)
                .ok_or_else(|| Refusal::not_found(format!("Alias {} is not found.", arn(place.region, resource))))?,
            false => resource.strip_prefix("key/").unwrap_or(resource),
        };
        region
            .and_then(|region| region.keys.get(id))
            .filter(|key| !key.is_deleted(place.now))
            .ok_or_else(|| unknown(place, id))
    }

    /// Finds a key to administer: by id or ARN, as aliases are for its use only.
    pub(crate) fn find_mut(&mut self, place: Place<'_>, name: &str) -> Result<&mut Key, Refusal> {
        let resource = local_resource(place, name)?;
        if resource.starts_with("alias/") {
            return Err(Refusal::not_found(format!("Invalid keyId '{name}'")));
        }
        let id = resource.strip_prefix("key/").unwrap_or(resource).to_owned();
        self.regions
            .get_mut(place.region)
            .and_then(|region| region.keys.get_mut(&id))
            .filter(|key| !key.is_deleted(place.now))
            .ok_or_else(|| unknown(place, &id))
    }

    /// Every name a key goes by: its ARN and id, its aliases and their ARNs.
    pub(crate) fn names(&self, place: Place<'_>, key: &Key) -> Vec<String> {
        let aliases = self.aliases(place).filter(|(_, id)| *id == key.id);
        [key.arn.clone(), key.id.clone()]
            .into_iter()
            .chain(aliases.flat_map(|(alias, _)| [alias.to_owned(), arn(place.region, alias)]))
            .collect()
    }

    pub(crate) fn keys(&self, place: Place<'_>) -> impl Iterator<Item = &Key> {
        let region = self.regions.get(place.region);
        region.into_iter().flat_map(|region| region.keys.values()).filter(move |key| !key.is_deleted(place.now))
    }

    pub(crate) fn insert(&mut self, region: &str, key: Key) {
        self.regions.entry(region.to_owned()).or_default().keys.insert(key.id.clone(), key);
    }

    /// The regions that hold a key of this id, other than `primary`.
    pub(crate) fn replicas(&self, id: &str, primary: &str) -> Vec<String> {
        let mut replicas: Vec<_> = self
            .regions
            .iter()
            .filter(|(name, region)| *name != primary && region.keys.contains_key(id))
            .map(|(name, _)| name.clone())
            .collect();
        replicas.sort();
        replicas
    }

    pub(crate) fn add_material(&mut self, id: &str, material: Vec<u8>) {
        self.materials.entry(id.to_owned()).or_default().push(material);
    }

    /// The newest material of a key and its number.
    pub(crate) fn current_material(&self, id: &str) -> Option<(u32, &[u8])> {
        let materials = self.materials.get(id)?;
        let newest = materials.len().checked_sub(1)?;
        Some((u32::try_from(newest).ok()?, materials.get(newest)?))
    }

    pub(crate) fn material(&self, id: &str, version: u32) -> Option<&[u8]> {
        self.materials.get(id)?.get(usize::try_from(version).ok()?).map(Vec::as_slice)
    }

    /// Aliases by name, with the id of their key.
    pub(crate) fn aliases(&self, place: Place<'_>) -> impl Iterator<Item = (&str, &str)> {
        let region = self.regions.get(place.region);
        region.into_iter().flat_map(|region| &region.aliases).map(|(alias, id)| (alias.as_str(), id.as_str()))
    }

    pub(crate) fn set_alias(&mut self, place: Place<'_>, alias: &str, id: String) {
        self.regions.entry(place.region.to_owned()).or_default().aliases.insert(alias.to_owned(), id);
    }

    pub(crate) fn remove_alias(&mut self, place: Place<'_>, alias: &str) -> bool {
        self.regions.get_mut(place.region).is_some_and(|region| region.aliases.remove(alias).is_some())
    }
}

/// The resource of an ARN of this region and account; any other text is a resource already.
fn local_resource<'a>(place: Place<'_>, name: &'a str) -> Result<&'a str, Refusal> {
    if !name.starts_with("arn:") {
        return Ok(name);
    }
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    let ["arn", _partition, "kms", region, account, resource] = parts.as_slice() else {
        return Err(Refusal::new("InvalidArnException", format!("{name} is not a valid ARN")));
    };
    if !(resource.starts_with("key/") || resource.starts_with("alias/")) {
        return Err(Refusal::new("InvalidArnException", format!("{name} is not the ARN of a key or alias")));
    }
    if *region != place.region {
        return Err(Refusal::not_found(format!("Invalid arn {region}")));
    }
    if *account != ACCOUNT {
        return Err(Refusal::new("AccessDeniedException", format!("{name} belongs to another account")));
    }
    Ok(resource)
}

fn unknown(place: Place<'_>, id: &str) -> Refusal {
    let digits = id.strip_prefix("mrk-").unwrap_or(id).replace('-', "");
    match digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        true => Refusal::not_found(format!("Key '{}' does not exist", arn(place.region, &format!("key/{id}")))),
        false => Refusal::not_found(format!("Invalid keyId '{id}'")),
    }
}
