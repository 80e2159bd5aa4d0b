//! How long a beacon should be: long enough to find little else, short enough to tell little.

use std::collections::HashMap;
use std::hash::Hash;

use super::BeaconLength;
use crate::error::{Error, Result};

/// What a sample of a field's values says about the length of its beacon.
///
/// Two rules bound the length n from above, and the greatest n that both allow is recommended:
///
/// - **Collisions**: 2^n < X / 2 for X different values, so that each beacon stands for more than two of them on average
///   (AWS Database Encryption SDK, searchable encryption specification, beacon length). X is estimated from the sample
///   by Chao's bias-corrected lower bound d + f1 (f1 - 1) / (2 (f2 + 1)), where d values were seen, f1 of them once and f2
///   twice (A. Chao, *Nonparametric estimation of the number of classes in a population*, 1984), and is at most the
///   population.
/// - **Skew**: 2^n <= 1 / p for the share p of the most frequent value. Its beacon then has a share of at most p + 2^-n
///   <= 2 / 2^n, at most twice what each beacon has on average, and cannot be told from the others by its frequency.
///
/// From below, 2^n should be greater than the square root of X, or a search reads more of the table than it spares (same
/// specification). Fields for which less than [`MIN_LENGTH`](Self::MIN_LENGTH) bits are allowed are refused: their few
/// values could be read off how often each beacon occurs, whatever its length.
///
/// ```
/// # use privet_core::beacon::BeaconAdvice;
/// let cities = (0..4000).map(|customer| customer % 1000);
/// let advice = BeaconAdvice::from_sample(cities, 1_000_000)?;
/// assert_eq!(advice.length().bits(), 8); // 256 beacons for 1,000 cities
/// assert!(BeaconAdvice::from_sample((0..4000).map(|customer| customer % 2 == 0), 1_000_000).is_err());
/// # Ok::<(), privet_core::Error>(())
/// ```
///
/// # Security
///
/// The advice is as good as the sample: draw it at random from real data, a few thousand values at least. A value that
/// is less frequent than the sample shows is not seen as skew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BeaconAdvice {
    length: BeaconLength,
    distinct: u64,
    skew: Skew,
}

/// How unevenly the values of a sample are spread.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Skew {
    /// The share of the most frequent value, 0 to 1.
    pub share: f64,
    /// Whether it is frequent enough to be more than chance, and bounds the length.
    pub is_seen: bool,
}

impl BeaconAdvice {
    /// The least bits that are worth recommending: fewer than 8 beacons spare a search little and hide nothing.
    pub const MIN_LENGTH: u8 = 3;

    /// The least values of a sample, unless it is the whole population.
    pub const MIN_SAMPLE: u64 = 1000;

    /// Looks at a random sample of a field's values, with repetitions, out of `population` records that have one. For
    /// tables of many tenants: of one tenant, since each has beacons of its own.
    ///
    /// # Errors
    ///
    /// `Input` if the sample is too small to say anything or larger than the population, and if the field has too few
    /// values, or one of them too often, to be searched for by a beacon.
    pub fn from_sample<T: Hash + Eq>(sample: impl IntoIterator<Item = T>, population: u64) -> Result<Self> {
        let mut counts: HashMap<T, u64> = HashMap::new();
        for value in sample {
            *counts.entry(value).or_default() += 1;
        }
        Self::from_counts(counts.values().copied(), population)
    }

    /// The same from how often each different value occurs in the sample.
    ///
    /// # Errors
    ///
    /// As [`from_sample`](Self::from_sample).
    pub fn from_counts(counts: impl IntoIterator<Item = u64>, population: u64) -> Result<Self> {
        let mut seen = Seen::default();
        counts.into_iter().filter(|count| *count > 0).for_each(|count| seen.add(count));
        if seen.total > population {
            return Err(Error::input("the sample has more values than the population: say how many records there are"));
        }
        if seen.total < Self::MIN_SAMPLE.min(population) || seen.total == 0 {
            return Err(Error::input(format!(
                "{} values are too small a sample: draw at least {} at random, or take all",
                seen.total,
                Self::MIN_SAMPLE
            )));
        }
        let distinct = seen.distinct_in(population);
        let skew = seen.skew();
        let by_collisions = collision_bound(distinct);
        let by_skew = if skew.is_seen { (1.0 / skew.share).log2().floor() } else { f64::INFINITY };
        let bits = f64::from(by_collisions).min(by_skew);
        // INVARIANT: at most 62, and not negative, so that nothing is cut off.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 62")]
        let bits = bits.max(0.0) as u8;
        if bits >= Self::MIN_LENGTH {
            return Ok(Self { length: BeaconLength::new(bits)?, distinct, skew });
        }
        Err(Error::input(if by_collisions < Self::MIN_LENGTH {
            format!(
                "the field has about {distinct} different values, too few for a beacon: how often each beacon occurs \
                 would tell which value it stands for; search by another field, or read and filter"
            )
        } else {
            format!(
                "one value makes up {:.0} % of the sample, too much for a beacon: it would be known by its frequency; \
                 search by another field, or read and filter",
                skew.share * 100.0
            )
        }))
    }

    /// The length to use: the greatest that is safe.
    #[must_use]
    pub fn length(&self) -> BeaconLength {
        self.length
    }

    /// How many different values the field has, by estimate.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.distinct
    }

    /// How uneven they are.
    #[must_use]
    pub fn skew(&self) -> Skew {
        self.skew
    }

    /// How many different values share a beacon on average. A search reads this many times what it finds.
    #[must_use]
    pub fn values_per_beacon(&self) -> f64 {
        as_f64(self.distinct) / as_f64(1 << self.length.bits())
    }

    /// Whether a search reads more than it spares: 2^n is not above the square root of the number of values.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        as_f64(1 << self.length.bits()) <= as_f64(self.distinct).sqrt()
    }
}

/// What was counted.
#[derive(Default)]
struct Seen {
    total: u64,
    distinct: u64,
    once: u64,
    twice: u64,
    most: u64,
}

impl Seen {
    fn add(&mut self, count: u64) {
        self.total = self.total.saturating_add(count);
        self.distinct += 1;
        self.once += u64::from(count == 1);
        self.twice += u64::from(count == 2);
        self.most = self.most.max(count);
    }

    fn distinct_in(&self, population: u64) -> u64 {
        if self.total == population {
            return self.distinct;
        }
        let (once, twice) = (u128::from(self.once), u128::from(self.twice));
        let unseen = once * once.saturating_sub(1) / (2 * (twice + 1));
        // The values not in the sample are at most one each.
        let most = u128::from(self.distinct) + u128::from(population - self.total);
        u64::try_from((u128::from(self.distinct) + unseen).min(most)).unwrap_or(population)
    }

    fn skew(&self) -> Skew {
        Skew { share: as_f64(self.most) / as_f64(self.total), is_seen: self.most >= MORE_THAN_CHANCE }
    }
}

/// The greatest n of at most 62 with 2^n < values / 2; 0 if there is none.
fn collision_bound(values: u64) -> u8 {
    (0..=62).rev().find(|bits| 1_u64 << bits < values.div_ceil(2)).unwrap_or(0)
}

#[allow(clippy::cast_precision_loss, reason = "a share or a factor need not be exact")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

/// In a sample of values that are nearly all different, some come up a few times by chance.
const MORE_THAN_CHANCE: u64 = 5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn spread_over_many_values() {
        // All of 100,000 zip codes: 2^15 = 32,768 < 50,000.
        let advice = BeaconAdvice::from_sample(0..100_000, 100_000).unwrap();
        assert_eq!((advice.length().bits(), advice.distinct()), (15, 100_000));
        assert!((3.0..3.1).contains(&advice.values_per_beacon()) && !advice.is_slow());
        // A sample without any repetition says that nearly all values of the population are different.
        let advice = BeaconAdvice::from_sample(0..2_000, 1_000_000).unwrap();
        assert_eq!((advice.length().bits(), advice.distinct()), (18, 1_000_000));
    }

    #[test]
    fn few_values_are_refused_and_told_why() {
        for values in [1, 2, 3, 7, 16] {
            let error = BeaconAdvice::from_sample((0..5_000).map(|value| value % values), 1_000_000).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input);
            assert!(error.to_string().contains("different values, too few"), "{error}");
        }
        assert_eq!(
            BeaconAdvice::from_sample((0..5_000).map(|value| value % 17), 1_000_000).unwrap().length().bits(),
            3
        );
    }

    #[test]
    fn one_frequent_value_shortens_the_beacon_or_refuses_it() {
        // One value makes up a sixteenth, the others are all different.
        let sample = (0..16_000).map(|value| if value % 16 == 0 { 0 } else { value });
        let advice = BeaconAdvice::from_sample(sample, 16_000).unwrap();
        assert_eq!((advice.length().bits(), advice.skew().is_seen), (4, true));
        assert!(advice.is_slow(), "16 beacons for 15,000 values");
        let sample = (0..16_000).map(|value| if value % 3 == 0 { 0 } else { value });
        let error = BeaconAdvice::from_sample(sample, 16_000).unwrap_err();
        assert!(error.to_string().contains("33 %"), "{error}");
    }

    #[test]
    fn samples_that_say_nothing_are_refused() {
        for (sample, population) in [(0..0, 0), (0..0, 10), (0..999, 1_000_000), (0..11, 10)] {
            assert!(BeaconAdvice::from_sample(sample, population).is_err());
        }
        assert!(BeaconAdvice::from_sample(0..500, 500).is_ok(), "the whole population is no small sample");
    }

    proptest! {
        #[test]
        fn both_rules_hold(counts in prop::collection::vec(1_u64..40, 1..400), more in 0_u64..1_000_000) {
            let total: u64 = counts.iter().sum();
            let Ok(advice) = BeaconAdvice::from_counts(counts.iter().copied(), total + more) else { return Ok(()) };
            let beacons = 1_u64 << advice.length().bits();
            prop_assert!(beacons * 2 < advice.distinct());
            prop_assert!(advice.length().bits() >= BeaconAdvice::MIN_LENGTH);
            let most = counts.iter().max().copied().unwrap_or_default();
            prop_assert!(most < MORE_THAN_CHANCE || beacons * most <= total);
            prop_assert!(advice.distinct() >= counts.len() as u64 && advice.distinct() <= total + more);
            prop_assert!(advice.values_per_beacon() > 2.0);
        }

        #[test]
        fn order_does_not_matter(mut sample in prop::collection::vec(0_u16..300, 1000..1500)) {
            let bits = |sample: &[u16]| BeaconAdvice::from_sample(sample, 10_000).map(|advice| advice.length()).ok();
            let before = bits(&sample);
            sample.reverse();
            prop_assert_eq!(bits(&sample), before);
        }

        #[test]
        fn no_longer_for_a_more_frequent_value(others in 100_u64..2000, most in 5_u64..5000) {
            let bits = |most| {
                let counts = || std::iter::once(most).chain(std::iter::repeat_n(1, 2000));
                BeaconAdvice::from_counts(counts(), 2000 + most + others).map_or(0, |advice| advice.length().bits())
            };
            // The population grows with it, by less than what would allow one bit more.
            prop_assert!(bits(most * 2) <= bits(most));
        }

        #[test]
        fn never_panics(counts in prop::collection::vec(any::<u64>(), 0..8), population in any::<u64>()) {
            let _ = BeaconAdvice::from_counts(counts, population);
        }
    }
}
