//! The policy document as it is written: the shape that TOML and JSON share, and its JSON Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::item_search::ItemSearchEntry;
use super::matrix::{FieldCells, Row};
use super::{AtRest, DriftReads, Integrity, PlaintextReads, TableFormat};
use crate::classification::Classification;

/// A privet policy: which names are of which class, what happens to a class at rest, and who sees how much of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "privet policy")]
pub(super) struct Document {
    /// The version of the document's format: 1.
    #[schemars(with = "u32", range(min = 1, max = 1))]
    pub(super) version: Spanned<u32>,
    /// The class of a name that no rule matches; `confidential` if not said.
    pub(super) default_class: Option<Classification>,
    /// Whether `fields` may say less than a model or a class does, and delicate classes may be stored in clear.
    #[serde(default)]
    pub(super) allow_loosen: bool,
    /// Top-level attributes of any record that are stored in clear and left out of the signature (`ttl`).
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) unsigned: Vec<Spanned<String>>,
    /// The name rules. A document that has any has only these; without, those of the default policy stand.
    pub(super) rules: Option<Vec<Rule>>,
    /// What goes for each class. What is not said is as in the default policy.
    #[serde(default)]
    pub(super) classes: Classes,
    /// The role matrix: a row a role. A document that has any has only these; without, the default ones stand. Cells
    /// that a row lacks are those of the row `everyone`, and cells that lacks are the default policy's.
    pub(super) roles: Option<BTreeMap<String, Row>>,
    /// What single fields have in place of what names and classes say.
    #[serde(default)]
    #[schemars(with = "Vec<FieldEntry>")]
    pub(super) fields: Vec<Spanned<FieldEntry>>,
    /// The tables and collections, by the name that models and callers use.
    #[serde(default)]
    pub(super) resources: BTreeMap<String, ResourceEntry>,
}

/// A name rule: values with such a name on their path are of this class.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// The class.
    pub(super) class: Classification,
    /// The names, in any spelling (snake, camel, kebab): `api_key`, with stars `card_*`, or from the record's root
    /// `customer.address.zip`, where `**` stands for any number of names.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub(super) names: Spanned<Vec<Spanned<String>>>,
}

/// What goes for each class.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Classes {
    /// Anyone may see it.
    pub(super) public: Option<ClassEntry>,
    /// It identifies or reaches a person.
    pub(super) pii: Option<ClassEntry>,
    /// It opens something.
    pub(super) sensitive: Option<ClassEntry>,
    /// It would do harm if known.
    pub(super) confidential: Option<ClassEntry>,
}

/// What goes for a class.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClassEntry {
    /// Whether values are encrypted, or stored in clear and only signed.
    #[schemars(with = "Option<AtRest>")]
    pub(super) at_rest: Option<Spanned<AtRest>>,
    /// Whether showing a value, or a part of it, leaves an audit event.
    pub(super) audit: Option<bool>,
    /// Callers below this level see a full mask at most.
    pub(super) min_security_level: Option<u32>,
    /// Callers who state none of these purposes see a full mask at most.
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    pub(super) purposes: Option<Spanned<Vec<String>>>,
    /// The mask of a partial disclosure, for fields that name none.
    pub(super) mask: Option<String>,
}

/// What one field has in place of what names and classes say.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldEntry {
    /// The field, from the record's root, spelt as it is stored: `address.city`. No stars.
    #[schemars(with = "String")]
    pub(super) path: Spanned<String>,
    /// The resource whose field it is; any if not said.
    pub(super) resource: Option<String>,
    /// Its class.
    pub(super) class: Option<Classification>,
    /// Its mask.
    pub(super) mask: Option<String>,
    /// More category tags: `phi`, `pci`.
    #[serde(default)]
    pub(super) categories: Vec<String>,
    /// Cells of the role matrix for this field alone.
    #[serde(default)]
    #[schemars(with = "FieldCells")]
    pub(super) disclose: Option<Spanned<FieldCells>>,
    /// Whether showing it leaves an audit event.
    pub(super) audit: Option<bool>,
    /// Whether it can be searched for, if a beacon is said; what the model says if not said.
    pub(super) searchable: Option<bool>,
    /// The beacon that it is searched for by.
    #[schemars(with = "Option<BeaconEntry>")]
    pub(super) beacon: Option<Spanned<BeaconEntry>>,
}

/// The beacon of a field: a keyed, shortened hash that is stored beside the sealed value.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BeaconEntry {
    /// How many bits it has, in all versions that are not in `lengths`.
    #[schemars(range(min = 1, max = 63))]
    pub(super) length: u8,
    /// How many bits it has in single versions: `{ 2 = 14 }`.
    #[serde(default)]
    pub(super) lengths: BTreeMap<String, u8>,
    /// What its attribute is called after `privet_b1_`, the path with underscores if not said; in items in DB-ESDK format
    /// after `aws_dbe_b_`, the path if not said.
    pub(super) name: Option<String>,
    /// Whether members of a set or list are searched for, and not the value as a whole.
    #[serde(default)]
    pub(super) members: bool,
}

/// A table or collection.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceEntry {
    /// Its physical name, of a table or a bucket; the resource's own if not said.
    pub(super) table: Option<String>,
    /// The class of what is kept in it as a whole, such as S3 objects; `default_class` if not said.
    pub(super) class: Option<Classification>,
    /// The key attributes, partition key first. They are stored in clear and must be of class `public`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) key: Vec<Spanned<String>>,
    /// What a signature spans; `record` if not said.
    #[serde(default)]
    pub(super) integrity: Integrity,
    /// Top-level attributes stored in clear and left out of the signature, beside the document's own.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) unsigned: Vec<Spanned<String>>,
    /// What to do on meeting a record that is not sealed; `refuse` if not said.
    #[serde(default)]
    pub(super) plaintext_reads: PlaintextReads,
    /// What to do on meeting a value that is stored under another class than the policy gives it now. If not said:
    /// report it, but with `integrity = "field"` refuse what is in clear and should be sealed.
    pub(super) drift: Option<DriftReads>,
    /// Whether each record carries a version that counts its writes and is bound into it: writes are refused that did
    /// not read the latest, and a reader can refuse what is older than it has seen. Only with `integrity = "record"`.
    #[serde(default)]
    #[schemars(with = "bool")]
    pub(super) versioned: Option<Spanned<bool>>,
    /// The versions of its beacons, and beacons of several fields.
    #[serde(default)]
    #[schemars(with = "SearchEntry")]
    pub(super) search: Option<Spanned<SearchEntry>>,
    /// The format that items are written in; `record` if not said.
    #[schemars(with = "Option<TableFormat>")]
    pub(super) format: Option<Spanned<TableFormat>>,
    /// Formats that are read beside the one that is written: the state of a migration.
    #[serde(default)]
    pub(super) reads: Vec<TableFormat>,
    /// How items in DB-ESDK format are laid out.
    #[schemars(with = "Option<DbEsdkEntry>")]
    pub(super) db_esdk: Option<Spanned<DbEsdkEntry>>,
}

/// How a resource's records are searched for.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchEntry {
    /// The versions of beacons that are written; `[1]` if not said.
    pub(super) write: Option<Vec<u8>>,
    /// The versions that are asked for; those that are written if not said.
    pub(super) query: Option<Vec<u8>>,
    /// Beacons of several fields.
    #[serde(default)]
    pub(super) compound: Vec<CompoundEntry>,
}

/// A beacon of several fields, which are searched for from the first on.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompoundEntry {
    /// What its attribute is called after `privet_b1_`.
    pub(super) name: String,
    /// The fields, each with a beacon of its own.
    pub(super) fields: Vec<String>,
    /// A text in clear that comes last, so that its beginning can be searched for.
    pub(super) sort: Option<String>,
}

/// How items in DB-ESDK format are laid out: what all clients of the table agree on.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DbEsdkEntry {
    /// The logical name of the table, which items are bound to; the resource's name if not said.
    pub(super) table: Option<String>,
    /// Attributes that are bound in the encryption context, in clear: of class `public`, and in every item.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) context: Vec<Spanned<String>>,
    /// What names of attributes begin with that are stored in clear and left out of the signature, beside `unsigned`.
    pub(super) unsigned_prefix: Option<String>,
    /// Whether items are signed (suite 0x6701), or have tags only (0x6700); `true` if not said.
    pub(super) signature: Option<bool>,
    /// How items are searched for: AWS's beacons, beside those of `fields`.
    pub(super) search: Option<ItemSearchEntry>,
}

/// The JSON Schema of the document.
pub(super) fn json_schema() -> Json {
    let mut schema = schemars::schema_for!(Document).to_value();
    without_null(&mut schema);
    schema
}

/// An entry that says nothing is left out, not null; schemars allows null for whatever is optional.
fn without_null(schema: &mut Json) {
    match schema {
        Json::Array(schemas) => schemas.iter_mut().for_each(without_null),
        Json::Object(entries) => {
            entries.retain(|name, entry| name != "default" || !entry.is_null());
            if let Some(Json::Array(types)) = entries.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    entries.insert("type".to_owned(), only);
                }
            }
            if let Some(Json::Array(choices)) = entries.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
                if let [Json::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    entries.remove("anyOf");
                    entries.extend(only);
                }
            }
            entries.values_mut().for_each(without_null);
        }
        _ => {}
    }
}
