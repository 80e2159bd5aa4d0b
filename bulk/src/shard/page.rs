//! The records of a page: one after the other where a store is done as a whole, otherwise several at a time.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::Stop;
use super::record::Hand;
use crate::report::{Counts, Poison};
use crate::store::{Page, Position, Store};
use crate::transformation::Transformation;

/// What was done of a page.
pub(super) struct Worked<R> {
    pub(super) page: Page<R>,
    /// How many records, from the first on, are done.
    pub(super) done: usize,
    /// What became of them.
    pub(super) counts: Counts,
    pub(super) poison: Vec<Poison>,
    /// What was done of those behind them.
    pub(super) ahead: Counts,
    /// Why not all are done.
    pub(super) stop: Option<Stop>,
}

impl<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>> Hand<'_, S, T> {
    /// Reads a page, and rewrites what is to be rewritten of it.
    pub(super) async fn page(&self, session: &S::Session, from: Option<&Position>) -> Result<Worked<S::Record>, Stop> {
        let mut counts = Counts::default();
        let page = self.read(session, from, &mut counts).await?;
        let store = &self.job.shared.store;
        let is_whole = page.records.first().is_none_or(|first| store.behind(session, first).is_none());
        let mut worked = Worked { page, done: 0, counts, poison: Vec::new(), ahead: Counts::default(), stop: None };
        if is_whole && store.concurrency() <= 1 {
            self.in_order(session, &mut worked).await;
        } else {
            self.side_by_side(session, &mut worked).await;
        }
        Ok(worked)
    }

    /// Records one after the other; those that are texts together, as far as the transformation can.
    async fn in_order(&self, session: &S::Session, worked: &mut Worked<S::Record>) {
        let Worked { page, done, counts, poison, stop, .. } = worked;
        for records in page.records.chunks(CHUNK) {
            let outcome = if self.is_due(Duration::ZERO) {
                Err(Stop::Due)
            } else {
                self.texts(session, records, counts, poison).await
            };
            if let Err(why) = outcome {
                *stop = Some(why);
                // Nothing of it is kept before the page is committed.
                *counts = Counts::default();
                return;
            }
            tokio::task::yield_now().await;
        }
        *done = page.records.len();
        counts.read += page.records.len() as u64;
    }

    /// Several records at a time. Once time is up, or a record has failed, none is begun any more; those that are under way
    /// are finished.
    async fn side_by_side(&self, session: &S::Session, worked: &mut Worked<S::Record>) {
        let Worked { page, done, counts, poison, ahead, stop } = worked;
        let job = &*self.job.shared;
        let concurrency = job.store.concurrency().max(1);
        let mut waiting = page.records.iter().enumerate().peekable();
        let mut under_way = FuturesUnordered::new();
        let mut finished: Vec<Option<(Counts, Option<Poison>)>> = page.records.iter().map(|_| None).collect();
        loop {
            let may_begin = stop.is_none() && under_way.len() < concurrency && waiting.peek().is_some();
            let pause = if may_begin { job.pace.writes.due() } else { None };
            if may_begin && pause.is_none() {
                if self.is_due(Duration::ZERO) {
                    *stop = Some(Stop::Due);
                } else if let Some((index, record)) = waiting.next() {
                    under_way.push(async move { (index, self.record(session, record, false).await) });
                }
                continue;
            }
            tokio::select! {
                Some((index, (outcome, of_record))) = under_way.next() => match outcome {
                    Ok(poison) => if let Some(place) = finished.get_mut(index) { *place = Some((of_record, poison)) },
                    Err(why) => {
                        // Of several reasons the first, but that time is up is none beside a failure.
                        if matches!((&stop, &why), (None, _) | (Some(Stop::Due), Stop::Failed(_))) {
                            *stop = Some(why);
                        }
                        ahead.add(&of_record);
                    }
                },
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {
                    if self.is_due(Duration::ZERO) {
                        *stop = Some(Stop::Due);
                    }
                }
                else => break,
            }
        }
        *done = finished.iter().position(Option::is_none).unwrap_or(page.records.len());
        for (index, (of_record, poisoned)) in
            finished.into_iter().enumerate().filter_map(|(index, record)| Some((index, record?)))
        {
            if index < *done {
                counts.read += 1;
                counts.add(&of_record);
                poison.extend(poisoned);
            } else {
                ahead.add(&of_record);
            }
        }
    }
}

/// Records between two looks at the clock.
const CHUNK: usize = 64;
