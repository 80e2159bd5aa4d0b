//! Reading back: whether every record opens under the target, and what is left that is not on it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::job::Job;
use crate::report::{Counts, Poison, printable};
use crate::store::Store;
use crate::transformation::{Look, Reason, Transformation};

/// How much is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    All,
    /// The first records of each shard, this many.
    FirstOfEachShard(u64),
}

/// What reading back has shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verification {
    /// Records that were read.
    pub read: u64,
    /// Records that are on target. If they were proven: and open there.
    pub on_target: u64,
    /// Records that are not on target.
    pub stragglers: u64,
    /// Records of which only opening them tells, where nothing is opened: they may be on target.
    #[serde(default)]
    pub unclear: u64,
    /// Records that cannot be opened or read.
    pub failed: u64,
    /// Read units that were spent.
    pub read_units: f64,
    /// The first records that are not on target.
    pub first_stragglers: Vec<Straggler>,
    /// The first records that cannot be opened.
    pub first_failures: Vec<Poison>,
}

/// A record that is not on target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Straggler {
    /// The shard it is in.
    pub shard: u32,
    /// A keyed digest of its key.
    pub digest: String,
    /// In what way it is not on target.
    pub reasons: Vec<Reason>,
}

impl Verification {
    /// Whether everything that was read is on target.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.stragglers == 0 && self.failed == 0
    }
}

impl<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>> Job<S, T> {
    /// Reads back and proves of each record that it is on target and opens there. Writes nothing.
    ///
    /// # Errors
    ///
    /// Those of the store and the key providers; what is wrong with a record is in the result.
    pub async fn verify(&self, extent: Extent) -> Result<Verification> {
        self.read_back(extent, true).await
    }

    /// Reads everything and lists what is not on target, by headers alone: nothing is opened, so that it takes no right
    /// to unwrap any key. Writes nothing.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub async fn stragglers(&self) -> Result<Verification> {
        self.read_back(Extent::All, false).await
    }

    async fn read_back(&self, extent: Extent, prove: bool) -> Result<Verification> {
        let job = &*self.shared;
        let mut found = Verification::default();
        for shard in 0..job.store.shards() {
            let session = job.store.open(&Checkpoint::start(&job.name, "", shard)).await?;
            let (mut position, mut seen) = (None, 0);
            'pages: loop {
                let read = || job.store.read(&session, position.as_ref());
                let page = self.retrying(&mut Counts::default(), Some(&job.pace.reads), read).await?;
                job.pace.reads.spend(page.read_units);
                found.read_units += page.read_units;
                for record in &page.records {
                    if matches!(extent, Extent::FirstOfEachShard(most) if seen >= most) {
                        break 'pages;
                    }
                    seen += 1;
                    self.look_back(shard, record, prove, &mut found).await?;
                }
                tokio::task::yield_now().await;
                position = page.next;
                if position.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn look_back(&self, shard: u32, record: &S::Record, prove: bool, found: &mut Verification) -> Result<()> {
        let transformation = &self.shared.transformation;
        found.read += 1;
        let outcome = if prove {
            transformation.prove(record).await
        } else {
            match transformation.look(record).await {
                Ok(Look::Unclear(_)) => {
                    found.unclear += 1;
                    return Ok(());
                }
                Ok(Look::Stale(reasons)) => Ok(reasons),
                Ok(Look::Current) => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        };
        match outcome {
            Ok(reasons) if reasons.is_empty() => found.on_target += 1,
            Ok(reasons) => {
                found.stragglers += 1;
                if found.first_stragglers.len() < MOST_NAMED {
                    let digest = printable(&transformation.digest(record)).into_owned();
                    found.first_stragglers.push(Straggler { shard, digest, reasons });
                }
            }
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => {
                found.failed += 1;
                if found.first_failures.len() < MOST_NAMED {
                    let digest = transformation.digest(record);
                    found.first_failures.push(Poison::new(shard, &digest, &error));
                }
            }
        }
        Ok(())
    }
}

/// A table for people.
impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.passed() { "verified" } else { "NOT verified" };
        writeln!(
            f,
            "{state}: {} records, {} on target, {} stragglers, {} failed",
            self.read, self.on_target, self.stragglers, self.failed
        )?;
        if self.unclear > 0 {
            writeln!(f, "{} records tell only when they are opened: verify", self.unclear)?;
        }
        for straggler in &self.first_stragglers {
            let reasons: Vec<_> = straggler.reasons.iter().map(ToString::to_string).collect();
            let reasons = reasons.join(", ");
            let reasons = printable(&reasons);
            writeln!(f, "straggler: record {} in shard {}: {reasons}", straggler.digest, straggler.shard)?;
        }
        for failure in &self.first_failures {
            writeln!(f, "failed: record {} in shard {}: {}", failure.digest, failure.shard, failure.reason)?;
        }
        Ok(())
    }
}

const MOST_NAMED: usize = 1000;
