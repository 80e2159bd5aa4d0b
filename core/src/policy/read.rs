//! From the text of a policy, TOML or JSON, to the document, with the place of everything in it.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::document::Document;
use crate::error::{Error, Result};

/// The text of a policy and what to call it in messages.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn toml(&self) -> Result<Document> {
        let table = DeTable::parse(self.text).map_err(|error| self.refuse(&error))?;
        self.document(table)
    }

    pub(super) fn json(&self) -> Result<Document> {
        let raw = serde_json::from_str::<&RawValue>(self.text).map_err(|error| self.refuse_json(&error))?;
        let value = Json { whole: self.text }.value(raw, 0).map_err(|(place, message)| self.error(place, &message))?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => self.document(Spanned::new(span, table)),
            _ => Err(self.error(span, "a policy is an object")),
        }
    }

    /// An error about this place of the text.
    pub(super) fn error(&self, place: Range<usize>, message: &str) -> Error {
        Error::config(format!("{}: {message}", self.place(place)))
    }

    /// The place as `policy.toml:12:9`: line and column counted from 1, in characters.
    pub(super) fn place(&self, place: Range<usize>) -> String {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{line}:{column}", self.name)
    }

    fn document(&self, table: Spanned<DeTable<'_>>) -> Result<Document> {
        Document::deserialize(toml::Deserializer::from(table)).map_err(|error| self.refuse(&error))
    }

    fn refuse(&self, error: &toml::de::Error) -> Error {
        self.error(error.span().unwrap_or_default(), &in_our_words(error.message()))
    }

    fn refuse_json(&self, error: &serde_json::Error) -> Error {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        let (line, column) = (error.line().max(1), error.column().max(1));
        Error::config(format!("{}:{line}:{column}: {message}", self.name))
    }
}

/// JSON read into the spanned tree that TOML is read into, so that both go one way from there.
struct Json<'a> {
    whole: &'a str,
}

type Refusal = (Range<usize>, String);

impl<'a> Json<'a> {
    fn value(&self, raw: &'a RawValue, depth: usize) -> Result<Spanned<DeValue<'a>>, Refusal> {
        let text = raw.get();
        let span = self.span(text);
        let refuse = |message: &str| (span.clone(), message.to_owned());
        if depth > MAX_DEPTH {
            return Err(refuse("nothing in a policy nests this deep"));
        }
        let value = match text.bytes().next() {
            Some(b'{') => {
                let Members(members) = read(text).map_err(|_| refuse("malformed object"))?;
                DeValue::Table(self.table(members, depth)?)
            }
            Some(b'[') => {
                let Elements(elements) = read(text).map_err(|_| refuse("malformed array"))?;
                let elements: Result<DeArray<'_>, _> =
                    elements.into_iter().map(|element| self.value(element, depth + 1)).collect();
                DeValue::Array(elements?)
            }
            Some(b'"') => DeValue::String(DeString::Owned(read(text).map_err(|_| refuse("malformed text"))?)),
            Some(b't') => DeValue::Boolean(true),
            Some(b'f') => DeValue::Boolean(false),
            Some(b'n') => return Err(refuse("`null` says nothing here; leave the entry out")),
            // A JSON number is spelt as a TOML number is.
            _ => DeValue::parse(text).map_err(|_| refuse("malformed number"))?.into_inner(),
        };
        Ok(Spanned::new(span, value))
    }

    fn table(&self, members: Vec<(&'a RawValue, &'a RawValue)>, depth: usize) -> Result<DeTable<'a>, Refusal> {
        let mut table = DeTable::new();
        for (name, value) in members {
            let span = self.span(name.get());
            let name: String = read(name.get()).map_err(|_| (span.clone(), "malformed name".to_owned()))?;
            if table.contains_key(name.as_str()) {
                return Err((span, format!("`{name}` is here twice; keep one")));
            }
            table.insert(Spanned::new(span, DeString::Owned(name)), self.value(value, depth + 1)?);
        }
        Ok(table)
    }

    /// Where a part of the text is in the whole of it.
    fn span(&self, part: &str) -> Range<usize> {
        let start = (part.as_ptr() as usize).saturating_sub(self.whole.as_ptr() as usize);
        start..start + part.len()
    }
}

/// The members of an object in their order, with repetitions.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

struct Elements<'a>(Vec<&'a RawValue>);

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    serde_json::from_str(text)
}

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// serde speaks of Rust's fields and variants; whoever writes a policy knows entries and words.
fn in_our_words(message: &str) -> String {
    let (what, allowed) = match message.split_once(", expected ") {
        Some((what, allowed)) if what.starts_with("unknown ") => (what, allowed),
        _ => return message.replace("field", "entry").trim_end().replace('\n', "; "),
    };
    let allowed = allowed.trim_start_matches("one of ").replace(" or ", ", ");
    let word = KINDS_OF_WORDS.iter().find(|(_, first)| allowed.starts_with(first)).map_or("word", |(kind, _)| kind);
    let what = what.replace("unknown variant", &format!("unknown {word}")).replace("unknown field", "unknown entry");
    format!("{what}; allowed: {allowed}")
}

// By the first word of each kind.
const KINDS_OF_WORDS: [(&str, &str); 6] = [
    ("class", "`public`, `pii`"),
    ("disclosure", "`forbid`"),
    ("action at rest", "`encrypt`"),
    ("format", "`record`, `db-esdk`"),
    ("integrity", "`record`"),
    ("state of plaintext reads", "`refuse`"),
];

// The deepest entry of a policy, in a transform of a virtual field of items, is at depth 12.
const MAX_DEPTH: usize = 16;
