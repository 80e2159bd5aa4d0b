//! An update turned into one of what is stored: which values are sealed, under which header, and on what condition it is
//! written.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use privet_core::ErrorKind;
use privet_core::dbesdk;
use privet_core::policy::{PlaintextReads, TableFormat};
use privet_core::protector::{Protector, Resource};
use privet_core::record::{Header, Integrity, Updated, escaped, sealed_class};
use privet_core::value::{Map, Path, Step, Value};

use crate::check;
use crate::convert::from_item_ref;
use crate::error::{Error, Item, Result};
use crate::expression::{Action, Condition, Function, Operand, Placeholders, Source, Update, Writer, apply};
use crate::size::check_size;

/// An update as its caller gave it, checked.
pub(crate) struct Updating<'r> {
    resource: &'r Resource,
    key: Map,
    pub(crate) update: Update,
    condition: Option<Condition>,
}

/// An update as it is sent.
pub(crate) struct Written {
    pub(crate) update: String,
    pub(crate) condition: String,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
    pub(crate) expect: Expect,
    /// Elements of lists that have to be there: past its end, one would be put at another position than it was sealed for.
    pub(crate) in_place: Vec<Path>,
}

/// What is read of an item before it is updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// Its header.
    Header,
    /// All of it.
    Whole,
}

/// What an item has to be like for a write not to lose another one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expect {
    /// Not there.
    Absent,
    /// There, in clear.
    Plain,
    /// There, with a header that starts like this: any, or one without record integrity.
    Sealed(&'static [u8]),
    /// There, with this very header.
    Header(Vec<u8>),
    /// There in DB-ESDK format, with this very header: each time that an item is written it gets another one.
    Item(Vec<u8>),
    /// Like that, and with these values, as they are stored; nothing where there is none.
    Values(Box<Self>, Vec<(Path, Option<Value>)>),
}

impl<'r> Updating<'r> {
    pub(crate) fn new(
        resource: &'r Resource,
        key: Option<&Item>,
        update: Option<&str>,
        condition: Option<&str>,
        placeholders: &Placeholders<'_>,
    ) -> Result<Self> {
        let update = update.map(|text| Update::parse(text, placeholders)).transpose()?.unwrap_or_default();
        check::update(resource, &update)?;
        let condition = condition.map(|text| check::condition(resource, text, placeholders)).transpose()?;
        placeholders.check_all_used()?;
        let key = key.map(from_item_ref).transpose()?.unwrap_or_default();
        Ok(Self { resource, key, update, condition: condition.map(|checked| checked.condition) })
    }

    /// What has to be read for an update that cannot go without.
    pub(crate) fn read(&self) -> Read {
        match self.resource.item_layout().integrity {
            Integrity::Record => Read::Whole,
            Integrity::Field => Read::Header,
        }
    }

    /// The update as it is, if it touches nothing that is sealed or tagged.
    pub(crate) fn without_reading(&self) -> Result<Option<Written>> {
        let layout = self.resource.item_layout();
        let is_unsigned = self.update.0.iter().all(|action| check::is_among_unsigned(self.resource, action));
        let expect = match layout.integrity {
            _ if is_unsigned && !self.update.0.is_empty() => Expect::Sealed(&[]),
            Integrity::Field => Expect::Sealed(&Header::FIELD_INTEGRITY),
            Integrity::Record => return Ok(None),
        };
        // The beacons of what is searched for change with it.
        if self.update.paths().any(|path| self.resource.has_beacons(path)) {
            return Ok(None);
        }
        for action in &self.update.0 {
            if let Action::Set(path, Source::Value(value)) = action
                && !self.resource.plan().place(path, value)?.is_clear()
            {
                return Ok(None);
            }
        }
        let actions = self.update.0.iter().cloned().map(stored_action).collect();
        Ok(Some(self.write(Update(actions), Vec::new(), expect)))
    }

    /// The update of an item that is like this one now; `None` if more of it has to be read.
    pub(crate) async fn of(&self, privet: &Protector, read: Read, item: Option<Map>) -> Result<Option<Written>> {
        let layout = self.resource.item_layout();
        let expect = Expect::of(self.resource, item.as_ref());
        let Some(item) = item else { return self.create(privet).await.map(Some) };
        let Some(header) = expect.header() else {
            if self.resource.plaintext_reads() == PlaintextReads::Refuse {
                return Err(privet_core::Error::integrity().into());
            }
            let message = "the item is stored in clear, and an update would seal a part of it: read it and put it anew";
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let is_item = matches!(expect, Expect::Item(_));
        if !is_item && header.starts_with(&Header::FIELD_INTEGRITY) && layout.integrity == Integrity::Field {
            let mut sources: Vec<_> = self.update.paths().flat_map(|path| self.resource.beacon_sources(path)).collect();
            if !sources.is_empty() && read == Read::Header {
                return Ok(None);
            }
            sources.sort_unstable();
            sources.dedup();
            return self.values(privet, item, header.to_vec(), sources).await.map(Some);
        }
        if read == Read::Header {
            return Ok(None);
        }
        let stored = privet.open_stored(self.resource, item).await?;
        let mut record = stored.record().clone();
        apply(&self.update, &mut record)?;
        let updated = privet.update_record(self.resource, &stored, record).await?;
        let mut after = stored.stored().clone();
        for (path, value) in &updated.values {
            match value {
                Some(value) => after.insert(path.root().to_owned(), value.clone()),
                None => after.remove(path.root()),
            };
        }
        check_size(crate::size::item_size(stored.stored()), &after)?;
        let expect = expect.with(unsigned_before(self.resource, &updated, stored.stored()));
        Ok(Some(self.write(actions(self.resource, updated), Vec::new(), expect)))
    }

    /// What DynamoDB cannot do with this item, if that is because of what it has sealed as one value: go into it, or
    /// compute with it. The policy would not seal it like that now, or an update of it would have been refused before. An
    /// item that is read whole is opened and computed with here.
    pub(crate) fn refusal(&self, item: &Map) -> Option<Error> {
        if self.read() == Read::Whole {
            return None;
        }
        let sealed = self.update.0.iter().find_map(|action| {
            let replaces = matches!(action, Action::Set(_, Source::Value(_)) | Action::Remove(_));
            let mut read = Vec::new();
            if let Action::Set(_, source) = action {
                source.reads(&mut read);
            }
            let changed = sealed_around(action.path(), item, replaces);
            changed.or_else(|| read.into_iter().find_map(|path| sealed_around(path, item, false)))
        })?;
        Some(Error::new(
            ErrorKind::Unsupported,
            format!("the item has `{sealed}` sealed as one value, which the table cannot look into: set it as a whole"),
        ))
    }

    /// As DynamoDB makes an item of an update: its key, and what the update sets.
    async fn create(&self, privet: &Protector) -> Result<Written> {
        let mut record = self.key.clone();
        apply(&self.update, &mut record)?;
        let sealed = privet.protect_next(self.resource, record, None).await?;
        let attributes = sealed.into_iter().filter(|(name, _)| !self.key.contains_key(name));
        let actions =
            attributes.map(|(name, value)| Action::Set(Path::attribute(name), Source::Value(value))).collect();
        Ok(self.write(Update(actions), Vec::new(), Expect::Absent))
    }

    /// Single values sealed under the header that is there. `sources` are the places of the values that their beacons are
    /// made of beside them: these have to stay as they were read, since the header does not change with each update.
    async fn values(&self, privet: &Protector, item: Map, header: Vec<u8>, sources: Vec<Path>) -> Result<Written> {
        let (mut changes, mut rest, mut in_place) = (Vec::new(), Vec::new(), Vec::new());
        for action in self.update.0.iter().cloned() {
            match action {
                Action::Set(path, Source::Value(value)) => {
                    let is_clear = self.resource.plan().place(&path, &value)?.is_clear();
                    if !is_clear && matches!(path.steps().last(), Some(Step::Index(_))) {
                        in_place.push(path.clone());
                    }
                    changes.push((path, Some(value)));
                }
                Action::Remove(path) => changes.push((path, None)),
                other => rest.push(stored_action(other)),
            }
        }
        let (updated, expect) = if sources.is_empty() {
            let updated = privet.update_values(self.resource, &self.key, &header, changes).await?;
            (updated, Expect::Header(header))
        } else {
            // What the table would work out has to be known for the beacons that are made of it.
            let (derived, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|action: &Action| self.resource.has_beacons(action.path()));
            rest = others;
            let pinned = sources.into_iter().chain(derived.iter().map(|action| action.path().clone()));
            let values = pinned.map(|source| stored_at(source, &item)).collect();
            let stored = privet.open_stored(self.resource, item).await?;
            let mut record = stored.record().clone();
            apply(&self.update, &mut record)?;
            for path in derived.iter().map(Action::path) {
                changes.push((path.clone(), path.find(&record).cloned()));
            }
            let updated = privet.update_values_of(self.resource, &stored, changes, &record).await?;
            (updated, Expect::Header(header).with(values))
        };
        let mut update = actions(self.resource, updated);
        update.0.extend(rest);
        Ok(self.write(update, in_place, expect))
    }

    fn write(&self, update: Update, in_place: Vec<Path>, expect: Expect) -> Written {
        let mut writer = Writer::default();
        let are_there = in_place.iter().map(|path| Condition::Function(Function::Exists, path.clone(), None));
        let all = self.condition.iter().cloned().chain(are_there);
        let condition = all.reduce(|one, other| Condition::And(Box::new(one), Box::new(other)));
        let condition = expect.condition(self.resource, condition, &mut writer);
        let update = writer.update(update);
        let (names, values) = writer.into_placeholders();
        Written { update, condition, names, values, expect, in_place }
    }
}

impl Expect {
    /// What an item that was read is like.
    pub(crate) fn of(resource: &Resource, item: Option<&Map>) -> Self {
        let Some(item) = item else { return Self::Absent };
        let of_item = resource.db_esdk().and_then(|_| item.get(dbesdk::HEADER));
        match (item.get(&resource.item_layout().header), of_item) {
            (Some(Value::B(header)), _) => Self::Header(header.clone()),
            (None, Some(Value::B(header))) => Self::Item(header.clone()),
            _ => Self::Plain,
        }
    }

    pub(crate) fn header(&self) -> Option<&[u8]> {
        match self {
            Self::Header(header) | Self::Item(header) => Some(header),
            Self::Values(others, _) => others.header(),
            _ => None,
        }
    }

    /// The same, and these values beside it.
    pub(crate) fn with(self, values: Vec<(Path, Option<Value>)>) -> Self {
        if values.is_empty() { self } else { Self::Values(Box::new(self), values) }
    }

    /// Whether an item is like this. If it is and the write failed, then it was the caller's condition.
    pub(crate) fn holds(&self, resource: &Resource, item: Option<&Map>) -> bool {
        match (self, Self::of(resource, item)) {
            (Self::Sealed([]), Self::Header(_)) => resource.format() == TableFormat::Record,
            (Self::Sealed([]), Self::Item(_)) => resource.format() == TableFormat::DbEsdk,
            (Self::Sealed(start), Self::Header(header)) => header.starts_with(start),
            (Self::Values(others, values), _) => {
                let is_same =
                    |(path, value): &(Path, Option<Value>)| item.and_then(|item| path.find(item)) == value.as_ref();
                others.holds(resource, item) && values.iter().all(is_same)
            }
            (expected, found) => *expected == found,
        }
    }

    /// The condition that says so, and the caller's with it.
    pub(crate) fn condition(&self, resource: &Resource, callers: Option<Condition>, writer: &mut Writer) -> String {
        let own = self.own_condition(resource);
        writer.condition(match callers {
            Some(callers) => Condition::And(Box::new(own), Box::new(callers)),
            None => own,
        })
    }

    fn own_condition(&self, resource: &Resource) -> Condition {
        let header = match (self, resource.format()) {
            (Self::Item(_), _) | (Self::Sealed([]), TableFormat::DbEsdk) => Path::attribute(dbesdk::HEADER),
            _ => Path::attribute(resource.item_layout().header.as_str()),
        };
        let partition = Path::attribute(resource.key().first().cloned().unwrap_or_default());
        match self {
            Self::Absent => Condition::Function(Function::NotExists, partition, None),
            Self::Plain => Condition::And(
                Box::new(Condition::Function(Function::Exists, partition, None)),
                Box::new(match resource.db_esdk() {
                    Some(_) => {
                        Condition::And(Box::new(missing(header)), Box::new(missing(Path::attribute(dbesdk::HEADER))))
                    }
                    None => missing(header),
                }),
            ),
            Self::Sealed([]) => Condition::Function(Function::Exists, header, None),
            Self::Sealed(start) => {
                Condition::Function(Function::BeginsWith, header, Some(Operand::Value(Value::B(start.to_vec()))))
            }
            Self::Header(bytes) | Self::Item(bytes) => is(header, Value::B(bytes.clone())),
            Self::Values(others, values) => values.iter().fold(others.own_condition(resource), |all, (path, value)| {
                let one = match value {
                    Some(value) => is(path.clone(), value.clone()),
                    None => missing(path.clone()),
                };
                Condition::And(Box::new(all), Box::new(one))
            }),
        }
    }
}

/// What was stored where an update of a whole record changes attributes that are left unsigned: no header tells whether
/// others changed them meanwhile.
pub(crate) fn unsigned_before(resource: &Resource, updated: &Updated, stored: &Map) -> Vec<(Path, Option<Value>)> {
    let changed = updated.values.iter().map(|(path, _)| path.root()).filter(|name| is_unsigned(resource, name));
    changed.map(|name| (Path::attribute(name), stored.get(name).cloned())).collect()
}

/// Whether an attribute is left out of what signatures and tags are over.
fn is_unsigned(resource: &Resource, name: &str) -> bool {
    resource.item_layout().unsigned.iter().any(|unsigned| unsigned == name)
        || resource.db_esdk().is_some_and(|table| table.is_unsigned(name))
}

fn is(path: Path, value: Value) -> Condition {
    Condition::Compare(Operand::Path(path), "=", Operand::Value(value))
}

fn missing(path: Path) -> Condition {
    Condition::Function(Function::NotExists, path, None)
}

/// Refuses an item that lacks an element which has to be there.
pub(crate) fn check_places(places: &[Path], item: &Map) -> Result<()> {
    match places.iter().find(|path| path.find(item).is_none()) {
        Some(path) => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "there is no `{path}`, and what is sealed in a list is bound to its place: set the list as a whole"
            ),
        )),
        None => Ok(()),
    }
}

/// A condition that never holds: a write with it gives back the item that is there.
pub(crate) fn never(resource: &Resource) -> (String, HashMap<String, String>) {
    let partition = resource.key().first().cloned().unwrap_or_default();
    ("attribute_exists(#k) AND attribute_not_exists(#k)".to_owned(), HashMap::from([("#k".to_owned(), partition)]))
}

/// What is written for an update of stored values. Attributes derived from those that change belong here.
pub(crate) fn actions(resource: &Resource, updated: Updated) -> Update {
    let values = updated.values.into_iter().map(|(path, value)| match value {
        Some(value) => Action::Set(path, Source::Value(value)),
        None => Action::Remove(path),
    });
    let header = updated.header.map(|header| {
        Action::Set(Path::attribute(resource.item_layout().header.as_str()), Source::Value(Value::B(header)))
    });
    Update(values.chain(header).collect())
}

/// What is stored at a place, or around it where that is sealed as a whole.
fn stored_at(path: Path, item: &Map) -> (Path, Option<Value>) {
    for length in (1..=path.steps().len()).rev() {
        let outer = Path::from(path.steps().get(..length).unwrap_or_default().to_vec());
        match outer.find(item).cloned() {
            None => {}
            Some(Value::M(_) | Value::L(_)) if length < path.steps().len() => break,
            Some(value) => return (outer, Some(value)),
        }
    }
    (path, None)
}

/// What is sealed around a place, or there if that counts too.
fn sealed_around(path: &Path, item: &Map, only_outside: bool) -> Option<Path> {
    let most = path.steps().len() - usize::from(only_outside);
    let outer = (1..=most).filter_map(|length| path.steps().get(..length));
    outer.map(|steps| Path::from(steps.to_vec())).find(|outer| outer.find(item).and_then(sealed_class).is_some())
}

/// An action on clear values, as they are stored.
fn stored_action(action: Action) -> Action {
    match action {
        Action::Set(path, source) => Action::Set(path, stored_source(source)),
        other => other,
    }
}

fn stored_source(source: Source) -> Source {
    let both = |one: Box<Source>, other: Box<Source>| (Box::new(stored_source(*one)), Box::new(stored_source(*other)));
    match source {
        Source::Value(value) => Source::Value(escaped(value)),
        Source::Path(path) => Source::Path(path),
        Source::IfNotExists(path, otherwise) => Source::IfNotExists(path, Box::new(stored_source(*otherwise))),
        Source::ListAppend(one, other) => {
            let (one, other) = both(one, other);
            Source::ListAppend(one, other)
        }
        sum @ (Source::Plus(..) | Source::Minus(..)) => sum,
    }
}
