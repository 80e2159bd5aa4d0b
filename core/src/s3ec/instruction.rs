//! The instruction file: the object beside an object that has its wrapped key.

use std::collections::BTreeMap;

use super::metadata::{PLAINTEXT_LENGTH, Texts};
use crate::error::{Error, Result};

/// The pairs of an instruction file, which may have these names and no others.
pub(super) fn read(file: &[u8], names: &[&str]) -> Result<BTreeMap<String, String>> {
    if file.len() > MAX_LENGTH {
        return Err(Error::denied("the instruction file is longer than the limit allows"));
    }
    let pairs = Texts::parse(file)?.0;
    let is_known = |name: &String| names.contains(&name.as_str()) || name == PLAINTEXT_LENGTH;
    if pairs.keys().all(is_known) { Ok(pairs) } else { Err(Error::integrity()) }
}

/// The instruction file of these pairs.
pub(super) fn write(pairs: Vec<(&'static str, String)>) -> Result<String> {
    let pairs: BTreeMap<_, _> = pairs.into_iter().collect();
    serde_json::to_string(&pairs).map_err(|_| Error::input("the instruction file cannot be written as JSON"))
}

/// Bytes of the longest instruction file that is read.
pub(super) const MAX_LENGTH: usize = 64 * 1024;
