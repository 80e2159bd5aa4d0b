//! Expressions written again, with placeholders of their own.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use privet_core::value::{Path, Step, Value};

use super::condition::{Condition, Operand};
use super::update::{Action, Source, Update};
use crate::convert::to_attribute;

/// Writes the expressions of one request and collects what their placeholders stand for.
#[derive(Default)]
pub(crate) struct Writer {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Writer {
    /// The names behind the placeholders; `None` if there are none, since DynamoDB refuses an empty map.
    #[allow(clippy::type_complexity, reason = "the types of the SDK's builders")]
    pub(crate) fn into_placeholders(
        self,
    ) -> (Option<HashMap<String, String>>, Option<HashMap<String, AttributeValue>>) {
        let names = self.names.into_iter().map(|(name, placeholder)| (placeholder, name)).collect::<HashMap<_, _>>();
        (Some(names).filter(|names| !names.is_empty()), Some(self.values).filter(|values| !values.is_empty()))
    }

    pub(crate) fn name(&mut self, name: &str) -> String {
        if let Some(placeholder) = self.names.get(name) {
            return placeholder.clone();
        }
        let placeholder = format!("#p{}", self.names.len());
        self.names.insert(name.to_owned(), placeholder.clone());
        placeholder
    }

    /// A value as it is stored.
    pub(crate) fn value(&mut self, value: Value) -> String {
        let placeholder = format!(":p{}", self.values.len());
        self.values.insert(placeholder.clone(), to_attribute(value));
        placeholder
    }

    pub(crate) fn path(&mut self, path: &Path) -> String {
        let mut text = String::new();
        for step in path.steps() {
            match step {
                Step::Key(name) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(&self.name(name));
                }
                Step::Index(index) => {
                    let _ = write!(text, "[{index}]");
                }
            }
        }
        text
    }

    pub(crate) fn paths<'a>(&mut self, paths: impl IntoIterator<Item = &'a Path>) -> String {
        paths.into_iter().map(|path| self.path(path)).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn condition(&mut self, condition: Condition) -> String {
        match condition {
            all @ (Condition::And(..) | Condition::Or(..)) => format!("({})", self.chain(all)),
            Condition::Not(inner) => format!("(NOT {})", self.condition(*inner)),
            Condition::Compare(one, sign, other) => format!("{} {sign} {}", self.operand(one), self.operand(other)),
            Condition::Between(what, least, most) => {
                format!("{} BETWEEN {} AND {}", self.operand(what), self.operand(least), self.operand(most))
            }
            Condition::In(what, among) => {
                let what = self.operand(what);
                let among: Vec<_> = among.into_iter().map(|operand| self.operand(operand)).collect();
                format!("{what} IN ({})", among.join(", "))
            }
            Condition::Function(function, path, None) => format!("{}({})", function.name(), self.path(&path)),
            Condition::Function(function, path, Some(argument)) => {
                format!("{}({}, {})", function.name(), self.path(&path), self.operand(argument))
            }
        }
    }

    /// `a AND b AND c`, or the same with `OR`: nested no deeper than it was read.
    fn chain(&mut self, mut all: Condition) -> String {
        let is_and = matches!(all, Condition::And(..));
        let mut parts = Vec::new();
        let first = loop {
            let (rest, last) = match all {
                Condition::And(rest, last) if is_and => (rest, last),
                Condition::Or(rest, last) if !is_and => (rest, last),
                first => break first,
            };
            parts.push(*last);
            all = *rest;
        };
        let parts = [first].into_iter().chain(parts.into_iter().rev()).map(|part| self.condition(part));
        parts.collect::<Vec<_>>().join(if is_and { " AND " } else { " OR " })
    }

    fn operand(&mut self, operand: Operand) -> String {
        match operand {
            Operand::Path(path) => self.path(&path),
            Operand::Value(value) => self.value(value),
            Operand::Size(path) => format!("size({})", self.path(&path)),
        }
    }

    pub(crate) fn update(&mut self, update: Update) -> String {
        let mut clauses = [("SET", Vec::new()), ("REMOVE", Vec::new()), ("ADD", Vec::new()), ("DELETE", Vec::new())];
        let [(_, set), (_, remove), (_, add), (_, delete)] = &mut clauses;
        for action in update.0 {
            match action {
                Action::Set(path, source) => set.push(format!("{} = {}", self.path(&path), self.source(source))),
                Action::Remove(path) => remove.push(self.path(&path)),
                Action::Add(path, value) => add.push(format!("{} {}", self.path(&path), self.value(value))),
                Action::Delete(path, value) => delete.push(format!("{} {}", self.path(&path), self.value(value))),
            }
        }
        let clauses = clauses.into_iter().filter(|(_, actions)| !actions.is_empty());
        clauses.map(|(word, actions)| format!("{word} {}", actions.join(", "))).collect::<Vec<_>>().join(" ")
    }

    fn source(&mut self, source: Source) -> String {
        match source {
            Source::Value(value) => self.value(value),
            Source::Path(path) => self.path(&path),
            Source::IfNotExists(path, otherwise) => {
                format!("if_not_exists({}, {})", self.path(&path), self.source(*otherwise))
            }
            Source::ListAppend(one, other) => format!("list_append({}, {})", self.source(*one), self.source(*other)),
            Source::Plus(one, other) => format!("{} + {}", self.term(*one), self.term(*other)),
            Source::Minus(one, other) => format!("{} - {}", self.term(*one), self.term(*other)),
        }
    }

    fn term(&mut self, source: Source) -> String {
        let is_sum = matches!(source, Source::Plus(..) | Source::Minus(..));
        let text = self.source(source);
        if is_sum { format!("({text})") } else { text }
    }
}
