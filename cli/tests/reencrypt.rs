//! `reencrypt` and `keys stragglers` over files and local tables: plans, runs, interrupts, verification.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

use common::Home;
use serde_json::{Value as Json, json};

/// Records in clear.
fn records(count: usize) -> String {
    (0..count)
        .map(|index| {
            let record = json!({"id": format!("c-{index}"), "name": "Ada", "email": format!("ada-{index}@example.com"),
                "note": "call first ".repeat(20)});
            format!("{record}\n")
        })
        .collect()
}

/// A home with sealed records, and a newer key than theirs.
fn rotated(count: usize) -> Home {
    let home = Home::local();
    home.write("clear.jsonl", records(count));
    home.run(&["protect", "clear.jsonl", "-o", "sealed.jsonl"], 0);
    home.run(&["keys", "rotate", "--yes"], 0);
    home
}

fn in_clear(home: &Home, file: &str) -> String {
    home.run(&["reveal", "--in-clear", file], 0).out
}

fn work_folder(home: &Home) -> bool {
    home.path(".sealed.jsonl.privet-job").exists()
}

#[test]
fn a_file_is_planned_then_moved_to_the_newest_key() {
    let home = rotated(50);
    let before = home.read("sealed.jsonl");
    let found = home.run(&["keys", "stragglers", "sealed.jsonl"], 3).out;
    assert!(found.contains("50 records: 0 on target, 50 stragglers"), "{found}");
    let plan = home.run(&["reencrypt", "sealed.jsonl"], 0);
    assert!(
        plan.out.contains("50 to rewrite") && plan.error.contains("nothing was changed: give `--yes`"),
        "{}",
        plan.out
    );
    assert_eq!((home.read("sealed.jsonl") == before, work_folder(&home)), (true, false));
    let plan = &home.run(&["reencrypt", "sealed.jsonl", "--json"], 0).json()[0]["plan"];
    assert_eq!((&plan["sample"]["rewritten"], &plan["estimate"]["rewritten"]), (&json!(50), &json!(50.0)));
    home.run(&["reencrypt", "sealed.jsonl", "--verify"], 4);
    let done = home.run(&["reencrypt", "sealed.jsonl", "--yes", "--verify", "--json", "--quiet"], 0);
    let (report, verified) = (&done.json()[0]["report"], &done.json()[1]["verification"]);
    assert_eq!((&report["finished"], &report["total"]["rewritten"]), (&json!(true), &json!(50)));
    assert_eq!((&verified["on_target"], &verified["stragglers"], done.error.as_str()), (&json!(50), &json!(0), ""));
    assert!(!work_folder(&home));
    home.run(&["keys", "stragglers", "sealed.jsonl"], 0);
    assert_eq!(in_clear(&home, "sealed.jsonl"), records(50));
    let key = &home.run(&["inspect", "sealed.jsonl", "--json"], 0).json()[0]["sections"][0]["keys"][0]["key"];
    assert_eq!(key, "0002");
    // Once more, and once more to the next key.
    let again = home.run(&["reencrypt", "sealed.jsonl", "--yes", "--json", "--quiet"], 0);
    assert_eq!(again.json()[0]["report"]["total"]["current"], 50);
    home.run(&["keys", "rotate", "--yes"], 0);
    home.run(&["reencrypt", "sealed.jsonl", "--yes", "--verify"], 0);
}

#[test]
fn a_saved_plan_is_done_if_it_still_holds() {
    let home = rotated(20);
    let plan = ["reencrypt", "sealed.jsonl", "--plan", "plan.json"];
    home.run(&plan, 0);
    let yes = [&plan[..], &["--yes"]].concat();
    home.run(&["keys", "rotate", "--yes"], 0);
    let refused = home.run(&yes, 1).error;
    assert!(refused.contains("the target's keys has changed since the plan was made: plan again"), "{refused}");
    home.run(&plan, 0);
    home.run(&yes, 0);
    assert_eq!(in_clear(&home, "sealed.jsonl"), records(20));
    let refused = home.run(&yes, 1).error;
    assert!(refused.contains("plan again"), "{refused}");
    home.write("plan.json", "{}");
    assert!(home.run(&yes, 1).error.contains("is no plan of this release"));
    let missing = home.run(&["reencrypt", "sealed.jsonl", "--plan", "other.json", "--yes"], 1).error;
    assert!(missing.contains("without `--yes` it is made"), "{missing}");
}

#[test]
fn a_local_table_is_sealed_and_brought_back_to_clear_only_when_asked() {
    let home = Home::local();
    let items: String = (0..10)
        .map(|index| format!("{}\n", json!({"id": {"S": format!("c-{index}")}, "email": {"S": "a@example.com"}})))
        .collect();
    home.write("keys/tables/customers.jsonl", &items);
    let refused = home.run(&["reencrypt", "dynamodb://customers"], 3).out;
    assert!(refused.contains("10 poison"), "{refused}");
    let seal = ["reencrypt", "dynamodb://customers", "--from-plaintext", "--yes", "--verify"];
    home.run(&seal, 0);
    let sealed = home.read("keys/tables/customers.jsonl");
    assert!(!sealed.contains("a@example.com"));
    let found = home.run_with(&["inspect", "--json"], sealed, 0).json();
    assert_eq!(found[0]["format"], "privet record, DynamoDB item");
    home.run(&["reencrypt", "dynamodb://customers", "--to-plaintext", "--from-plaintext"], 2);
    home.run(&["reencrypt", "dynamodb://customers", "--to-plaintext", "--yes", "--verify"], 0);
    let lines = |text: &str| text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()).collect::<Vec<_>>();
    assert_eq!(lines(&home.read("keys/tables/customers.jsonl")), lines(&items));
    assert!(
        home.run(&["reencrypt", "dynamodb://orders"], 2)
            .error
            .contains("no such resource of the policy is in the table")
    );
}

#[test]
fn poison_is_named_and_left_as_it_is() {
    let home = rotated(10);
    let damaged = home.read("sealed.jsonl").replacen("\"c-3\"", "\"c-99\"", 1);
    home.write("sealed.jsonl", &damaged);
    let plan = home.run(&["reencrypt", "sealed.jsonl"], 3).out;
    assert!(plan.contains("1 poison"), "{plan}");
    let report = home.run(&["reencrypt", "sealed.jsonl", "--yes", "--quiet"], 3).out;
    assert!(report.contains("poison: record ") && !report.contains("c-99"), "{report}");
    assert!(damaged.lines().all(|line| !line.contains("c-99") || home.read("sealed.jsonl").contains(line)));
    home.run(&["reencrypt", "sealed.jsonl", "--verify"], 4);
    let refused = home.run(&["reencrypt", "sealed.jsonl", "--max-poison", "0", "--yes"], 1);
    assert!(refused.out.contains("more than 0 records cannot be rewritten"), "{}", refused.out);
}

#[cfg(unix)]
#[test]
fn an_interrupted_job_saves_its_checkpoint_and_goes_on() {
    let count = 5_000;
    let home = rotated(count);
    let arguments = ["reencrypt", "sealed.jsonl", "--segments", "16", "--parallel", "1"];
    let mut child =
        home.command(&[&arguments[..], &["--yes"]].concat()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let begun = |home: &Home| std::fs::read_dir(home.path(".sealed.jsonl.privet-job")).map_or(0, Iterator::count) >= 6;
    let mut left = 60_000;
    while !begun(&home) {
        left -= 1;
        assert!(left > 0 && child.try_wait().unwrap().is_none(), "it never began");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{error}");
    assert!(error.contains("`--resume --yes` goes on from here"), "{error}");
    assert_eq!(in_clear(&home, "sealed.jsonl"), records(count));
    let refused = home.run(&[&arguments[..], &["--yes"]].concat(), 1).error;
    assert!(refused.contains("`--resume` goes on with it"), "{refused}");
    let other = home.run(&["reencrypt", "sealed.jsonl", "--segments", "3", "--yes"], 1).error;
    assert!(other.contains("was begun and is not finished"), "{other}");
    let named = home.run(&["reencrypt", "sealed.jsonl", "--job", "other", "--yes"], 1).error;
    assert!(named.contains("remove `"), "{named}");
    let state = home.run(&[&arguments[..], &["--resume"]].concat(), 0).out;
    assert!(state.contains("not finished"), "{state}");
    home.run(&[&arguments[..], &["--resume", "--yes", "--verify"]].concat(), 0);
    assert_eq!(in_clear(&home, "sealed.jsonl"), records(count));
    assert!(!work_folder(&home));
    assert!(home.run(&[&arguments[..], &["--resume", "--yes"]].concat(), 1).error.contains("no such job was begun"));
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let home = rotated(1);
    home.write("a.csv", "id\n1\n");
    for (arguments, exit, says) in [
        (&["reencrypt", "-"][..], 2, "records are rewritten where they are"),
        (&["reencrypt", "a.csv"], 2, "not on CSV"),
        (&["reencrypt", "nowhere.jsonl"], 1, "`nowhere.jsonl` cannot be read"),
        (
            &["reencrypt", "sealed.jsonl", "--old-key", "arn:aws:kms:eu-west-1:111122223333:key/1"],
            2,
            "leave out `--old-key`",
        ),
        (&["reencrypt", "sealed.jsonl", "--write-units", "0"], 2, "a number above 0"),
        (&["reencrypt", "sealed.jsonl", "--resume"], 1, "no such job was begun"),
        (&["reencrypt", "sealed.jsonl", "--job", "a/b"], 1, "a job's name has"),
        (&["reencrypt", "gopher://x"], 2, "of a kind that this does not know"),
        (&["reencrypt"], 2, "<SOURCE>"),
    ] {
        let ran = home.run(arguments, exit);
        assert!(ran.error.contains(says), "{arguments:?}: {}", ran.error);
    }
}
