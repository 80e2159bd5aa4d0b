//! Which classes the name rules give to the names on a path.

use std::collections::BTreeMap;

use super::name::covers;
use crate::classification::{Classification, ClassificationSet};
use crate::spelling::spell;
use crate::value::MAX_DEPTH;

/// The name rules of a policy, ready to be asked.
#[derive(Clone, Debug, Default)]
pub(super) struct NameRules {
    exact: BTreeMap<String, ClassificationSet>,
    globs: Vec<(String, ClassificationSet)>,
    paths: Vec<(Vec<Segment>, ClassificationSet)>,
}

/// A pattern of a name rule, in the one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// One name, anywhere on the path.
    Name(String),
    /// The whole path, from the root.
    Path(Vec<Segment>),
}

/// One part of a dotted pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// One name; may hold stars.
    One(String),
    /// `**`: any number of names.
    Any,
}

/// How far the dotted patterns have got on a path: patterns still alive, with the segment each waits at.
///
/// Sorted and without repetition, so that equal progress is equal.
pub(super) type Progress = Vec<(u16, u16)>;

impl NameRules {
    /// Adds a rule. Callers have checked that there are fewer than 2^16 patterns and segments.
    pub(super) fn add(&mut self, pattern: Pattern, class: Classification) {
        match pattern {
            Pattern::Name(name) if name.contains('*') => self.globs.push((name, ClassificationSet::of(class))),
            Pattern::Name(name) => {
                let classes = self.exact.entry(name).or_default();
                *classes = classes.with(class);
            }
            Pattern::Path(segments) => self.paths.push((segments, ClassificationSet::of(class))),
        }
    }

    /// All patterns, in the one spelling: names, names with stars, paths.
    pub(super) fn patterns(&self) -> Vec<(String, ClassificationSet)> {
        let names = self.exact.iter().map(|(name, said)| (name.clone(), *said));
        let globs = self.globs.iter().cloned();
        let paths = self.paths.iter().map(|(segments, said)| {
            let segment = |segment: &Segment| match segment {
                Segment::One(name) => name.clone(),
                Segment::Any => "**".to_owned(),
            };
            (segments.iter().map(segment).collect::<Vec<_>>().join("."), *said)
        });
        names.chain(globs).chain(paths).collect()
    }

    /// The progress at the root of a record.
    pub(super) fn start(&self) -> Progress {
        let mut progress = Progress::new();
        let mut none = ClassificationSet::EMPTY;
        for (index, _) in self.paths.iter().enumerate() {
            self.advance(index, 0, &mut progress, &mut none);
        }
        progress.sort_unstable();
        progress
    }

    /// Goes to the member of this name: what its own name and the path up to it say, and the progress from there on.
    pub(super) fn step(&self, progress: &Progress, name: &str) -> (ClassificationSet, Progress) {
        let name = spell(name);
        let mut classes = self.exact.get(name.as_ref()).copied().unwrap_or_default();
        for (glob, said) in &self.globs {
            if covers(glob, &name) {
                classes = classes.union(*said);
            }
        }
        let mut next = Progress::new();
        for (index, at) in progress {
            let (index, at) = (usize::from(*index), usize::from(*at));
            match self.paths.get(index).and_then(|(segments, _)| segments.get(at)) {
                Some(Segment::Any) => self.advance(index, at, &mut next, &mut classes),
                Some(Segment::One(glob)) if covers(glob, &name) => {
                    self.advance(index, at + 1, &mut next, &mut classes);
                }
                _ => {}
            }
        }
        next.sort_unstable();
        next.dedup();
        (classes, next)
    }

    /// Lets a pattern wait at a segment; `**` may stand for no name at all, so the one after it as well.
    fn advance(&self, index: usize, at: usize, progress: &mut Progress, classes: &mut ClassificationSet) {
        let Some((segments, said)) = self.paths.get(index) else { return };
        let mut at = at;
        loop {
            let waiting = segments.get(at);
            if waiting.is_none() {
                *classes = classes.union(*said);
                return;
            }
            if let (Ok(index), Ok(at)) = (u16::try_from(index), u16::try_from(at)) {
                progress.push((index, at));
            }
            if !matches!(waiting, Some(Segment::Any)) {
                return;
            }
            at += 1;
        }
    }
}

impl Pattern {
    /// Reads a pattern; `None` if a part of it is empty, `**` is only a part of a name, or no path is this long.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let segments: Option<Vec<_>> = text.split('.').map(Segment::parse).collect();
        let mut segments = segments.filter(|segments| segments.len() <= 2 * MAX_DEPTH)?;
        segments.dedup_by(|next, before| *next == Segment::Any && *before == Segment::Any);
        match segments.as_slice() {
            [Segment::One(name)] => Some(Self::Name(name.clone())),
            [Segment::Any] => None,
            _ => Some(Self::Path(segments)),
        }
    }

    /// Whether every path that `other` matches also has what this pattern matches.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(general), Self::Name(special)) => covers(general, special),
            (Self::Name(general), Self::Path(special)) => {
                special.iter().any(|segment| matches!(segment, Segment::One(name) if covers(general, name)))
            }
            (Self::Path(general), Self::Path(special)) => covers_path(general, special),
            (Self::Path(_), Self::Name(_)) => false,
        }
    }
}

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => None,
            "**" => Some(Self::Any),
            name if name.contains("**") || name.trim() != name => None,
            name => Some(Self::One(spell(name).into_owned())),
        }
    }
}

/// Goes through both once: to try each way of sharing out the names between several `**` would take time without end.
fn covers_path(general: &[Segment], special: &[Segment]) -> bool {
    // How many segments of `special` what has been seen of `general` can stand for.
    let mut ends: Vec<bool> = (0..=special.len()).map(|length| length == 0).collect();
    for segment in general {
        let mut any = false;
        let mut before = false;
        let names = std::iter::once(None).chain(special.iter().map(Some));
        ends = ends
            .into_iter()
            .zip(names)
            .map(|(end, name)| {
                any |= end;
                let previous = std::mem::replace(&mut before, end);
                match (segment, name) {
                    (Segment::Any, _) => any,
                    (Segment::One(glob), Some(Segment::One(name))) => previous && covers(glob, name),
                    (Segment::One(_), _) => false,
                }
            })
            .collect();
    }
    ends.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classification::Classification::{Confidential, Pii, Sensitive};

    fn rules(rules: &[(&str, Classification)]) -> NameRules {
        let mut all = NameRules::default();
        for (pattern, class) in rules {
            all.add(Pattern::parse(pattern).unwrap(), *class);
        }
        all
    }

    /// What all names on the path say together.
    fn classes(rules: &NameRules, path: &str) -> Vec<Classification> {
        let (mut all, mut progress) = (ClassificationSet::EMPTY, rules.start());
        for name in path.split('.') {
            let (classes, next) = rules.step(&progress, name);
            all = all.union(classes);
            progress = next;
        }
        all.iter().collect()
    }

    #[test]
    fn a_single_name_matches_anywhere() {
        let rules = rules(&[("address", Pii), ("api-key", Sensitive), ("card_*", Pii)]);
        assert_eq!(classes(&rules, "address.city"), [Pii]);
        assert_eq!(classes(&rules, "customer.Address.apiKey"), [Pii, Sensitive]);
        assert_eq!(classes(&rules, "order.cardNumber"), [Pii]);
        assert_eq!(classes(&rules, "my_address"), []);
    }

    #[test]
    fn a_dotted_pattern_matches_from_the_root() {
        let rules = rules(&[("customer.address.zip", Pii), ("*.ssn", Sensitive), ("log.**.text", Confidential)]);
        assert_eq!(classes(&rules, "customer.address.zip"), [Pii]);
        assert_eq!(classes(&rules, "customer.address.zip.plus4"), [Pii]);
        assert_eq!(classes(&rules, "x.customer.address.zip"), []);
        assert_eq!(classes(&rules, "person.ssn"), [Sensitive]);
        assert_eq!(classes(&rules, "ssn"), []);
        assert_eq!(classes(&rules, "a.b.ssn"), []);
        assert_eq!(classes(&rules, "log.text"), [Confidential]);
        assert_eq!(classes(&rules, "log.a.b.text"), [Confidential]);
        assert_eq!(classes(&rules, "log.a.b"), []);
    }

    #[test]
    fn progress_does_not_grow_with_depth() {
        let rules = rules(&[("**.a.**.**.b.**.c", Pii)]);
        let mut progress = rules.start();
        for _ in 0..64 {
            progress = rules.step(&progress, "a").1;
        }
        assert!(progress.len() <= 8, "{}", progress.len());
    }

    #[test]
    fn covering() {
        let covers = |a: &str, b: &str| Pattern::parse(a).unwrap().covers(&Pattern::parse(b).unwrap());
        assert!(covers("ssn", "customer.ssn"));
        assert!(covers("customer", "customer.ssn"));
        assert!(covers("**.ssn", "a.*.ssn"));
        assert!(covers("*.ssn", "customer.SSN"));
        assert!(!covers("*.ssn", "a.b.ssn"));
        assert!(!covers("a.b", "b"));
        assert!(!covers("a.*", "a.**"));
    }

    #[test]
    fn covering_takes_no_time() {
        let general = Pattern::parse(&("**.a.".repeat(20) + "b")).unwrap();
        assert!(!general.covers(&Pattern::parse(&("a.".repeat(60) + "c")).unwrap()));
        assert!(general.covers(&Pattern::parse(&("a.".repeat(60) + "b")).unwrap()));
        let general = Pattern::parse(&("**.a.".repeat(20) + "**.b")).unwrap();
        assert!(general.covers(&Pattern::parse(&("a.**.".repeat(20) + "b")).unwrap()));
    }

    #[test]
    fn malformed() {
        for pattern in ["", ".", "a.", ".a", "a..b", "a***", "**", " a", "a.** b"] {
            assert_eq!(Pattern::parse(pattern), None, "{pattern}");
        }
    }
}
