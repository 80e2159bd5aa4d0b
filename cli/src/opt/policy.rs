//! Arguments of `policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Check, explain and compare policies
#[derive(Debug, Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    pub(crate) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check that a policy is well-formed and does not contradict itself
    #[command(after_help = "Examples:\n  privet policy check policy.toml")]
    Check {
        /// The policy [default: the one of --policy or privet.toml]
        file: Option<PathBuf>,
    },
    /// Say why a field has its class, and what each role sees of it
    #[command(after_help = "\
Examples:
  privet policy explain address.city --resource customers
  privet policy explain email --policy policy.toml --json")]
    Explain {
        /// The field, from the record's root: `address.city`, `visits[].note`
        field: String,
        /// The resource that the field is of
        #[arg(long, value_name = "NAME")]
        resource: Option<String>,
    },
    /// Print the JSON Schema of policies, for editors
    #[command(after_help = "Examples:\n  privet policy schema > policy.schema.json")]
    Schema,
    /// Say what a change of policy means for stored data and for what roles see
    ///
    /// Ends with 3 if anything differs.
    #[command(
        after_help = "Examples:\n  privet policy diff policy.old.toml policy.toml\n  privet policy diff old.toml new.toml --field order.note --json"
    )]
    Diff {
        /// The policy as it was
        old: PathBuf,
        /// The policy as it will be
        new: PathBuf,
        /// The resource to compare for [default: each that either policy names]
        #[arg(long, value_name = "NAME")]
        resource: Option<String>,
        /// A field to compare beside those that the policies name; may be given several times
        #[arg(long, value_name = "PATH")]
        field: Vec<String>,
    },
}
