//! What the labelled values look like: shapes, each of which makes any number of values.
//!
//! A shape's label is what a person would say who sees the value and the name of its field. No value is a real person's:
//! domains are those of RFC 2606, hosts of RFC 5737 and 3849, telephone numbers those that regulators keep for films,
//! cards begin as the networks' test cards do, bank codes are none, keys say in themselves that they are fake, and social
//! security numbers are of areas that had none until numbers were given out at random.

use privet_core::detect::Kind;

use crate::random::Random;

mod contact;
mod credential;
mod date;
mod held_back;
mod internet;
mod number;
mod plain;
mod prose;

/// How values of one shape are made, and what a person would call them.
pub(crate) struct Shape {
    pub(crate) label: Option<Label>,
    pub(crate) what: &'static str,
    pub(crate) names: &'static [&'static str],
    pub(crate) make: fn(&mut Random) -> String,
    /// Whether a person can tell without the field's name.
    pub(crate) is_clear: bool,
    /// What stands in the text, if it is prose.
    pub(crate) holds: &'static [Kind],
    /// Whether nobody looks at it to mend detectors.
    pub(crate) is_held_back: bool,
}

/// What a person would call a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    /// What there is a detector for.
    Kind(Kind),
    /// Personal data that no detector sees by its value.
    Unseen(&'static str),
}

impl Shape {
    fn new(
        label: Option<Label>,
        what: &'static str,
        names: &'static [&'static str],
        make: fn(&mut Random) -> String,
    ) -> Self {
        Self { label, what, names, make, is_clear: true, holds: &[], is_held_back: false }
    }

    /// A person needs the name of the field to tell.
    fn by_name(self) -> Self {
        Self { is_clear: false, ..self }
    }
}

/// Values of a kind.
fn is(kind: Kind, what: &'static str, names: &'static [&'static str], make: fn(&mut Random) -> String) -> Shape {
    Shape::new(Some(Label::Kind(kind)), what, names, make)
}

/// Values that are nothing of anybody.
fn not(what: &'static str, names: &'static [&'static str], make: fn(&mut Random) -> String) -> Shape {
    Shape::new(None, what, names, make)
}

/// All shapes, in the order of the set.
pub(crate) fn all() -> Vec<Shape> {
    [
        contact::shapes(),
        number::shapes(),
        internet::shapes(),
        credential::shapes(),
        date::shapes(),
        prose::shapes(),
        plain::shapes(),
        held_back::shapes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
