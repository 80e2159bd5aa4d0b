//! What reading requests have in common: conditions that pass, and projections that fetch what opening needs.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use privet_core::protector::Resource;
use privet_core::record::Integrity;
use privet_core::value::Path;

use super::Scope;
use crate::check;
use crate::convert::to_item;
use crate::error::{Item, Result};
use crate::expression::{Placeholders, Projection, Writer};

/// The expressions of a reading request, checked.
#[derive(Default)]
pub(crate) struct Reading {
    projection: Option<Projection>,
    /// The expressions anew, if they are others than the caller's.
    pub(crate) anew: Option<Anew>,
}

/// Expressions as they are sent, with their placeholders.
#[derive(Default)]
pub(crate) struct Anew {
    pub(crate) projection: Option<String>,
    pub(crate) conditions: Vec<Option<String>>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

impl Reading {
    pub(crate) fn new(
        resource: &Resource,
        projection: Option<&str>,
        conditions: &[Option<&str>],
        placeholders: &Placeholders<'_>,
    ) -> Result<Self> {
        let mut checked = Vec::with_capacity(conditions.len());
        for condition in conditions {
            checked.push(condition.map(|text| check::condition(resource, text, placeholders)).transpose()?);
        }
        let projection = projection.map(|text| Projection::parse(text, placeholders)).transpose()?;
        for path in projection.iter().flat_map(Projection::paths) {
            check::not_reserved(resource, path)?;
        }
        if projection.is_none() && !checked.iter().flatten().any(|checked| checked.changed) {
            return Ok(Self::default());
        }
        placeholders.check_all_used()?;
        let mut writer = Writer::default();
        let conditions =
            checked.into_iter().map(|checked| Some(writer.condition(checked?.condition))).collect::<Vec<_>>();
        let fetched = projection.as_ref().and_then(|projection| fetched(resource, projection));
        let fetched = fetched.map(|paths| writer.paths(&paths));
        let (names, values) = writer.into_placeholders();
        Ok(Self { projection, anew: Some(Anew { projection: fetched, conditions, names, values }) })
    }

    /// The item opened and cut down to what the caller asked for.
    pub(crate) async fn open(&self, scope: &Scope<'_>, resource: &Resource, stored: Item) -> Result<Item> {
        let record = scope.open(resource, stored).await?;
        Ok(to_item(match &self.projection {
            Some(projection) => projection.cut(record),
            None => record,
        }))
    }

    /// One of several: the error says which.
    pub(crate) async fn open_one(&self, scope: &Scope<'_>, resource: &Resource, stored: Item) -> Result<Item> {
        let key = resource.key().iter().filter_map(|name| Some((name.clone(), stored.get(name)?.clone())));
        let key: Vec<_> = key.collect();
        self.open(scope, resource, stored).await.map_err(|error| error.of_key(resource.table(), key))
    }

    pub(crate) async fn open_all(
        &self,
        scope: &Scope<'_>,
        resource: &Resource,
        stored: Option<Vec<Item>>,
    ) -> Result<Option<Vec<Item>>> {
        let Some(stored) = stored else { return Ok(None) };
        let mut items = Vec::with_capacity(stored.len());
        for item in stored {
            items.push(self.open_one(scope, resource, item).await?);
        }
        Ok(Some(items))
    }
}

/// The attributes to ask the table for; `None` for all of them. Whole attributes: of a list, what is fetched alone has
/// another position than it was sealed at, and what is sealed as one value has no parts for the table.
fn fetched(resource: &Resource, projection: &Projection) -> Option<Vec<Path>> {
    let layout = resource.item_layout();
    // An item in DB-ESDK format is verified as a whole or not at all.
    if layout.integrity == Integrity::Record || resource.db_esdk().is_some() {
        return None;
    }
    let asked = projection.paths().iter().map(Path::root);
    let mut names: Vec<&str> =
        asked.chain(layout.key.iter().map(String::as_str)).chain([layout.header.as_str()]).collect();
    names.sort_unstable();
    names.dedup();
    Some(names.into_iter().map(Path::attribute).collect())
}
