//! One shard: claimed, read page by page, rewritten record by record, checkpointed after each page.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use privet_core::ErrorKind;

use crate::checkpoint::{Checkpoint, MAX_POISON_KEPT};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::pace::Bucket;
use crate::report::{Counts, Poison};
use crate::store::{Page, Position, Store, Written};
use crate::transformation::{Decision, Reason, TextDecision, Transformation};

/// How much of a shard is done in one go. What is `None` has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Pages.
    pub pages: Option<u64>,
}

/// What came of working on a shard.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done.
    Done(Checkpoint),
    /// The budget is spent, the deadline is near, or the job was stopped: go on from here.
    Continue(Checkpoint),
    /// It failed, and can be gone on with from its last checkpoint.
    Failed(Failure),
}

/// Why a shard failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What kind of error it was.
    pub kind: ErrorKind,
    /// Whether going on later may help, with nothing changed.
    pub retryable: bool,
    /// What was wrong.
    pub message: String,
    /// If another worker has the shard: for how long yet.
    pub held: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { kind: error.kind(), retryable: error.is_retryable(), message: error.to_string(), held: None }
    }
}

/// Why a page was not finished.
enum Stop {
    /// Time is up, or the job was stopped.
    Due,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>> Job<S, T> {
    /// Works on one shard: from its last checkpoint, until it is done, the budget is spent, or the deadline (by the
    /// monotonic clock of the job's time source) is near. This is the one seam between engines and the job.
    ///
    /// A process that dies in here at any point leaves each record readable, and what it did not get to for the next.
    pub async fn process_shard(&self, shard: u32, budget: Budget, deadline: Option<Duration>) -> Outcome {
        let mut checkpoint = match self.claim(shard).await {
            Ok(checkpoint) if checkpoint.done => return Outcome::Done(checkpoint),
            Ok(checkpoint) => checkpoint,
            Err(failure) => return Outcome::Failed(failure),
        };
        let mut work = Worker { job: self, shard, deadline, longest: Duration::ZERO, renewed: self.now() };
        let outcome = work.pages(&mut checkpoint, budget).await;
        match outcome {
            Ok(()) if checkpoint.done => Outcome::Done(checkpoint),
            Ok(()) => {
                self.let_go(checkpoint).await.map_or_else(|error| Outcome::Failed(error.into()), Outcome::Continue)
            }
            Err(error) => {
                // Whoever goes on need not wait for the lease to end. If it is lost already, there is nothing to let go.
                let _ = self.let_go(checkpoint).await;
                Outcome::Failed(error.into())
            }
        }
    }

    /// Takes a shard, if nobody else has it.
    async fn claim(&self, shard: u32) -> Result<Checkpoint, Failure> {
        let job = &*self.shared;
        let digest = self.digest().await?;
        for _ in 0..CLAIM_TRIES {
            let found = self.retrying(&mut Counts::default(), None, || job.checkpoints.load(&job.name, shard)).await?;
            let old = found.unwrap_or_else(|| Checkpoint::start(&job.name, digest, shard));
            if old.digest != digest {
                return Err(Error::conflict(format!(
                    "the checkpoints of `{}` are of another store or target: finish that job, or give this one another name",
                    job.name
                ))
                .into());
            }
            if old.done {
                return Ok(old);
            }
            if let Some(left) = old.held_by_other(&job.owner, job.time.now()) {
                let error = Error::conflict("another worker has the shard").retryable(true);
                return Err(Failure { held: Some(left), ..error.into() });
            }
            let mut claim = old.held(&job.owner, job.time.now(), job.lease);
            claim.fence = claim.fence.saturating_add(1);
            if self.swap(&claim).await? {
                return Ok(claim);
            }
        }
        let error = Error::conflict("other workers take the shard again and again").retryable(true);
        Err(Failure { held: Some(job.lease), ..error.into() })
    }

    async fn let_go(&self, checkpoint: Checkpoint) -> Result<Checkpoint> {
        let released = checkpoint.released();
        if self.swap(&released).await? { Ok(released) } else { Err(lost()) }
    }

    /// Writes a checkpoint, in place of the one before. An answer that got lost is looked for.
    async fn swap(&self, checkpoint: &Checkpoint) -> Result<bool> {
        let job = &*self.shared;
        for attempt in 0..=job.retries {
            match job.checkpoints.swap(checkpoint).await {
                Ok(true) => return Ok(true),
                // A try before this one, here or within the service's client, may have been the one that was written.
                Ok(false) => {
                    let found = job.checkpoints.load(&job.name, checkpoint.shard).await?;
                    return Ok(found.as_ref() == Some(checkpoint));
                }
                Err(error) if error.is_retryable() && attempt < job.retries => pause(attempt).await,
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Calls until it succeeds or trying again is of no use.
    pub(crate) async fn retrying<X, F>(
        &self,
        counts: &mut Counts,
        bucket: Option<&Bucket>,
        call: impl Fn() -> F,
    ) -> Result<X>
    where
        F: Future<Output = Result<X>>,
    {
        let mut attempt = 0;
        loop {
            if let Some(bucket) = bucket {
                bucket.wait().await;
            }
            match call().await {
                Err(error) if error.is_retryable() && attempt < self.shared.retries => {
                    if let Some(bucket) = bucket.filter(|_| error.kind() == ErrorKind::Throttled) {
                        bucket.throttled();
                    }
                    counts.retries += 1;
                    pause(attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn now(&self) -> Duration {
        self.shared.time.monotonic()
    }
}

/// One go at a shard.
struct Worker<'a, S, T> {
    job: &'a Job<S, T>,
    shard: u32,
    deadline: Option<Duration>,
    /// How long the longest page took.
    longest: Duration,
    /// When the lease was last renewed.
    renewed: Duration,
}

impl<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>> Worker<'_, S, T> {
    async fn pages(&mut self, checkpoint: &mut Checkpoint, budget: Budget) -> Result<()> {
        let job = &*self.job.shared;
        let session = job.store.open(checkpoint).await?;
        let mut pages = 0;
        while !checkpoint.done {
            if budget.pages.is_some_and(|most| pages >= most) || self.is_due(self.longest * 2) {
                return Ok(());
            }
            let started = self.job.now();
            let mut counts = Counts::default();
            let position = checkpoint.position.clone();
            let page = self.read(&session, position.as_ref(), &mut counts).await?;
            let mut poison = Vec::new();
            match self.page(&session, &page, checkpoint, &mut counts, &mut poison).await {
                Ok(()) => {}
                // What was rewritten of the page is skipped by its header when it is read again.
                Err(Stop::Due) => return Ok(()),
                Err(Stop::Failed(error)) => return Err(error),
            }
            let mut next = checkpoint.clone();
            next.state = job.store.commit(&session).await?;
            next.counts.add(&counts);
            let room = MAX_POISON_KEPT.saturating_sub(next.poison.len());
            next.poison.extend(poison.into_iter().take(room));
            next.done = page.next.is_none();
            next.position = page.next;
            let next = if next.done { next.released() } else { next.held(&job.owner, job.time.now(), job.lease) };
            if !self.job.swap(&next).await? {
                return Err(lost());
            }
            *checkpoint = next;
            self.renewed = self.job.now();
            job.progress.lock().unwrap_or_else(PoisonError::into_inner).add(&counts);
            self.longest = self.longest.max(self.job.now().saturating_sub(started));
            pages += 1;
        }
        Ok(())
    }

    async fn read(
        &self,
        session: &S::Session,
        from: Option<&Position>,
        counts: &mut Counts,
    ) -> Result<Page<S::Record>> {
        let job = &*self.job.shared;
        let page = self.job.retrying(counts, Some(&job.pace.reads), || job.store.read(session, from)).await?;
        job.pace.reads.spend(page.read_units);
        counts.read += page.records.len() as u64;
        counts.read_units += page.read_units;
        Ok(page)
    }

    /// Rewrites what is to be rewritten of a page.
    async fn page(
        &mut self,
        session: &S::Session,
        page: &Page<S::Record>,
        checkpoint: &mut Checkpoint,
        counts: &mut Counts,
        poison: &mut Vec<Poison>,
    ) -> Result<(), Stop> {
        let job = &*self.job.shared;
        let concurrency = job.store.concurrency().max(1);
        for records in page.records.chunks(concurrency.saturating_mul(4).max(CHUNK)) {
            if self.is_due(Duration::ZERO) {
                return Err(Stop::Due);
            }
            self.renew(checkpoint).await?;
            let this = &*self;
            if concurrency == 1 {
                this.in_order(session, records, counts, poison).await?;
            } else {
                let each: Vec<_> = records.iter().map(|record| this.apart(session, record)).collect();
                let mut records = stream::iter(each).buffer_unordered(concurrency);
                let mut failed = None;
                while let Some((outcome, of_record, poisoned)) = records.next().await {
                    counts.add(&of_record);
                    poison.extend(poisoned);
                    if let Err(error) = outcome {
                        failed = Some(error);
                        break;
                    }
                }
                if let Some(error) = failed {
                    return Err(error.into());
                }
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Records one after the other; those that are texts together, as far as the transformation can.
    async fn in_order(
        &self,
        session: &S::Session,
        records: &[S::Record],
        counts: &mut Counts,
        poison: &mut Vec<Poison>,
    ) -> Result<()> {
        let job = &*self.job.shared;
        let texts = job.transformation.rewrite_texts(records).await;
        let mut noted: (Arc<[Reason]>, u64) = (Arc::new([]), 0);
        let decided = texts.decided.into_iter().chain(std::iter::repeat(None));
        for (record, decided) in records.iter().zip(decided) {
            match decided {
                None => self.record(session, record, counts, poison).await?,
                Some(TextDecision::Current) => {
                    counts.current += 1;
                    job.store.keep(session, record)?;
                }
                Some(TextDecision::Rewrite { text, reasons }) => {
                    job.store.write_text(session, record, texts.text.get(text).unwrap_or_default())?;
                    counts.bytes += job.store.bytes(record);
                    counts.rewritten += 1;
                    // Records that lie together are rewritten for the same reasons mostly.
                    if !Arc::ptr_eq(&noted.0, &reasons) {
                        counts.note(&noted.0, noted.1);
                        noted = (reasons, 0);
                    }
                    noted.1 += 1;
                }
            }
        }
        counts.note(&noted.0, noted.1);
        Ok(())
    }

    /// A record with counts of its own, for when several are under way.
    async fn apart(&self, session: &S::Session, record: &S::Record) -> (Result<()>, Counts, Vec<Poison>) {
        let (mut counts, mut poison) = (Counts::default(), Vec::new());
        let outcome = self.record(session, record, &mut counts, &mut poison).await;
        (outcome, counts, poison)
    }

    async fn record(
        &self,
        session: &S::Session,
        record: &S::Record,
        counts: &mut Counts,
        poison: &mut Vec<Poison>,
    ) -> Result<()> {
        let error = match self.rewrite(session, record, counts).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let is_of_the_record = matches!(
            error.kind(),
            ErrorKind::Integrity | ErrorKind::Input | ErrorKind::Denied | ErrorKind::Unsupported
        );
        if !is_of_the_record || error.is_retryable() {
            return Err(error);
        }
        let job = &*self.job.shared;
        let digest = job.transformation.digest(record);
        tracing::warn!(shard = self.shard, record = digest, kind = %error.kind(), "a record cannot be rewritten");
        counts.poison += 1;
        poison.push(Poison::new(self.shard, &digest, &error));
        job.store.keep(session, record)?;
        let all = job.poisoned.fetch_add(1, Relaxed) + 1;
        match job.max_poison {
            Some(most) if all > most => Err(Error::new(
                error.kind(),
                format!("more than {most} records cannot be rewritten: look at them, or raise the threshold"),
            )
            .retryable(false)),
            _ => Ok(()),
        }
    }

    /// Decides what becomes of a record, and of what it has become meanwhile, until it is on target.
    async fn rewrite(&self, session: &S::Session, record: &S::Record, counts: &mut Counts) -> Result<()> {
        let job = &*self.job.shared;
        let mut newer: Option<S::Record> = None;
        for tries in 0..MAX_CONFLICTS {
            let found = newer.as_ref().unwrap_or(record);
            let decision = self.job.retrying(counts, None, || job.transformation.rewrite(found)).await?;
            let Decision::Rewrite { rewritten, reasons } = decision else {
                counts.current += 1;
                return job.store.keep(session, found);
            };
            let write = || job.store.write(session, found, &rewritten);
            match self.job.retrying(counts, Some(&job.pace.writes), write).await? {
                Written::Done { units, older_versions } => {
                    job.pace.writes.spend(units);
                    counts.older_versions += older_versions;
                    counts.bytes += job.store.bytes(found);
                    counts.write_units += units;
                    counts.rewritten += 1;
                    counts.note(&reasons, 1);
                    return Ok(());
                }
                Written::Conflict { units } => {
                    job.pace.writes.spend(units);
                    counts.write_units += units;
                    counts.conflicts += 1;
                }
            }
            let again =
                self.job.retrying(counts, Some(&job.pace.reads), || job.store.read_again(session, found)).await?;
            let Some(again) = again else {
                counts.vanished += 1;
                return Ok(());
            };
            newer = Some(again);
            if tries > 0 {
                pause(tries).await;
            }
        }
        // Whoever writes to one record must not hold up all others.
        Err(Error::new(
            ErrorKind::Input,
            "the record changes faster than it can be rewritten: have what writes it write the target",
        ))
    }

    /// Whether the job was stopped, or the deadline is no further away than this.
    fn is_due(&self, needed: Duration) -> bool {
        let near = |deadline| self.job.now() + needed >= deadline;
        self.job.is_stopped() || self.deadline.is_some_and(near)
    }

    /// Renews the lease in the middle of a page that takes long.
    async fn renew(&mut self, checkpoint: &mut Checkpoint) -> Result<()> {
        let job = &*self.job.shared;
        if self.job.now().saturating_sub(self.renewed) < job.lease / 3 {
            return Ok(());
        }
        let next = checkpoint.clone().held(&job.owner, job.time.now(), job.lease);
        if !self.job.swap(&next).await? {
            return Err(lost());
        }
        *checkpoint = next;
        self.renewed = self.job.now();
        Ok(())
    }
}

fn lost() -> Error {
    Error::conflict("another worker has taken the shard over, since this one was not heard of").retryable(true)
}

/// Pauses that double from 50 ms to 5 s, with full jitter.
async fn pause(attempt: u32) {
    let most = (50_u64 << attempt.min(7)).min(5000);
    let mut random = [0; 8];
    // Without random bytes, all pauses are the longest.
    let share = if getrandom::fill(&mut random).is_ok() { u64::from_be_bytes(random) % most } else { most };
    tokio::time::sleep(Duration::from_millis(share)).await;
}

const CLAIM_TRIES: u32 = 4;
/// Records between two looks at the clock.
const CHUNK: usize = 64;
const MAX_CONFLICTS: u32 = 20;
