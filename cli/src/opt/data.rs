//! Arguments of the commands that seal and open data.

use std::path::PathBuf;

use clap::Args;

use crate::records::Format;
use crate::uri::Source;

/// What the commands over records share.
#[derive(Debug, Args)]
pub(crate) struct Records {
    /// The file; `-` is standard input
    #[arg(default_value = "-")]
    pub(crate) file: Source,
    /// Write to this file, which appears when it is whole [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How the records stand in the file [default: by its name, else JSON lines]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// The policy's resource that the records are of [default: the only one of the policy]
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// The tenant that the records belong to
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Pass over records that fail, name them on standard error, and end with 3
    #[arg(long)]
    pub(crate) keep_going: bool,
}

/// Seal records, each field under the key of its class
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet protect customers.csv --resource customers --kms-key arn:aws:kms:eu-west-1:111122223333:key/1234abcd
  cat customers.jsonl | privet protect --resource customers --local .privet > sealed.jsonl")]
pub(crate) struct Protect {
    #[command(flatten)]
    pub(crate) records: Records,
}

/// Open sealed records, and show what a caller may see of them
///
/// Without `--as` it is what a caller without a role may see. What the policy audits is written to the audit log
/// before it is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet reveal sealed.jsonl --resource customers --as manager
  privet reveal sealed.csv --resource customers --as doctor --purpose treatment --security-level 2
  privet reveal sealed.jsonl --resource customers --in-clear -o customers.jsonl")]
pub(crate) struct Reveal {
    #[command(flatten)]
    pub(crate) records: Records,
    /// A role of the caller; may be given several times
    #[arg(long = "as", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// Who the caller is, for the audit log [default: the name of the user]
    #[arg(long, value_name = "ID", env = "USER")]
    pub(crate) principal: Option<String>,
    /// What the caller wants it for
    #[arg(long)]
    pub(crate) purpose: Option<String>,
    /// The caller's security level
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) security_level: u32,
    /// Everything that the keys open, without masks: what the application itself reads. No audit event is written
    #[arg(long, conflicts_with_all = ["roles", "purpose", "security_level"])]
    pub(crate) in_clear: bool,
}

/// Encrypt a file or stream as an ESDK message
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet encrypt backup.tar -o backup.tar.esdk --context purpose=backup --local .privet
  pg_dump shop | privet encrypt --kms-key $KEY > shop.esdk")]
pub(crate) struct Encrypt {
    /// The file; `-` is standard input
    #[arg(default_value = "-")]
    pub(crate) file: Source,
    /// Write to this file, which appears when it is whole [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Sign the message: who may only decrypt cannot forge
    #[arg(long)]
    pub(crate) signed: bool,
    /// Plaintext bytes a frame
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) frame_length: u32,
}

/// Decrypt an ESDK message
///
/// Only verified bytes come out. A file appears when all of the message is verified; on standard output what was
/// verified so far comes out, and the exit code says whether that was all. A signed message is verified to its end first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet decrypt backup.tar.esdk -o backup.tar --context purpose=backup --local .privet
  privet decrypt shop.esdk --kms-key $KEY | psql shop")]
pub(crate) struct Decrypt {
    /// The file; `-` is standard input
    #[arg(default_value = "-")]
    pub(crate) file: Source,
    /// Write to this file, which appears when it is whole [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Let messages without key commitment pass, as old writers left them
    #[arg(long)]
    pub(crate) allow_uncommitted: bool,
}
