//! Projections: which parts of an item a caller asks for, and cutting an opened item down to them.

use std::collections::BTreeMap;

use privet_core::value::{Map, Path, Step, Value};

use super::Placeholders;
use super::check_overlap;
use super::parse::Parser;
use crate::error::Result;

/// The paths that a caller asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Projection(Vec<Path>);

impl Projection {
    /// Reads a projection.
    ///
    /// # Errors
    ///
    /// `Input` if it is malformed, paths overlap or a placeholder stands for nothing.
    pub(crate) fn parse(text: &str, placeholders: &Placeholders<'_>) -> Result<Self> {
        let mut parser = Parser::new(text, placeholders)?;
        let paths = parser.list(Parser::path)?;
        parser.expect_end()?;
        check_overlap(&paths)?;
        Ok(Self(paths))
    }

    pub(crate) fn paths(&self) -> &[Path] {
        &self.0
    }

    /// The item cut down to what is asked for.
    pub(crate) fn cut(&self, item: Map) -> Map {
        project(item, &self.0)
    }
}

/// The item cut down to these paths. Of a list, the elements that are asked for move together, in their order.
pub(crate) fn project<'a>(item: Map, paths: impl IntoIterator<Item = &'a Path>) -> Map {
    let mut wanted = Wanted::default();
    for path in paths {
        wanted.add(path.steps());
    }
    match wanted.take(Value::M(item)) {
        Some(Value::M(item)) => item,
        _ => Map::new(),
    }
}

/// What is asked for of a value.
#[derive(Default)]
struct Wanted<'a> {
    all: bool,
    parts: BTreeMap<&'a Step, Self>,
}

impl<'a> Wanted<'a> {
    fn add(&mut self, steps: &'a [Step]) {
        match steps.split_first() {
            Some((step, rest)) => self.parts.entry(step).or_default().add(rest),
            None => self.all = true,
        }
    }

    /// What is asked for of this value; `None` if it has nothing of it.
    fn take(&self, value: Value) -> Option<Value> {
        if self.all {
            return Some(value);
        }
        match value {
            Value::M(members) => {
                let mut taken = Map::new();
                for (name, value) in members {
                    let step = Step::Key(name);
                    if let Some(wanted) = self.parts.get(&step)
                        && let Some(value) = wanted.take(value)
                        && let Step::Key(name) = step
                    {
                        taken.insert(name, value);
                    }
                }
                (!taken.is_empty()).then_some(Value::M(taken))
            }
            Value::L(values) => {
                let taken: Vec<_> = (0..)
                    .zip(values)
                    .filter_map(|(index, value)| self.parts.get(&Step::Index(index))?.take(value))
                    .collect();
                (!taken.is_empty()).then_some(Value::L(taken))
            }
            _ => None,
        }
    }
}
