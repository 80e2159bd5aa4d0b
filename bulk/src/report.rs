//! What a job has done: counts, poison records, and the report as JSON and as a table.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::transformation::Reason;

/// What was done, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Records that were read.
    pub read: u64,
    /// Records that were on target and stayed as they are.
    pub current: u64,
    /// Records that were rewritten.
    pub rewritten: u64,
    /// Writes that found another record than was read, and were decided again.
    pub conflicts: u64,
    /// Records that were gone when they were read again.
    pub vanished: u64,
    /// Records that could not be rewritten.
    pub poison: u64,
    /// Calls that were tried again.
    pub retries: u64,
    /// Older versions that rewriting has left behind, readable with the older key.
    pub older_versions: u64,
    /// Bytes of the records that were rewritten, where the store says so.
    pub bytes: u64,
    /// Read units that were spent.
    pub read_units: f64,
    /// Write units that were spent.
    pub write_units: f64,
    /// Why records were rewritten. A record may count under several reasons.
    pub reasons: BTreeMap<String, u64>,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        // What comes out of a checkpoint may be anything.
        for (count, more) in [
            (&mut self.read, other.read),
            (&mut self.current, other.current),
            (&mut self.rewritten, other.rewritten),
            (&mut self.conflicts, other.conflicts),
            (&mut self.vanished, other.vanished),
            (&mut self.poison, other.poison),
            (&mut self.retries, other.retries),
            (&mut self.older_versions, other.older_versions),
            (&mut self.bytes, other.bytes),
        ] {
            *count = count.saturating_add(more);
        }
        self.read_units = (self.read_units + other.read_units).min(f64::MAX);
        self.write_units = (self.write_units + other.write_units).min(f64::MAX);
        for (reason, count) in &other.reasons {
            self.count_reason(reason, *count);
        }
    }

    /// What of it was done to the store, for records that are read again: what else became of them counts then.
    pub(crate) fn effects(&self) -> Self {
        Self { read: self.rewritten, current: 0, vanished: 0, poison: 0, ..self.clone() }
    }

    /// Leaves out records on target that were counted before: as many as there are of these, which become fewer by them.
    pub(crate) fn leave_out(&mut self, counted: &mut u64) {
        let again = self.current.min(*counted);
        self.current -= again;
        self.read = self.read.saturating_sub(again);
        *counted -= again;
    }

    /// Counts why this many records were rewritten.
    pub(crate) fn note(&mut self, reasons: &[Reason], records: u64) {
        for (index, reason) in reasons.iter().enumerate() {
            // Each section of a header has its own say; a record counts once.
            if !reasons.iter().take(index).any(|before| before == reason) {
                self.count_reason(&reason.to_string(), records);
            }
        }
    }

    /// Names of keys come out of the data: there is an end to how many are told apart.
    fn count_reason(&mut self, reason: &str, count: u64) {
        let reason = printable(reason);
        if let Some(counted) = self.reasons.get_mut(&*reason) {
            *counted = counted.saturating_add(count);
        } else {
            let name = if self.reasons.len() < MAX_REASONS { &*reason } else { "others" };
            let counted = self.reasons.entry(name.to_owned()).or_default();
            *counted = counted.saturating_add(count);
        }
    }
}

/// A record that could not be rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poison {
    /// The shard it is in.
    pub shard: u32,
    /// A keyed digest of its key; empty if it has none or is no record.
    pub digest: String,
    /// What kind of error it was: `integrity`, `denied`, `input` ...
    pub kind: String,
    /// What was wrong, without anything of the record.
    pub reason: String,
}

impl Poison {
    pub(crate) fn new(shard: u32, digest: &str, error: &Error) -> Self {
        let reason = error.to_string();
        Self {
            shard,
            digest: printable(digest).into_owned(),
            kind: error.kind().to_string(),
            reason: printable(&reason).into_owned(),
        }
    }
}

/// What a job has done. As JSON by serde, as a table by `Display`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The job's name.
    pub job: String,
    /// Whether all shards are done and the store has ended the job.
    pub finished: bool,
    /// Shards there are.
    pub shards: u32,
    /// Shards that are done.
    pub shards_done: u32,
    /// What was done since the job began, by all its workers.
    pub total: Counts,
    /// What this run has done.
    pub this_run: Counts,
    /// How long this run took, in seconds.
    pub seconds: f64,
    /// How often key providers were asked in this run.
    pub key_calls: u64,
    /// Records that could not be rewritten: the first of each shard.
    pub poison: Vec<Poison>,
    /// Shards that failed in this run, and why.
    pub failures: Vec<ShardFailure>,
}

/// A shard that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardFailure {
    /// The shard.
    pub shard: u32,
    /// What kind of error it was.
    pub kind: String,
    /// Whether running the job again may help, with nothing changed.
    pub retryable: bool,
    /// What was wrong.
    pub reason: String,
}

impl Report {
    /// Records that this run went through in a second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    pub fn throughput(&self) -> f64 {
        if self.seconds > 0.0 { self.this_run.read as f64 / self.seconds } else { 0.0 }
    }
}

/// A table for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.finished, self.failures.is_empty()) {
            (true, _) => "finished",
            (false, true) => "not finished",
            (false, false) => "failed",
        };
        writeln!(f, "job {}: {state}, {} of {} shards done", self.job, self.shards_done, self.shards)?;
        writeln!(f, "{:<14}{:>14}{:>14}", "", "this run", "in total")?;
        let (run, total) = (&self.this_run, &self.total);
        for (name, run, total) in [
            ("read", run.read, total.read),
            ("rewritten", run.rewritten, total.rewritten),
            ("on target", run.current, total.current),
            ("conflicts", run.conflicts, total.conflicts),
            ("vanished", run.vanished, total.vanished),
            ("poison", run.poison, total.poison),
            ("retries", run.retries, total.retries),
        ] {
            writeln!(f, "{name:<14}{run:>14}{total:>14}")?;
        }
        // Of buckets only.
        for (name, run, total) in
            [("bytes", run.bytes, total.bytes), ("old versions", run.older_versions, total.older_versions)]
        {
            if total > 0 {
                writeln!(f, "{name:<14}{run:>14}{total:>14}")?;
            }
        }
        for (name, run, total) in
            [("read units", run.read_units, total.read_units), ("write units", run.write_units, total.write_units)]
        {
            writeln!(f, "{name:<14}{run:>14.1}{total:>14.1}")?;
        }
        // What only says how far a job has got took no time.
        if self.seconds > 0.0 {
            let took = Duration::try_from_secs_f64(self.seconds).unwrap_or_default();
            writeln!(f, "{:.1?}, {:.0} records a second, {} key calls", took, self.throughput(), self.key_calls)?;
        }
        for (reason, count) in &total.reasons {
            writeln!(f, "  {count} for {reason}")?;
        }
        for poison in &self.poison {
            let name = if poison.digest.is_empty() { "without a key" } else { &poison.digest };
            writeln!(f, "poison: record {name} in shard {}: {} ({})", poison.shard, poison.reason, poison.kind)?;
        }
        for failure in &self.failures {
            let again = if failure.retryable { ": run again" } else { "" };
            writeln!(f, "shard {} failed: {} ({}){again}", failure.shard, failure.reason, failure.kind)?;
        }
        Ok(())
    }
}

/// Text that names something of a record: short, so that a checkpoint has room for it, and without anything that a
/// terminal would act on.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST_TEXT && !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let replaced =
        text.chars().map(|character| if is_unprintable(character) { char::REPLACEMENT_CHARACTER } else { character });
    let mut short: String = replaced.take(MOST_TEXT).collect();
    if text.chars().nth(MOST_TEXT).is_some() {
        short.push('…');
    }
    Cow::Owned(short)
}

/// Whether a terminal acts on it: control characters, and those that turn the direction of what follows.
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const MAX_REASONS: usize = 64;
const MOST_TEXT: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_records_say_stays_short_and_is_no_command_to_a_terminal() {
        assert_eq!(printable("class of `ssn`"), "class of `ssn`");
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(printable(&"é".repeat(60_000)).chars().count(), MOST_TEXT + 1);
        let mut counts = Counts::default();
        for index in 0..1000 {
            counts.note(&[Reason::Key(format!("{}{index}", "x".repeat(60_000)))], 1);
        }
        assert!(serde_json::to_string(&counts).unwrap().len() < 64 << 10);
    }

    #[test]
    fn counts_of_a_foreign_checkpoint_do_no_harm() {
        let most = Counts { read: u64::MAX, read_units: f64::MAX, ..Counts::default() };
        let mut counts = most.clone();
        counts.add(&most);
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(serde_json::from_str::<Counts>(&text).unwrap(), most);
    }
}
