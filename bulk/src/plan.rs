//! A plan: what a job would do, told from a sample; writes nothing.

use std::fmt;
use std::time::Duration;

use privet_core::ErrorKind;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::report::{Counts, Poison};
use crate::store::{Size, Store};
use crate::transformation::{Decision, Transformation};

/// What a job would do, told from a sample. Can be saved and executed later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The release that made it.
    pub release: String,
    /// The job's name.
    pub job: String,
    /// Store and target: the world that the plan is for.
    pub description: Json,
    /// What the store says of its size.
    pub size: Size,
    /// The sample: what was read, and what would have been done with it.
    pub sample: Counts,
    /// Records of the sample that could not be rewritten.
    pub poison: Vec<Poison>,
    /// What all would take.
    pub estimate: Estimate,
}

/// What a job would take, as far as a sample tells. What cannot be told is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Records there are.
    pub records: Option<f64>,
    /// Records that would be rewritten.
    pub rewritten: Option<f64>,
    /// Read units.
    pub read_units: Option<f64>,
    /// Write units.
    pub write_units: Option<f64>,
    /// Bytes of the records that would be rewritten, where the store says so: what is read and written beside the units.
    #[serde(default)]
    pub bytes: Option<f64>,
    /// Calls of key providers, from above: as often as in the sample.
    pub key_calls: Option<f64>,
    /// Seconds, by the limits of the job and the speed of the sample.
    pub seconds: Option<f64>,
    /// US dollars, if prices were given.
    pub dollars: Option<f64>,
}

/// What units cost, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// A million read units.
    pub million_read_units: f64,
    /// A million write units.
    pub million_write_units: f64,
    /// Ten thousand calls of the key provider.
    pub ten_thousand_key_calls: f64,
}

impl Prices {
    /// DynamoDB on demand and KMS in `us-east-1`, as of 2025 (<https://aws.amazon.com/dynamodb/pricing/on-demand/>,
    /// <https://aws.amazon.com/kms/pricing/>). Look up those of your region.
    pub const US_EAST_1: Self =
        Self { million_read_units: 0.125, million_write_units: 0.625, ten_thousand_key_calls: 0.03 };

    /// Requests of S3 Standard, and KMS, in `us-east-1`, as of 2025 (<https://aws.amazon.com/s3/pricing/>). Bytes cost
    /// nothing within a region.
    pub const S3_US_EAST_1: Self =
        Self { million_read_units: 0.4, million_write_units: 5.0, ten_thousand_key_calls: 0.03 };
}

impl<S: Store, T: Transformation<S::Record, Rewritten = S::Rewritten>> Job<S, T> {
    /// Reads up to `sample` records, spread over the shards, and says what running the job would do. Writes nothing, not
    /// even a checkpoint.
    ///
    /// # Errors
    ///
    /// Those of the store and the key providers.
    pub async fn plan(&self, sample: u64, prices: Option<Prices>) -> Result<Plan> {
        let job = &*self.shared;
        let description = self.description().await?;
        let size = job.store.size().await?;
        let (mut counts, mut poison, mut key_calls) = (Counts::default(), Vec::new(), 0);
        let calls = job.transformation.key_calls();
        let started = job.time.monotonic();
        let shards = job.store.shards();
        let looked_at = shards.min(SAMPLED_SHARDS);
        let mut is_whole = looked_at == shards;
        for index in 0..looked_at {
            let shard = u32::try_from(u64::from(index) * u64::from(shards) / u64::from(looked_at)).unwrap_or(index);
            let most = sample / u64::from(looked_at) + u64::from(u64::from(index) < sample % u64::from(looked_at));
            is_whole &= self.sample(shard, most, &mut counts, &mut poison, &mut key_calls).await?;
        }
        let seconds = job.time.monotonic().saturating_sub(started).as_secs_f64();
        key_calls += job.transformation.key_calls() - calls;
        let estimate = self.estimate(&counts, &size, is_whole, seconds, key_calls, prices);
        Ok(Plan {
            release: env!("CARGO_PKG_VERSION").to_owned(),
            job: job.name.clone(),
            description,
            size,
            sample: counts,
            poison,
            estimate,
        })
    }

    /// Refuses a plan that was made for another world.
    ///
    /// # Errors
    ///
    /// `Conflict` if store, policy, keys or shards are not those that the plan was made for.
    pub async fn check(&self, plan: &Plan) -> Result<()> {
        let now = self.description().await?;
        let differs = |part: &str| now.pointer(part) != plan.description.pointer(part);
        let moved = [
            ("/store", "the store"),
            ("/shards", "the number of shards"),
            ("/target/from", "the policy or resource that records are read by"),
            ("/target/to/policy", "the target's policy"),
            ("/target/to/keys", "the target's keys"),
            ("", "the target"),
        ];
        let moved = moved.into_iter().find(|(part, _)| differs(part)).map(|(_, what)| what);
        let moved = moved.or((plan.job != self.shared.name).then_some("the job's name"));
        let moved = moved.or((plan.release != env!("CARGO_PKG_VERSION")).then_some("the release of privet"));
        match moved {
            Some(what) => Err(Error::conflict(format!("{what} has changed since the plan was made: plan again"))),
            None => Ok(()),
        }
    }

    /// Looks at the first records of a shard. Returns whether those were all.
    async fn sample(
        &self,
        shard: u32,
        most: u64,
        counts: &mut Counts,
        poison: &mut Vec<Poison>,
        key_calls: &mut u64,
    ) -> Result<bool> {
        let job = &*self.shared;
        let session = job.store.open(&Checkpoint::start(&job.name, "", shard)).await?;
        let (mut position, mut seen) = (None, 0);
        while seen < most {
            let read = || job.store.read(&session, position.as_ref());
            let page = self.retrying(counts, Some(&job.pace.reads), read).await?;
            job.pace.reads.spend(page.read_units);
            counts.read_units += page.read_units;
            for record in &page.records {
                if seen == most {
                    return Ok(false);
                }
                seen += 1;
                counts.read += 1;
                match self.retrying(counts, None, || job.transformation.rewrite(record)).await {
                    Ok(Decision::Current) => counts.current += 1,
                    Ok(Decision::Rewrite { rewritten, reasons }) => {
                        counts.rewritten += 1;
                        counts.write_units += job.store.write_units(record, &rewritten);
                        counts.bytes += job.store.bytes(record);
                        *key_calls += job.transformation.key_calls_of(&rewritten);
                        counts.note(&reasons, 1);
                    }
                    Err(error) if error.is_retryable() || error.kind() == ErrorKind::Config => return Err(error),
                    Err(error) => {
                        counts.poison += 1;
                        if poison.len() < MAX_SAMPLE_POISON {
                            let digest = job.transformation.digest(record);
                            poison.push(Poison::new(shard, &digest, &error));
                        }
                    }
                }
            }
            position = page.next;
            if position.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    #[expect(clippy::cast_precision_loss, reason = "estimates need no more than 52 bits")]
    fn estimate(
        &self,
        sample: &Counts,
        size: &Size,
        is_whole: bool,
        seconds: f64,
        key_calls: u64,
        prices: Option<Prices>,
    ) -> Estimate {
        let read = sample.read.max(1) as f64;
        let records = if is_whole { Some(sample.read as f64) } else { size.records.map(|records| records as f64) };
        let scaled = |of_sample: f64| records.map(|records| records * of_sample / read);
        let write_units = scaled(sample.write_units);
        let read_units = if is_whole { Some(sample.read_units) } else { size.read_units };
        let key_calls = scaled(key_calls as f64);
        let at = |units: Option<f64>, rate: Option<f64>| Some(units? / rate?);
        let pace = &self.shared.pace;
        let durations = [
            at(read_units, pace.reads.rate()),
            at(write_units, pace.writes.rate()),
            scaled(seconds / self.shared.parallel as f64),
        ];
        let cost = |prices: Prices| {
            Some(
                read_units? * prices.million_read_units / 1e6
                    + write_units? * prices.million_write_units / 1e6
                    + key_calls? * prices.ten_thousand_key_calls / 1e4,
            )
        };
        Estimate {
            records,
            rewritten: scaled(sample.rewritten as f64),
            read_units,
            write_units,
            bytes: scaled(sample.bytes as f64).filter(|bytes| *bytes > 0.0),
            key_calls,
            seconds: durations.into_iter().flatten().reduce(f64::max),
            dollars: prices.and_then(cost),
        }
    }
}

/// A table for people.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sample = &self.sample;
        writeln!(f, "plan of job {}: nothing was written", self.job)?;
        writeln!(
            f,
            "sample: {} records, {} to rewrite, {} on target, {} poison",
            sample.read, sample.rewritten, sample.current, sample.poison
        )?;
        for (reason, count) in &sample.reasons {
            writeln!(f, "  {count} for {reason}")?;
        }
        let estimate = &self.estimate;
        for (name, value) in [
            ("records", estimate.records),
            ("to rewrite", estimate.rewritten),
            ("read units", estimate.read_units),
            ("write units", estimate.write_units),
            ("bytes", estimate.bytes),
            ("key calls, at most", estimate.key_calls),
        ] {
            match value {
                None if name == "bytes" => {}
                Some(value) => writeln!(f, "{name:<20}{value:>16.0}")?,
                None => writeln!(f, "{name:<20}{:>16}", "unknown")?,
            }
        }
        if let Some(seconds) = estimate.seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            writeln!(f, "{:<20}{:>16}", "duration", format!("{seconds:.0?}"))?;
        }
        if let Some(dollars) = estimate.dollars {
            writeln!(f, "{:<20}{:>16}", "cost", format!("{dollars:.2} USD"))?;
        }
        for poison in &self.poison {
            writeln!(f, "poison: record {} in shard {}: {}", poison.digest, poison.shard, poison.reason)?;
        }
        Ok(())
    }
}

const SAMPLED_SHARDS: u32 = 16;
const MAX_SAMPLE_POISON: usize = 100;
