//! Arguments of `reencrypt`, and what it shares with `keys stragglers`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Go;
use crate::uri::Source;

/// Move stored records to a new key, a new policy, another format, or out of the clear
///
/// The target is what `--kms-key` or `--local`, `--policy` and `--context` say; records are written with the newest key
/// of it. Without `--yes` a sample is read and a plan is shown: what would change, and what it would take and cost.
/// Each record is replaced on the condition that it still is what was read, so writers may go on. Ctrl-C finishes what
/// is under way and saves a checkpoint.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet reencrypt sealed.jsonl --kms-key $NEW --old-key $OLD              shows the plan
  privet reencrypt dynamodb://shop --kms-key $NEW --old-key $OLD --plan plan.json
  privet reencrypt dynamodb://shop --kms-key $NEW --old-key $OLD --plan plan.json --yes --verify
  privet reencrypt dynamodb://shop --kms-key $NEW --old-key $OLD --resume --yes
  privet reencrypt s3://docs/2026/ --kms-key $NEW --old-key $OLD --yes
  privet reencrypt dynamodb://shop --kms-key $NEW --old-key $OLD --engine stepfunctions \\
    --state-machine $ARN --segments-bucket $BUCKET --segments 64 --yes
  privet reencrypt dynamodb://shop --local .privet --from-plaintext --yes  seals what is in clear")]
pub(crate) struct Reencrypt {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) go: Go,
    /// Save the plan to this file; with `--yes`, do what the plan in it says, if it still holds
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Go on with a job that was interrupted; without `--yes`, say how far it has got
    #[arg(long, conflicts_with_all = ["plan", "dry_run"])]
    pub(crate) resume: bool,
    /// Read everything back and prove that it is on target and opens: after the job, or alone without `--yes`
    #[arg(long)]
    pub(crate) verify: bool,
    /// Where the work is done
    #[arg(long, value_enum, default_value_t = Engine::Local)]
    pub(crate) engine: Engine,
    /// The state machine of `deploy/reencrypt/`, an output of its stack: with `--engine stepfunctions`
    #[arg(long, value_name = "ARN")]
    pub(crate) state_machine: Option<String>,
    /// The bucket for the list of segments, an output of the same stack
    #[arg(long, value_name = "NAME")]
    pub(crate) segments_bucket: Option<String>,
    /// The job's name, by which it is resumed [default: of what it works on]
    #[arg(long, value_name = "NAME")]
    pub(crate) job: Option<String>,
    /// Where checkpoints are kept: a directory; for several machines `dynamodb://TABLE` or `s3://BUCKET/PREFIX`. They hold
    /// keys of records
    /// [default: beside the file; for tables `jobs` of the local directory, else `privet-jobs`]
    #[arg(long, value_name = "PLACE")]
    pub(crate) checkpoints: Option<Source>,
    /// Read so many records for the plan
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) sample: u64,
    /// Work on so many shards at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) parallel: usize,
    /// Read units a second at most
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) read_units: Option<f64>,
    /// Write units a second at most
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) write_units: Option<f64>,
    /// Calls of the key provider a second at most
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(crate) key_calls: Option<f64>,
    /// Stop when this run finds more records than this that cannot be rewritten [default: never]
    #[arg(long, value_name = "N")]
    pub(crate) max_poison: Option<u64>,
}

/// What is moved, and from where to where.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// A file of JSON lines, `dynamodb://TABLE`, or `s3://BUCKET/PREFIX`
    pub(crate) source: Source,
    /// The policy's resource that the records are of [default: the table's, or the only one of the policy]
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// The tenant that the records belong to
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// A KMS key that records are sealed with now; may be given several times. A local directory has its old keys
    #[arg(long, value_name = "ARN")]
    pub(crate) old_key: Vec<String>,
    /// The policy that records were sealed under, if it was another one: fields get the classes of the new policy
    #[arg(long, value_name = "FILE")]
    pub(crate) old_policy: Option<PathBuf>,
    /// Seal records that are stored in clear too. Whoever can write to the store can have anything sealed this way
    #[arg(long, conflicts_with = "to_plaintext")]
    pub(crate) from_plaintext: bool,
    /// Store everything in clear. Whoever can read the store can read it then; a file is for its owner only
    #[arg(long)]
    pub(crate) to_plaintext: bool,
    /// Cut the file or table into so many shards
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) segments: u32,
}

/// Where the work of a job is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// This process.
    Local,
    /// Lambda functions, under a Step Functions Distributed Map.
    #[value(name = "stepfunctions")]
    StepFunctions,
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or("a number above 0")
}
