//! Many values of many fields: what each field holds, and the class that is proposed for it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::name::{self, Hint, NAME};
use super::{Confidence, Kind, judge, scan_with};
use crate::classification::Classification;

/// Looks at samples of records, and proposes a class for each of their fields.
///
/// ```
/// use privet_core::Classification;
/// use privet_core::detect::{Kind, Survey};
///
/// let mut survey = Survey::new();
/// for address in ["ada@example.com", "grace@example.org", ""] {
///     survey.text("contact", address);
/// }
/// let proposal = &survey.proposals()[0];
/// assert_eq!((proposal.path.as_str(), proposal.class), ("contact", Some(Classification::Pii)));
/// assert_eq!((proposal.evidence[0].kind, proposal.evidence[0].values, proposal.seen), (Kind::Email, 2, 2));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Survey {
    fields: BTreeMap<String, Field>,
    is_truncated: bool,
}

/// What is proposed for one field, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Proposal {
    /// Where the field is: names joined by dots, `[]` for the elements of a list.
    pub path: String,
    /// The class; `None` if nothing speaks for any.
    pub class: Option<Classification>,
    /// Category tags.
    pub categories: Vec<&'static str>,
    /// The built-in mask that suits it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<&'static str>,
    /// How sure that is.
    pub confidence: Confidence,
    /// How many values were looked at; empty ones do not count.
    pub seen: u64,
    /// What the name speaks for, if for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Kind>,
    /// What the values speak for, most often found first.
    pub evidence: Vec<Evidence>,
}

/// How often one kind was found in a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// The kind.
    pub kind: Kind,
    /// In how many values it is the value as a whole.
    pub values: u64,
    /// In how many values it stands within prose.
    pub in_text: u64,
    /// How sure its detector was, on average.
    pub confidence: Confidence,
}

#[derive(Clone, Debug, Default)]
struct Field {
    seen: u64,
    found: BTreeMap<Kind, Tally>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    values: u64,
    in_text: u64,
    percent: u64,
}

impl Survey {
    /// A survey that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at a text, or at a number as it is written.
    pub fn text(&mut self, path: &str, text: &str) {
        let text = text.trim();
        let Some(field) = self.field(path).filter(|_| !text.is_empty()) else { return };
        field.seen += 1;
        let Some(verdict) = judge(path, text) else { return };
        if verdict.kind() != Kind::FreeText {
            let tally = field.found.entry(verdict.kind()).or_default();
            tally.values += 1;
            tally.percent += u64::from(verdict.confidence().as_percent());
            return;
        }
        let mut inner: BTreeMap<Kind, Confidence> = BTreeMap::new();
        for finding in scan_with(text, Some(path)).iter().filter(|finding| finding.confidence >= Confidence::COUNTS) {
            let best = inner.entry(finding.kind).or_default();
            *best = finding.confidence.max(*best);
        }
        for (kind, confidence) in inner {
            let tally = field.found.entry(kind).or_default();
            tally.in_text += 1;
            tally.percent += u64::from(confidence.as_percent());
        }
    }

    /// Counts a value that has no text to look at: a truth value, bytes.
    pub fn other(&mut self, path: &str) {
        if let Some(field) = self.field(path) {
            field.seen += 1;
        }
    }

    /// Whether there were more fields than a survey keeps: names that are data themselves. The rest were passed over.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// What is proposed for each field, in the order of their paths.
    #[must_use]
    pub fn proposals(&self) -> Vec<Proposal> {
        self.fields.iter().map(|(path, field)| field.proposal(path)).collect()
    }

    fn field(&mut self, path: &str) -> Option<&mut Field> {
        if !self.fields.contains_key(path) {
            if self.fields.len() >= MOST_FIELDS {
                self.is_truncated = true;
                return None;
            }
            self.fields.insert(path.to_owned(), Field::default());
        }
        self.fields.get_mut(path)
    }
}

impl Field {
    fn proposal(&self, path: &str) -> Proposal {
        let name = match name::hint(path) {
            Hint::For(kind) => Some(kind),
            Hint::Against | Hint::None => None,
        };
        let mut evidence: Vec<Evidence> =
            self.found.iter().filter_map(|(kind, tally)| self.evidence(*kind, tally)).collect();
        evidence.sort_by_key(|evidence| std::cmp::Reverse((evidence.values + evidence.in_text, evidence.confidence)));
        let of_values = evidence.iter().map(|evidence| (self.kind_of_field(evidence), self.confidence(evidence)));
        // A name is worth less where values were looked at and are something else.
        let of_name = name.filter(|_| self.seen > 0).map(|kind| {
            let is_found_otherwise =
                Kind::BY_VALUE.contains(&kind) && evidence.iter().all(|evidence| evidence.kind != kind);
            (kind, if is_found_otherwise { Confidence::COUNTS } else { NAME })
        });
        let kinds: Vec<(Kind, Confidence)> = of_values.chain(of_name).collect();
        // The greatest class that anything speaks for, and the surest of what speaks for it.
        let class = kinds.iter().map(|(kind, _)| kind.class()).max();
        let speaking = kinds.iter().filter(|(kind, _)| Some(kind.class()) == class);
        let best = speaking.clone().max_by_key(|(kind, confidence)| (*confidence, std::cmp::Reverse(*kind)));
        let mut categories: Vec<&str> = kinds.iter().flat_map(|(kind, _)| kind.categories()).copied().collect();
        categories.sort_unstable();
        categories.dedup();
        Proposal {
            path: path.to_owned(),
            class,
            categories,
            mask: best.and_then(|(kind, _)| kind.mask()),
            confidence: best.map(|(_, confidence)| *confidence).unwrap_or_default(),
            seen: self.seen,
            name,
            evidence,
        }
    }

    /// What was found often enough to count: what proves itself counts once found, the rest from one value in twenty.
    fn evidence(&self, kind: Kind, tally: &Tally) -> Option<Evidence> {
        let times = tally.values + tally.in_text;
        let percent = u8::try_from(tally.percent / times.max(1)).unwrap_or_default();
        let confidence = Confidence::percent(percent);
        let counts = confidence >= Confidence::PROVES || times * 20 >= self.seen;
        counts.then_some(Evidence { kind, values: tally.values, in_text: tally.in_text, confidence })
    }

    /// What the field is, if this is what was found in it: prose, if it stands within prose mostly.
    fn kind_of_field(&self, evidence: &Evidence) -> Kind {
        if evidence.in_text > evidence.values { Kind::FreeText } else { evidence.kind }
    }

    /// The detector's confidence, by how many of the values it found something in: all of it for all, six tenths for few.
    fn confidence(&self, evidence: &Evidence) -> Confidence {
        let share = (evidence.values + evidence.in_text) * 100 / self.seen.max(1);
        let percent = u64::from(evidence.confidence.as_percent()) * (60 + 40 * share.min(100) / 100) / 100;
        Confidence::percent(u8::try_from(percent).unwrap_or_default())
    }
}

/// Fields that are kept at most: more names than that are data.
const MOST_FIELDS: usize = 10_000;
