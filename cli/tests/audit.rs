//! The audit log: written in a chain, shown, and verified.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::Home;

/// A home where somebody was shown what is audited, a few times.
fn shown(times: usize, more: &[&str]) -> Home {
    let home = Home::local();
    home.write("key", "07".repeat(32));
    #[cfg(unix)]
    std::fs::set_permissions(home.path("key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    home.write("clear.jsonl", "{\"id\":\"c-1\",\"note\":\"call first\"}\n");
    home.run(&["protect", "clear.jsonl", "-o", "sealed.jsonl"], 0);
    for _ in 0..times {
        home.run(&[&["reveal", "sealed.jsonl", "--as", "admin", "--audit", "audit.jsonl"][..], more].concat(), 0);
    }
    home
}

#[test]
fn a_log_is_verified_with_and_without_a_key() {
    for more in [&[][..], &["--audit-key", "key"][..]] {
        let home = shown(3, more);
        let verify = [&["audit", "verify", "audit.jsonl"][..], more].concat();
        let ran = home.run(&verify, 0);
        assert!(ran.out.starts_with("verified: 3 events in 1 files"), "{}", ran.out);
        assert_eq!(ran.error.contains("give one with `--audit-key`"), more.is_empty());
        assert_eq!(home.run(&["audit", "show", "audit.jsonl", "--json"], 0).json().len(), 3);
        let head = home.run(&[&verify[..], &["--json"]].concat(), 0).json()[0]["head"].as_str().unwrap().to_owned();
        let whole = home.read("audit.jsonl");
        let lines: Vec<&str> = whole.lines().collect();
        // Cut where readers cut it, each part of it would be the beginning of an object.
        let beginning = "{\"principal\":\"u-9\",\"pad\":\"";
        let too_long = format!("{beginning}{}{{\"}}", "x".repeat((16 << 20) - beginning.len()));
        let log = |kept: &[&str]| kept.iter().map(|line| format!("{line}\n")).collect::<String>();
        for (log, line, says) in [
            (whole.replacen("\"u-1\"", "\"u-9\"", 1), 2, "one of the two was changed"),
            (log(&[lines[0], lines[1], lines[3]]), 3, "lines are missing before it"),
            (log(&[lines[0], lines[2], lines[1], lines[3]]), 2, "lines are missing before it"),
            (log(&[lines[0], lines[1], "{\"principal\":\"u-9\"}", lines[2], lines[3]]), 3, "it was added"),
            (log(&[lines[0], "{\"principal\":\"u-9\"} x", lines[1], lines[2], lines[3]]), 2, "it was added"),
            (log(&[lines[0], &too_long, lines[1], lines[2], lines[3]]), 2, "longer than any event"),
            (log(&lines[1..]), 1, "begins with its own first line"),
        ] {
            home.write("bad.jsonl", log);
            let bad = [&["audit", "verify", "bad.jsonl"][..], more].concat();
            let error = home.run(&bad, 4).error;
            assert!(error.contains(&format!("bad.jsonl, line {line}: ")) && error.contains(says), "{error}");
        }
        home.write("bad.jsonl", log(&lines[..3]));
        let cut = [&["audit", "verify", "bad.jsonl"][..], more].concat();
        home.run(&cut, 0);
        let error = home.run(&[&cut[..], &["--head", &head]].concat(), 4).error;
        assert!(error.contains("number 4, is not in the log"), "{error}");
        home.run(&[&verify[..], &["--head", &head]].concat(), 0);
        // A log of the other kind.
        let other = if more.is_empty() { &["--audit-key", "key"][..] } else { &[] };
        home.run(&[&["audit", "verify", "audit.jsonl"][..], other].concat(), 4);
    }
}

#[test]
fn rotated_logs_are_verified_together_and_a_cut_log_stops_disclosures() {
    let home = shown(2, &[]);
    std::fs::rename(home.path("audit.jsonl"), home.path("audit.1")).unwrap();
    let reveal = ["reveal", "sealed.jsonl", "--as", "admin", "--audit", "audit.jsonl"];
    home.run(&reveal, 0);
    assert!(home.run(&["audit", "verify", "audit.1", "audit.jsonl"], 0).out.contains("3 events in 2 files"));
    assert!(home.run(&["audit", "verify", "audit.jsonl"], 0).error.contains("begins with number 4"));
    home.run(&["audit", "verify", "audit.jsonl", "audit.1"], 4);
    let first = home.read("audit.jsonl").lines().next().unwrap().to_owned() + "\n";
    home.write("audit.jsonl", first);
    let stopped = home.run(&reveal, 1);
    assert!(stopped.out.is_empty() && stopped.error.contains("was cut off or changed"), "{}", stopped.error);
}

#[test]
fn what_a_log_says_is_no_command_to_the_terminal() {
    let home = Home::local();
    home.write("log.jsonl", "{\"time\":\"now\",\"principal\":\"u\\u001b[2J\\u0007\"}\n");
    let shown = home.run(&["audit", "show", "log.jsonl"], 0).out;
    assert!(shown.contains("u\u{fffd}[2J\u{fffd}") && !shown.contains('\u{1b}'), "{shown:?}");
    assert_eq!(home.run(&["audit", "show", "log.jsonl", "--json"], 0).json()[0]["principal"], "u\u{1b}[2J\u{7}");
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let home = shown(1, &[]);
    home.write("open", "07".repeat(32));
    #[cfg(unix)]
    std::fs::set_permissions(home.path("open"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    for (arguments, exit, says) in [
        (&["audit", "verify", "nowhere"][..], 1, "`nowhere` cannot be read"),
        (&["audit", "verify", "audit.jsonl", "--head", "x"], 1, "`NUMBER:TAG`"),
        (&["audit", "verify", "audit.jsonl", "--audit-key", "open"], 1, "chmod 600"),
        (&["audit", "verify", "sealed.jsonl"], 4, "it was added by something else"),
    ] {
        let ran = home.run(arguments, exit);
        assert!(ran.error.contains(says), "{arguments:?}: {}", ran.error);
    }
}
