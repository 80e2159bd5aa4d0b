//! How fast a job may go: token buckets for read units, write units and key calls that give way to throttling.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use privet_core::time::TimeSource;

/// How fast a job may go, in units a second. What is `None` has no limit until the service throttles.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Read units a second.
    pub read_units: Option<f64>,
    /// Write units a second.
    pub write_units: Option<f64>,
    /// Key provider calls a second. [`PacedKeyring`](crate::keyring::PacedKeyring) keeps them.
    pub key_calls: Option<f64>,
}

/// The pace of a job: all its shards draw on it.
#[derive(Clone, Debug)]
pub struct Pace {
    /// For read units.
    pub reads: Bucket,
    /// For write units.
    pub writes: Bucket,
    /// For calls of key providers.
    pub keys: Bucket,
}

impl Pace {
    /// A pace within these limits.
    #[must_use]
    pub fn new(limits: Limits, time: &Arc<dyn TimeSource>) -> Self {
        let bucket = |limit| Bucket::new(limit, Arc::clone(time));
        Self { reads: bucket(limits.read_units), writes: bucket(limits.write_units), keys: bucket(limits.key_calls) }
    }
}

/// A token bucket that holds one second's worth. What a call costs is known after it, so a bucket may owe: the next call
/// waits until it is even again.
///
/// Being throttled halves the rate, at most once a second; each second without adds a twentieth of what the rate was
/// limited to (additive increase, multiplicative decrease: Chiu and Jain, 1989).
#[derive(Clone, Debug)]
pub struct Bucket {
    state: Arc<Mutex<State>>,
    time: Arc<dyn TimeSource>,
}

#[derive(Debug)]
struct State {
    limit: Option<f64>,
    // `None`: as fast as it goes.
    rate: Option<f64>,
    tokens: f64,
    refilled: Duration,
    throttled: Option<Duration>,
    // What the rate goes up by in a second.
    step: f64,
    // Units in the current second, and the rate of the one before: what to halve when nothing was limited.
    second: Duration,
    spent: f64,
    observed: f64,
}

impl Bucket {
    fn new(limit: Option<f64>, time: Arc<dyn TimeSource>) -> Self {
        let limit = limit.map(|limit| limit.max(LEAST));
        let now = time.monotonic();
        let state = State {
            limit,
            rate: limit,
            tokens: limit.unwrap_or_default(),
            refilled: now,
            throttled: None,
            step: limit.unwrap_or_default() / STEPS,
            second: now,
            spent: 0.0,
            observed: 0.0,
        };
        Self { state: Arc::new(Mutex::new(state)), time }
    }

    /// Waits until something may be spent.
    pub async fn wait(&self) {
        while let Some(pause) = self.due() {
            tokio::time::sleep(pause).await;
        }
    }

    /// How long it is until something may be spent, or may be asked for again; `None` if it may be now.
    pub(crate) fn due(&self) -> Option<Duration> {
        let mut state = self.lock();
        let rate = state.refill(self.time.monotonic())?;
        if state.tokens > 0.0 {
            return None;
        }
        let seconds = (-state.tokens / rate).clamp(0.001, 1.0);
        Some(Duration::from_secs_f64(seconds))
    }

    /// Says what a call has cost.
    pub fn spend(&self, units: f64) {
        let now = self.time.monotonic();
        let mut state = self.lock();
        state.refill(now);
        state.tokens -= units;
        let since = now.saturating_sub(state.second).as_secs_f64();
        if since >= 1.0 {
            state.observed = state.spent / since;
            (state.second, state.spent) = (now, 0.0);
        }
        state.spent += units;
    }

    /// Says that the service asked to slow down.
    pub fn throttled(&self) {
        let now = self.time.monotonic();
        let mut state = self.lock();
        if state.throttled.is_some_and(|at| now.saturating_sub(at) < Duration::from_secs(1)) {
            return;
        }
        state.refill(now);
        let before = state.rate.unwrap_or_else(|| state.observed.max(state.spent));
        let rate = (before / 2.0).max(LEAST);
        state.throttled = Some(now);
        state.rate = Some(rate);
        state.tokens = state.tokens.min(0.0);
        state.step = state.step.max(state.limit.unwrap_or(before).max(LEAST) / STEPS);
        tracing::debug!(rate, "throttled: going slower");
    }

    /// The units a second that may be spent now; `None` if there is no limit.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        self.lock().refill(self.time.monotonic())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds what has come in since, and returns the rate.
    fn refill(&mut self, now: Duration) -> Option<f64> {
        let seconds = now.saturating_sub(self.refilled).as_secs_f64();
        self.refilled = now;
        let rate = self.rate?;
        let grown = rate + if self.throttled.is_some() { self.step * seconds } else { 0.0 };
        let rate = self.limit.map_or(grown, |limit| grown.min(limit));
        self.rate = Some(rate);
        self.tokens = (self.tokens + rate * seconds).min(rate);
        Some(rate)
    }
}

/// The least rate: a job always gets on.
const LEAST: f64 = 1.0;
const STEPS: f64 = 20.0;

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Clock(Arc<Mutex<Duration>>);

    impl Clock {
        fn advance(&self, seconds: f64) {
            *self.0.lock().unwrap() += Duration::from_secs_f64(seconds);
        }
    }

    impl TimeSource for Clock {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    fn bucket(limit: Option<f64>) -> (Bucket, Clock) {
        let clock = Clock::default();
        (Bucket::new(limit, Arc::new(clock.clone())), clock)
    }

    #[test]
    fn what_is_owed_is_waited_for() {
        let (bucket, clock) = bucket(Some(10.0));
        assert!(bucket.due().is_none());
        bucket.spend(15.0);
        assert_eq!(bucket.due(), Some(Duration::from_millis(500)));
        clock.advance(0.6);
        assert!(bucket.due().is_none());
        // No more than a second's worth is saved up.
        clock.advance(100.0);
        bucket.spend(10.0);
        assert!(bucket.due().is_some());
    }

    #[test]
    fn throttling_halves_the_rate_once_a_second_and_it_comes_back_bit_by_bit() {
        let (bucket, clock) = bucket(Some(100.0));
        bucket.throttled();
        bucket.throttled();
        assert_eq!(bucket.rate(), Some(50.0));
        clock.advance(2.0);
        assert_eq!(bucket.rate(), Some(60.0));
        bucket.throttled();
        assert_eq!(bucket.rate(), Some(30.0));
        clock.advance(1000.0);
        assert_eq!(bucket.rate(), Some(100.0));
    }

    #[test]
    fn without_a_limit_throttling_halves_what_was_seen() {
        let (bucket, clock) = bucket(None);
        for _ in 0..3 {
            bucket.spend(200.0);
            clock.advance(1.0);
        }
        assert_eq!((bucket.rate(), bucket.due()), (None, None));
        bucket.spend(1.0);
        bucket.throttled();
        assert_eq!(bucket.rate(), Some(100.0));
        for _ in 0..20 {
            clock.advance(2.0);
            bucket.throttled();
        }
        assert!(bucket.rate().unwrap() >= LEAST);
        clock.advance(10.0);
        assert!(bucket.rate().unwrap() > 10.0);
    }
}
