//! Logs on disk: several writers, torn lines, files that were moved away or cut off.

use std::fs;

use tempfile::TempDir;

use super::super::chain::{ChainProblem, ChainReport, ChainVerifier};
use super::*;
use crate::classification::Classification;
use crate::error::ErrorKind;
use crate::policy::Disclosure;

fn event(principal: &str) -> AuditEvent {
    AuditEvent {
        action: super::super::AuditAction::Disclosed,
        time: "2026-11-23T08:00:00Z".into(),
        principal: principal.into(),
        roles: vec!["admin".into()],
        purpose: None,
        resource: "customers".into(),
        record: "00112233445566778899aabbccddeeff".into(),
        path: "health_records".into(),
        class: Classification::Confidential,
        decision: Disclosure::Reveal,
    }
}

struct Log {
    folder: TempDir,
    key: Option<Secret>,
}

impl Log {
    fn new(keyed: bool) -> Self {
        Self { folder: TempDir::new().unwrap(), key: keyed.then(|| Secret::copy_of(&[7; 32])) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    fn sink(&self) -> ChainedSink {
        ChainedSink::append(&self.path(), self.key.as_ref()).unwrap()
    }

    async fn write(&self, principal: &str) -> Result<()> {
        self.sink().write(&[event(principal), event(principal)]).await
    }

    fn verify(&self, names: &[&str]) -> Result<ChainReport, ChainProblem> {
        let mut verifier = ChainVerifier::new(self.key.as_ref(), None).unwrap();
        for name in names {
            verifier.file();
            let text = fs::read(self.folder.path().join(name)).unwrap();
            let lines = text.strip_suffix(b"\n").unwrap_or(&text).split(|byte| *byte == b'\n');
            lines.into_iter().try_for_each(|line| verifier.line(line))?;
        }
        verifier.finish()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_writers_make_one_chain() {
    let log = std::sync::Arc::new(Log::new(true));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let log = std::sync::Arc::clone(&log);
        writers.spawn(async move {
            // A sink of its own has files and a thread of its own, as another process has.
            let sink = log.sink();
            for _ in 0..25 {
                sink.write(&[event(&format!("u-{writer}")), event("u")]).await.unwrap();
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    assert_eq!(log.verify(&["audit.jsonl"]).unwrap().events, 200);
}

#[tokio::test]
async fn what_a_dead_writer_left_is_ended_and_passed_over() {
    for keep in [1, 40, 130] {
        let log = Log::new(false);
        log.write("u-1").await.unwrap();
        let whole = fs::read(log.path()).unwrap();
        // Cut into the third line, whose answer never came: the head is of before.
        let head = fs::read(log.folder.path().join("audit.jsonl.head")).unwrap();
        log.write("u-2").await.unwrap();
        let more = fs::read(log.path()).unwrap();
        fs::write(log.path(), &more[..whole.len() + keep]).unwrap();
        fs::write(log.folder.path().join("audit.jsonl.head"), head).unwrap();
        log.write("u-3").await.unwrap();
        let report = log.verify(&["audit.jsonl"]).unwrap();
        assert_eq!((report.events, report.torn), (4, 1), "{keep}");
    }
    // A whole line without its end counts.
    let log = Log::new(false);
    log.write("u-1").await.unwrap();
    let whole = fs::read(log.path()).unwrap();
    fs::write(log.path(), &whole[..whole.len() - 1]).unwrap();
    log.write("u-2").await.unwrap();
    assert_eq!(log.verify(&["audit.jsonl"]).map(|report| (report.events, report.torn)), Ok((4, 0)));
    // So does a first line that was not finished.
    for keep in [1, 10, 60] {
        let log = Log::new(false);
        fs::write(log.path(), &whole[..keep]).unwrap();
        log.write("u-1").await.unwrap();
        assert_eq!(log.verify(&["audit.jsonl"]).map(|report| (report.events, report.torn)), Ok((2, 1)));
    }
}

#[tokio::test]
async fn a_log_that_was_moved_away_is_gone_on_from() {
    let log = Log::new(true);
    let sink = log.sink();
    sink.write(&[event("u-1")]).await.unwrap();
    fs::rename(log.path(), log.folder.path().join("audit.1")).unwrap();
    // The same writer, and one that never saw the first file.
    sink.write(&[event("u-2")]).await.unwrap();
    log.write("u-3").await.unwrap();
    let report = log.verify(&["audit.1", "audit.jsonl"]).unwrap();
    assert_eq!((report.events, report.first), (4, 1));
    assert_eq!(log.verify(&["audit.jsonl"]).unwrap().first, 3);
}

#[tokio::test]
async fn a_log_that_was_cut_off_or_is_no_chain_takes_nothing_more() {
    let log = Log::new(true);
    log.write("u-1").await.unwrap();
    let whole = fs::read_to_string(log.path()).unwrap();
    let cut: String = whole.lines().take(2).map(|line| format!("{line}\n")).collect();
    for (content, says) in [(cut.as_str(), "cut off"), ("{\"principal\":\"u\"}\n", "does not end as a chained one")] {
        fs::write(log.path(), content).unwrap();
        let error = log.write("u-2").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(says), "{source}");
        assert_eq!(fs::read_to_string(log.path()).unwrap(), content);
    }
    // Without its head it can be gone on with, and shows it only to who has noted the head.
    fs::write(log.path(), cut).unwrap();
    fs::remove_file(log.folder.path().join("audit.jsonl.head")).unwrap();
    log.write("u-3").await.unwrap();
    assert_eq!(log.verify(&["audit.jsonl"]).unwrap().events, 3);
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let log = Log::new(false);
    log.write("u-1").await.unwrap();
    for name in ["audit.jsonl", "audit.jsonl.head"] {
        assert_eq!(fs::metadata(log.folder.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(ChainedSink::append(&log.folder.path().join("nowhere/audit.jsonl"), None).is_err());
}
