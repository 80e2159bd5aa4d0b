//! What is in each cell of the table: a value, what a mask left of it, or how it is sealed.

use std::collections::BTreeMap;

use privet::record::{Layout, sealed_class};
use privet::value::{Map, Path, Step, Value};
use privet::view::Tree;

/// A column of the table: the record as it is stored or as a role sees it.
pub(super) enum Part {
    Text(String),
    Members(BTreeMap<String, Self>),
    Items(Vec<Self>),
}

impl Part {
    pub(super) fn stored(stored: &Map) -> Self {
        Self::of(&Value::M(stored.clone()))
    }

    pub(super) fn shown(tree: &Tree) -> Self {
        match tree {
            Tree::Clear(value) => Self::of(value),
            Tree::Masked(text) => Self::text(text),
            Tree::Null => Self::Text("null".to_owned()),
            Tree::Members(members) => {
                Self::Members(members.iter().map(|(name, part)| (name.clone(), Self::shown(part))).collect())
            }
            Tree::Items(items) => Self::Items(items.iter().map(Self::shown).collect()),
            Tree::Withheld => Self::Text("⟨withheld⟩".to_owned()),
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::M(members) if !members.is_empty() => {
                Self::Members(members.iter().map(|(name, value)| (name.clone(), Self::of(value))).collect())
            }
            Value::L(values) if !values.is_empty() => Self::Items(values.iter().map(Self::of).collect()),
            Value::S(text) => Self::text(text),
            Value::B(bytes) => Self::Text(sealed(value, bytes.len())),
            Value::N(number) => Self::Text(number.clone()),
            other => Self::Text(other.clone().into_json().to_string()),
        }
    }

    fn text(text: &str) -> Self {
        Self::Text(if text.is_empty() { "\"\"".to_owned() } else { printable(text) })
    }

    /// What is to be said at this place itself. What was sealed or masked as a whole is said where the whole is.
    pub(super) fn cell(&self, place: &Path) -> &str {
        let part = place.steps().iter().try_fold(self, |part, step| match (part, step) {
            (Self::Members(members), Step::Key(name)) => members.get(name),
            (Self::Items(items), Step::Index(index)) => items.get(usize::try_from(*index).ok()?),
            _ => None,
        });
        if let Some(Self::Text(text)) = part { text } else { "" }
    }
}

/// The places of all values of a record, and of its header: a map or list before what is in it.
pub(super) fn places(record: &Map, layout: &Layout) -> Vec<Path> {
    let mut found = Vec::new();
    for (name, value) in record {
        collect(value, &mut Path::attribute(name), &mut found);
    }
    found.push(Path::attribute(&layout.header));
    found
}

fn collect(value: &Value, place: &mut Path, found: &mut Vec<Path>) {
    found.push(place.clone());
    let mut descend = |step, value| {
        place.push(step);
        collect(value, place, found);
        place.pop();
    };
    match value {
        Value::M(members) => members.iter().for_each(|(name, value)| descend(Step::Key(name.clone()), value)),
        Value::L(values) => (0..).zip(values).for_each(|(index, value)| descend(Step::Index(index), value)),
        _ => {}
    }
}

/// The last step of a place, indented as deep as it is.
pub(super) fn label(place: &Path) -> String {
    let name = match place.steps().last() {
        Some(Step::Key(name)) => printable(name),
        Some(Step::Index(index)) => format!("[{index}]"),
        None => String::new(),
    };
    // Spaces that no line is broken at.
    format!("{}{name}", "\u{a0}".repeat(2 * place.steps().len().saturating_sub(1)))
}

/// A stored `B` is a sealed value, which says its class, or the header. (JSON has no bytes of its own.)
fn sealed(stored: &Value, bytes: usize) -> String {
    match sealed_class(stored) {
        Some(class) => format!("⟨sealed {class} {bytes}\u{a0}B⟩"),
        None => format!("⟨header {bytes}\u{a0}B⟩"),
    }
}

/// The text with what could steer a terminal spelt out, and cut if it is very long.
pub(super) fn printable(text: &str) -> String {
    let steers = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| if steers(c) { c.escape_default().to_string() } else { c.to_string() };
    let mut printable: String = text.chars().take(MOST_CHARACTERS).map(shown).collect();
    if text.chars().nth(MOST_CHARACTERS).is_some() {
        printable.push('…');
    }
    printable
}

const MOST_CHARACTERS: usize = 400;
