//! Random bytes, straight from the operating system.

use crate::error::{Error, ErrorKind, Result};

/// Fills `out` with random bytes. A call costs more than a small seal: ask once for all that a record needs.
pub(crate) fn fill(out: &mut [u8]) -> Result<()> {
    getrandom::fill(out)
        .map_err(|error| Error::new(ErrorKind::Io, "the operating system gives no random bytes").with_source(error))
}
