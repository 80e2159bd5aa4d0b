//! Detectors and surveys: what they found, and never what it was.

use privet::detect::{Survey, judge, scan};

use crate::Said;
use crate::common::SECRETS;

#[test]
fn what_was_found_is_not_shown() {
    let mut said = Said::listen();
    let values = [
        SECRETS[0],
        SECRETS[1],
        SECRETS[3],
        SECRETS[4],
        "AKIAIOSFODNN7FICTIVE",
        "4000 0000 0000 0002",
        "GB29NWBK60161331926819",
    ];
    let mut survey = Survey::new();
    for value in values {
        said.shows(&scan(value));
        said.shows(&scan(&format!("a text with {value} in it")));
        for name in ["email", "note", "ssn", "key"] {
            said.shows(&judge(name, value));
            survey.text(name, value);
        }
    }
    survey.other("age");
    said.shows(&survey);
    said.shows(&survey.proposals());
    said.text(serde_json::to_string(&survey.proposals()).unwrap());
    let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
    said.holds_none_of(&values, 0);
}
