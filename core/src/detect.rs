//! What a value looks like: detectors that find personal data and credentials in texts, for discovery.
//!
//! A detector looks at one text and says where in it is what, and how sure it is. A [`Survey`] looks at many values of
//! many fields, weighs in what the fields are called, and proposes a class for each.
//!
//! ```
//! use privet_core::detect::{self, Kind};
//!
//! let found = detect::judge("contact", "ada@example.com").unwrap();
//! assert_eq!((found.kind(), found.span()), (Kind::Email, 0..15));
//! let found = detect::judge("remarks", "please write to ada@example.com, not to the office").unwrap();
//! assert_eq!(found.kind(), Kind::FreeText);
//! assert_eq!(detect::judge("version", "10.4.2.1"), None);
//! ```
//!
//! # Security
//!
//! Findings carry positions, never values. Every detector takes linear time and looks at the first 64 KiB of a text.
//! What is found here is a hint for people who write a policy: neither is all that is found personal, nor is all that
//! is personal found.

use std::fmt;
use std::ops::Range;

mod credential;
mod date;
mod email;
mod internet;
mod kind;
mod luhn;
mod name;
mod number;
mod pattern;
mod phone;
mod survey;

pub use kind::Kind;
pub use survey::{Evidence, Proposal, Survey};

/// What was found in a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    kind: Kind,
    span: Range<usize>,
    confidence: Confidence,
}

impl Finding {
    pub(crate) fn new(kind: Kind, span: Range<usize>, percent: u8) -> Self {
        Self { kind, span, confidence: Confidence::percent(percent) }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where in the text it is, in bytes; always at the boundaries of characters.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// How sure the detector is.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }
}

/// How sure a detector is, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Confidence(u8);

impl Confidence {
    /// From this confidence on, a finding counts.
    pub const COUNTS: Self = Self(50);
    /// From this confidence on, a finding proves itself: a checksum or a structure says so.
    pub const PROVES: Self = Self(90);

    /// The confidence of so many percent; 99 at most, since nothing is certain.
    #[must_use]
    pub fn percent(percent: u8) -> Self {
        Self(percent.min(99))
    }

    /// The confidence in percent.
    #[must_use]
    pub fn as_percent(self) -> u8 {
        self.0
    }

    /// The confidence of two hints that do not depend on each other: `1 - (1 - a)(1 - b)`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let doubt = u16::from(100 - self.0) * u16::from(100 - other.0) / 100;
        Self::percent(u8::try_from(100 - doubt.min(100)).unwrap_or_default())
    }

    /// The confidence when something speaks against it.
    fn doubted(self) -> Self {
        if self >= Self::PROVES { self } else { Self(self.0 / 2) }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// Everything that the detectors find in a text, in order, the surer where two overlap; also what they are not sure of.
#[must_use]
pub fn scan(text: &str) -> Vec<Finding> {
    scan_with(text, None)
}

/// What a value as a whole is, given the name of its field: the one kind that it is, or [`Kind::FreeText`] if it is
/// prose that holds something. `None` if nothing is found that counts.
///
/// A name that speaks for a kind makes its detector surer, one that speaks of something else (`version`, `order_id`)
/// makes all but those that prove themselves less sure. A name alone finds nothing.
#[must_use]
pub fn judge(name: &str, text: &str) -> Option<Finding> {
    let text = pattern::beginning(text);
    let mut findings = scan_with(text, Some(name));
    findings.retain(|finding| finding.confidence >= Confidence::COUNTS);
    let best = findings.iter().max_by_key(|finding| (finding.confidence, finding.span.len()))?.clone();
    if is_prose_around(text, &findings) {
        return Some(Finding { kind: Kind::FreeText, span: 0..text.len(), confidence: best.confidence });
    }
    Some(best)
}

fn scan_with(text: &str, name: Option<&str>) -> Vec<Finding> {
    let text = pattern::beginning(text);
    let mut found = Vec::new();
    for detector in DETECTORS {
        detector(text, &mut found);
    }
    if let Some(name) = name {
        let hint = name::hint(name);
        for finding in &mut found {
            finding.confidence = hint.weigh(finding.kind, finding.confidence);
        }
    }
    without_overlaps(found)
}

/// Of findings that overlap, the surer one, then the longer one.
fn without_overlaps(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by_key(|finding| (std::cmp::Reverse((finding.confidence, finding.span.len())), finding.span.start));
    // Sorted by position, so that each candidate meets its two neighbours only.
    let mut kept: std::collections::BTreeMap<usize, Finding> = std::collections::BTreeMap::new();
    for finding in found {
        let before = kept.range(..=finding.span.start).next_back();
        let after = kept.range(finding.span.start..).next();
        let is_free = before.is_none_or(|(_, other)| other.span.end <= finding.span.start)
            && after.is_none_or(|(start, _)| finding.span.end <= *start);
        if is_free {
            kept.insert(finding.span.start, finding);
        }
    }
    kept.into_values().collect()
}

/// Whether what was found stands in prose: at least three words around it, and those are most of the text.
fn is_prose_around(text: &str, findings: &[Finding]) -> bool {
    let (mut words, mut letters, mut found, mut at) = (0, 0, 0, 0);
    let mut rest = |part: &str| {
        words += part.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count();
        letters += part.chars().filter(|c| c.is_alphanumeric()).count();
    };
    for finding in findings {
        rest(text.get(at..finding.span.start).unwrap_or_default());
        found += finding.span.len();
        at = finding.span.end;
    }
    rest(text.get(at..).unwrap_or_default());
    // `Date of birth: 1984-02-29` is a value and what it is called.
    if let [one] = findings
        && text.get(one.span.end..).is_some_and(|rest| rest.trim().is_empty())
        && text.get(..one.span.start).is_some_and(|before| before.trim_end().ends_with([':', '=', '.', '#']))
    {
        return words > 3;
    }
    words >= 3 && (letters * 2 > found || findings.len() >= 3)
}

/// Looks at a text and adds what it finds.
type Detector = fn(&str, &mut Vec<Finding>);

const DETECTORS: &[Detector] = &[
    email::find,
    phone::find,
    number::find_ssn,
    number::find_card,
    number::find_iban,
    internet::find_v4,
    internet::find_v6,
    internet::find_url_password,
    credential::find_jwt,
    credential::find_private_key,
    credential::find_aws,
    credential::find_api_key,
    credential::find_opaque,
    date::find,
];

#[cfg(test)]
mod tests;
