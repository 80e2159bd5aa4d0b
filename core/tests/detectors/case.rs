//! Labelled values: made of shapes, and stored as JSON lines.

use std::fmt::Write as _;

use privet_core::detect::Kind;
use serde_json::json;

use crate::random::Random;
use crate::shapes::{self, Label};

/// One labelled value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) label: Option<Label>,
    pub(crate) is_clear: bool,
    pub(crate) holds: &'static [Kind],
    /// Whether its shape is one that nobody looks at to mend detectors.
    pub(crate) is_held_back: bool,
}

/// So many values of each shape.
pub(crate) fn make(seed: u64, of_each: usize) -> Vec<Case> {
    let cases = (0_u64..).zip(shapes::all()).flat_map(|(index, shape)| {
        // Of its own for each shape, so that a new one changes no other.
        let mut random = Random::new(seed * 1_000_000 + index);
        (0..of_each).map(move |_| Case {
            what: shape.what,
            name: random.pick(shape.names).to_owned(),
            value: (shape.make)(&mut random),
            label: shape.label,
            is_clear: shape.is_clear,
            holds: shape.holds,
            is_held_back: shape.is_held_back,
        })
    });
    cases.collect()
}

impl Case {
    /// The case as a line of JSON. Of credentials every third character is escaped, so that no scanner of files takes them
    /// for a leak; whatever reads JSON reads them.
    pub(crate) fn to_line(&self) -> String {
        let label = self.label.map(|label| match label {
            Label::Kind(kind) => kind.as_str(),
            Label::Unseen(name) => name,
        });
        let holds: Vec<&str> = self.holds.iter().map(|kind| kind.as_str()).collect();
        let text = json!(self.value).to_string();
        let value = if self.is_secret() { escaped(&self.value) } else { text };
        format!(
            r#"{{"label":{},"what":{},"name":{},"value":{value},"clear":{},"holds":{},"held_back":{}}}"#,
            json!(label),
            json!(self.what),
            json!(self.name),
            self.is_clear,
            json!(holds),
            self.is_held_back
        )
    }

    fn is_secret(&self) -> bool {
        use Kind::{ApiKey, AwsAccessKey, AwsSecretKey, Jwt, PrivateKey, UrlPassword};
        let is_credential =
            |kind: &Kind| matches!(kind, Jwt | AwsAccessKey | AwsSecretKey | ApiKey | UrlPassword | PrivateKey);
        matches!(&self.label, Some(Label::Kind(kind)) if is_credential(kind)) || self.holds.iter().any(is_credential)
    }
}

fn escaped(text: &str) -> String {
    let mut line = String::from("\"");
    for (index, unit) in text.encode_utf16().enumerate() {
        match u8::try_from(unit).map(char::from) {
            Ok(c) if index % 3 != 1 && c.is_ascii_graphic() && !matches!(c, '"' | '\\') => line.push(c),
            _ => write!(line, "\\u{unit:04x}").unwrap(),
        }
    }
    line.push('"');
    line
}
