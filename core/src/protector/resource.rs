//! How the records of one resource are protected: what the policy decides of each field, and how a record is laid out.

use super::item_search::ItemSearchPlan;
use crate::dbesdk::{self, Suite};
use crate::error::{Error, Result};
use crate::mask::Masks;
use crate::policy::plan::{BeaconIndex, Plan, SearchPlan};
use crate::policy::{self, DriftReads, PlaintextReads, Policy, TableFormat};
use crate::record::{Form, Integrity, Layout};
use crate::schema::Schema;
use crate::value::{Map, Path, Step};

/// How the records of one logical table or collection are protected.
#[derive(Debug)]
pub struct Resource {
    name: String,
    table: String,
    plan: Plan,
    search: SearchPlan,
    item: Layout,
    json: Layout,
    plaintext_reads: PlaintextReads,
    drift: Option<DriftReads>,
    versioned: bool,
    format: TableFormat,
    reads: Vec<TableFormat>,
    db_esdk: Option<dbesdk::Table>,
    item_search: Option<ItemSearchPlan>,
}

impl Resource {
    pub(super) fn of_model(schema: &'static Schema, policy: &Policy, masks: &Masks) -> Result<Self> {
        let name = schema.resource.ok_or_else(|| {
            Error::config(format!(
                "`{}` names no resource: write `#[protect(resource = \"...\", key = \"...\")]` on it",
                schema.name
            ))
        })?;
        let plan = Plan::for_model(schema, policy, masks)?;
        let key: Vec<String> = schema.key.iter().map(|&name| name.to_owned()).collect();
        let named = policy.resource(name);
        if let Some(resource) =
            named.filter(|resource| !resource.key.is_empty() && !key.is_empty() && resource.key != key)
        {
            return Err(Error::config(format!(
                "the policy says that the key of `{}` is `{}`, `{}` says `{}`",
                resource.name,
                resource.key.join(", "),
                schema.name,
                key.join(", ")
            )));
        }
        let key = if key.is_empty() { named.map(|resource| resource.key.clone()).unwrap_or_default() } else { key };
        Self::new(name, key, plan, policy)
    }

    pub(super) fn without_model(name: &str, policy: &Policy, masks: &Masks) -> Result<Self> {
        let plan = Plan::for_resource(name, policy, masks)?;
        let key = policy.resource(name).map(|resource| resource.key.clone()).unwrap_or_default();
        Self::new(name, key, plan, policy)
    }

    fn new(name: &str, key: Vec<String>, plan: Plan, policy: &Policy) -> Result<Self> {
        let named = policy.resource(name);
        let versioned = named.is_some_and(|resource| resource.versioned);
        if versioned && named.is_some_and(|resource| resource.integrity == policy::Integrity::Field) {
            return Err(Error::config(format!(
                "`{name}` is versioned and has field integrity, but only record integrity authenticates a version"
            )));
        }
        let db_esdk = named.map(|resource| db_esdk_table(resource, &key, policy)).transpose()?.flatten();
        let search = plan.search()?;
        let item_search = match (named, &db_esdk) {
            (Some(resource), Some(table))
                if resource.format == TableFormat::DbEsdk || resource.db_esdk.search.is_some() =>
            {
                let said = resource.db_esdk.search.clone().unwrap_or_default();
                ItemSearchPlan::new(said, &search, &plan, |name| table.is_unsigned(name))?
            }
            _ => None,
        };
        let mut item = Layout::item(key);
        item.unsigned = policy.unsigned(Some(name)).map(str::to_owned).collect();
        item.integrity = match named.map(|resource| resource.integrity).unwrap_or_default() {
            policy::Integrity::Record => Integrity::Record,
            policy::Integrity::Field => Integrity::Field,
        };
        let json = Layout { header: Layout::json(Vec::<String>::new()).header, form: Form::Json, ..item.clone() };
        Ok(Self {
            name: name.to_owned(),
            table: named.map_or_else(|| name.to_owned(), |resource| resource.table.clone()),
            search,
            plan,
            item,
            json,
            plaintext_reads: named.map(|resource| resource.plaintext_reads).unwrap_or_default(),
            drift: named.and_then(|resource| resource.drift),
            versioned,
            format: named.map(|resource| resource.format).unwrap_or_default(),
            reads: named.map(|resource| resource.reads.clone()).unwrap_or_default(),
            db_esdk,
            item_search,
        })
    }

    /// The logical name, which records are bound to.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The physical name of the table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The names of the key attributes, partition key first.
    #[must_use]
    pub fn key(&self) -> &[String] {
        &self.item.key
    }

    /// What the policy decides of each field.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Which fields are searched for, and how.
    #[must_use]
    pub fn search(&self) -> &SearchPlan {
        &self.search
    }

    /// How the resource's records are laid out as items.
    #[must_use]
    pub fn item_layout(&self) -> &Layout {
        &self.item
    }

    /// How the resource's records are laid out as JSON documents.
    #[must_use]
    pub fn json_layout(&self) -> &Layout {
        &self.json
    }

    /// How the resource's records are laid out in this form.
    #[must_use]
    pub fn layout(&self, form: Form) -> &Layout {
        match form {
            Form::Item => &self.item,
            Form::Json => &self.json,
        }
    }

    /// What to do on meeting a record that is not sealed.
    #[must_use]
    pub fn plaintext_reads(&self) -> PlaintextReads {
        self.plaintext_reads
    }

    /// Whether records carry a version that counts their writes.
    #[must_use]
    pub fn is_versioned(&self) -> bool {
        self.versioned
    }

    /// What to do on meeting a value that is stored under another class than planned, if the policy says.
    #[must_use]
    pub fn drift(&self) -> Option<DriftReads> {
        self.drift
    }

    /// The format that the resource's items are written in.
    #[must_use]
    pub fn format(&self) -> TableFormat {
        self.format
    }

    /// How the resource's items in DB-ESDK format are laid out, if they are written or read.
    #[must_use]
    pub fn db_esdk(&self) -> Option<&dbesdk::Table> {
        self.db_esdk.as_ref()
    }

    /// Whether items in the record format are written or read.
    pub(super) fn has_records(&self) -> bool {
        self.format == TableFormat::Record || self.reads.contains(&TableFormat::Record)
    }

    /// How items in DB-ESDK format are searched for, if they are.
    pub(super) fn item_search(&self) -> Option<&ItemSearchPlan> {
        self.item_search.as_ref()
    }

    /// The indexes that searches need: of records in all versions of beacons that are written or asked for, of items in
    /// DB-ESDK format one for each beacon that is a text.
    #[must_use]
    pub fn beacon_indexes(&self) -> Vec<BeaconIndex> {
        let records = if self.has_records() { self.search.indexes() } else { Vec::new() };
        records.into_iter().chain(self.item_search.iter().flat_map(ItemSearchPlan::indexes)).collect()
    }

    /// Whether an attribute of this name is a signed beacon of items in DB-ESDK format: one with the beacon's own name,
    /// that follows from attributes which are signed and in clear.
    #[must_use]
    pub fn is_signed_beacon(&self, name: &str) -> bool {
        self.item_search.as_ref().is_some_and(|plan| plan.is_signed(name))
    }

    /// A field that the model marks as searchable and that has no beacon.
    pub(super) fn without_beacon(&self) -> Option<&str> {
        let has = |path: &str| {
            let path = Path::from(path.split('.').map(|name| Step::Key(name.to_owned())).collect::<Vec<_>>());
            !self.has_records() && self.item_search.as_ref().is_some_and(|plan| plan.has(&path))
        };
        self.search.without_beacon().iter().map(String::as_str).find(|path| !has(path))
    }

    /// The format of a stored item by the attributes that only one of them has; `Record` for an item in clear.
    pub(super) fn format_of(&self, stored: &Map) -> Result<TableFormat> {
        let is_record = stored.contains_key(&self.item.header);
        let is_item = stored.contains_key(dbesdk::HEADER) || stored.contains_key(dbesdk::FOOTER);
        let accepts = |format| self.format == format || self.reads.contains(&format);
        let refused = |format| {
            Err(Error::denied(format!(
                "an item of `{}` is stored in the format `{format}`, which is not read: add it to `reads`",
                self.name
            )))
        };
        match (is_record, is_item) {
            (true, true) if accepts(TableFormat::Record) && accepts(TableFormat::DbEsdk) => Err(Error::integrity()),
            (true, _) if accepts(TableFormat::Record) => Ok(TableFormat::Record),
            (_, true) if accepts(TableFormat::DbEsdk) => Ok(TableFormat::DbEsdk),
            (true, _) => refused("record"),
            (_, true) => refused("db-esdk"),
            (false, false) => Ok(TableFormat::Record),
        }
    }
}

/// The layout of items in DB-ESDK format, if the policy has such items written or read.
fn db_esdk_table(resource: &policy::Resource, key: &[String], policy: &Policy) -> Result<Option<dbesdk::Table>> {
    if resource.format != TableFormat::DbEsdk && !resource.reads.contains(&TableFormat::DbEsdk) {
        return Ok(None);
    }
    let (partition_key, sort_key) = match key {
        [partition_key] => (partition_key, None),
        [partition_key, sort_key] => (partition_key, Some(sort_key)),
        _ => {
            return Err(Error::config(format!(
                "items in DB-ESDK format need a partition key, and may have a sort key: say which `{}` has",
                resource.name
            )));
        }
    };
    let settings = &resource.db_esdk;
    let mut table = dbesdk::Table::new(&settings.table, partition_key)?;
    if let Some(sort_key) = sort_key {
        table = table.with_sort_key(sort_key)?;
    }
    table = table.with_unsigned(policy.unsigned(Some(&resource.name)))?.with_context(&settings.context)?;
    if let Some(prefix) = &settings.unsigned_prefix {
        table = table.with_unsigned_prefix(prefix)?;
    }
    Ok(Some(table.with_suite(if settings.signature { Suite::Signature } else { Suite::Tags })))
}
