//! What the command line may say.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::Result;
use crate::records::Record;

/// Seals records, stores them in an embedded DynamoDB, reads them back, and shows one as each role may see it.
#[derive(Parser)]
#[command(name = "quickstart")]
pub(crate) struct Args {
    /// JSON lines to use in place of the bundled customers: one object a line.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The policy, in TOML [default: examples/data/policy.toml].
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The member that tells records apart, unless the policy names one [default: id].
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
    /// The key of the record to show [default: that of the first].
    #[arg(long, value_name = "KEY", visible_alias = "record", allow_negative_numbers = true)]
    customer: Option<String>,
    /// A role to show it to; may be repeated [default: admin, manager, viewer].
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Where audit events are appended [default: quickstart-audit.jsonl in the build directory].
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Print one JSON object in place of the table.
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress bar and no explanations.
    #[arg(long)]
    pub(crate) quiet: bool,
}

impl Args {
    /// Whether the bundled customers are used, with the bundled policy.
    pub(crate) fn is_bundled(&self) -> bool {
        self.data.is_none() && self.policy.is_none()
    }

    pub(crate) fn data(&self) -> PathBuf {
        let bundled = || Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/customers.jsonl");
        self.data.clone().unwrap_or_else(bundled)
    }

    /// The logical name of the records, after the file: `customers` for `data/customers.jsonl`.
    pub(crate) fn resource(&self) -> String {
        self.data().file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The roles, each once.
    pub(crate) fn roles(&self) -> Vec<String> {
        if self.roles.is_empty() {
            return ["admin", "manager", "viewer"].map(str::to_owned).into();
        }
        let is_first = |(index, role): &(usize, &String)| !self.roles.iter().take(*index).any(|other| other == *role);
        self.roles.iter().enumerate().filter(is_first).map(|(_, role)| role.clone()).collect()
    }

    /// The record to show.
    pub(crate) fn pick<'a>(&self, records: &'a [Record]) -> Result<&'a Record> {
        let wanted = |record: &&Record| self.customer.as_ref().is_none_or(|key| *key == record.key_text());
        let found = records.iter().find(wanted);
        found.ok_or_else(|| format!("no record has the key `{}`", self.customer.as_deref().unwrap_or_default()).into())
    }

    /// The audit file. By default it is beside what else the build made: `target/debug/examples/quickstart` is this.
    pub(crate) fn audit(&self) -> Result<PathBuf> {
        if let Some(file) = &self.audit {
            return Ok(file.clone());
        }
        let this = std::env::current_exe()?;
        let build = this.ancestors().nth(3).unwrap_or(Path::new("."));
        Ok(build.join("quickstart-audit.jsonl"))
    }
}
