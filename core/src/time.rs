//! The one place that asks what time it is, so that tests can say.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// A clock.
pub trait TimeSource: fmt::Debug + Send + Sync {
    /// The time of day, for audit events and ages.
    fn now(&self) -> SystemTime;

    /// Time since some fixed moment, never going back.
    fn monotonic(&self) -> Duration;
}

/// The system's clocks.
#[derive(Debug)]
pub struct SystemTimeSource {
    start: Instant,
}

impl SystemTimeSource {
    /// The system's clocks, the monotonic one starting now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the time source")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemTimeSource {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for SystemTimeSource {
    #[expect(clippy::disallowed_methods, reason = "this is the time source")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A moment by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    wall: SystemTime,
    monotonic: Duration,
}

impl Moment {
    pub(crate) fn now(time: &dyn TimeSource) -> Self {
        Self { wall: time.now(), monotonic: time.monotonic() }
    }

    /// The time since an earlier moment, by the clock that says more: the monotonic clock stands still while a Lambda
    /// environment is frozen or restored from a snapshot, the wall clock can be set back.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        wall.max(self.monotonic.saturating_sub(earlier.monotonic))
    }
}
