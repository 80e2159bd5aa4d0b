//! What a worker is told by its environment.

use std::fmt;
use std::str::FromStr;

use privet_bulk::{Error, Result};
use privet_core::{ErrorKind, Policy};

/// What a worker is told by its environment.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// `PRIVET_JOB`: the job's name.
    pub job: String,
    /// `PRIVET_RESOURCE`: the resource whose table is rewritten.
    pub resource: String,
    /// `PRIVET_SEGMENTS`: how many segments the scan has.
    pub segments: u32,
    /// `PRIVET_OLD_KEY`: the ARN of the key that records are sealed with.
    pub old_key: String,
    /// `PRIVET_NEW_KEY`: the ARN of the key that they are to be sealed with.
    pub new_key: String,
    /// `PRIVET_CHECKPOINTS`: the table of checkpoints.
    pub checkpoints: String,
    /// `PRIVET_OLD_POLICY`, a document in TOML: the policy that records were sealed under. Default: the new one.
    pub old_policy: Policy,
    /// `PRIVET_POLICY`, a document in TOML.
    pub new_policy: Policy,
    /// `PRIVET_CONTEXT`: `name=value` pairs of the encryption context, with commas between them.
    pub context: Vec<(String, String)>,
    /// `PRIVET_WRITE_UNITS`: write units a second for this worker. Default: no limit until DynamoDB throttles.
    pub write_units: Option<f64>,
    /// `PRIVET_MAX_POISON`: records that a call may find impossible to rewrite before it fails. Default: any number.
    pub max_poison: Option<u64>,
}

impl Settings {
    /// Reads settings by their names.
    ///
    /// # Errors
    ///
    /// `Config` if one is missing or wrong.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let wrong = |name: &str| Error::new(ErrorKind::Config, format!("the variable `{name}` is missing or wrong"));
        let text = |name: &str| variable(name).filter(|text| !text.is_empty()).ok_or_else(|| wrong(name));
        let policy = |text: &str| Policy::from_toml(text).map_err(Error::from);
        let new_policy = policy(&text("PRIVET_POLICY")?)?;
        let old_policy = match variable("PRIVET_OLD_POLICY").filter(|text| !text.is_empty()) {
            Some(text) => policy(&text)?,
            None => new_policy.clone(),
        };
        let context = pairs(&variable("PRIVET_CONTEXT").unwrap_or_default()).ok_or_else(|| wrong("PRIVET_CONTEXT"))?;
        let write_units = number(&variable, "PRIVET_WRITE_UNITS").map_err(wrong)?;
        let max_poison = number(&variable, "PRIVET_MAX_POISON").map_err(wrong)?;
        Ok(Self {
            job: text("PRIVET_JOB")?,
            resource: text("PRIVET_RESOURCE")?,
            segments: text("PRIVET_SEGMENTS")?.parse().map_err(|_| wrong("PRIVET_SEGMENTS"))?,
            old_key: text("PRIVET_OLD_KEY")?,
            new_key: text("PRIVET_NEW_KEY")?,
            checkpoints: text("PRIVET_CHECKPOINTS")?,
            old_policy,
            new_policy,
            context,
            write_units,
            max_poison,
        })
    }
}

/// Prints nothing of the encryption context.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("job", &self.job)
            .field("resource", &self.resource)
            .field("segments", &self.segments)
            .field("write_units", &self.write_units)
            .finish_non_exhaustive()
    }
}

/// `name=value` pairs with commas between them; `None` if they are not.
pub(crate) fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

/// A number that may be left out, or its variable's name if it is none.
fn number<N: FromStr>(variable: impl Fn(&str) -> Option<String>, name: &str) -> Result<Option<N>, &str> {
    let text = variable(name).filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|_| name)).transpose()
}
