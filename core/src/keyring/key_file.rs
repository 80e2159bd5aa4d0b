//! Keys that are kept in files.

use std::path::Path;

use zeroize::Zeroizing;

use crate::crypto::Secret;
use crate::error::{Error, ErrorKind, Result};

/// Reads a key of 16, 24 or 32 bytes out of a file that is for its owner only: the bytes themselves, or hexadecimal text.
///
/// # Errors
///
/// `Io` if the file cannot be read; `Config` if it holds something else, or if others may use it.
pub fn read_key_file(path: &Path) -> Result<Secret> {
    let failed = |error| Error::new(ErrorKind::Io, "the key file cannot be read").with_source(error);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
        return Err(Error::config("others than its owner may use the key file: make it `chmod 600`"));
    }
    let not_a_key = || Error::config("the key file must hold 16, 24 or 32 bytes, raw or as hexadecimal text");
    if metadata.len() > MAX_KEY_FILE {
        return Err(not_a_key());
    }
    // One read into a buffer that is large enough, so that no copy is left behind by a growing one.
    let mut bytes = Zeroizing::new([0; MAX_KEY_FILE as usize]);
    let mut length = 0;
    loop {
        let space = bytes.get_mut(length..).unwrap_or_default();
        match std::io::Read::read(&mut file, space).map_err(failed)? {
            0 => break,
            read => length += read,
        }
    }
    let content = bytes.get(..length).ok_or_else(not_a_key)?;
    if matches!(content.len(), 16 | 24 | 32) {
        return Ok(Secret::copy_of(content));
    }
    let text = content.trim_ascii();
    if !matches!(text.len(), 32 | 48 | 64) {
        return Err(not_a_key());
    }
    Secret::filled(text.len() / 2, |out| {
        for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
            let digits = std::str::from_utf8(pair).map_err(|_| not_a_key())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| not_a_key())?;
        }
        Ok(())
    })
}

const MAX_KEY_FILE: u64 = 128;
