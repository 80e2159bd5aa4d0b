//! Arguments of the commands that look at data and change nothing.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::records::Format;
use crate::uri::Source;

/// Say what a stored item, document, object or message is. Needs no key
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet inspect sealed.jsonl                 privet JSON documents
  privet inspect backup.tar.esdk              an ESDK message
  aws dynamodb get-item ... | privet inspect  an item, of privet or of AWS's own client
  aws s3api head-object ... | privet inspect  metadata of an S3EC object, or its instruction file")]
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
  privet classify s3://exports/2026/ --sample 5000
  privet classify events.jsonl --propose policy.toml")]
pub(crate) struct Classify {
    /// A file, `-` for standard input, `dynamodb://TABLE`, or `s3://BUCKET/PREFIX`, whose objects are taken for what their
    /// names say
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

/// List which fields there are, of which class, how they are stored and who sees them
///
/// The fields are those that the policy names, those of schema files, and those that samples of data have. A schema file
/// is a JSON Schema, or the inventory of a model as `Schema::inventory` gives it, written as JSON.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  privet inventory --policy policy.toml                                what the policy names
  privet inventory --schema customer.schema.json --resource customers
  privet inventory dynamodb://prod-customers s3://exports/ --sample 500
  privet inventory --live --as html -o inventory.html                  all tables of the policy")]
pub(crate) struct Inventory {
    /// Data to look at: files, `dynamodb://TABLE`, `s3://BUCKET/PREFIX`
    pub(crate) sources: Vec<Source>,
    /// A schema file; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Vec<PathBuf>,
    /// Look at the tables of all resources of the policy
    #[arg(long)]
    pub(crate) live: bool,
    /// The policy's resource that schema files and data are of [default: the table's, or the only one of the policy]
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// Look at so many records of each source; 0 is all
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) sample: u64,
    /// How the inventory is written; `--json` is the same as `--as json`
    #[arg(long = "as", value_enum, default_value_t = Sheet::Table, value_name = "FORM")]
    pub(crate) sheet: Sheet,
    /// Write to this file, which appears when it is whole [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// How an inventory is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sheet {
    /// A table for the terminal.
    Table,
    /// JSON lines.
    Json,
    /// Comma-separated values.
    Csv,
    /// A table in Markdown.
    Markdown,
    /// A page.
    Html,
}

/// Look at the audit log
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Verify that nothing of the audit log was changed, dropped, added or reordered
    ///
    /// Ends with 4 if something is wrong, and names the first line that does not go on from the one before. Prints the
    /// head of the log: note it elsewhere, and give it with `--head` next time, since who can write the log can cut off
    /// its end.
    #[command(after_help = "\
Examples:
  privet audit verify audit.jsonl --audit-key audit.key
  privet audit verify audit.1.jsonl audit.2.jsonl audit.jsonl    rotated files, the oldest first
  privet audit verify audit.jsonl --head 512:9f86d081884c...     nothing was cut off since then")]
    Verify {
        /// The files of the log, the oldest first [default: the one of --audit or privet.toml]
        files: Vec<PathBuf>,
        /// A head that was printed before, which must be in the log
        #[arg(long, value_name = "NUMBER:TAG")]
        head: Option<String>,
    },
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
