//! One record of a shard: decided, written on the condition that it is what was read, and decided again if it is not.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use privet_core::ErrorKind;

use super::{Stop, pause};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::pace::Bucket;
use crate::report::{Counts, Poison};
use crate::store::{Page, Position, Store, Written};
use crate::transformation::{Decision, Reason, TextDecision, Transformation};

/// What works on single records of a shard.
pub(super) struct Hand<'a, S, T> {
    pub(super) job: &'a Job<S, T>,
    pub(super) shard: u32,
    pub(super) deadline: Option<Duration>,
    /// Whether the lease could not be kept, so that another worker may have the shard.
    pub(super) is_lost: &'a AtomicBool,
}

impl<S, T> Clone for Hand<'_, S, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, T> Copy for Hand<'_, S, T> {}

impl<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>> Hand<'_, S, T> {
    pub(super) async fn read(
        &self,
        session: &S::Session,
        from: Option<&Position>,
        counts: &mut Counts,
    ) -> Result<Page<S::Record>, Stop> {
        let job = &*self.job.shared;
        let page = self.retrying(counts, Some(&job.pace.reads), true, || job.store.read(session, from)).await?;
        job.pace.reads.spend(page.read_units);
        counts.read_units += page.read_units;
        Ok(page)
    }

    pub(super) async fn texts(
        &self,
        session: &S::Session,
        records: &[S::Record],
        counts: &mut Counts,
        poison: &mut Vec<Poison>,
    ) -> Result<(), Stop> {
        let job = &*self.job.shared;
        let texts = job.transformation.rewrite_texts(records).await;
        let mut noted: (Arc<[Reason]>, u64) = (Arc::new([]), 0);
        let decided = texts.decided.into_iter().chain(std::iter::repeat(None));
        for (record, decided) in records.iter().zip(decided) {
            match decided {
                None => {
                    let (outcome, of_record) = self.record(session, record, true).await;
                    counts.add(&of_record);
                    poison.extend(outcome?);
                }
                Some(TextDecision::Failed(error)) => poison.extend(self.poison(session, record, error, counts)?),
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

    /// Does one record. What it took counts even if it fails. `waits` says whether its first write waits until something may
    /// be spent; if not, whoever began it has.
    pub(super) async fn record(
        &self,
        session: &S::Session,
        record: &S::Record,
        waits: bool,
    ) -> (Result<Option<Poison>, Stop>, Counts) {
        let mut counts = Counts::default();
        let outcome = match self.rewrite(session, record, waits, &mut counts).await {
            Ok(()) => Ok(None),
            Err(Stop::Failed(error)) => self.poison(session, record, error, &mut counts).map_err(Stop::from),
            Err(Stop::Due) => Err(Stop::Due),
        };
        (outcome, counts)
    }

    /// Leaves a record as it is, if it is the record that is wrong.
    fn poison(
        &self,
        session: &S::Session,
        record: &S::Record,
        error: Error,
        counts: &mut Counts,
    ) -> Result<Option<Poison>> {
        if !error.is_of_record() {
            return Err(error);
        }
        let job = &*self.job.shared;
        let digest = job.transformation.digest(record);
        tracing::warn!(shard = self.shard, record = digest, kind = %error.kind(), "a record cannot be rewritten");
        counts.poison += 1;
        job.store.keep(session, record)?;
        let all = job.poisoned.fetch_add(1, Relaxed) + 1;
        match job.max_poison {
            Some(most) if all > most => Err(Error::new(
                error.kind(),
                format!("more than {most} records cannot be rewritten: look at them, or raise the threshold"),
            )
            .retryable(false)),
            _ => Ok(Some(Poison::new(self.shard, &digest, &error))),
        }
    }

    /// Decides what becomes of a record, and of what it has become meanwhile, until it is on target.
    async fn rewrite(
        &self,
        session: &S::Session,
        record: &S::Record,
        waits: bool,
        counts: &mut Counts,
    ) -> Result<(), Stop> {
        let job = &*self.job.shared;
        let mut newer: Option<S::Record> = None;
        for tries in 0..MAX_CONFLICTS {
            let found = newer.as_ref().unwrap_or(record);
            let decision = self.retrying(counts, None, false, || job.transformation.rewrite(found)).await?;
            let Decision::Rewrite { rewritten, reasons } = decision else {
                counts.current += 1;
                return Ok(job.store.keep(session, found)?);
            };
            let write = || job.store.write(session, found, &rewritten);
            match self.retrying(counts, Some(&job.pace.writes), waits || tries > 0, write).await? {
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
            let read = || job.store.read_again(session, found);
            let Some(again) = self.retrying(counts, Some(&job.pace.reads), true, read).await? else {
                counts.vanished += 1;
                return Ok(());
            };
            newer = Some(again);
            if self.is_due(Duration::ZERO) {
                return Err(Stop::Due);
            }
            if tries > 0 {
                pause(tries).await;
            }
        }
        // Whoever writes to one record must not hold up all others.
        let message = "the record changes faster than it can be rewritten: have what writes it write the target";
        Err(Error::new(ErrorKind::Input, message).into())
    }

    /// As the job does it, but no longer than there is time. `waits` says whether the first call waits for its bucket.
    async fn retrying<X, F>(
        &self,
        counts: &mut Counts,
        bucket: Option<&Bucket>,
        waits: bool,
        call: impl Fn() -> F,
    ) -> Result<X, Stop>
    where
        F: Future<Output = Result<X>>,
    {
        let mut attempt = 0;
        loop {
            if let Some(bucket) = bucket.filter(|_| waits || attempt > 0) {
                while let Some(pause) = bucket.due() {
                    if self.is_due(Duration::ZERO) {
                        return Err(Stop::Due);
                    }
                    tokio::time::sleep(pause).await;
                }
            }
            match call().await {
                Err(error) if error.is_retryable() && attempt < self.job.shared.retries => {
                    self.job.note_retry(counts, bucket, &error);
                    if self.is_due(Duration::ZERO) {
                        return Err(Stop::Due);
                    }
                    pause(attempt).await;
                    attempt += 1;
                }
                result => return Ok(result?),
            }
        }
    }

    /// Whether the job was stopped, the lease was lost, or the deadline is no further away than this.
    pub(super) fn is_due(&self, needed: Duration) -> bool {
        let near = |deadline| self.job.now() + needed >= deadline;
        self.job.is_stopped() || self.is_lost.load(Relaxed) || self.deadline.is_some_and(near)
    }
}

const MAX_CONFLICTS: u32 = 20;
