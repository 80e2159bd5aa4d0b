//! How well the detectors do on a labelled set: `docs/DETECTORS.md` says what is measured here.
//!
//! `PRIVET_OVERWRITE=1 cargo test -p privet-core --features detect --test detectors` writes the set and the document anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod case;
mod measure;
mod random;
mod shapes;

use std::collections::BTreeSet;
use std::path::PathBuf;

use privet_core::detect::Kind;

use case::Case;
use shapes::Label;

#[test]
fn the_set_is_what_its_shapes_make() {
    let cases = the_set();
    assert!(cases.len() >= 2_000, "{}", cases.len());
    let lines: String = cases.iter().map(|case| case.to_line() + "\n").collect();
    is_written(&root("core/tests/detectors/labelled.jsonl"), &lines);
    for (line, case) in lines.lines().zip(&cases) {
        let read: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(read["value"], case.value, "escapes are read back");
    }
    let shapes = shapes::all();
    let titles: BTreeSet<&str> = shapes.iter().map(|shape| shape.what).collect();
    assert_eq!(titles.len(), shapes.len(), "two shapes of one name");
    for kind in Kind::BY_VALUE {
        let of_kind = shapes.iter().filter(|shape| shape.label == Some(Label::Kind(kind))).count();
        assert!(of_kind >= 3, "{kind} has {of_kind} shapes only");
    }
}

#[test]
fn the_document_says_what_is_measured() {
    let path = root("docs/DETECTORS.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("a mark where the figures begin");
    let (_, after) = rest.split_once(END).expect("a mark where the figures end");
    let measured = measure::document(&the_set());
    is_written(&path, &format!("{before}{BEGIN}\n{measured}{END}{after}"));
}

#[test]
fn what_is_found_is_what_it_is_taken_for() {
    let (held_back, looked_at): (Vec<Case>, Vec<Case>) = the_set().into_iter().partition(|case| case.is_held_back);
    for figures in [measure::by_kind(&looked_at), measure::without_names(&looked_at)] {
        for (kind, figure) in figures {
            assert!(figure.precision().unwrap() >= 0.95, "precision of {kind}: {figure:?}");
            assert!(figure.recall().unwrap() >= 0.75, "recall of {kind}: {figure:?}");
        }
    }
    let others = measure::together(&measure::by_kind(&held_back));
    assert!(others.precision().unwrap() >= 0.95 && others.recall().unwrap() >= 0.7, "{others:?}");
}

#[test]
fn other_values_of_the_shapes_do_as_well() {
    let overall = |cases: &[Case]| measure::together(&measure::by_kind(cases));
    let (first, second) = (overall(&the_set()), overall(&case::make(OTHER_SEED, 2 * OF_EACH)));
    for (one, other) in [(first.precision(), second.precision()), (first.recall(), second.recall())] {
        assert!((one.unwrap() - other.unwrap()).abs() < 0.02, "{first:?} {second:?}");
    }
}

/// Prints what goes wrong with the shapes that may be looked at.
#[test]
#[ignore = "prints; cargo test -p privet-core --features detect --test detectors -- --ignored --nocapture mistakes"]
#[allow(clippy::print_stdout, reason = "is for reading")]
fn mistakes() {
    for case in the_set().iter().filter(|case| !case.is_held_back) {
        let nameless = measure::judged(case, false);
        for (with, found) in [("with", measure::judged(case, true)), ("without", nameless)] {
            if case.label != found.map(Label::Kind) && (with == "with" || case.is_clear) {
                let label = measure::name(case.label);
                println!("{with} name: {label} as {found:?}: {} {:?}: {}", case.name, case.value, case.what);
            }
        }
    }
}

fn the_set() -> Vec<Case> {
    case::make(SEED, OF_EACH)
}

fn is_written(path: &PathBuf, text: &str) {
    if std::env::var_os("PRIVET_OVERWRITE").is_some() {
        std::fs::write(path, text).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    // Not `assert_eq`, which would print both in full.
    assert!(stored == text, "{} is out of date: PRIVET_OVERWRITE=1 writes it anew", path.display());
}

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

const SEED: u64 = 1;
const OTHER_SEED: u64 = 2;
/// Values of each shape.
const OF_EACH: usize = 8;
const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";
