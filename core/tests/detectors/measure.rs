//! Precision and recall of each detector, and what they get wrong, as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use privet_core::detect::{self, Confidence, Kind};

use crate::case::Case;
use crate::shapes::Label;

/// How often a detector was right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figure {
    /// Values of the kind.
    pub(crate) are: u32,
    /// Values that were found to be of the kind.
    pub(crate) found: u32,
    /// Values that were, and were found to be.
    pub(crate) right: u32,
}

/// What the detectors say to a value, as a field's name has it or under one that says nothing.
pub(crate) fn judged(case: &Case, with_name: bool) -> Option<Kind> {
    detect::judge(if with_name { &case.name } else { "value" }, &case.value).map(|finding| finding.kind())
}

/// By kind, with names.
pub(crate) fn by_kind(cases: &[Case]) -> BTreeMap<Kind, Figure> {
    tally(cases.iter().map(|case| (case.label, judged(case, true))))
}

/// By kind, under a name that says nothing, of the values that a person can tell without.
pub(crate) fn without_names(cases: &[Case]) -> BTreeMap<Kind, Figure> {
    tally(cases.iter().filter(|case| case.is_clear).map(|case| (case.label, judged(case, false))))
}

fn tally(judged: impl Iterator<Item = (Option<Label>, Option<Kind>)>) -> BTreeMap<Kind, Figure> {
    let mut figures: BTreeMap<Kind, Figure> =
        Kind::BY_VALUE.into_iter().map(|kind| (kind, Figure::default())).collect();
    for (label, found) in judged {
        for (kind, figure) in &mut figures {
            let (is, is_found) = (label == Some(Label::Kind(*kind)), found == Some(*kind));
            figure.are += u32::from(is);
            figure.found += u32::from(is_found);
            figure.right += u32::from(is && is_found);
        }
    }
    figures
}

impl Figure {
    /// Of what was found, how much is what it was taken for.
    pub(crate) fn precision(self) -> Option<f64> {
        (self.found > 0).then(|| f64::from(self.right) / f64::from(self.found))
    }

    /// Of what is there, how much was found.
    pub(crate) fn recall(self) -> Option<f64> {
        (self.are > 0).then(|| f64::from(self.right) / f64::from(self.are))
    }
}

/// The figures of all kinds together.
pub(crate) fn together(figures: &BTreeMap<Kind, Figure>) -> Figure {
    figures.values().fold(Figure::default(), |sum, figure| Figure {
        are: sum.are + figure.are,
        found: sum.found + figure.found,
        right: sum.right + figure.right,
    })
}

/// What the document says.
pub(crate) fn document(cases: &[Case]) -> String {
    let mut text = String::new();
    let nothing = cases.iter().filter(|case| case.label.is_none()).count();
    let _ = writeln!(
        text,
        "{} values of {} shapes, {nothing} of them nothing of anybody.\n",
        cases.len(),
        shapes(cases).len()
    );
    text += "| detector | values | precision | recall | precision without a name | recall without a name | found in prose |\n";
    text += "|---|---|---|---|---|---|---|\n";
    let (named, nameless) = (by_kind(cases), without_names(cases));
    for (kind, figure) in &named {
        let without = nameless[kind];
        let in_prose = prose(cases, *kind);
        row(&mut text, kind.as_str(), *figure, without, &in_prose);
    }
    for (title, is_held_back) in [("all, shapes that were looked at", false), ("all, shapes that were held back", true)]
    {
        let part: Vec<Case> = cases.iter().filter(|case| case.is_held_back == is_held_back).cloned().collect();
        row(&mut text, title, together(&by_kind(&part)), together(&without_names(&part)), "");
    }
    text +=
        "\nWhat they get wrong, with the fields' names:\n\n| shape | is | taken for | values |\n|---|---|---|---|\n";
    let mut wrong: BTreeMap<_, BTreeMap<Option<Kind>, u32>> = BTreeMap::new();
    for case in cases {
        let found = judged(case, true);
        if case.label != found.map(Label::Kind) {
            *wrong.entry((case.label, case.what)).or_default().entry(found).or_default() += 1;
        }
    }
    for ((label, what), found) in &wrong {
        let of = cases.iter().filter(|case| case.what == *what).count();
        for (found, times) in found {
            let found = found.map_or("nothing", Kind::as_str);
            let _ = writeln!(text, "| {what} | {} | {found} | {times} of {of} |", name(*label));
        }
    }
    text
}

fn row(text: &mut String, title: &str, figure: Figure, without: Figure, in_prose: &str) {
    let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}", share * 100.0));
    let _ = writeln!(
        text,
        "| {title} | {} | {} | {} | {} | {} | {in_prose} |",
        figure.are,
        percent(figure.precision()),
        percent(figure.recall()),
        percent(without.precision()),
        percent(without.recall())
    );
}

/// In how many texts that hold the kind it is found.
fn prose(cases: &[Case], kind: Kind) -> String {
    let holding: Vec<&Case> = cases.iter().filter(|case| case.holds.contains(&kind)).collect();
    let found = holding.iter().filter(|case| {
        detect::scan(&case.value).iter().any(|found| found.kind() == kind && found.confidence() >= Confidence::COUNTS)
    });
    if holding.is_empty() { String::new() } else { format!("{} of {}", found.count(), holding.len()) }
}

pub(crate) fn name(label: Option<Label>) -> &'static str {
    match label {
        Some(Label::Kind(kind)) => kind.as_str(),
        Some(Label::Unseen(name)) => name,
        None => "nothing",
    }
}

fn shapes(cases: &[Case]) -> std::collections::BTreeSet<&'static str> {
    cases.iter().map(|case| case.what).collect()
}
