//! How long to wait before the next try.

use std::time::Duration;

/// Waits between tries: each up to twice as long as the one before, and of random length, so that those who met do not meet
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    most: Duration,
    tries: u32,
}

impl Backoff {
    /// At most this many tries in all, the first included.
    #[must_use]
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = tries.max(1);
        self
    }

    /// The longest wait before the second try, and the longest before any.
    #[must_use]
    pub fn waits(mut self, base: Duration, most: Duration) -> Self {
        (self.base, self.most) = (base, most);
        self
    }

    /// For writers that meet at one item: they are done in a few milliseconds.
    pub(crate) const CONFLICT: Self =
        Self { base: Duration::from_millis(5), most: Duration::from_millis(500), tries: 30 };

    /// Waits before the next try; `false` if there have been enough.
    pub(crate) async fn wait(&self, tried: u32) -> bool {
        if tried >= self.tries {
            return false;
        }
        let most = self.base.saturating_mul(1_u32 << tried.saturating_sub(1).min(16)).min(self.most);
        tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
        true
    }
}

/// 50 ms, doubled up to 5 s; 10 tries.
impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(50), most: Duration::from_secs(5), tries: 10 }
    }
}
