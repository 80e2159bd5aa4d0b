//! What the records of a job are to become: the trait, and what it says of a record.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::error::{Error, Result};

/// What the records of a job are to become.
pub trait Transformation<R>: Send + Sync + 'static {
    /// What a record is replaced by.
    type Rewritten: Send + Sync;

    /// All that decides what records become (policy, keys, format), so that a plan for something else is not run.
    fn describe(&self) -> impl Future<Output = Result<Json>> + Send;

    /// Whether the record is on target, as far as its header alone says.
    fn look(&self, record: &R) -> impl Future<Output = Result<Look>> + Send;

    /// What the record becomes, if it is not on target.
    fn rewrite(&self, record: &R) -> impl Future<Output = Result<Decision<Self::Rewritten>>> + Send;

    /// What becomes of records that are texts, as far as that can be told of many in fewer steps than of one after the
    /// other. What is left out is for [`rewrite`](Self::rewrite), and so is what fails for reasons that it can tell better.
    fn rewrite_texts(&self, _records: &[R]) -> impl Future<Output = Texts> + Send {
        std::future::ready(Texts::default())
    }

    /// Proves that the record is on target: it opens, and whatever the header does not say is right as well. Returns in
    /// what way it is not on target; empty if it is.
    fn prove(&self, record: &R) -> impl Future<Output = Result<Vec<Reason>>> + Send;

    /// A keyed digest that names the record in reports; empty if it has no key or is no record.
    fn digest(&self, record: &R) -> String;

    /// How often key providers will be asked to write this, beside what was asked to make it.
    fn key_calls_of(&self, _rewritten: &Self::Rewritten) -> u64 {
        0
    }

    /// How often key providers were asked so far.
    fn key_calls(&self) -> u64;
}

/// What a record's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It is on target.
    Current,
    /// It is not.
    Stale(Vec<Reason>),
    /// Only opening it tells.
    Unclear(Vec<Reason>),
}

/// What a record becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<W> {
    /// It is on target and stays as it is.
    Current,
    /// It is replaced.
    Rewrite {
        /// By this.
        rewritten: W,
        /// For these reasons.
        reasons: Vec<Reason>,
    },
}

/// What becomes of some records that are texts.
#[derive(Debug, Default)]
pub struct Texts {
    /// The texts that they become, one after the other.
    pub text: Vec<u8>,
    /// For each record what becomes of it, if that is known; may be shorter than there are records.
    pub decided: Vec<Option<TextDecision>>,
}

/// What a record that is a text becomes.
#[derive(Clone, Debug)]
pub enum TextDecision {
    /// It is on target and stays as it is.
    Current,
    /// It is replaced.
    Rewrite {
        /// By this part of the texts.
        text: Range<usize>,
        /// For these reasons.
        reasons: Arc<[Reason]>,
    },
    /// It cannot be opened.
    Failed(Error),
}

/// In what way a record is not on target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// It is stored in clear.
    Plaintext,
    /// It is sealed, and is to be in clear.
    Sealed,
    /// Its data keys are wrapped by another key.
    Key(String),
    /// Its integrity is another.
    Integrity,
    /// A field is sealed under another class, or in clear. The name of the field.
    Class(String),
    /// It is in another format.
    Format(String),
    /// Its beacons are of another version, or not those of its values.
    Beacons,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plaintext => f.write_str("in clear"),
            Self::Sealed => f.write_str("sealed"),
            Self::Key(key) => write!(f, "key {key}"),
            Self::Integrity => f.write_str("integrity"),
            Self::Class(field) => write!(f, "class of `{field}`"),
            Self::Format(format) => write!(f, "format {format}"),
            Self::Beacons => f.write_str("beacons"),
        }
    }
}
