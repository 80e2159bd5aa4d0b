//! Bringing records onto the policy: what is stored in clear or under other classes is sealed anew, if nobody has changed it
//! meanwhile.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use privet_core::ErrorKind;
use privet_core::policy::TableFormat;
use privet_core::policy::plan::is_beacon_name;
use privet_core::protector::{Protector, Resource, Unprotected};
use privet_core::record::Header;
use privet_core::value::Map;

use crate::convert::{from_item, to_item};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::send::seal;

/// Gives a [`Protector`] what a migration needs.
pub trait Migrate {
    /// Seals the record of this key anew if it is in clear, in another format than its table's, or sealed under other classes
    /// or with other beacons than the policy gives it now. It is written only if it still is what was read; otherwise it is read again, a few times.
    ///
    /// A record in clear has no header that would tell of every change, so each attribute is compared, and the attributes
    /// that the model knows and the record lacks must still be missing. What DynamoDB had instead is looked at afterwards:
    /// had a writer of clear records added an attribute that nobody knows, it is put back.
    ///
    /// # Errors
    ///
    /// `Conflict` if it changed each time; `Integrity` if it is in clear and the policy refuses such records, or does not
    /// authenticate; `Denied` if this process may not unwrap one of its classes; `Unsupported` if it has
    /// more attributes than a condition can compare, about 130; the protector's and DynamoDB's errors.
    fn upgrade(
        &self,
        client: &Client,
        resource: &Resource,
        key: impl Into<Key> + Send,
    ) -> impl Future<Output = Result<Upgrade>> + Send;
}

/// What came of [`Migrate::upgrade`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Upgrade {
    /// There is no record of this key.
    Missing,
    /// It was as it should be, and was not written.
    Current,
    /// It was sealed anew.
    Upgraded,
}

impl Migrate for Protector {
    async fn upgrade(&self, client: &Client, resource: &Resource, key: impl Into<Key> + Send) -> Result<Upgrade> {
        let (names, values) = (resource.key(), key.into().into_values());
        if names.is_empty() || names.len() != values.len() {
            return Err(Error::new(
                ErrorKind::Input,
                format!("the key of `{}` is [{}]: give a value for each", resource.name(), resource.key().join(", ")),
            ));
        }
        let key: HashMap<_, _> = names.iter().cloned().zip(values).collect();
        for _ in 0..MOST_TRIES {
            let get = client.get_item().table_name(resource.table()).set_key(Some(key.clone())).consistent_read(true);
            let answer = get.send().await.map_err(|error| Error::from_sdk("GetItem", &error))?;
            let Some(stored) = answer.item else { return Ok(Upgrade::Missing) };
            match upgrade_one(self, client, resource, stored).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => return done,
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("the record of `{}` changed each time it was to be upgraded: try again", resource.name()),
        ))
    }
}

async fn upgrade_one(
    privet: &Protector,
    client: &Client,
    resource: &Resource,
    stored: HashMap<String, AttributeValue>,
) -> Result<Upgrade> {
    let opened = privet.unprotect_record(resource, from_item(stored.clone())?).await?;
    let is_current = !opened.was_plaintext() && opened.format() == resource.format();
    if is_current && opened.drift().is_empty() && has_its_beacons(privet, resource, &stored, &opened).await? {
        return Ok(Upgrade::Current);
    }
    let header = header_of(resource, &stored);
    // Who adds to what is authenticated as a whole, and leaves its header as it is, does so without a key.
    let is_whole = match opened.format() {
        TableFormat::DbEsdk => !opened.was_plaintext(),
        _ => header.as_deref().map(Header::parse).transpose()?.is_some_and(|header| header.integrity),
    };
    let format = opened.format();
    let sealed = from_item(seal(privet, resource, opened.complete()?, header.as_deref()).await?)?;
    let condition = unchanged(resource, &stored)?;
    let replaced = put(client, resource, sealed.clone(), condition).await?;
    let mut added: Map = from_item(replaced)?.into_iter().filter(|(name, _)| !stored.contains_key(name)).collect();
    if is_whole {
        added.retain(|name, _| is_for_anyone(resource, format, name));
    }
    if !added.is_empty() {
        put_back(privet, client, resource, sealed, added).await?;
    }
    Ok(Upgrade::Upgraded)
}

/// Whether a record in this format leaves an attribute of this name to whoever adds it. The other format may sign what this
/// one does not.
fn is_for_anyone(resource: &Resource, format: TableFormat, name: &str) -> bool {
    match format {
        TableFormat::DbEsdk => resource.db_esdk().is_some_and(|table| table.is_unsigned(name)),
        _ => resource.item_layout().unsigned.contains(name),
    }
}

/// Whether a record is stored with the beacons that it would be written with now. Of one of which something is withheld
/// nothing says.
async fn has_its_beacons(
    privet: &Protector,
    resource: &Resource,
    stored: &HashMap<String, AttributeValue>,
    opened: &Unprotected,
) -> Result<bool> {
    if opened.format() != TableFormat::Record || !opened.withheld().is_empty() || !privet.has_beacons(resource) {
        return Ok(true);
    }
    let beacons = privet.beacons(resource, opened.record()).await?;
    Ok(from_item(stored.clone())?.into_iter().filter(|(name, _)| is_beacon_name(name)).eq(beacons))
}

/// Writes the record with what somebody had added between reading and writing it.
async fn put_back(privet: &Protector, client: &Client, resource: &Resource, written: Map, added: Map) -> Result<()> {
    tracing::warn!(resource = resource.name(), attributes = added.len(), "attributes were added during an upgrade");
    let mut record = privet.unprotect_record(resource, written.clone()).await?.complete()?;
    record.extend(added);
    let written = to_item(written);
    let sealed = from_item(seal(privet, resource, record, header_of(resource, &written).as_deref()).await?)?;
    let condition = unchanged(resource, &written)?;
    put(client, resource, sealed, condition).await.map(drop)
}

/// The header of a stored item, if it has one.
fn header_of(resource: &Resource, stored: &HashMap<String, AttributeValue>) -> Option<Vec<u8>> {
    let header = stored.get(&resource.item_layout().header)?;
    header.as_b().ok().map(|bytes| bytes.as_ref().to_vec())
}

/// Replaces an item under a condition, and gives the one that was there.
async fn put(
    client: &Client,
    resource: &Resource,
    item: Map,
    condition: Condition,
) -> Result<HashMap<String, AttributeValue>> {
    let put = client
        .put_item()
        .table_name(resource.table())
        .set_item(Some(to_item(item)))
        .condition_expression(condition.expression)
        .set_expression_attribute_names(Some(condition.names))
        .set_expression_attribute_values(Some(condition.values))
        .return_values(ReturnValue::AllOld);
    let output = put.send().await.map_err(|error| Error::from_sdk("PutItem", &error))?;
    Ok(output.attributes.unwrap_or_default())
}

struct Condition {
    expression: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

/// That the item is what was read: every attribute is equal, and the header and every attribute that the model knows are
/// missing if they were.
fn unchanged(resource: &Resource, stored: &HashMap<String, AttributeValue>) -> Result<Condition> {
    let inventory = resource.plan().inventory();
    let top_level = |path: &str| path.split(['.', '[']).next().filter(|name| *name != "*").map(str::to_owned);
    let known = inventory.iter().filter_map(|entry| top_level(&entry.path));
    let mut missing: Vec<String> = known.chain([resource.item_layout().header.clone()]).collect();
    missing.retain(|name| !stored.contains_key(name));
    missing.sort_unstable();
    missing.dedup();
    if stored.len() + missing.len() > MOST_ATTRIBUTES {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the record has more attributes than a condition can compare: write it anew as a whole, while nobody else does",
        ));
    }
    let mut condition = Condition { expression: String::new(), names: HashMap::new(), values: HashMap::new() };
    let mut terms = Vec::with_capacity(stored.len() + missing.len());
    for (index, (name, value)) in stored.iter().enumerate() {
        terms.push(format!("#{index}=:{index}"));
        condition.names.insert(format!("#{index}"), name.clone());
        condition.values.insert(format!(":{index}"), value.clone());
    }
    for (index, name) in (stored.len()..).zip(missing) {
        terms.push(format!("attribute_not_exists(#{index})"));
        condition.names.insert(format!("#{index}"), name);
    }
    condition.expression = terms.join(" AND ");
    Ok(condition)
}

const MOST_TRIES: usize = 5;
/// An expression has at most 4 KiB; ` AND attribute_not_exists(#129)` has 31 bytes
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
const MOST_ATTRIBUTES: usize = 130;
