//! What an expression may do with a record of which parts are sealed: refused before the call, with the attribute named.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Condition as LegacyCondition, ExpectedAttributeValue};
use privet_core::ErrorKind;
use privet_core::beacon::ATTRIBUTE_PREFIX;
use privet_core::dbesdk;
use privet_core::policy::plan::{Placement, is_beacon_name};
use privet_core::protector::Resource;
use privet_core::record::{Integrity, escaped};
use privet_core::value::{Path, Step, Value};

use crate::convert::from_attribute_ref;
use crate::error::{Error, Result};
use crate::expression::{Action, Condition, Function, Operand, Placeholders, Source, Update};

/// A condition that was checked, with its values as they are stored.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) condition: Condition,
    /// Whether a value is stored as another than the caller gave.
    pub(crate) changed: bool,
}

/// Reads a condition and refuses what it cannot ask of sealed values.
pub(crate) fn condition(resource: &Resource, text: &str, placeholders: &Placeholders<'_>) -> Result<Checked> {
    let mut check = Check { resource, changed: false };
    let condition = check.condition(Condition::parse(text, placeholders)?)?;
    Ok(Checked { condition, changed: check.changed })
}

struct Check<'a> {
    resource: &'a Resource,
    changed: bool,
}

impl Check<'_> {
    fn condition(&mut self, condition: Condition) -> Result<Condition> {
        Ok(match condition {
            Condition::And(one, other) => {
                Condition::And(Box::new(self.condition(*one)?), Box::new(self.condition(*other)?))
            }
            Condition::Or(one, other) => {
                Condition::Or(Box::new(self.condition(*one)?), Box::new(self.condition(*other)?))
            }
            Condition::Not(inner) => Condition::Not(Box::new(self.condition(*inner)?)),
            Condition::Compare(one, sign, other) => {
                let (one, other) = self.pair(one, other, sign)?;
                Condition::Compare(one, sign, other)
            }
            Condition::Between(what, least, most) => {
                let (what, least) = self.pair(what, least, "BETWEEN")?;
                let (what, most) = self.pair(what, most, "BETWEEN")?;
                Condition::Between(what, least, most)
            }
            Condition::In(mut what, among) => {
                let mut checked = Vec::with_capacity(among.len());
                for operand in among {
                    let (same, operand) = self.pair(what, operand, "IN")?;
                    what = same;
                    checked.push(operand);
                }
                Condition::In(what, checked)
            }
            Condition::Function(function, path, argument) => self.function(function, path, argument)?,
        })
    }

    /// Two operands that are compared.
    fn pair(&mut self, one: Operand, other: Operand, what: &str) -> Result<(Operand, Operand)> {
        Ok(match (one, other) {
            (Operand::Path(path), Operand::Value(value)) => {
                let value = self.value(&path, value, what)?;
                (Operand::Path(path), Operand::Value(value))
            }
            (Operand::Value(value), Operand::Path(path)) => {
                let value = self.value(&path, value, what)?;
                (Operand::Value(value), Operand::Path(path))
            }
            (one, other) => {
                for operand in [&one, &other] {
                    match operand {
                        Operand::Path(path) => self.demand_clear(path, &text(), what)?,
                        Operand::Size(path) => self.sized(path)?,
                        Operand::Value(_) => {}
                    }
                }
                // An order is of texts, numbers and bytes only.
                if let (Operand::Path(one), Operand::Path(other), "=" | "<>" | "IN") = (&one, &other, what) {
                    self.comparable(one, other, what)?;
                }
                (one, other)
            }
        })
    }

    /// A value that what is at the path is compared with, as it would be stored there. If a record had it there in
    /// clear, then what is stored equals it just when the record does.
    fn value(&mut self, path: &Path, value: Value, what: &str) -> Result<Value> {
        self.demand_clear(path, &value, what)?;
        Ok(self.escape(path, value))
    }

    fn escape(&mut self, path: &Path, value: Value) -> Value {
        if self.resource.key().iter().any(|key| key == path.root()) {
            return value;
        }
        let stored = escaped(value.clone());
        self.changed |= stored != value;
        stored
    }

    fn function(&mut self, function: Function, path: Path, argument: Option<Operand>) -> Result<Condition> {
        let what = function.name();
        let argument = match (function, argument) {
            (Function::Exists | Function::NotExists, _) => {
                exists(self.resource, &path, what)?;
                self.not_hidden(&path)?;
                None
            }
            (Function::HasType, Some(Operand::Value(Value::S(name)))) => {
                self.demand_clear(&path, &of_type(&name), what)?;
                match name.as_str() {
                    "B" | "L" => self.never_bytes(&path, what)?,
                    "M" => self.never_hidden(&path)?,
                    _ => {}
                }
                Some(Operand::Value(Value::S(name)))
            }
            (Function::Contains, Some(Operand::Value(value))) => return self.contains(path, value),
            (_, Some(Operand::Value(value))) => Some(Operand::Value(self.value(&path, value, what)?)),
            (_, Some(Operand::Path(other))) => {
                self.demand_clear(&path, &text(), what)?;
                self.demand_clear(&other, &text(), what)?;
                if function == Function::Contains {
                    self.comparable(&path, &other, what)?;
                }
                Some(Operand::Path(other))
            }
            (_, Some(Operand::Size(other))) => {
                self.demand_clear(&path, &text(), what)?;
                self.sized(&other)?;
                Some(Operand::Size(other))
            }
            (_, None) => None,
        };
        Ok(Condition::Function(function, path, argument))
    }

    /// The value may be looked for in a set or a list, and if it is a text or bytes, also in such.
    fn contains(&mut self, path: Path, value: Value) -> Result<Condition> {
        let what = Function::Contains.name();
        let in_list = self.demand_clear(&path, &Value::L(vec![value.clone()]), what);
        match &value {
            Value::S(_) | Value::B(_) => in_list.or_else(|_| self.demand_clear(&path, &value, what))?,
            _ => in_list?,
        }
        let stored = escaped(value.clone());
        let looked_for = |path, value| Condition::Function(Function::Contains, path, Some(Operand::Value(value)));
        if stored == value {
            return Ok(looked_for(path, value));
        }
        // Elements of lists have the escape, members of sets and parts of bytes have not.
        self.changed = true;
        Ok(Condition::Or(Box::new(looked_for(path.clone(), value)), Box::new(looked_for(path, stored))))
    }

    /// Refuses to compare two attributes of which one may have something sealed in it: that looks like nothing else. With a
    /// key or a beacon it does no harm, for these are never maps or lists.
    fn comparable(&self, one: &Path, other: &Path, what: &str) -> Result<()> {
        let (plan, key) = (self.resource.plan(), self.resource.key());
        let has_no_parts =
            |path: &Path| is_beacon(self.resource, path.root()) || key.iter().any(|key| key == path.root());
        let pair = [one, other];
        if pair.iter().any(|path| has_no_parts(path)) || pair.iter().all(|path| plan.is_all_clear(path)) {
            return Ok(());
        }
        Err(unsupported(format!(
            "`{one}` or `{other}` may have something sealed in it, which `{what}` cannot compare: ask for `<=` and `>=` if \
             they are texts or numbers, or read them"
        )))
    }

    /// Refuses to ask whether something is a list or bytes that may be a list of which all is sealed, and so bytes to the
    /// table.
    fn never_bytes(&self, path: &Path, what: &str) -> Result<()> {
        self.never_hidden(path)?;
        if self.resource.plan().is_all_clear(path) {
            return Ok(());
        }
        Err(unsupported(format!(
            "`{path}` may be a list with all of it sealed, which is bytes to the table: `{what}` cannot tell them apart"
        )))
    }

    fn sized(&self, path: &Path) -> Result<()> {
        self.demand_clear(path, &Value::L(Vec::new()), "size")
            .and_then(|()| self.demand_clear(path, &Value::M([].into()), "size"))
            .and_then(|()| self.never_hidden(path))
    }

    fn demand_clear(&self, path: &Path, value: &Value, what: &str) -> Result<()> {
        // Beacons are in clear, whatever class their names have: that is what they are for.
        if is_beacon(self.resource, path.root()) {
            return Ok(());
        }
        demand_clear(self.resource, path, value, what)?;
        self.not_hidden(path)
    }

    /// Refuses to look into an attribute that DB-ESDK format encrypts whole as soon as anything in it is sealed.
    fn not_hidden(&self, path: &Path) -> Result<()> {
        if path.steps().len() > 1 { self.never_hidden(path) } else { Ok(()) }
    }

    /// Refuses to ask what an attribute is like that is bytes to the table if anything in it is sealed.
    fn never_hidden(&self, path: &Path) -> Result<()> {
        let root = path.root();
        if self.resource.db_esdk().is_none() || self.resource.plan().is_all_clear(&Path::attribute(root)) {
            return Ok(());
        }
        Err(unsupported(format!(
            "in DB-ESDK format `{root}` is encrypted as a whole if anything in it is sealed: `{path}` cannot be asked about"
        )))
    }
}

/// Refuses an update of what cannot be updated where it is stored.
///
/// The same goes for both integrity modes, so that a table can change its mode; but what moves values from place to place
/// can only be done where the whole record is read anyway.
pub(crate) fn update(resource: &Resource, update: &Update) -> Result<()> {
    let moves = resource.item_layout().integrity == Integrity::Record;
    for action in &update.0 {
        let path = action.path();
        not_reserved(resource, path)?;
        if is_beacon(resource, path.root()) {
            return Err(unsupported(format!(
                "`{}` is a beacon, which follows from the value it is of: update that",
                path.root()
            )));
        }
        if resource.key().iter().any(|key| key == path.root()) {
            return Err(unsupported(format!("`{}` is a key attribute: it cannot be updated", path.root())));
        }
        let moves = moves || is_among_unsigned(resource, action);
        match action {
            Action::Set(_, Source::Value(value)) => match resource.plan().place(path, value)? {
                Placement::Own(_) => {}
                other => return Err(not_alone(path, &other)),
            },
            Action::Set(_, source) => computed(resource, path, source, moves)?,
            Action::Add(_, value) => demand_clear(resource, path, value, "ADD")?,
            Action::Delete(_, value) => demand_clear(resource, path, value, "DELETE")?,
            Action::Remove(_) => {
                exists(resource, path, "REMOVE")?;
                if !moves && matches!(path.steps().last(), Some(Step::Index(_))) {
                    return Err(unsupported(format!(
                        "removing `{path}` moves the elements after it, and what is sealed in them is bound to its \
                         place: set the list as a whole"
                    )));
                }
            }
        }
    }
    Ok(())
}

/// Whether an action changes and reads what is left unsigned, and so never sealed, and nothing else.
pub(crate) fn is_among_unsigned(resource: &Resource, action: &Action) -> bool {
    let mut touched = vec![action.path()];
    if let Action::Set(_, source) = action {
        source.reads(&mut touched);
    }
    touched.into_iter().all(|path| resource.item_layout().unsigned.contains(path.root()))
}

/// A `SET` whose value the table works out.
fn computed(resource: &Resource, path: &Path, source: &Source, moves: bool) -> Result<()> {
    match source {
        Source::Value(value) => demand_clear(resource, path, value, "SET"),
        Source::Plus(one, other) | Source::Minus(one, other) => {
            let number = Value::N("0".to_owned());
            demand_clear(resource, path, &number, "+")?;
            let mut reads = Vec::new();
            one.reads(&mut reads);
            other.reads(&mut reads);
            reads.into_iter().try_for_each(|read| demand_clear(resource, read, &number, "+"))
        }
        Source::Path(read) => {
            copied(resource, read, "SET")?;
            copied(resource, path, "SET")?;
            in_place(moves || read == path, path)
        }
        Source::IfNotExists(read, otherwise) => {
            copied(resource, read, "if_not_exists")?;
            copied(resource, path, "if_not_exists")?;
            in_place(moves || read == path, path)?;
            computed(resource, path, otherwise, moves)
        }
        Source::ListAppend(one, other) => {
            copied(resource, path, "list_append")?;
            computed(resource, path, one, moves)?;
            computed(resource, path, other, moves)?;
            let keeps_places = matches!(&**one, Source::Path(_) | Source::IfNotExists(..));
            in_place(moves || keeps_places && matches!(**other, Source::Value(_)), path)
        }
    }
}

fn in_place(is: bool, path: &Path) -> Result<()> {
    if is {
        return Ok(());
    }
    Err(unsupported(format!(
        "the update moves values to `{path}`, and what is sealed in them is bound to its place: read them and set `{path}`"
    )))
}

/// Refuses to read or write here what may be sealed as a whole.
fn copied(resource: &Resource, path: &Path, what: &str) -> Result<()> {
    demand_clear(resource, path, &Value::L(Vec::new()), what).or_else(|_| demand_clear(resource, path, &text(), what))
}

/// Refuses to ask whether there is something inside of what is sealed as one value.
fn exists(resource: &Resource, path: &Path, _what: &str) -> Result<()> {
    not_reserved(resource, path)?;
    match resource.plan().place(path, &text())? {
        Placement::Own(_) => Ok(()),
        other => Err(not_alone(path, &other)),
    }
}

/// Refuses to look at what is at the path, if a value like this one is sealed there.
///
/// Equality on a searchable attribute would be asked of its beacon; here is where it is found out that the attribute itself
/// cannot answer.
fn demand_clear(resource: &Resource, path: &Path, value: &Value, what: &str) -> Result<()> {
    not_reserved(resource, path)?;
    match resource.plan().place(path, value)? {
        Placement::Own(sealings) => match sealings.first() {
            None => Ok(()),
            Some((sealed, class)) => {
                Err(unsupported(format!("`{sealed}` is sealed ({class}): `{what}` cannot be done on it")))
            }
        },
        other => Err(not_alone(path, &other)),
    }
}

/// Whether an attribute of this name is a beacon, which only privet and AWS's clients write.
fn is_beacon(resource: &Resource, name: &str) -> bool {
    let of_item = resource.db_esdk().is_some() && name.starts_with(ATTRIBUTE_PREFIX);
    is_beacon_name(name) || of_item || resource.is_signed_beacon(name)
}

/// Refuses whatever names the header.
pub(crate) fn not_reserved(resource: &Resource, path: &Path) -> Result<()> {
    let of_item = resource.db_esdk().is_some() && [dbesdk::HEADER, dbesdk::FOOTER].contains(&path.root());
    if of_item || path.root() == resource.item_layout().header {
        return Err(unsupported(format!("`{}` is where the record's header is: leave it alone", path.root())));
    }
    Ok(())
}

/// Refuses old-style parameters that name what is sealed; those on attributes in clear pass. Each is a name and the values
/// that it is compared with.
pub(crate) fn legacy<'a>(
    resource: &Resource,
    parameter: &str,
    compared: impl IntoIterator<Item = (&'a String, Vec<&'a AttributeValue>)>,
) -> Result<()> {
    let mut check = Check { resource, changed: false };
    for (name, values) in compared {
        let path = Path::attribute(name.as_str());
        check.demand_clear(&path, &text(), parameter)?;
        for value in values {
            check.value(&path, from_attribute_ref(value)?, parameter)?;
        }
        if check.changed {
            return Err(unsupported(format!(
                "`{parameter}` compares `{name}` with what looks like sealed bytes: use an expression"
            )));
        }
    }
    Ok(())
}

/// The names and values of `KeyConditions`, `QueryFilter` or `ScanFilter`.
pub(crate) fn filtered(
    all: Option<&HashMap<String, LegacyCondition>>,
) -> impl Iterator<Item = (&String, Vec<&AttributeValue>)> {
    all.into_iter().flatten().map(|(name, condition)| (name, condition.attribute_value_list().iter().collect()))
}

/// The names and values of `Expected`.
pub(crate) fn expected(
    all: Option<&HashMap<String, ExpectedAttributeValue>>,
) -> impl Iterator<Item = (&String, Vec<&AttributeValue>)> {
    all.into_iter()
        .flatten()
        .map(|(name, expected)| (name, expected.value().into_iter().chain(expected.attribute_value_list()).collect()))
}

/// Refuses an old-style parameter that stands in the way of the expressions that protection needs.
pub(crate) fn no_legacy(parameter: &str, is_there: bool, instead: &str) -> Result<()> {
    if is_there { Err(unsupported(format!("`{parameter}` cannot be protected: use `{instead}`"))) } else { Ok(()) }
}

fn not_alone(path: &Path, placement: &Placement) -> Error {
    match placement {
        Placement::Within(whole, class) => {
            unsupported(format!("`{path}` is sealed as a part of `{whole}` ({class}): use `{whole}` as a whole"))
        }
        Placement::Depends(place) => {
            unsupported(format!("how `{path}` is stored depends on the rest of `{place}`: use `{place}` as a whole"))
        }
        Placement::Own(_) => unsupported(format!("`{path}` cannot be used alone")),
    }
}

fn unsupported(message: String) -> Error {
    Error::new(ErrorKind::Unsupported, message)
}

fn text() -> Value {
    Value::S(String::new())
}

/// Some value of the type with this name.
fn of_type(name: &str) -> Value {
    match name {
        "M" => Value::M([].into()),
        "L" => Value::L(Vec::new()),
        "N" => Value::N("0".to_owned()),
        "B" => Value::B(Vec::new()),
        "BOOL" => Value::Bool(false),
        "NULL" => Value::Null,
        _ => text(),
    }
}
