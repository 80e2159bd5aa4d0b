//! Audit events as lines of JSON in a file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc;

use tokio::sync::oneshot;

use super::{AuditEvent, AuditFuture, AuditSink};
use crate::error::{Error, ErrorKind, Result};

/// Appends each event as one line of JSON to a file, and answers when the file system has it on disk.
///
/// A thread of its own writes, so that no async task waits for a disk. The file is created for its owner only.
#[derive(Debug)]
pub struct JsonLinesSink {
    lines: mpsc::Sender<Batch>,
}

impl JsonLinesSink {
    /// A sink that appends to this file.
    ///
    /// # Errors
    ///
    /// `Io` if the file cannot be opened or created, or no thread can be started.
    pub fn append(path: &Path) -> Result<Self> {
        let failed = |error| {
            Error::new(ErrorKind::Io, format!("the audit file `{}` cannot be opened", path.display()))
                .with_source(error)
        };
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        let (lines, batches) = mpsc::channel();
        std::thread::Builder::new()
            .name("privet-audit".to_owned())
            .spawn(move || {
                // One write call: with O_APPEND, lines of several processes do not mix.
                write_all(|text| file.write_all(text).and_then(|()| file.sync_data()), &batches);
            })
            .map_err(failed)?;
        Ok(Self { lines })
    }

    async fn write_batch(&self, events: &[AuditEvent]) -> Result<()> {
        let failed = || Error::new(ErrorKind::Io, "the audit file cannot be written, so nothing is shown");
        let mut text = Vec::with_capacity(256 * events.len());
        for event in events {
            serde_json::to_writer(&mut text, event).map_err(|_| failed())?;
            text.push(b'\n');
        }
        let (answer, written) = oneshot::channel();
        self.lines.send(Batch { text, answer }).map_err(|_| failed())?;
        written.await.map_err(|_| failed())?.map_err(|error| failed().with_source(error))
    }
}

impl AuditSink for JsonLinesSink {
    fn write<'a>(&'a self, events: &'a [AuditEvent]) -> AuditFuture<'a> {
        Box::pin(self.write_batch(events))
    }
}

struct Batch {
    text: Vec<u8>,
    answer: oneshot::Sender<std::io::Result<()>>,
}

/// Writes batches until the sink is dropped. Batches that pile up while the disk is busy share one flush.
fn write_all(mut append: impl FnMut(&[u8]) -> std::io::Result<()>, batches: &mpsc::Receiver<Batch>) {
    let mut is_torn = false;
    while let Ok(first) = batches.recv() {
        let mut waiting = vec![first];
        waiting.extend(batches.try_iter());
        // A write that failed may have left a part of a line, which must not swallow the next one.
        let end_of_torn = is_torn.then_some(b'\n');
        let lines = waiting.iter().flat_map(|batch| batch.text.iter().copied());
        let text: Vec<u8> = end_of_torn.into_iter().chain(lines).collect();
        let result = append(&text);
        is_torn = result.is_err();
        for batch in waiting {
            let answer = match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(std::io::Error::from(error.kind())),
            };
            // Whoever asked may have gone away; the line stays.
            let _ = batch.answer.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_after_a_torn_one_stands_alone() {
        let (lines, batches) = mpsc::channel();
        let (written, seen) = mpsc::channel::<Vec<u8>>();
        let writer = std::thread::spawn(move || {
            let mut is_full = true;
            let append = |text: &[u8]| {
                let kept = if is_full { 3 } else { text.len() };
                written.send(text[..kept].to_vec()).unwrap();
                if std::mem::take(&mut is_full) { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
            };
            write_all(append, &batches);
        });
        for is_written in [false, true, true] {
            let (answer, written) = oneshot::channel();
            lines.send(Batch { text: b"{\"a\":1}\n".to_vec(), answer }).unwrap();
            assert_eq!(written.blocking_recv().unwrap().is_ok(), is_written);
        }
        drop(lines);
        writer.join().unwrap();
        let file: Vec<u8> = seen.iter().flatten().collect();
        assert_eq!(String::from_utf8(file).unwrap(), "{\"a\n{\"a\":1}\n{\"a\":1}\n");
    }
}
