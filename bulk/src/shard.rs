//! One shard: claimed, read page by page, rewritten record by record, checkpointed after each page.

use std::sync::PoisonError;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use privet_core::ErrorKind;

use crate::checkpoint::{Checkpoint, MAX_POISON_KEPT};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::pace::Bucket;
use crate::report::{Counts, Poison};
use crate::store::Store;
use crate::transformation::Transformation;

mod record;

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
        let hand = Hand { job: self, shard, deadline };
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
            let mut counts = Counts::default();
            let position = checkpoint.position.clone();
            let page = match hand.read(&session, position.as_ref(), &mut counts).await {
                Ok(page) => page,
                Err(Stop::Due) => return Ok(()),
                Err(Stop::Failed(error)) => return Err(error),
            };
            let mut poison = Vec::new();
            let (done, mut ahead, stop) =
                self.page(&session, &page.records, checkpoint, &mut counts, &mut poison).await;
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

    /// Rewrites what is to be rewritten of a page. Returns how many records, from the first on, are done, what was done of
    /// those behind them, and why those are not all. Counts are of the first ones.
    async fn page(
        &mut self,
        session: &S::Session,
        records: &[S::Record],
        checkpoint: &mut Checkpoint,
        counts: &mut Counts,
        poison: &mut Vec<Poison>,
    ) -> (usize, Counts, Option<Stop>) {
        let store = &self.hand.job.shared.store;
        let is_whole = records.first().is_none_or(|first| store.behind(session, first).is_none());
        if is_whole && store.concurrency() <= 1 {
            let stop = self.in_order(session, records, checkpoint, counts, poison).await.err();
            if stop.is_none() {
                return (records.len(), Counts::default(), None);
            }
            // Nothing of it is kept before the page is committed.
            *counts = Counts::default();
            return (0, Counts::default(), stop);
        }
        self.side_by_side(session, records, checkpoint, counts, poison).await
    }

    /// Records one after the other; those that are texts together, as far as the transformation can.
    async fn in_order(
        &mut self,
        session: &S::Session,
        records: &[S::Record],
        checkpoint: &mut Checkpoint,
        counts: &mut Counts,
        poison: &mut Vec<Poison>,
    ) -> Result<(), Stop> {
        let hand = self.hand;
        for records in records.chunks(CHUNK) {
            if hand.is_due(Duration::ZERO) {
                return Err(Stop::Due);
            }
            self.renew(checkpoint).await?;
            hand.texts(session, records, counts, poison).await?;
            tokio::task::yield_now().await;
        }
        counts.read += records.len() as u64;
        Ok(())
    }

    /// Several records at a time. Once time is up, or a record has failed, none is begun any more; those that are under way
    /// are finished.
    async fn side_by_side(
        &mut self,
        session: &S::Session,
        records: &[S::Record],
        checkpoint: &mut Checkpoint,
        counts: &mut Counts,
        poison: &mut Vec<Poison>,
    ) -> (usize, Counts, Option<Stop>) {
        let hand = self.hand;
        let job = &*hand.job.shared;
        let concurrency = job.store.concurrency().max(1);
        let mut waiting = records.iter().enumerate().peekable();
        let mut under_way = FuturesUnordered::new();
        let mut finished: Vec<Option<(Counts, Option<Poison>)>> = records.iter().map(|_| None).collect();
        let (mut ahead, mut stop) = (Counts::default(), None);
        let mut ended: Vec<(usize, _)> = Vec::new();
        loop {
            for (index, (outcome, of_record)) in ended.drain(..) {
                match outcome {
                    Ok(poison) => {
                        if let Some(place) = finished.get_mut(index) {
                            *place = Some((of_record, poison));
                        }
                    }
                    Err(why) => {
                        // Of several reasons the first, but that time is up is none beside a failure.
                        if matches!((&stop, &why), (None, _) | (Some(Stop::Due), Stop::Failed(_))) {
                            stop = Some(why);
                        }
                        ahead.add(&of_record);
                    }
                }
            }
            if stop.is_none() {
                let mut renewal = std::pin::pin!(self.renew(checkpoint));
                // What is under way goes on meanwhile: it may hold what the renewal waits for.
                let renewed = loop {
                    tokio::select! {
                        renewed = &mut renewal => break renewed,
                        Some(record) = under_way.next() => ended.push(record),
                    }
                };
                if let Err(error) = renewed {
                    stop = Some(Stop::Failed(error));
                }
                if !ended.is_empty() {
                    continue;
                }
            }
            let may_begin = stop.is_none() && under_way.len() < concurrency && waiting.peek().is_some();
            let pause = if may_begin { job.pace.writes.due() } else { None };
            if may_begin && pause.is_none() {
                if hand.is_due(Duration::ZERO) {
                    stop = Some(Stop::Due);
                } else if let Some((index, record)) = waiting.next() {
                    under_way.push(async move { (index, hand.record(session, record, false).await) });
                }
                continue;
            }
            tokio::select! {
                Some(record) = under_way.next() => ended.push(record),
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {
                    if hand.is_due(Duration::ZERO) {
                        stop = Some(Stop::Due);
                    }
                }
                else => break,
            }
        }
        let done = finished.iter().position(Option::is_none).unwrap_or(records.len());
        for (index, (of_record, poisoned)) in
            finished.into_iter().enumerate().filter_map(|(index, record)| Some((index, record?)))
        {
            if index < done {
                counts.read += 1;
                counts.add(&of_record);
                poison.extend(poisoned);
            } else {
                ahead.add(&of_record);
            }
        }
        (done, ahead, stop)
    }

    /// Renews the lease in the middle of a page that takes long.
    async fn renew(&mut self, checkpoint: &mut Checkpoint) -> Result<()> {
        let job = &*self.hand.job.shared;
        if self.hand.job.now().saturating_sub(self.renewed) < job.lease / 3 {
            return Ok(());
        }
        let next = checkpoint.clone().held(&job.owner, job.time.now(), job.lease);
        if !self.hand.job.swap(&next).await? {
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
/// Records between two looks at the clock.
const CHUNK: usize = 64;
