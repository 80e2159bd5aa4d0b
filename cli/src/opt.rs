//! The arguments: what can be asked, and how it is said.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

mod data;
mod keys;
mod look;
mod policy;
mod reencrypt;
mod setup;

pub(crate) use data::{Decrypt, Encrypt, Protect, Records, Reveal};
pub(crate) use keys::{Go, Keys, KeysCommand};
pub(crate) use look::{Audit, AuditCommand, Classify, Inspect, Inventory, Sheet};
pub(crate) use policy::{Policy, PolicyCommand};
pub(crate) use reencrypt::{Engine, Reencrypt, Target};
pub(crate) use setup::{Completions, Init, Man};

/// Field-level data protection: find personal data, seal it, show it by role, look after the keys.
#[derive(Debug, Parser)]
#[command(name = "privet", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Opt {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(Init),
    Policy(Policy),
    Inspect(Inspect),
    Protect(Protect),
    Reveal(Reveal),
    Encrypt(Encrypt),
    Decrypt(Decrypt),
    Classify(Classify),
    Inventory(Inventory),
    Reencrypt(Box<Reencrypt>),
    Audit(Audit),
    Keys(Keys),
    Completions(Completions),
    Man(Man),
}

/// What goes for all commands.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The configuration file [default: privet.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "PRIVET_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The policy [default: privet's own]
    #[arg(long, global = true, value_name = "FILE", env = "PRIVET_POLICY")]
    pub(crate) policy: Option<PathBuf>,
    /// Work without AWS, with the keys and tables of this directory
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "kms_key")]
    pub(crate) local: Option<PathBuf>,
    /// The KMS key, by its ARN
    #[arg(long, global = true, value_name = "ARN", env = "PRIVET_KMS_KEY")]
    pub(crate) kms_key: Option<String>,
    /// A pair for the encryption context; may be given several times
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    pub(crate) context: Vec<Pair>,
    /// The audit log
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// The key of the audit log's chain, in a file for its owner only; `openssl rand -hex 32` makes one
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) audit_key: Option<PathBuf>,
    /// The key behind the mask `hash` and the digests that name records, in a file for its owner only [default: the local
    /// directory's; without any, digests are others in each run]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) pseudonym_key: Option<PathBuf>,
    /// AWS profile
    #[arg(long, global = true)]
    pub(crate) profile: Option<String>,
    /// AWS region
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// Another endpoint than AWS's own; AWS_ENDPOINT_URL, or AWS_ENDPOINT_URL_KMS and the like, go as well
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// JSON lines on standard output, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No progress and no remarks on standard error
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// `NAME=VALUE`.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for Pair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self { name: name.to_owned(), value: value.to_owned() }),
            _ => Err("write NAME=VALUE"),
        }
    }
}

const AFTER_HELP: &str = "\
Examples:
  privet init --local .privet                 a policy, a model and a local key to try things with
  privet classify customers.jsonl             what is in there, and what the policy misses
  privet protect customers.jsonl --resource customers > sealed.jsonl
  privet reveal sealed.jsonl --resource customers --as manager

Exit codes:
  0 done                      3 finished, with findings or failed items
  1 failed                    4 what is stored does not verify
  2 wrong arguments           5 denied by the key provider or the policy
                            130 interrupted, and saved";
