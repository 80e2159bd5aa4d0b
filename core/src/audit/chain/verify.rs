//! Going through a chained log: whether each line goes on from the one before.

use std::fmt;

use serde::Serialize;

use super::{Chain, ChainHead, Line, Tag};
use crate::crypto::Secret;
use crate::error::Result;

/// Goes through the lines of a log, file by file, the oldest first.
///
/// ```
/// # use privet_core::audit::ChainVerifier;
/// # fn example(log: &str) -> privet_core::Result<bool> {
/// let mut verifier = ChainVerifier::new(None, None)?;
/// verifier.file();
/// let found = log.lines().try_for_each(|line| verifier.line(line.as_bytes()));
/// Ok(found.is_ok() && verifier.finish().is_ok())
/// # }
/// ```
pub struct ChainVerifier {
    chain: Chain,
    head: Option<ChainHead>,
    /// A head that was noted elsewhere, until it is met.
    noted: Option<ChainHead>,
    at_start: bool,
    report: ChainReport,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChainReport {
    /// Events that go on from each other.
    pub events: u64,
    /// Files that were begun.
    pub files: u64,
    /// The number of the first line; more than 1 if earlier files were not looked at.
    pub first: u64,
    /// The place of the last line, as text; empty if there is none.
    pub head: String,
    /// Whether tags need a key.
    pub keyed: bool,
    /// Parts of lines that a writer which died has left. They hold no event that anyone was shown.
    pub torn: u64,
}

/// What is wrong with a line, or with the end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainProblem {
    /// The line, or the one before it, was changed; or the key is another.
    Changed,
    /// Lines are missing before this one: its number, and the one that was due.
    Missing {
        /// The number of the line.
        found: u64,
        /// The number that was due.
        due: u64,
    },
    /// The line was there before: its number, and the one that was due.
    Repeated {
        /// The number of the line.
        found: u64,
        /// The number that was due.
        due: u64,
    },
    /// The line has no place in a chain: it was added, or the log never was chained.
    NotChained,
    /// The file does not begin as files of such a log do, or begins twice.
    NoBeginning,
    /// The log is chained with a key, and none was given.
    NeedsKey,
    /// The log is chained without a key, though one was given: anyone could have made it.
    NotKeyed,
    /// The head that was noted elsewhere is not in the log: it was cut off before it, or made anew.
    CutOff {
        /// The number that was noted.
        noted: u64,
    },
}

impl ChainVerifier {
    /// A verifier with the log's key, if it has one, and a head that was noted elsewhere, if one was.
    ///
    /// # Errors
    ///
    /// `Config` if the key is shorter than 32 bytes.
    pub fn new(key: Option<&Secret>, noted: Option<ChainHead>) -> Result<Self> {
        let chain = Chain::new(key)?;
        let report = ChainReport { keyed: chain.is_keyed(), ..ChainReport::default() };
        Ok(Self { chain, head: None, noted, at_start: false, report })
    }

    /// The next file begins.
    pub fn file(&mut self) {
        self.at_start = true;
        self.report.files += 1;
    }

    /// The next line, without its end.
    ///
    /// # Errors
    ///
    /// What is wrong with it. The chain is broken there: what follows proves nothing.
    pub fn line(&mut self, line: &[u8]) -> Result<(), ChainProblem> {
        let Some(read) = Line::read(line) else {
            let is_torn = is_torn(line);
            self.report.torn += u64::from(is_torn && !line.is_empty());
            return if is_torn { Ok(()) } else { Err(ChainProblem::NotChained) };
        };
        let before = if std::mem::take(&mut self.at_start) {
            self.beginning(&read)?
        } else if read.is_first {
            return Err(ChainProblem::NoBeginning);
        } else {
            self.head.ok_or(ChainProblem::NoBeginning)?
        };
        let (found, due) = (read.head.seq, before.seq.saturating_add(1));
        if found > due {
            return Err(ChainProblem::Missing { found, due });
        }
        if found < due {
            return Err(ChainProblem::Repeated { found, due });
        }
        if !self.chain.is_tag(&before.tag, &read) {
            return Err(ChainProblem::Changed);
        }
        self.report.events += u64::from(!read.is_first);
        self.head = Some(read.head);
        if self.noted == Some(read.head) {
            self.noted = None;
        }
        Ok(())
    }

    /// The end of the log.
    ///
    /// # Errors
    ///
    /// `CutOff` if the head that was noted was not met.
    pub fn finish(mut self) -> Result<ChainReport, ChainProblem> {
        if let Some(noted) = self.noted {
            return Err(ChainProblem::CutOff { noted: noted.seq });
        }
        self.report.head = self.head.map(|head| head.to_string()).unwrap_or_default();
        Ok(self.report)
    }

    /// What the first line of a file goes on from.
    fn beginning(&mut self, line: &Line<'_>) -> Result<ChainHead, ChainProblem> {
        let (keyed, after) = line.is_first.then(|| line.first()).flatten().ok_or(ChainProblem::NoBeginning)?;
        match (keyed, self.chain.is_keyed()) {
            (true, false) => return Err(ChainProblem::NeedsKey),
            (false, true) => return Err(ChainProblem::NotKeyed),
            _ => {}
        }
        let after: Tag = after.unwrap_or_default();
        let Some(head) = self.head else {
            // The files before may have been put away: what this one goes on from cannot be checked then.
            self.report.first = line.head.seq;
            return Ok(ChainHead { seq: line.head.seq.saturating_sub(1), tag: after });
        };
        if head.tag == after || line.head.seq != head.seq.saturating_add(1) {
            return Ok(head);
        }
        Err(ChainProblem::Changed)
    }
}

/// Whether this is what a writer that died left: the beginning of an object, perhaps with zeros after it, which a disk that
/// lost power has left. All else was put there by somebody, and other readers of the log may take it for an event: a whole
/// object, one with something behind it, one that is nested too deep to be read here.
fn is_torn(line: &[u8]) -> bool {
    let written = line.len() - line.iter().rev().take_while(|byte| **byte == 0).count();
    match line.get(..written) {
        None | Some(b"") => true,
        Some(text) if text.starts_with(b"{") => {
            serde_json::from_slice::<serde::de::IgnoredAny>(text).is_err_and(|error| error.is_eof())
        }
        Some(_) => false,
    }
}

impl fmt::Debug for ChainVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainVerifier").field("report", &self.report).finish_non_exhaustive()
    }
}

impl fmt::Display for ChainProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => {
                f.write_str("it does not go on from the line before: one of the two was changed, or the key is another")
            }
            Self::Missing { found, due } => {
                write!(f, "it is number {found} where {due} is due: lines are missing before it")
            }
            Self::Repeated { found, due } => {
                write!(f, "it is number {found} where {due} is due: lines are repeated or out of order")
            }
            Self::NotChained => {
                f.write_str("it has no place in a chain: it was added by something else than the log's writer")
            }
            Self::NoBeginning => f.write_str("a file of a log begins with its own first line, once; this is not that"),
            Self::NeedsKey => f.write_str("the log is chained with a key: give it"),
            Self::NotKeyed => f.write_str("the log is chained without a key, so anyone could have made it"),
            Self::CutOff { noted } => {
                write!(f, "the head that was noted, number {noted}, is not in the log: it was cut off or made anew")
            }
        }
    }
}

impl std::error::Error for ChainProblem {}
