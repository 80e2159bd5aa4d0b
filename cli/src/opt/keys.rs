//! Arguments of `keys`.

use clap::{Args, Subcommand};

use super::Target;

/// Look after the keys: branch keys of a key store in DynamoDB, or the keys of a local directory
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// The table of the key store
    #[arg(long, global = true, value_name = "TABLE")]
    pub(crate) table: Option<String>,
    /// The key store's logical name, which is bound to its keys [default: the table's name]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) logical_name: Option<String>,
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Create a key
    #[command(after_help = "\
Examples:
  privet keys create --local .privet
  privet keys create --table shop-keys --kms-key $ARN --create-table --yes
  privet keys create --table shop-keys --kms-key $ARN --id shop-pii --context privet:class=pii --yes")]
    Create {
        /// An id of your own; needs a --context [default: a random one]
        #[arg(long)]
        id: Option<String>,
        /// Create the table too, if it is not there
        #[arg(long)]
        create_table: bool,
        #[command(flatten)]
        go: Go,
    },
    /// Give a key a new version, which writers use from now on
    #[command(after_help = "\
Examples:
  privet keys rotate --local .privet --yes
  privet keys rotate shop-pii --table shop-keys --kms-key $ARN --yes")]
    Rotate {
        /// The id of the branch key
        id: Option<String>,
        #[command(flatten)]
        go: Go,
    },
    /// List the keys
    #[command(after_help = "Examples:\n  privet keys list --table shop-keys --kms-key $ARN")]
    List,
    /// Say what the table says of a branch key: versions, times, context
    #[command(after_help = "Examples:\n  privet keys describe shop-pii --table shop-keys --kms-key $ARN --json")]
    Describe {
        /// The id of the branch key
        id: String,
    },
    /// List the stored records that are not on the newest key, or not on the policy
    ///
    /// Only headers are read: nothing is opened. Records are named by a keyed digest. Ends with 3 if there are any.
    #[command(after_help = "\
Examples:
  privet keys stragglers dynamodb://prod-customers --kms-key $NEW
  privet keys stragglers sealed.jsonl --local .privet --json")]
    Stragglers(Box<Target>),
}

/// Whether to do it.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Go {
    /// Say what would be done, and do nothing
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Do it
    #[arg(long, short)]
    pub(crate) yes: bool,
}
