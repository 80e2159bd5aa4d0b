//! Arguments of the commands that look at data and change nothing.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::records::Format;
use crate::uri::Source;

/// Say what a stored item, document or message is. Needs no key
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet inspect sealed.jsonl                 privet JSON documents
  privet inspect backup.tar.esdk              an ESDK message
  aws dynamodb get-item ... | privet inspect  an item in DynamoDB's JSON")]
pub(crate) struct Inspect {
    /// The file; `-` is standard input
    #[arg(default_value = "-")]
    pub(crate) file: Source,
    /// Look at so many records
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) limit: u64,
}

/// Find personal data and credentials, propose a class for each field, and show what the policy misses
///
/// Looks at names and samples of values. Ends with 3 if a field holds personal data that no rule of the policy speaks
/// of, or that it stores in clear: a gate for continuous integration.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet classify customers.csv
  privet classify dynamodb://prod-customers --policy policy.toml --resource customers
  privet classify events.jsonl --propose policy.toml")]
pub(crate) struct Classify {
    /// A file, `-` for standard input, or `dynamodb://TABLE`
    #[arg(default_value = "-")]
    pub(crate) source: Source,
    /// How the records stand in the file [default: by its name, else JSON lines]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// The policy's resource that the records are of [default: the table's, or the only one of the policy]
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// Look at so many records; 0 is all
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) sample: u64,
    /// Write a policy with what is proposed to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) propose: Option<PathBuf>,
    /// Show fields of which nothing is proposed too
    #[arg(long)]
    pub(crate) all: bool,
}

/// Look at the audit log
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show who saw what
    #[command(after_help = "\
Examples:
  privet audit show audit.jsonl --principal u-17
  privet audit show --path health_records --json")]
    Show {
        /// The log [default: the one of --audit or privet.toml]
        file: Option<PathBuf>,
        /// Only what this caller saw
        #[arg(long, value_name = "ID")]
        principal: Option<String>,
        /// Only this field
        #[arg(long)]
        path: Option<String>,
        /// Only from this time on: RFC 3339, or the beginning of it (2026-11-23)
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
    },
}
