//! How the records of one resource are protected: what the policy decides of each field, and how a record is laid out.

use crate::error::{Error, Result};
use crate::mask::Masks;
use crate::policy::plan::Plan;
use crate::policy::{self, DriftReads, PlaintextReads, Policy};
use crate::record::{Form, Integrity, Layout};
use crate::schema::Schema;

/// How the records of one logical table or collection are protected.
#[derive(Debug)]
pub struct Resource {
    name: String,
    table: String,
    plan: Plan,
    item: Layout,
    json: Layout,
    plaintext_reads: PlaintextReads,
    drift: Option<DriftReads>,
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
        Ok(Self::new(name, key, plan, policy))
    }

    pub(super) fn without_model(name: &str, policy: &Policy, masks: &Masks) -> Result<Self> {
        let plan = Plan::for_resource(name, policy, masks)?;
        let key = policy.resource(name).map(|resource| resource.key.clone()).unwrap_or_default();
        Ok(Self::new(name, key, plan, policy))
    }

    fn new(name: &str, key: Vec<String>, plan: Plan, policy: &Policy) -> Self {
        let named = policy.resource(name);
        let mut item = Layout::item(key);
        item.unsigned = policy.unsigned(Some(name)).map(str::to_owned).collect();
        item.integrity = match named.map(|resource| resource.integrity).unwrap_or_default() {
            policy::Integrity::Record => Integrity::Record,
            policy::Integrity::Field => Integrity::Field,
        };
        let json = Layout { header: Layout::json(Vec::<String>::new()).header, form: Form::Json, ..item.clone() };
        Self {
            name: name.to_owned(),
            table: named.map_or_else(|| name.to_owned(), |resource| resource.table.clone()),
            plan,
            item,
            json,
            plaintext_reads: named.map(|resource| resource.plaintext_reads).unwrap_or_default(),
            drift: named.and_then(|resource| resource.drift),
        }
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

    /// What to do on meeting a value that is stored under another class than planned, if the policy says.
    #[must_use]
    pub fn drift(&self) -> Option<DriftReads> {
        self.drift
    }
}
