//! The configuration file `privet.toml`: what would otherwise be said with every command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use privet::Classification;
use serde::Deserialize;

use crate::exit::{Failure, Outcome};

/// What the file says. Paths are relative to the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The policy file.
    pub(crate) policy: Option<PathBuf>,
    /// The directory with keys of its own, for work without AWS.
    pub(crate) local: Option<PathBuf>,
    /// The ARN of the KMS key.
    pub(crate) kms_key: Option<String>,
    /// The store of branch keys, which take the place of the KMS key for records.
    pub(crate) key_store: Option<KeyStoreConfig>,
    /// The key behind the mask `hash`, and behind the digests that name records.
    pub(crate) pseudonym_key: Option<PathBuf>,
    /// The audit log.
    pub(crate) audit: Option<PathBuf>,
    /// The key of the audit log's chain.
    pub(crate) audit_key: Option<PathBuf>,
    /// Pairs for the encryption context of every data key.
    #[serde(default)]
    pub(crate) context: BTreeMap<String, String>,
}

/// A store of branch keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyStoreConfig {
    /// Its table.
    pub(crate) table: String,
    /// Its logical name, if that is another than the table's.
    pub(crate) logical_name: Option<String>,
    /// The KMS key that its branch keys are sealed with, if that is another than `kms_key`.
    pub(crate) kms_key: Option<String>,
    /// The ids of branch keys, by class. Without any, the store is only looked after.
    #[serde(default)]
    pub(crate) branch_keys: BTreeMap<Classification, String>,
}

impl Config {
    /// Reads the file that was named, or the one in the working directory if it is there.
    pub(crate) fn read(named: Option<&Path>) -> Outcome<Self> {
        let path = named.unwrap_or(Path::new(FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::io(format!("the configuration `{}`", path.display()), &error)),
        };
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| Failure::failed(format!("the configuration `{}`: {error}", path.display())))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let paths = [
            &mut config.policy,
            &mut config.local,
            &mut config.pseudonym_key,
            &mut config.audit,
            &mut config.audit_key,
        ];
        for path in paths.into_iter().flatten() {
            *path = folder.join(&*path);
        }
        Ok(config)
    }
}

/// Looked for in the working directory.
pub(crate) const FILE: &str = "privet.toml";
