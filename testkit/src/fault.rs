//! Faults: what goes wrong between a client and a service, when, and how often.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::answer::{Answer, status_of};

/// Something that goes wrong with the requests it is set on.
///
/// Without [`times`](Self::times) or [`probability`](Self::probability) it happens to every matching request until
/// [`EmbeddedAws::clear_faults`](crate::EmbeddedAws::clear_faults). Of several faults, the first set that is due happens.
#[derive(Debug, Clone)]
pub struct Fault {
    service: String,
    operation: String,
    after: u64,
    times: Option<u64>,
    probability: Option<(f64, u64)>,
    pub(crate) delay: Option<Duration>,
    pub(crate) failure: Failure,
}

impl Fault {
    /// A fault on the requests for `operation` of `service`; `*` stands for every operation.
    #[must_use]
    pub fn on(service: &str, operation: &str) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            after: 0,
            times: None,
            probability: None,
            delay: None,
            failure: Failure::None,
        }
    }

    /// Happens this many times, then never again.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn after(mut self, requests: u64) -> Self {
        self.after = requests;
        self
    }

    /// Happens to a request with probability `p` (0 to 1); the same seed gives the same sequence.
    #[must_use]
    pub fn probability(mut self, p: f64, seed: u64) -> Self {
        self.probability = Some((p, seed));
        self
    }

    /// The service answers with this error code, such as `ThrottlingException`, and does nothing.
    #[must_use]
    pub fn error(mut self, code: &str) -> Self {
        let status = match self.failure {
            Failure::Answer { status, .. } => status,
            _ => status_of(code),
        };
        self.failure = Failure::Answer { status, code: Some(code.to_owned()) };
        self
    }

    /// The service answers with this HTTP status, such as 500, and does nothing.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        let code = match self.failure {
            Failure::Answer { code, .. } => code,
            _ => None,
        };
        self.failure = Failure::Answer { status, code };
        self
    }

    /// The connection is reset before the service sees the request.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.failure = Failure::Reset;
        self
    }

    /// The request times out before the service sees it; the client learns so at once.
    #[must_use]
    pub fn timeout(mut self) -> Self {
        self.failure = Failure::Timeout;
        self
    }

    /// The service does what was asked, but the connection breaks before the answer arrives.
    #[must_use]
    pub fn answer_lost(mut self) -> Self {
        self.failure = Failure::AnswerLost;
        self
    }

    /// DynamoDB does not get to the last `entries` of a `BatchWriteItem` or `BatchGetItem` and gives them back as
    /// unprocessed; if that is all of them, the batch is throttled. Other operations are not touched.
    #[must_use]
    pub fn unprocessed(mut self, entries: usize) -> Self {
        self.failure = Failure::Unprocessed(entries);
        self
    }

    /// The answer takes this long; alone or together with a failure. A shorter read timeout of the client applies.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    fn matches(&self, service: &str, operation: &str) -> bool {
        self.service == service && (self.operation == "*" || self.operation == operation)
    }
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    None,
    Answer { status: u16, code: Option<String> },
    Reset,
    Timeout,
    AnswerLost,
    Unprocessed(usize),
}

/// The answer of a service that a fault speaks for.
pub(crate) fn injected(status: u16, code: Option<&str>) -> Answer {
    match code {
        Some(code) => Answer::error(status, code, Some("injected by a fault")),
        None => Answer::bare(status),
    }
}

/// The faults that are set.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Armed>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        let dice = Dice(fault.probability.map_or(0, |(_, seed)| seed));
        self.lock().push(Armed { fault, seen: 0, happened: 0, dice });
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// The fault that happens to this request, counted.
    pub(crate) fn draw(&self, service: &str, operation: &str) -> Option<Fault> {
        self.lock().iter_mut().filter(|armed| armed.fault.matches(service, operation)).find_map(Armed::draw)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    seen: u64,
    happened: u64,
    dice: Dice,
}

impl Armed {
    fn draw(&mut self) -> Option<Fault> {
        self.seen += 1;
        if self.seen <= self.fault.after || self.fault.times.is_some_and(|times| self.happened >= times) {
            return None;
        }
        if self.fault.probability.is_some_and(|(p, _)| self.dice.roll() >= p) {
            return None;
        }
        self.happened += 1;
        Some(self.fault.clone())
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere for a seed.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    /// A number in `0.0..1.0`.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happened(fault: Fault, requests: usize) -> Vec<bool> {
        let faults = Faults::default();
        faults.add(fault);
        (0..requests).map(|_| faults.draw("kms", "Decrypt").is_some()).collect()
    }

    #[test]
    fn counts_start_after_the_requests_let_through() {
        let fault = Fault::on("kms", "*").after(1).times(2).reset();
        assert_eq!(happened(fault, 5), [false, true, true, false, false]);
    }

    #[test]
    fn a_seed_repeats_its_sequence() {
        let fault = || Fault::on("kms", "Decrypt").probability(0.3, 7).reset();
        let first = happened(fault(), 1000);
        assert_eq!(first, happened(fault(), 1000));
        let hits = first.iter().filter(|hit| **hit).count();
        assert!((250..350).contains(&hits), "{hits} of 1000 at 0.3");
    }

    #[test]
    fn other_operations_pass() {
        let faults = Faults::default();
        faults.add(Fault::on("kms", "Encrypt").reset());
        assert!(faults.draw("kms", "Decrypt").is_none());
        assert!(faults.draw("dynamodb", "Encrypt").is_none());
        assert!(faults.draw("kms", "Encrypt").is_some());
    }
}
