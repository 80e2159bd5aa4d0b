//! From a document to decisions: what it does not say is filled in, what contradicts itself is refused.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::document::{ClassEntry, DbEsdkEntry, Document, FieldEntry, ResourceEntry, Rule};
use super::item_search::item_search;
use super::matrix::EVERYONE;
use super::plan::names;
use super::read::Source;
use super::rules::{NameRules, Pattern};
use super::search;
use super::{AtRest, ClassSettings, DbEsdk, Decisions, FieldOverride, Integrity, Policy, Resource, TableFormat};
use crate::classification::Classification;
use crate::error::Result;
use crate::value::MAX_DEPTH;

impl Policy {
    pub(super) fn build(source: &Source<'_>, document: Document) -> Result<Self> {
        if *document.version.get_ref() != 1 {
            return Err(source.error(document.version.span(), "unknown version; allowed: 1"));
        }
        let unsigned = document.unsigned.clone();
        let mut decisions = Decisions {
            default_class: document.default_class.unwrap_or(Classification::Confidential),
            allow_loosen: document.allow_loosen,
            unsigned: distinct(source, document.unsigned)?,
            ..Decisions::default()
        };
        if let Some(rules) = document.rules {
            decisions.rules = name_rules(source, rules)?;
        }
        let entries =
            [document.classes.public, document.classes.pii, document.classes.sensitive, document.classes.confidential];
        for ((class, settings), entry) in Classification::ALL.into_iter().zip(&mut decisions.classes).zip(entries) {
            if let Some(entry) = entry {
                settings.apply(source, class, entry, decisions.allow_loosen)?;
            }
        }
        if let Some(mut rows) = document.roles {
            let everyone = rows.remove(EVERYONE).unwrap_or_default();
            decisions.matrix.everyone = everyone.or(decisions.matrix.everyone);
            decisions.matrix.roles = rows;
        }
        decisions.fields = field_overrides(source, document.fields, &decisions)?;
        let places = clear_attributes(&unsigned, &document.resources);
        refuse_unsigned_keys(source, &unsigned, &document.resources)?;
        decisions.resources = resources(source, document.resources)?;
        let policy = Self(decisions.into());
        for (resource, attribute) in places {
            names::check_clear(&policy, resource.as_deref(), attribute.get_ref())
                .map_err(|message| source.error(attribute.span(), &message))?;
        }
        Ok(policy)
    }
}

impl ClassSettings {
    fn apply(&mut self, source: &Source<'_>, class: Classification, entry: ClassEntry, loosen: bool) -> Result<()> {
        if let Some(at_rest) = entry.at_rest {
            if *at_rest.get_ref() == AtRest::Sign && class != Classification::Public && !loosen {
                let message = format!(
                    "`sign` would store `{class}` values in clear; encrypt them, or write `allow_loosen = true`"
                );
                return Err(source.error(at_rest.span(), &message));
            }
            self.at_rest = *at_rest.get_ref();
        }
        if let Some(purposes) = entry.purposes {
            if purposes.get_ref().is_empty() {
                return Err(source.error(purposes.span(), "no purpose is named; name one, or leave `purposes` out"));
            }
            self.purposes = purposes.into_inner();
        }
        self.audit = entry.audit.unwrap_or(self.audit);
        self.min_security_level = entry.min_security_level.unwrap_or(self.min_security_level);
        self.mask = entry.mask.or(self.mask.take());
        Ok(())
    }
}

/// The name rules of a team that wrote none.
pub(super) fn default_rules() -> NameRules {
    let mut rules = NameRules::default();
    for (class, names) in DEFAULT_NAMES {
        for name in names {
            rules.add(Pattern::Name((*name).to_owned()), class);
        }
    }
    rules
}

fn name_rules(source: &Source<'_>, rules: Vec<Rule>) -> Result<NameRules> {
    let mut all = NameRules::default();
    let mut before: Vec<(Pattern, Classification, Spanned<String>)> = Vec::new();
    for rule in rules {
        if rule.names.get_ref().is_empty() {
            return Err(source.error(rule.names.span(), "the rule names nothing; add a name, or leave the rule out"));
        }
        for name in rule.names.into_inner() {
            let refuse = |message: String| Err(source.error(name.span(), &message));
            let written = name.get_ref();
            if before.len() == MAX_ENTRIES {
                return refuse("there are too many patterns; stars make fewer of them do".to_owned());
            }
            let Some(pattern) = Pattern::parse(written) else {
                return refuse(format!(
                    "`{written}` is no pattern; allowed: `name`, `na*`, `path.to.name`, `path.**.name`"
                ));
            };
            for (earlier, class, place) in &before {
                let (line, said) = (source.place(place.span()), place.get_ref());
                if *earlier == pattern && *class != rule.class {
                    return refuse(format!("`{written}` is `{}` here and `{class}` at {line}; keep one", rule.class));
                }
                if *class == rule.class && earlier.covers(&pattern) {
                    return refuse(format!("`{written}` is covered by `{said}` at {line}; leave it out"));
                }
            }
            all.add(pattern.clone(), rule.class);
            before.push((pattern, rule.class, name));
        }
    }
    Ok(all)
}

fn field_overrides(
    source: &Source<'_>,
    entries: Vec<Spanned<FieldEntry>>,
    decisions: &Decisions,
) -> Result<Vec<FieldOverride>> {
    let mut before = BTreeMap::new();
    let mut overrides = Vec::new();
    for entry in entries {
        let (whole, entry) = (entry.span(), entry.into_inner());
        let path = entry.path.get_ref();
        let names: Vec<_> = path.split('.').map(str::to_owned).collect();
        if path.contains('*') || names.iter().any(String::is_empty) || names.len() > MAX_DEPTH {
            let message = format!("`{path}` is no path of one field, like `address.city`; patterns go into `rules`");
            return Err(source.error(entry.path.span(), &message));
        }
        if let Some(place) = before.insert((entry.resource.clone(), names.clone()), source.place(whole.clone())) {
            return Err(source.error(entry.path.span(), &format!("`{path}` is at {place} already; join the two")));
        }
        if overrides.len() == MAX_ENTRIES {
            return Err(source.error(whole, "there are too many fields; rules make fewer of them do"));
        }
        let says_nothing = entry.class.is_none() && entry.mask.is_none() && entry.disclose.is_none();
        let says_nothing = says_nothing && entry.searchable.is_none() && entry.beacon.is_none();
        if says_nothing && entry.audit.is_none() && entry.categories.is_empty() {
            let message = "the field is given nothing; allowed: `class`, `mask`, `categories`, `disclose`, `audit`, \
                           `searchable`, `beacon`";
            return Err(source.error(whole, message));
        }
        if let Some(cells) = &entry.disclose {
            let known = |role: &&String| *role != EVERYONE && !decisions.matrix.roles.contains_key(*role);
            if let Some(role) = cells.get_ref().keys().find(known) {
                let message = format!("unknown role `{role}`; add a row `[roles.{role}]`, it may be empty");
                return Err(source.error(cells.span(), &message));
            }
        }
        overrides.push(FieldOverride {
            resource: entry.resource,
            names,
            class: entry.class,
            mask: entry.mask,
            categories: entry.categories,
            cells: entry.disclose.map(Spanned::into_inner),
            audit: entry.audit,
            searchable: entry.searchable,
            beacon: entry.beacon.map(|beacon| search::beacon(source, beacon)).transpose()?,
            place: source.place(whole),
        });
    }
    Ok(overrides)
}

fn resources(source: &Source<'_>, entries: BTreeMap<String, ResourceEntry>) -> Result<BTreeMap<String, Resource>> {
    let mut resources = BTreeMap::new();
    for (name, entry) in entries {
        check_format(source, &entry)?;
        let integrity = entry.integrity;
        let versioned = entry.versioned.as_ref().is_some_and(|versioned| *versioned.get_ref());
        if let Some(entry) = entry.versioned.filter(|_| versioned && integrity == Integrity::Field) {
            let message = "only record integrity authenticates a version; leave out one of `versioned` and `integrity`";
            return Err(source.error(entry.span(), message));
        }
        let resource = Resource {
            versioned,
            format: entry.format.map(Spanned::into_inner).unwrap_or_default(),
            reads: entry.reads,
            db_esdk: db_esdk(source, &name, entry.db_esdk.map(Spanned::into_inner).unwrap_or_default())?,
            table: entry.table.unwrap_or_else(|| name.clone()),
            class: entry.class,
            key: distinct(source, entry.key)?,
            integrity,
            unsigned: distinct(source, entry.unsigned)?,
            plaintext_reads: entry.plaintext_reads,
            drift: entry.drift,
            search: entry.search.map(|search| search::search(source, search)).transpose()?.unwrap_or_default(),
            name: name.clone(),
        };
        resources.insert(name, resource);
    }
    Ok(resources)
}

fn check_format(source: &Source<'_>, entry: &ResourceEntry) -> Result<()> {
    let is_written = entry.format.as_ref().is_some_and(|format| *format.get_ref() == TableFormat::DbEsdk);
    if let (Some(format), Integrity::Field, true) = (&entry.format, entry.integrity, is_written) {
        let message = "items in DB-ESDK format have integrity as a whole; leave `integrity` out, or write records";
        return Err(source.error(format.span(), message));
    }
    let search = entry.search.as_ref().filter(|_| !entry.reads.contains(&TableFormat::Record));
    let record_only = entry.versioned.as_ref().map(Spanned::span).or(search.map(Spanned::span));
    if let (Some(span), true) = (record_only, is_written) {
        let message = "items in DB-ESDK format have no record versions, and their beacons no versions; leave out `versioned` \
                       and `search`, and say under `db_esdk.search` what AWS's clients do";
        return Err(source.error(span, message));
    }
    match &entry.db_esdk {
        Some(settings) if !is_written && !entry.reads.contains(&TableFormat::DbEsdk) => Err(source.error(
            settings.span(),
            "nothing is written or read in DB-ESDK format; say `format = \"db-esdk\"` or `reads = [\"db-esdk\"]`",
        )),
        _ => Ok(()),
    }
}

fn db_esdk(source: &Source<'_>, resource: &str, entry: DbEsdkEntry) -> Result<DbEsdk> {
    Ok(DbEsdk {
        table: entry.table.unwrap_or_else(|| resource.to_owned()),
        context: distinct(source, entry.context)?,
        unsigned_prefix: entry.unsigned_prefix,
        signature: entry.signature.unwrap_or(true),
        search: entry.search.map(|search| item_search(source, search)).transpose()?,
    })
}

fn distinct(source: &Source<'_>, names: Vec<Spanned<String>>) -> Result<Vec<String>> {
    let mut seen = BTreeSet::new();
    for name in &names {
        if !seen.insert(name.get_ref()) {
            return Err(source.error(name.span(), &format!("`{}` is here twice; keep one", name.get_ref())));
        }
    }
    Ok(names.into_iter().map(Spanned::into_inner).collect())
}

fn refuse_unsigned_keys(
    source: &Source<'_>,
    unsigned: &[Spanned<String>],
    resources: &BTreeMap<String, ResourceEntry>,
) -> Result<()> {
    for (name, entry) in resources {
        let is_key = |attribute: &&Spanned<String>| entry.key.iter().any(|key| key.get_ref() == attribute.get_ref());
        if let Some(attribute) = entry.unsigned.iter().chain(unsigned).find(is_key) {
            let attribute_name = attribute.get_ref();
            let message = format!("`{attribute_name}` is a key of `{name}`, and keys are signed; leave it out here");
            return Err(source.error(attribute.span(), &message));
        }
    }
    Ok(())
}

/// The attributes that are stored in clear, each with the resource it belongs to.
fn clear_attributes(
    unsigned: &[Spanned<String>],
    resources: &BTreeMap<String, ResourceEntry>,
) -> Vec<(Option<String>, Spanned<String>)> {
    let own = resources.iter().flat_map(|(name, entry)| {
        let context = entry.db_esdk.iter().flat_map(|settings| &settings.get_ref().context);
        let all = entry.key.iter().chain(&entry.unsigned).chain(unsigned).chain(context);
        all.map(|attribute| (Some(name.clone()), attribute.clone()))
    });
    unsigned.iter().map(|attribute| (None, attribute.clone())).chain(own).collect()
}

const DEFAULT_NAMES: [(Classification, &[&str]); 4] = [
    (Classification::Pii, &["email", "phone", "ssn", "address"]),
    (Classification::Sensitive, &["password", "api_key", "token"]),
    (Classification::Confidential, &["financial_data", "health_records"]),
    (Classification::Public, &["name", "id", "created_at"]),
];

// What a plan's states can count.
const MAX_ENTRIES: usize = u16::MAX as usize;
