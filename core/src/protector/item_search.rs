//! Searching items in DB-ESDK format: their beacons, under which key, and what to ask a table for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::search::{Ask, BeaconQuery, Condition, no_beacon};
use super::{Protector, Resource};
use crate::beacon::{
    BeaconAttributes, BeaconKeys, BeaconLength, Beacons, Comparison, Location, Protection, StandardBeacon, Style, Term,
};
use crate::error::{Error, Result};
use crate::policy::ItemSearch;
use crate::policy::plan::{BeaconIndex, Plan, SearchPlan};
use crate::value::{Map, Path, Value};

/// How the items of a resource are searched for.
#[derive(Debug)]
pub(super) struct ItemSearchPlan {
    beacons: Beacons,
    key_field: Option<String>,
    indexes: BTreeMap<String, String>,
}

impl ItemSearchPlan {
    /// The beacons of the policy's `fields` and of the resource; `None` if there are none. `is_unsigned` says which
    /// attributes are left out of the signature.
    pub(super) fn new(
        search: ItemSearch,
        fields: &SearchPlan,
        plan: &Plan,
        is_unsigned: impl Fn(&str) -> bool,
    ) -> Result<Option<Self>> {
        let mut builder = search.beacons;
        for field in fields.fields() {
            let location: Location = field.text().parse()?;
            // Their beacons have no versions; the first is what a policy says that knows none.
            let length = BeaconLength::new(field.length(VERSION))?;
            let style = if field.is_of_members() { Style::AsSet } else { Style::Plain };
            builder = builder.standard(StandardBeacon::new(field.item_name(), length).at(location).style(style));
        }
        if builder.is_empty() {
            return Ok(None);
        }
        let encrypted: BTreeSet<String> = builder
            .locations()
            .filter(|location| plan.seals_at(location.path()))
            .map(|location| location.attribute().to_owned())
            .collect();
        let derived: BTreeSet<String> = builder.names().map(str::to_owned).collect();
        let protection = |attribute: &str| match attribute {
            _ if derived.contains(attribute) && !plan.names_attribute(attribute) => None,
            _ if is_unsigned(attribute) => Some(Protection::Unsigned),
            _ if encrypted.contains(attribute) || plan.may_seal(attribute) => Some(Protection::Encrypted),
            _ => Some(Protection::Signed),
        };
        let key_field = search.key_field;
        if let Some(field) = key_field.as_ref().filter(|field| protection(field) != Some(Protection::Signed)) {
            return Err(Error::config(format!(
                "`{field}` names the beacon key of an item, and has to be signed and in clear: classify it `public`"
            )));
        }
        let beacons = builder.build(protection)?;
        Ok(Some(Self { beacons, key_field, indexes: search.indexes }))
    }

    /// Whether a standard beacon is over what is at this path.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.beacons.standard_at(path).is_some()
    }

    /// An index for each beacon that is a text.
    pub(super) fn indexes(&self) -> impl Iterator<Item = BeaconIndex> {
        self.beacons.stored().filter(|stored| !stored.is_set).map(|stored| BeaconIndex {
            name: self.index_of(stored.name, &stored.attribute),
            partition: stored.attribute,
            sort: None,
            version: VERSION,
        })
    }

    /// Whether an attribute of this name is a beacon that shows nothing but signed attributes: it has the beacon's own name.
    pub(super) fn is_signed(&self, name: &str) -> bool {
        self.beacons.signed().any(|signed| signed == name)
    }

    /// Lets go of the attributes of an opened item that follow from others.
    pub(super) fn strip(&self, item: &mut Map) {
        for name in self.beacons.signed() {
            item.remove(name);
        }
    }

    /// Whether an opened item is what was searched for.
    pub(super) fn matches(&self, condition: &Condition, item: &Map) -> Result<bool> {
        if let Condition::Keyed { key, condition } = condition {
            let is_own = self.key_field.as_ref().and_then(|field| item.get(field)?.as_text()) == Some(key);
            return Ok(is_own && self.matches(condition, item)?);
        }
        let (name, comparison, value) = self.asked(condition)?;
        self.beacons.matches(name, comparison, value, item)
    }

    /// Which beacon a condition asks, how, and with which value.
    fn asked<'a>(&'a self, condition: &'a Condition) -> Result<(&'a str, Comparison, &'a Value)> {
        let at = |path: &Path| self.beacons.standard_at(path).ok_or_else(|| no_beacon(&path.to_string()));
        match condition {
            Condition::Equals(path, value) => match at(path)? {
                stored if stored.is_set => {
                    Err(Error::config(format!("the beacon of `{path}` is of members: ask what it contains")))
                }
                stored => Ok((stored.name, Comparison::Equals, value)),
            },
            Condition::Contains(path, value) => match at(path)? {
                stored if stored.is_set => Ok((stored.name, Comparison::Contains, value)),
                _ => Err(Error::config(format!("the beacon of `{path}` is of the whole value: say `members = true`"))),
            },
            Condition::Beacon { name, comparison, value } => Ok((name, *comparison, value)),
            Condition::Compound { name, .. } => Err(Error::config(format!(
                "items in DB-ESDK format have no compound beacons of privet's: search for `{name}` with its text as a whole"
            ))),
            Condition::Keyed { .. } => Err(Error::config("items name one beacon key: say it once")),
        }
    }

    fn ask(&self, condition: &Condition, keys: &BeaconKeys) -> Result<Vec<Ask>> {
        let (name, comparison, value) = self.asked(condition)?;
        let mut asks: Vec<Ask> = Vec::new();
        // Beacons spread over fewer partitions than the table has say the same in several of them.
        for partition in 0..self.beacons.partitions() {
            let term = self.beacons.term(name, comparison, value, keys, partition)?;
            let ask = self.ask_for(name, comparison, term)?;
            if !asks.contains(&ask) {
                asks.push(ask);
            }
        }
        Ok(asks)
    }

    fn ask_for(&self, name: &str, comparison: Comparison, term: Term) -> Result<Ask> {
        let Value::S(text) = term.value else {
            return Err(Error::config(format!("the beacon `{name}` is of members: ask what it contains")));
        };
        Ok(match comparison {
            Comparison::Contains => Ask::Filter { attribute: term.attribute, contains: text },
            Comparison::BeginsWith | Comparison::Order => {
                Ask::Beginning { attribute: term.attribute, begins_with: text }
            }
            Comparison::Equals => Ask::Index {
                name: self.index_of(name, &term.attribute),
                partition: (term.attribute, text),
                begins_with: None,
            },
        })
    }

    fn index_of(&self, beacon: &str, attribute: &str) -> String {
        self.indexes.get(beacon).cloned().unwrap_or_else(|| attribute.to_owned())
    }
}

impl Protector {
    /// The beacons of an item, which is left with the attributes that are to be sealed or signed as they are.
    pub(super) async fn item_beacons(&self, resource: &Resource, item: &mut Map) -> Result<BeaconAttributes> {
        let Some(plan) = resource.item_search() else { return Ok(BeaconAttributes::default()) };
        let key = match &plan.key_field {
            None => None,
            Some(field) => Some(item.get(field).and_then(Value::as_text).ok_or_else(|| {
                Error::input(format!("the item lacks the text `{field}`, which names its beacon key"))
            })?),
        };
        let keys = self.item_keys(resource, plan, key).await?;
        let attributes = plan.beacons.attributes(item, &keys, plan.beacons.random_partition()?)?;
        for name in attributes.signed.keys() {
            item.remove(name);
        }
        if let Some(name) = plan.beacons.reserved().find(|name| item.contains_key(*name)) {
            return Err(Error::input(format!(
                "the attribute name `{name}` is that of a beacon or virtual field: rename the attribute"
            )));
        }
        Ok(attributes)
    }

    /// Refuses an item of which a compound beacon would show in clear what is sealed.
    pub(super) fn check_shown(&self, resource: &Resource, sealed: &BTreeSet<&str>) -> Result<()> {
        let shown = resource.item_search().into_iter().flat_map(|plan| plan.beacons.shown());
        match shown.into_iter().find(|(_, attribute)| sealed.contains(attribute)) {
            None => Ok(()),
            Some((beacon, attribute)) => Err(Error::config(format!(
                "the beacon `{beacon}` would show `{attribute}` in clear, which is sealed: leave out that part"
            ))),
        }
    }

    /// What to ask a table of items in DB-ESDK format for.
    pub(super) async fn search_items(
        &self,
        resource: &Resource,
        plan: &ItemSearchPlan,
        condition: &Condition,
    ) -> Result<Vec<BeaconQuery>> {
        let (key, condition) = match (condition, &plan.key_field) {
            (Condition::Keyed { key, condition }, Some(_)) => (Some(key.as_str()), &**condition),
            (Condition::Keyed { .. }, None) => {
                return Err(Error::config(format!("the items of `{}` name no beacon key", resource.name())));
            }
            (_, Some(field)) => {
                return Err(Error::config(format!(
                    "the items of `{}` name their beacon key in `{field}`: say of which key to search for items",
                    resource.name()
                )));
            }
            (condition, None) => (None, condition),
        };
        // Before any key is asked for.
        plan.asked(condition)?;
        let keys = self.item_keys(resource, plan, key).await?;
        let asks = plan.ask(condition, &keys)?.into_iter();
        Ok(asks.map(|ask| BeaconQuery { version: VERSION, ask }).collect())
    }

    async fn item_keys(
        &self,
        resource: &Resource,
        plan: &ItemSearchPlan,
        key: Option<&str>,
    ) -> Result<Arc<BeaconKeys>> {
        let keys = match key {
            Some(id) => self.shared.beacon_keys.keys_of_id(&self.tenant.name, id).await?,
            None => self.shared.beacon_keys.keys(VERSION, &self.tenant.name).await?,
        };
        keys.of_items(resource.name(), &plan.beacons)
    }
}

/// AWS's clients know one version of beacons.
const VERSION: u8 = 1;
