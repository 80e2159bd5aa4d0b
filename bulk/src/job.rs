//! A job: a store, a transformation, checkpoints; running all its shards, by one process or several.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use privet_core::ErrorKind;
use privet_core::time::{SystemTimeSource, TimeSource};
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::checkpoint::{Checkpoint, Checkpoints, LONGEST_LEASE, MemoryCheckpoints, check_name};
use crate::error::{Error, Result};
use crate::pace::{Limits, Pace};
use crate::plan::Plan;
use crate::report::{Counts, Report, ShardFailure};
use crate::shard::{Budget, Outcome};
use crate::store::Store;
use crate::transformation::Transformation;

/// A job: moves every record of a store to a target. Cheap to clone; clones are the same worker.
///
/// # Security
///
/// Checkpoints hold positions, which for tables are keys of records. Guard them as the table.
pub struct Job<S, T> {
    pub(crate) shared: Arc<Shared<S, T>>,
}

pub(crate) struct Shared<S, T> {
    pub(crate) name: String,
    pub(crate) store: S,
    pub(crate) transformation: T,
    pub(crate) checkpoints: Arc<dyn Checkpoints>,
    pub(crate) pace: Pace,
    pub(crate) time: Arc<dyn TimeSource>,
    /// The name of this worker.
    pub(crate) owner: String,
    pub(crate) lease: Duration,
    pub(crate) retries: u32,
    pub(crate) max_poison: Option<u64>,
    pub(crate) parallel: usize,
    pub(crate) stop: AtomicBool,
    pub(crate) poisoned: AtomicU64,
    /// What this worker has done.
    pub(crate) progress: Mutex<Counts>,
    /// What the job is, once it was worked out.
    digest: tokio::sync::OnceCell<String>,
}

/// Puts a [`Job`] together.
#[must_use = "nothing happens before `build`"]
pub struct JobBuilder<S, T> {
    name: String,
    store: S,
    transformation: T,
    checkpoints: Option<Arc<dyn Checkpoints>>,
    pace: Option<Pace>,
    limits: Limits,
    time: Arc<dyn TimeSource>,
    lease: Duration,
    retries: u32,
    max_poison: Option<u64>,
    parallel: usize,
}

impl<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>> JobBuilder<S, T> {
    /// Where checkpoints are kept. Default: in memory, so that the job cannot be resumed by another process.
    pub fn checkpoints(mut self, checkpoints: impl Checkpoints + 'static) -> Self {
        self.checkpoints = Some(Arc::new(checkpoints));
        self
    }

    /// How fast the job may go. Default: no limits until the service throttles.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// A pace that is shared with others, such as keyrings; in place of limits.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = Some(pace);
        self
    }

    /// How many shards are worked on at once. Default: 4.
    pub fn parallel(mut self, shards: usize) -> Self {
        self.parallel = shards.max(1);
        self
    }

    /// For how long a worker that is not heard of keeps its shard, up to a day. Default: 30 seconds. Nothing depends on it but who
    /// works on what: all writes are conditional.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.min(LONGEST_LEASE);
        self
    }

    /// How often a call is tried again before its shard fails. Default: 8.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// How many records this worker may find impossible to rewrite before it stops. Others, and those that go on with the job
    /// later, count for themselves. Default: any number.
    pub fn max_poison(mut self, records: u64) -> Self {
        self.max_poison = Some(records);
        self
    }

    /// The clock. Default: the system's.
    pub fn time_source(mut self, time: impl TimeSource + 'static) -> Self {
        self.time = Arc::new(time);
        self
    }

    /// The job.
    ///
    /// # Errors
    ///
    /// `Config` if its name cannot be a part of file names.
    pub fn build(self) -> Result<Job<S, T>> {
        check_name(&self.name)?;
        let pace = self.pace.unwrap_or_else(|| Pace::new(self.limits, &self.time));
        Ok(Job {
            shared: Arc::new(Shared {
                name: self.name,
                store: self.store,
                transformation: self.transformation,
                checkpoints: self.checkpoints.unwrap_or_else(|| Arc::new(MemoryCheckpoints::default())),
                pace,
                time: self.time,
                owner: random_name()?,
                lease: self.lease,
                retries: self.retries,
                max_poison: self.max_poison,
                parallel: self.parallel,
                stop: AtomicBool::new(false),
                poisoned: AtomicU64::new(0),
                progress: Mutex::default(),
                digest: tokio::sync::OnceCell::new(),
            }),
        })
    }
}

impl<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>> Job<S, T> {
    /// A job of this name: what it is resumed by.
    pub fn builder(name: impl Into<String>, store: S, transformation: T) -> JobBuilder<S, T> {
        JobBuilder {
            name: name.into(),
            store,
            transformation,
            checkpoints: None,
            pace: None,
            limits: Limits::default(),
            time: Arc::new(SystemTimeSource::new()),
            lease: Duration::from_secs(30),
            retries: 8,
            max_poison: None,
            parallel: 4,
        }
    }

    /// Runs all shards that are not done, and ends the job when none is left. Shards that another process works on are
    /// waited for, and taken over if it is not heard of any more.
    ///
    /// What goes wrong with a shard is in the report; the other shards go on.
    ///
    /// # Errors
    ///
    /// `Conflict` if checkpoints of this name are of another job; those of store and checkpoints.
    pub async fn run(&self) -> Result<Report> {
        let started = self.shared.time.monotonic();
        let calls = self.shared.transformation.key_calls();
        self.digest().await?;
        // Each with when it may be begun.
        let mut waiting: Vec<_> =
            (0..self.shared.store.shards()).rev().map(|shard| (shard, tokio::time::Instant::now())).collect();
        let mut failures = Vec::new();
        let mut running = JoinSet::new();
        loop {
            while running.len() < self.shared.parallel
                && !self.is_stopped()
                && let Some((shard, time)) = waiting.pop()
            {
                let job = self.clone();
                running.spawn(async move {
                    tokio::time::sleep_until(time).await;
                    if job.is_stopped() {
                        return (shard, None);
                    }
                    (shard, Some(job.process_shard(shard, Budget::default(), None).await))
                });
            }
            let Some(joined) = running.join_next().await else { break };
            let (shard, outcome) = joined.map_err(|_| Error::new(ErrorKind::Io, "a shard's task has panicked"))?;
            match outcome {
                None | Some(Outcome::Done(_)) => {}
                Some(Outcome::Continue(_)) if !self.is_stopped() => waiting.push((shard, tokio::time::Instant::now())),
                Some(Outcome::Continue(_)) => {}
                Some(Outcome::Failed(failure)) => match failure.held {
                    // Others first.
                    Some(left) if !self.is_stopped() => {
                        waiting.insert(0, (shard, tokio::time::Instant::now() + left.min(MAX_WAIT)));
                    }
                    Some(_) => {}
                    None => failures.push(ShardFailure {
                        shard,
                        kind: failure.kind.to_string(),
                        retryable: failure.retryable,
                        reason: failure.message,
                    }),
                },
            }
        }
        failures.sort_unstable_by_key(|failure| failure.shard);
        let mut report = self.report().await?;
        if failures.is_empty() && report.shards_done == report.shards && !self.is_stopped() {
            self.finish().await?;
            report.finished = true;
        }
        report.failures = failures;
        report.seconds = self.shared.time.monotonic().saturating_sub(started).as_secs_f64();
        report.key_calls = self.shared.transformation.key_calls() - calls;
        Ok(report)
    }

    /// Runs the job if the world is still the one that the plan was made for.
    ///
    /// # Errors
    ///
    /// `Conflict` if it is not; otherwise as [`run`](Self::run).
    pub async fn run_planned(&self, plan: &Plan) -> Result<Report> {
        self.check(plan).await?;
        self.run().await
    }

    /// Ends the job, all its shards being done. May be called again.
    ///
    /// # Errors
    ///
    /// `Conflict` if a shard is not done, or the store has changed so that what was done cannot be put in its place.
    pub async fn finish(&self) -> Result<()> {
        let checkpoints = self.checkpoints().await?;
        if checkpoints.iter().any(|checkpoint| checkpoint.as_ref().is_none_or(|checkpoint| !checkpoint.done)) {
            return Err(Error::conflict("not all shards are done: run the job again"));
        }
        let checkpoints: Vec<_> = checkpoints.into_iter().flatten().collect();
        self.shared.store.finish(&checkpoints).await
    }

    /// What was done so far, by all workers, as checkpoints say.
    ///
    /// # Errors
    ///
    /// Those of the checkpoints.
    pub async fn report(&self) -> Result<Report> {
        let checkpoints = self.checkpoints().await?;
        let mut report = Report {
            job: self.shared.name.clone(),
            shards: self.shared.store.shards(),
            this_run: self.progress(),
            ..Report::default()
        };
        for checkpoint in checkpoints.into_iter().flatten() {
            report.shards_done += u32::from(checkpoint.done);
            report.total.add(&checkpoint.counts);
            report.poison.extend(checkpoint.poison);
        }
        Ok(report)
    }

    /// What this worker has done so far: for progress bars.
    #[must_use]
    pub fn progress(&self) -> Counts {
        self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the job to stop: shards end with a checkpoint and let go of their leases.
    pub fn stop(&self) {
        self.shared.stop.store(true, Relaxed);
    }

    /// Whether the job was asked to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.stop.load(Relaxed)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// What the job is: its store and its target.
    pub(crate) async fn description(&self) -> Result<Json> {
        Ok(json!({
            "store": self.shared.store.identity().await?,
            "shards": self.shared.store.shards(),
            "target": self.shared.transformation.describe().await?,
        }))
    }

    /// A digest of the description, so that a job is not resumed as another one.
    pub(crate) async fn digest(&self) -> Result<&str> {
        let digest = self.shared.digest.get_or_try_init(|| async {
            let description = self.description().await?;
            Ok::<_, Error>(fingerprint(&description.to_string()))
        });
        digest.await.map(String::as_str)
    }

    pub(crate) async fn checkpoints(&self) -> Result<Vec<Option<Checkpoint>>> {
        let mut found = Vec::new();
        for shard in 0..self.shared.store.shards() {
            let load = || self.shared.checkpoints.load(&self.shared.name, shard);
            found.push(self.retrying(&mut Counts::default(), None, load).await?);
        }
        Ok(found)
    }
}

impl<S, T> Clone for Job<S, T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S, T> fmt::Debug for Job<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl<S, T> fmt::Debug for JobBuilder<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

fn random_name() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::new(ErrorKind::Io, "the operating system gives no random bytes"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// FNV-1a of 128 bits: to notice a mistake, not an attack. (Fowler, Noll, Vo: RFC 9923.)
pub(crate) fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b)
    });
    format!("{hash:032x}")
}

/// How long a shard that somebody else has is left alone at most before it is looked at again.
const MAX_WAIT: Duration = Duration::from_secs(5);
