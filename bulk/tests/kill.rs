//! A process that rewrites a file is killed at random moments, and started again: nothing is lost, nothing done twice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// The example that the kill test kills: Cargo builds it beside the tests.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let profile = tests.parent().and_then(Path::parent).unwrap();
    profile.join("examples").join(format!("rewrite_lines{}", std::env::consts::EXE_SUFFIX))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    let output = command(arguments).output().expect("`cargo build --examples -p privet-bulk` builds the program");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// How often it is killed: `PRIVET_KILLS`, or 20.
fn kills() -> u64 {
    std::env::var("PRIVET_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20)
}

#[test]
fn a_process_that_is_killed_again_and_again_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.jsonl");
    let file = path.to_str().unwrap();
    let (mut killed, mut rounds, mut seed) = (0, 0, 7_u64);
    while killed < kills() {
        rounds += 1;
        assert!(rounds < 1000, "the process is done before it can be killed");
        run(&["make", file, "3000", "pii"]);
        loop {
            let mut child = command(&["run", file, "2", "20000"]).spawn().unwrap();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(Duration::from_millis((seed >> 33) % 400));
            let was_running = child.try_wait().unwrap().is_none();
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            if was_running && !output.status.success() {
                killed += 1;
            } else {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                break;
            }
            if killed >= kills() {
                // Whatever the last one left, one that is not killed ends it.
                run(&["run", file, "2", "20000"]);
                break;
            }
        }
        // Each record is there once, in its place, under the new key, as it was: the pieces are put together by what
        // checkpoints say, so that a page that was done twice would show as lines too many.
        let checked = run(&["check", file, "pii"]);
        assert!(String::from_utf8_lossy(&checked.stdout).starts_with("3000 records"), "{checked:?}");
        let report = String::from_utf8(run(&["run", file, "2", "20000"]).stdout).unwrap();
        let counted = |name: &str| {
            let line = report.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().last().unwrap().parse::<u64>().unwrap()
        };
        assert_eq!((counted("read "), counted("rewritten"), counted("on target")), (3000, 3000, 0), "{report}");
        std::fs::remove_dir_all(folder.path().join(".records.jsonl.privet-job")).unwrap();
    }
}
