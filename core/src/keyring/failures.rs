//! Trying several wrapped keys or keyrings: when to go on, and which failure to report if none gave the data key.

use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::error::{Error, ErrorKind, Result};

/// The first data key that `unwrap` gives for these, all of which one wrapping key has wrapped; `None` if there are none.
/// A damaged one may stand beside a good one; any other failure is the wrapping key's, and the next would fare no better.
pub(super) async fn first_unwrapped<'a, F>(
    edks: impl Iterator<Item = &'a EncryptedDataKey>,
    unwrap: impl Fn(&'a EncryptedDataKey) -> F,
) -> Result<Option<Secret>>
where
    F: Future<Output = Result<Secret>>,
{
    let mut failures = Failures::default();
    for edk in edks {
        match unwrap(edk).await {
            Ok(secret) => return Ok(Some(secret)),
            Err(error) if error.kind() == ErrorKind::Integrity => failures.note(error),
            Err(error) => return Err(error),
        }
    }
    failures.into_result()
}

/// The most telling failure so far.
#[derive(Debug, Default)]
pub(crate) struct Failures(Option<Error>);

impl Failures {
    pub(crate) fn note(&mut self, error: Error) {
        if self.0.as_ref().is_none_or(|worst| weight(&error) > weight(worst)) {
            self.0 = Some(error);
        }
    }

    /// `None` if nothing was tried.
    pub(crate) fn into_result<T>(self) -> Result<Option<T>> {
        self.0.map_or(Ok(None), Err)
    }
}

/// One that may pass later comes before damage, and damage before a refusal.
fn weight(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Throttled | ErrorKind::KeyUnavailable => 2,
        ErrorKind::Integrity => 1,
        _ => 0,
    }
}
