//! One shard: claimed, read page by page, rewritten record by record, checkpointed after each page.

use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use privet_core::ErrorKind;
use tokio::sync::Notify;

use crate::checkpoint::{Checkpoint, MAX_POISON_KEPT};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::pace::Bucket;
use crate::report::Counts;
use crate::store::Store;
use crate::transformation::Transformation;

mod page;
mod record;

use page::Worked;
use record::Hand;

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

/// Why something was not finished.
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
        let is_lost = AtomicBool::new(false);
        let hand = Hand { job: self, shard, deadline, is_lost: &is_lost };
        let mut work = Worker { hand, longest: Duration::ZERO, renewed: self.now() };
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
                    self.note_retry(counts, bucket, &error);
                    pause(attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn note_retry(&self, counts: &mut Counts, bucket: Option<&Bucket>, error: &Error) {
        if let Some(bucket) = bucket.filter(|_| error.kind() == ErrorKind::Throttled) {
            bucket.throttled();
        }
        counts.retries += 1;
    }

    fn now(&self) -> Duration {
        self.shared.time.monotonic()
    }
}

/// One go at a shard.
struct Worker<'a, S, T> {
    hand: Hand<'a, S, T>,
    /// How long the longest page took.
    longest: Duration,
    /// When the lease was last renewed.
    renewed: Duration,
}

impl<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>> Worker<'_, S, T> {
    async fn pages(&mut self, checkpoint: &mut Checkpoint, budget: Budget) -> Result<()> {
        let hand = self.hand;
        let job = &*hand.job.shared;
        let session = job.store.open(checkpoint).await?;
        let mut pages = 0;
        while !checkpoint.done {
            if budget.pages.is_some_and(|most| pages >= most) || hand.is_due(self.longest * 2) {
                return Ok(());
            }
            let started = hand.job.now();
            let position = checkpoint.position.clone();
            let (worked, failed) = self.keeping(checkpoint, hand.page(&session, position.as_ref())).await;
            let Worked { page, done, mut counts, mut poison, mut ahead, mut stop } = match worked {
                Ok(worked) => worked,
                Err(Stop::Due) => return failed.map_or(Ok(()), Err),
                Err(Stop::Failed(error)) => return Err(error),
            };
            // It was told that time is up since the lease could not be kept.
            if let (Some(Stop::Due), Some(error)) = (&stop, failed) {
                stop = Some(Stop::Failed(error));
            }
            let mut next = checkpoint.clone();
            counts.leave_out(&mut next.ahead);
            match &stop {
                None => {
                    next.done = page.next.is_none();
                    next.position = page.next;
                }
                Some(_) => {
                    let last = done.checked_sub(1).and_then(|last| page.records.get(last));
                    match last.and_then(|last| job.store.behind(&session, last)) {
                        Some(position) => next.position = Some(position),
                        // The page is read again, and its header tells of each record that is on target by then.
                        None => {
                            next.ahead = checkpoint.ahead;
                            ahead.add(&counts);
                            counts = Counts::default();
                            poison.clear();
                        }
                    }
                }
            }
            // What was done to the store counts, whatever became of the page.
            let ahead = ahead.effects();
            next.ahead = next.ahead.saturating_add(ahead.rewritten);
            counts.add(&ahead);
            let has_moved = next.done || next.position != checkpoint.position;
            if has_moved || ahead.rewritten > 0 {
                if has_moved {
                    next.state = job.store.commit(&session).await?;
                }
                next.counts.add(&counts);
                let room = MAX_POISON_KEPT.saturating_sub(next.poison.len());
                next.poison.extend(poison.into_iter().take(room));
                let next = if next.done { next.released() } else { next.held(&job.owner, job.time.now(), job.lease) };
                if !hand.job.swap(&next).await? {
                    return Err(lost());
                }
                *checkpoint = next;
                self.renewed = hand.job.now();
                // Whoever has written a checkpoint has the shard, whatever became of a renewal.
                hand.is_lost.store(false, Relaxed);
                job.progress.lock().unwrap_or_else(PoisonError::into_inner).add(&counts);
            }
            match stop {
                None => {}
                Some(Stop::Due) => return Ok(()),
                Some(Stop::Failed(error)) => return Err(error),
            }
            self.longest = self.longest.max(hand.job.now().saturating_sub(started));
            pages += 1;
        }
        Ok(())
    }

    /// Does some work, and keeps the lease meanwhile. If that fails, the work is told that time is up.
    async fn keeping<X>(&mut self, checkpoint: &mut Checkpoint, work: impl Future<Output = X>) -> (X, Option<Error>) {
        let rest = (self.hand.job.shared.lease / 3).max(SHORTEST_REST);
        let (is_lost, over) = (self.hand.is_lost, Notify::new());
        let work = async {
            let done = work.await;
            over.notify_one();
            done
        };
        // The work goes on while the lease is renewed: it may hold what that waits for.
        let keeping = async {
            loop {
                tokio::select! {
                    biased;
                    () = over.notified() => return None,
                    () = tokio::time::sleep(rest) => {}
                }
                if let Err(error) = self.renew(checkpoint).await {
                    is_lost.store(true, Relaxed);
                    return Some(error);
                }
            }
        };
        tokio::join!(work, keeping)
    }

    /// Renews the lease, if a third of it is over. Until another worker takes the shard, it can be renewed after its end too.
    async fn renew(&mut self, checkpoint: &mut Checkpoint) -> Result<()> {
        let job = &*self.hand.job.shared;
        let passed = self.hand.job.now().saturating_sub(self.renewed);
        if passed < job.lease / 3 {
            return Ok(());
        }
        let next = checkpoint.clone().held(&job.owner, job.time.now(), job.lease);
        let most = job.lease.max(LONGEST_RENEWAL);
        if !tokio::time::timeout(most, self.hand.job.swap(&next)).await.unwrap_or(Ok(false))? {
            return Err(lost());
        }
        *checkpoint = next;
        self.renewed = self.hand.job.now();
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
/// Between two looks at a lease, however short that is.
const SHORTEST_REST: Duration = Duration::from_millis(10);
/// After which a renewal has failed, however short the lease is.
const LONGEST_RENEWAL: Duration = Duration::from_secs(5);
