//! Which failure to report when several wrapped keys or keyrings were tried and none gave the data key.

use crate::error::{Error, ErrorKind, Result};

/// The most telling failure so far.
#[derive(Debug, Default)]
pub(super) struct Failures(Option<Error>);

impl Failures {
    pub(super) fn note(&mut self, error: Error) {
        if self.0.as_ref().is_none_or(|worst| weight(&error) > weight(worst)) {
            self.0 = Some(error);
        }
    }

    /// `None` if nothing was tried.
    pub(super) fn into_result<T>(self) -> Result<Option<T>> {
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
