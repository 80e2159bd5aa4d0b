//! Audit events as lines of JSON in a file.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::writer::Writer;
use super::{AuditEvent, AuditFuture, AuditSink};
use crate::error::{Error, ErrorKind, Result};

/// Appends each event as one line of JSON to a file, and answers when the file system has it on disk.
///
/// A thread of its own writes, so that no async task waits for a disk. The file is created for its owner only. Whoever can
/// change the file can do so without a trace: [`ChainedSink`](super::ChainedSink) leaves one.
#[derive(Debug)]
pub struct JsonLinesSink(Writer);

impl JsonLinesSink {
    /// A sink that appends to this file.
    ///
    /// # Errors
    ///
    /// `Io` if the file cannot be opened or created, or no thread can be started.
    pub fn append(path: &Path) -> Result<Self> {
        let mut file = Lines { file: open_to_append(path).map_err(|error| unopened(path, error))?, is_torn: false };
        let writer = Writer::start(move |text| file.append(text)).map_err(|error| unopened(path, error))?;
        Ok(Self(writer))
    }
}

impl AuditSink for JsonLinesSink {
    fn write<'a>(&'a self, events: &'a [AuditEvent]) -> AuditFuture<'a> {
        Box::pin(self.0.write(events))
    }
}

/// Opens or creates a file for its owner only.
pub(super) fn open_to_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(super) fn unopened(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("the audit file `{}` cannot be opened", path.display())).with_source(error)
}

struct Lines<W> {
    file: W,
    /// Whether the last write failed.
    is_torn: bool,
}

/// What lines are written to.
trait Durable: io::Write {
    fn sync(&self) -> io::Result<()>;
}

impl Durable for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

impl<W: Durable> Lines<W> {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        // A write that failed may have left a part of a line, which must not swallow the next one. One write call: with
        // O_APPEND, lines of several processes do not mix.
        let result =
            if self.is_torn { self.file.write_all(&[b"\n", lines].concat()) } else { self.file.write_all(lines) };
        let result = result.and_then(|()| self.file.sync());
        self.is_torn = result.is_err();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that is full after three bytes, once.
    #[derive(Default)]
    struct Disk(Vec<u8>, bool);

    impl io::Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let kept = if self.1 { bytes.len() } else { 3 };
            self.0.extend_from_slice(&bytes[..kept]);
            if std::mem::replace(&mut self.1, true) { Ok(kept) } else { Err(io::ErrorKind::StorageFull.into()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Durable for Disk {
        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_after_a_torn_one_stands_alone() {
        let mut lines = Lines { file: Disk::default(), is_torn: false };
        let written: Vec<bool> = (0..3).map(|_| lines.append(b"{\"a\":1}\n").is_ok()).collect();
        assert_eq!(written, [false, true, true]);
        assert_eq!(String::from_utf8(lines.file.0).unwrap(), "{\"a\n{\"a\":1}\n{\"a\":1}\n");
    }
}
