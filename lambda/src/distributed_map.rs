//! Step Functions Distributed Map: its events, and what the state machine is told.
//!
//! Events are what `ItemBatcher` makes: `{"BatchInput": {...}, "Items": [<segment>, ...]}`; without a batcher the bare item
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html>).

use std::time::Duration;

use privet_bulk::{Budget, Error, Failure, Job, Outcome, Store, Transformation};
use privet_core::ErrorKind;
use serde::{Deserialize, Serialize};

/// An event of a Distributed Map whose items are segments of a table.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// Of a map with a batcher.
    Batch {
        /// What the state machine gives to every batch; absent if it gives nothing.
        #[serde(rename = "BatchInput", default)]
        input: Option<BatchInput>,
        /// Segments.
        #[serde(rename = "Items")]
        segments: Vec<u32>,
    },
    /// Of a map without one.
    Segment(u32),
}

/// What the state machine gives to every batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct BatchInput {
    /// How many segments its list has. A list made for another number than the worker's would leave a part of the table
    /// out without anybody noticing.
    #[serde(default)]
    pub segments: Option<u32>,
}

impl Event {
    /// Refuses segments of another scan than the worker's, which has so many.
    fn check(&self, segments: u32) -> Result<(), Error> {
        let said = match self {
            Self::Batch { input: Some(input), .. } => input.segments,
            Self::Batch { input: None, .. } | Self::Segment(_) => None,
        };
        if said.is_some_and(|said| said != segments) || self.segments().iter().any(|segment| *segment >= segments) {
            let message = format!("the worker scans in {segments} segments: make the state machine's list for as many");
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(())
    }

    /// The segments to work on.
    #[must_use]
    pub fn segments(&self) -> &[u32] {
        match self {
            Self::Batch { segments, .. } => segments,
            Self::Segment(segment) => std::slice::from_ref(segment),
        }
    }
}

/// What the state machine is told. Its Choice state loops back while the status is `continue`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reply {
    /// Whether all segments of the event are done.
    pub status: Status,
    /// The segments of the event that are not done: the Items of the next round.
    #[serde(rename = "Items")]
    pub segments: Vec<u32>,
    /// Records that were rewritten in these segments, since the job began.
    pub rewritten: u64,
    /// Records that could not be rewritten in these segments, since the job began.
    pub poison: u64,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All segments are done.
    Done,
    /// Time was up: the same again.
    Continue,
}

/// The type of error that a state machine sees: what is `Retryable` it tries again.
#[must_use]
pub fn error_type(failure: &Failure) -> &'static str {
    if failure.retryable { "Retryable" } else { "Failed" }
}

/// Works on the segments of an event until they are done or the deadline, by the job's monotonic clock, is near.
///
/// # Errors
///
/// Why a segment failed. What was done before is in its checkpoint: trying again does no work twice.
pub async fn handle<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>>(
    job: &Job<S, T>,
    event: &Event,
    deadline: Duration,
) -> Result<Reply, Failure> {
    event.check(job.store().shards())?;
    let mut reply = Reply { status: Status::Done, segments: Vec::new(), rewritten: 0, poison: 0 };
    for segment in event.segments() {
        let checkpoint = match job.process_shard(*segment, Budget::default(), Some(deadline)).await {
            Outcome::Done(checkpoint) => checkpoint,
            Outcome::Continue(checkpoint) => {
                reply.status = Status::Continue;
                reply.segments.push(*segment);
                checkpoint
            }
            Outcome::Failed(failure) => return Err(failure),
        };
        reply.rewritten += checkpoint.counts.rewritten;
        reply.poison += checkpoint.counts.poison;
    }
    Ok(reply)
}
