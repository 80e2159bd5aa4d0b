//! What a team decided about its data: names, classes, roles, single fields, resources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::classification::{Classification, ClassificationSet};
use crate::error::{Error, ErrorKind, Result};
use crate::principal::Principal;

mod build;
mod document;
mod item_search;
mod matrix;
mod name;
pub mod plan;
mod read;
mod rules;
mod search;

#[cfg(test)]
mod tests;

pub use item_search::ItemSearch;
pub use matrix::Disclosure;
use matrix::{Cell, FieldCells, Matrix, Row};
use read::Source;
use rules::NameRules;
use search::BeaconRule;
pub use search::{Compound, Search};

/// What a team decided about its data. Cheap to clone.
///
/// [`Policy::default`] is what goes when nobody decides: see `docs/POLICY.md` for its table and for how a document is
/// written.
///
/// ```
/// use privet_core::policy::{Disclosure, Policy};
/// use privet_core::principal::Principal;
/// use privet_core::{Classification, ClassificationSet};
///
/// let policy = Policy::from_toml(r#"
///     version = 1
///     [roles.support]
///     pii = "partial"
/// "#)?;
/// let pii = ClassificationSet::of(Classification::Pii);
/// assert_eq!(policy.disclosure(pii, &Principal::new("u-1").role("support")), Disclosure::Partial);
/// assert_eq!(policy.disclosure(pii, &Principal::new("u-2")), Disclosure::Mask);
/// # Ok::<(), privet_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policy(Arc<Decisions>);

impl Policy {
    /// Reads a policy written in TOML.
    ///
    /// # Errors
    ///
    /// `Config` for a document that is malformed or contradicts itself, with line, column and what is allowed there.
    pub fn from_toml(text: &str) -> Result<Self> {
        let source = Source { name: "policy", text };
        Self::build(&source, source.toml()?)
    }

    /// Reads a policy written in JSON.
    ///
    /// # Errors
    ///
    /// As [`Policy::from_toml`].
    pub fn from_json(text: &str) -> Result<Self> {
        let source = Source { name: "policy", text };
        Self::build(&source, source.json()?)
    }

    /// Reads a policy from a file: JSON if its name ends in `.json`, otherwise TOML.
    ///
    /// # Errors
    ///
    /// `Io` if the file cannot be read; otherwise as [`Policy::from_toml`], with the file's name.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::new(ErrorKind::Io, format!("the policy `{name}` cannot be read")).with_source(error)
        })?;
        let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let source = Source { name: &name, text: &text };
        Self::build(&source, if is_json { source.json()? } else { source.toml()? })
    }

    /// The JSON Schema of the policy document, for editors.
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        document::json_schema()
    }

    /// The policy with one more resource, for tables that are known to the program and not to the document. What is said
    /// of it is checked when it is first used, like the rest of the policy for it.
    ///
    /// # Errors
    ///
    /// `Config` if the policy names the resource already.
    pub fn with_resource(self, resource: Resource) -> Result<Self> {
        let mut decisions = Arc::unwrap_or_clone(self.0);
        if decisions.resources.contains_key(&resource.name) {
            return Err(Error::config(format!("the policy names the resource `{}` already", resource.name)));
        }
        decisions.resources.insert(resource.name.clone(), resource);
        Ok(Self(Arc::new(decisions)))
    }

    /// The policy with another say about records of this resource that are in clear: for jobs that seal them.
    ///
    /// # Errors
    ///
    /// `Config` if the policy does not name the resource.
    pub fn with_plaintext_reads(self, resource: &str, reads: PlaintextReads) -> Result<Self> {
        let mut decisions = Arc::unwrap_or_clone(self.0);
        let Some(named) = decisions.resources.get_mut(resource) else {
            return Err(Error::config(format!("the policy does not name the resource `{resource}`")));
        };
        named.plaintext_reads = reads;
        Ok(Self(Arc::new(decisions)))
    }

    /// What the policy says of a resource, if it names it.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&Resource> {
        self.0.resources.get(name)
    }

    /// The resources that the policy names.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.0.resources.values()
    }

    /// The names of the roles that have a row in the matrix, `everyone` left out.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.matrix.roles.keys().map(String::as_str)
    }

    /// The patterns of the name rules, in the one spelling, with what each says.
    #[must_use]
    pub fn name_rules(&self) -> Vec<(String, ClassificationSet)> {
        self.0.rules.patterns()
    }

    /// The paths of single fields that the document says something of, with their resource if it names one.
    pub fn field_paths(&self) -> impl Iterator<Item = (Option<&str>, String)> {
        self.0.fields.iter().map(|field| (field.resource.as_deref(), field.names.join(".")))
    }

    /// The class of a name that no rule matches.
    #[must_use]
    pub fn default_class(&self) -> Classification {
        self.0.default_class
    }

    /// What happens to values of this class at rest.
    #[must_use]
    pub fn at_rest(&self, class: Classification) -> AtRest {
        self.0.class(class).at_rest
    }

    /// The class that a value of these classes is sealed under: the greatest of those that are encrypted at rest.
    #[must_use]
    pub fn sealed_under(&self, classes: ClassificationSet) -> Option<Classification> {
        classes.iter().filter(|class| self.at_rest(*class) == AtRest::Encrypt).last()
    }

    /// Whether showing a value of these classes leaves an audit event.
    #[must_use]
    pub fn is_audited(&self, classes: ClassificationSet) -> bool {
        classes.iter().any(|class| self.0.class(class).audit)
    }

    /// How much of a value of these classes the principal may see: the least that any of them allows. A value of no
    /// class is taken for one of the default class.
    #[must_use]
    pub fn disclosure(&self, classes: ClassificationSet, principal: &Principal) -> Disclosure {
        let classes = if classes.is_empty() { ClassificationSet::of(self.0.default_class) } else { classes };
        let each = classes.iter().map(|class| self.0.disclosure(class, None, principal));
        each.min().unwrap_or(Disclosure::Withhold)
    }

    /// A text that is the same for the same decisions, wherever they are written. For digests; it is no document.
    pub(crate) fn canonical(&self) -> String {
        let mut decisions = Decisions::clone(&self.0);
        decisions.fields.iter_mut().for_each(|over| over.place.clear());
        format!("{decisions:?}")
    }

    /// Top-level attributes of a resource's records that are stored in clear and left out of the signature.
    pub fn unsigned(&self, resource: Option<&str>) -> impl Iterator<Item = &str> {
        let own = resource.and_then(|name| self.resource(name));
        let own = own.into_iter().flat_map(|resource| resource.unsigned.iter());
        self.0.unsigned.iter().chain(own).map(String::as_str).collect::<BTreeSet<_>>().into_iter()
    }
}

/// The policy of a team that wrote none.
impl Default for Policy {
    fn default() -> Self {
        Self(Arc::new(Decisions::default()))
    }
}

/// What happens to a value at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AtRest {
    /// It is sealed under its class's data key.
    Encrypt,
    /// It is stored in clear and protected against change.
    Sign,
}

/// What a signature spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Integrity {
    /// The whole record: a field that was dropped or moved is noticed.
    #[default]
    Record,
    /// Each field on its own, so that one can be updated without reading the record.
    Field,
}

/// What to do on meeting a record that is not sealed: the state of a migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlaintextReads {
    /// Refuse it: the end state.
    #[default]
    Refuse,
    /// Read it and count it.
    Count,
    /// Read it.
    Allow,
}

/// What to do on meeting a value that is stored under another class than the policy gives it now, or in clear where it
/// should be sealed.
///
/// # Security
///
/// Who holds the key of one class and may write to the table can seal a whole record anew under that class. To a reader
/// that is a change of policy since the record was written: drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DriftReads {
    /// Open it by what is stored, and report it.
    Report,
    /// Refuse the record: the state of a table all of whose records are known to be on this policy.
    Refuse,
}

/// What the items of a table are stored as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TableFormat {
    /// The privet record format: a data key a class.
    #[default]
    Record,
    /// What AWS's database encryption clients write and read: a data key an item.
    DbEsdk,
}

/// How items in DB-ESDK format are laid out: what all clients of the table agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DbEsdk {
    /// The logical name of the table, which items are bound to.
    pub table: String,
    /// Attributes that are bound in the encryption context, in clear.
    pub context: Vec<String>,
    /// What names of attributes begin with that are stored in clear and left out of the signature.
    pub unsigned_prefix: Option<String>,
    /// Whether items are signed, or have tags only.
    pub signature: bool,
    /// How items are searched for, beside the beacons of `fields`. Where items are only read, they are searched for if
    /// this is said.
    pub search: Option<ItemSearch>,
}

impl DbEsdk {
    /// Signed items of the table with this logical name.
    pub fn new(table: impl Into<String>) -> Self {
        Self { table: table.into(), context: Vec::new(), unsigned_prefix: None, signature: true, search: None }
    }
}

/// What a policy says of a table or collection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resource {
    /// The name that models and callers use.
    pub name: String,
    /// The physical name.
    pub table: String,
    /// The class of what is kept in it as a whole, such as S3 objects. If not said, it is the policy's default class.
    pub class: Option<Classification>,
    /// The key attributes, partition key first; empty if the policy does not say.
    pub key: Vec<String>,
    /// What a signature spans.
    pub integrity: Integrity,
    /// Top-level attributes that are stored in clear and left out of the signature, beside those of all resources.
    pub unsigned: Vec<String>,
    /// What to do on meeting a record that is not sealed.
    pub plaintext_reads: PlaintextReads,
    /// What to do on meeting a value that is stored under another class than planned. If not said, it is reported; but
    /// without record integrity, which proves what was written, a value in clear that should be sealed is refused.
    pub drift: Option<DriftReads>,
    /// Whether each record carries a version that counts its writes. Only with record integrity.
    pub versioned: bool,
    /// The versions of its beacons, and beacons of several fields.
    pub search: Search,
    /// The format that items are written in.
    pub format: TableFormat,
    /// Formats that are read beside the one that is written.
    pub reads: Vec<TableFormat>,
    /// How items in DB-ESDK format are laid out, where they are written or read.
    pub db_esdk: DbEsdk,
}

impl Resource {
    /// A resource whose table has its name, with record integrity, nothing unsigned, and no record in clear.
    pub fn new(name: impl Into<String>, key: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let name = name.into();
        Self {
            db_esdk: DbEsdk::new(name.clone()),
            format: TableFormat::Record,
            reads: Vec::new(),
            table: name.clone(),
            name,
            class: None,
            key: key.into_iter().map(Into::into).collect(),
            integrity: Integrity::Record,
            unsigned: Vec::new(),
            plaintext_reads: PlaintextReads::Refuse,
            drift: None,
            versioned: false,
            search: Search::default(),
        }
    }
}

/// Everything that a policy decides.
#[derive(Clone, Debug)]
struct Decisions {
    default_class: Classification,
    allow_loosen: bool,
    unsigned: Vec<String>,
    rules: NameRules,
    // In the order of `Classification::ALL`.
    classes: [ClassSettings; 4],
    matrix: Matrix,
    fields: Vec<FieldOverride>,
    resources: BTreeMap<String, Resource>,
}

/// What goes for a class.
#[derive(Clone, Debug)]
struct ClassSettings {
    at_rest: AtRest,
    audit: bool,
    min_security_level: u32,
    // Any purpose, even none, if empty.
    purposes: Vec<String>,
    mask: Option<String>,
}

/// What one field has in place of what names and classes say.
#[derive(Clone, Debug)]
struct FieldOverride {
    resource: Option<String>,
    names: Vec<String>,
    class: Option<Classification>,
    mask: Option<String>,
    categories: Vec<String>,
    cells: Option<FieldCells>,
    audit: Option<bool>,
    searchable: Option<bool>,
    beacon: Option<BeaconRule>,
    // Where the document says so: `policy.toml:12:1`.
    place: String,
}

impl Decisions {
    fn class(&self, class: Classification) -> &ClassSettings {
        let [public, pii, sensitive, confidential] = &self.classes;
        match class {
            Classification::Public => public,
            Classification::Pii => pii,
            Classification::Sensitive => sensitive,
            Classification::Confidential => confidential,
        }
    }

    /// How much of a value of this class, in a field with these cells, the principal may see.
    fn disclosure(&self, class: Classification, cells: Option<&FieldCells>, principal: &Principal) -> Disclosure {
        let settings = self.class(class);
        let allowed = self.matrix.disclosure(class, cells, principal);
        if settings.admits(principal) { allowed } else { allowed.min(Disclosure::Mask) }
    }
}

impl ClassSettings {
    fn admits(&self, principal: &Principal) -> bool {
        let has_purpose = |stated: &str| self.purposes.iter().any(|purpose| purpose == stated);
        principal.level() >= self.min_security_level
            && (self.purposes.is_empty() || principal.stated_purpose().is_some_and(has_purpose))
    }
}

impl Default for Decisions {
    fn default() -> Self {
        use Cell::{Mask, Partial, Reveal};
        let settings =
            |at_rest, audit| ClassSettings { at_rest, audit, min_security_level: 0, purposes: Vec::new(), mask: None };
        Self {
            default_class: Classification::Confidential,
            allow_loosen: false,
            unsigned: Vec::new(),
            rules: build::default_rules(),
            classes: [
                settings(AtRest::Sign, false),
                settings(AtRest::Encrypt, false),
                settings(AtRest::Encrypt, false),
                settings(AtRest::Encrypt, true),
            ],
            matrix: Matrix {
                everyone: Row::full(Reveal, Mask, Mask, Mask),
                roles: BTreeMap::from([
                    ("admin".to_owned(), Row::full(Reveal, Reveal, Mask, Reveal)),
                    ("manager".to_owned(), Row::full(Reveal, Partial, Mask, Mask)),
                ]),
            },
            fields: Vec::new(),
            resources: BTreeMap::new(),
        }
    }
}
