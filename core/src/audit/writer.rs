//! The thread that writes events as lines, so that no async task waits for a disk.

use std::io;
use std::sync::mpsc;

use tokio::sync::oneshot;

use super::AuditEvent;
use crate::error::{Error, ErrorKind, Result};

/// Hands lines to a thread, and waits until they are written.
#[derive(Debug)]
pub(super) struct Writer {
    lines: mpsc::Sender<Batch>,
}

impl Writer {
    /// Starts the thread. `append` gets whole lines, each with its end, and returns when they are on disk.
    pub(super) fn start(append: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (lines, batches) = mpsc::channel();
        std::thread::Builder::new().name("privet-audit".to_owned()).spawn(move || write_all(append, &batches))?;
        Ok(Self { lines })
    }

    /// Writes each event as a line of JSON.
    pub(super) async fn write(&self, events: &[AuditEvent]) -> Result<()> {
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

struct Batch {
    text: Vec<u8>,
    answer: oneshot::Sender<io::Result<()>>,
}

/// Writes batches until the sink is dropped. Batches that pile up while the disk is busy share one flush.
fn write_all(mut append: impl FnMut(&[u8]) -> io::Result<()>, batches: &mpsc::Receiver<Batch>) {
    while let Ok(first) = batches.recv() {
        let mut waiting = vec![first];
        waiting.extend(batches.try_iter());
        let text: Vec<u8> = waiting.iter().flat_map(|batch| batch.text.iter().copied()).collect();
        let result = append(&text);
        for batch in waiting {
            let answer = match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(again(error)),
            };
            // Whoever asked may have gone away; the line stays.
            let _ = batch.answer.send(answer);
        }
    }
}

/// The same error for each who waits.
fn again(error: &io::Error) -> io::Error {
    match error.get_ref() {
        Some(_) => io::Error::new(error.kind(), error.to_string()),
        None => error.kind().into(),
    }
}
