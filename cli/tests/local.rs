//! The program as somebody uses it without AWS: files and a local directory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// A directory with a policy and a local key.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    run(home.path(), &["init", "--local", "keys"], "", 0);
    home
}

/// Runs the program in a directory; gives standard output and standard error.
fn run(home: &Path, arguments: &[&str], input: impl Into<Vec<u8>>, exit: i32) -> (String, String) {
    let mut command = Command::cargo_bin("privet").unwrap();
    let output =
        command.current_dir(home).env_clear().env("USER", "u-1").args(arguments).write_stdin(input).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {error}");
    (String::from_utf8_lossy(&output.stdout).into_owned(), error)
}

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const ADA: &str = r#"{"id":"c-1","name":"Ada","email":"ada@example.com","note":"call first"}"#;

#[test]
fn what_init_writes_is_a_policy_that_checks_and_a_key_nobody_else_reads() {
    let home = home();
    let (checked, _) = run(home.path(), &["policy", "check"], "", 0);
    assert!(checked.contains("nothing is wrong"), "{checked}");
    let key = home.path().join("keys/keys/0001.key");
    assert_eq!(fs::read_to_string(&key).unwrap().len(), 64);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&key).unwrap().permissions()) & 0o777, 0o600);
    let before = fs::read(&key).unwrap();
    let (_, error) = run(home.path(), &["init"], "", 1);
    assert!(error.contains("`--force`"), "{error}");
    run(home.path(), &["init", "--force", "--local", "keys"], "", 0);
    assert_eq!(fs::read(&key).unwrap(), before);
}

#[test]
fn records_come_back_and_roles_see_what_they_may() {
    let home = home();
    let (sealed, _) = run(home.path(), &["protect"], ADA, 0);
    let document = &lines(&sealed)[0];
    assert_eq!(document["name"], "Ada");
    assert!(document["email"]["$sealed"].is_string() && !sealed.contains("ada@"));
    let (clear, _) = run(home.path(), &["reveal", "--in-clear"], sealed.as_str(), 0);
    assert_eq!(lines(&clear)[0], serde_json::from_str::<Json>(ADA).unwrap());
    let seen = |role: &str| lines(&run(home.path(), &["reveal", "--as", role], sealed.as_str(), 0).0)[0].clone();
    assert_eq!(seen("manager")["email"], "a***@e***.com");
    assert_eq!(seen("nobody"), json!({"id": "c-1", "name": "Ada", "email": "********", "note": "********"}));
    assert_eq!(seen("admin")["note"], "call first");
    let (events, _) = run(home.path(), &["audit", "show", "--json"], "", 0);
    let events = lines(&events);
    assert_eq!((events.len(), &events[0]["path"], &events[0]["principal"]), (1, &json!("note"), &json!("u-1")));
    assert_eq!(run(home.path(), &["audit", "show", "--json", "--path", "email"], "", 0).0, "");
}

#[test]
fn every_format_goes_both_ways() {
    let home = home();
    let array = format!("[\n{ADA},\n{{\"id\":\"c-2\"}}\n]\n");
    let csv = "id,name,email,note\nc-1,Ada,ada@example.com,\"two\nlines\"\nc-2,$sealed:x,,$clear:\n";
    for (name, text) in [
        ("a.json", array.as_str()),
        ("a.jsonl", "{\"id\":\"c-1\",\"email\":\"x\"}\n{\"id\":\"c-2\"}\n"),
        ("a.csv", csv),
        ("b.json", "[]\n"),
    ] {
        fs::write(home.path().join(name), text).unwrap();
        let sealed = format!("sealed-{name}");
        run(home.path(), &["protect", name, "-o", &sealed], "", 0);
        assert!(!fs::read_to_string(home.path().join(&sealed)).unwrap().contains("ada@example.com"));
        let (clear, _) = run(home.path(), &["reveal", &sealed, "--in-clear"], "", 0);
        if name.ends_with(".csv") {
            assert_eq!(clear, text);
        } else {
            let (clear, text) = (clear.replace('\n', ""), text.replace('\n', ""));
            assert_eq!(clear.len(), text.len(), "{clear} {text}");
        }
    }
}

#[test]
fn records_that_fail_stop_the_command_or_are_named() {
    let home = home();
    let input = format!("{ADA}\n{{\"name\":\"no key\"}}\n{}\n", ADA.replace("c-1", "c-3"));
    fs::write(home.path().join("a.jsonl"), &input).unwrap();
    let (_, error) = run(home.path(), &["protect", "a.jsonl", "-o", "out.jsonl"], "", 1);
    assert!(error.contains("record 2: the record has no key attribute `id`"), "{error}");
    assert!(!home.path().join("out.jsonl").exists());
    let (sealed, error) = run(home.path(), &["protect", "a.jsonl", "--keep-going"], "", 3);
    assert_eq!((sealed.lines().count(), error.contains("record 2")), (2, true));
    let damaged = sealed.replace("c-1", "c-9");
    let (shown, error) = run(home.path(), &["reveal"], damaged, 4);
    assert!(shown.is_empty() && error.contains("damaged"), "{error}");
    let (_, error) = run(home.path(), &["protect"], sealed, 1);
    assert!(error.contains("sealed already"), "{error}");
}

#[test]
fn messages_come_back_and_damaged_ones_leave_nothing() {
    let home = home();
    let text: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    fs::write(home.path().join("plain"), &text).unwrap();
    for signed in [&[][..], &["--signed"][..]] {
        let arguments = [&["encrypt", "plain", "-o", "message", "--context", "purpose=backup"][..], signed].concat();
        run(home.path(), &arguments, "", 0);
        run(home.path(), &["decrypt", "message", "-o", "out", "--context", "purpose=backup"], "", 0);
        assert_eq!(fs::read(home.path().join("out")).unwrap(), text);
        run(home.path(), &["decrypt", "message", "--context", "purpose=other"], "", 4);
        let message = fs::read(home.path().join("message")).unwrap();
        for damaged in [&message[..message.len() - 1], &message[..50_000], &[][..], &b"hello"[..]] {
            let (out, _) = run(home.path(), &["decrypt"], damaged, 4);
            assert!(signed.is_empty() || out.is_empty());
            fs::remove_file(home.path().join("out")).ok();
            fs::write(home.path().join("damaged"), damaged).unwrap();
            run(home.path(), &["decrypt", "damaged", "-o", "out"], "", 4);
        }
        let names: Vec<String> =
            fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!names.iter().any(|name| name == "out" || name.starts_with(".privet")), "{names:?}");
    }
}

#[test]
fn keys_are_rotated_and_old_records_stay_readable() {
    let home = home();
    let (sealed, _) = run(home.path(), &["protect"], ADA, 0);
    run(home.path(), &["keys", "rotate"], "", 2);
    let (_, plan) = run(home.path(), &["keys", "rotate", "--dry-run"], "", 0);
    assert!(plan.contains("would make the next key"), "{plan}");
    assert_eq!(run(home.path(), &["keys", "list"], "", 0).0, "0001\n");
    run(home.path(), &["keys", "rotate", "--yes"], "", 0);
    assert_eq!(run(home.path(), &["keys", "list"], "", 0).0, "0001\n0002\n");
    run(home.path(), &["reveal", "--in-clear"], sealed, 0);
    let (sealed, _) = run(home.path(), &["protect"], ADA, 0);
    let (found, _) = run(home.path(), &["inspect", "--json"], sealed, 0);
    assert_eq!(lines(&found)[0]["sections"][0]["keys"][0]["key"], "0002");
}

#[test]
fn inspect_needs_no_key() {
    let home = home();
    let (sealed, _) = run(home.path(), &["protect"], ADA, 0);
    run(home.path(), &["encrypt", "policy.toml", "-o", "message", "--signed"], "", 0);
    let elsewhere = TempDir::new().unwrap();
    let (found, _) = run(elsewhere.path(), &["inspect", "--json"], sealed.as_str(), 0);
    let found = &lines(&found)[0];
    assert_eq!((&found["format"], &found["integrity"]), (&json!("privet record, JSON document"), &json!("record")));
    assert_eq!(
        (&found["sections"][0]["class"], &found["sections"][0]["fields"][0]["path"]),
        (&json!("pii"), &json!("email"))
    );
    assert_eq!(found["in_clear"], json!(["id", "name"]));
    let message = fs::read(home.path().join("message")).unwrap();
    let (found, _) = run(elsewhere.path(), &["inspect", "--json"], message, 0);
    let found = &lines(&found)[0];
    assert_eq!(
        (&found["suite"], &found["signed"], &found["keys"][0]["provider"]),
        (&json!("0x0578"), &json!(true), &json!("privet-local"))
    );
    let item = r#"{"Item": {"id": {"S": "c-1"}, "email": {"S": "x"}}}"#;
    assert_eq!(
        lines(&run(elsewhere.path(), &["inspect", "--json"], item, 0).0)[0]["format"],
        "DynamoDB item, not sealed"
    );
    let damaged = json!({"id": "c-1", "$privet": "AQEB"}).to_string();
    assert!(run(elsewhere.path(), &["inspect"], damaged, 3).0.contains("problem: the header is damaged"));
    run(elsewhere.path(), &["inspect"], "hello", 1);
    run(elsewhere.path(), &["inspect"], "", 1);
}

#[test]
fn classify_is_a_gate() {
    let home = home();
    let data: String = (0..50)
        .map(|n| format!("{{\"id\":\"{n}\",\"contact\":\"user{n}@example.com\",\"email\":\"a@b.co\",\"size\":{n}}}\n"))
        .collect();
    fs::write(home.path().join("data.jsonl"), data).unwrap();
    let (found, _) = run(home.path(), &["classify", "data.jsonl", "--json", "--propose", "new.toml"], "", 3);
    let found = lines(&found);
    let coverage: Vec<_> =
        found.iter().map(|row| (row["path"].as_str().unwrap(), row["coverage"].as_str().unwrap())).collect();
    assert_eq!(coverage, [("contact", "unclassified"), ("email", "covered")]);
    assert!(!format!("{found:?}").contains("user7"));
    run(home.path(), &["policy", "check", "new.toml"], "", 0);
    run(home.path(), &["classify", "data.jsonl", "--policy", "new.toml"], "", 0);
    let in_clear = "version = 1\n[[rules]]\nclass = \"public\"\nnames = [\"contact\"]\n[[rules]]\nclass=\"pii\"\nnames=[\"email\"]\n";
    fs::write(home.path().join("clear.toml"), in_clear).unwrap();
    assert!(run(home.path(), &["classify", "data.jsonl", "--policy", "clear.toml"], "", 3).0.contains("IN CLEAR"));
    fs::create_dir_all(home.path().join("keys/tables")).unwrap();
    fs::write(home.path().join("keys/tables/shop.jsonl"), r#"{"id":{"S":"1"},"who":{"S":"+41 44 668 18 00"}}"#)
        .unwrap();
    assert!(run(home.path(), &["classify", "dynamodb://shop"], "", 3).0.contains("phone 1/1"));
}

#[test]
fn policies_are_explained_and_compared() {
    let home = home();
    let (explained, _) = run(home.path(), &["policy", "explain", "address.city", "--json"], "", 0);
    let explained = &lines(&explained)[0];
    assert_eq!(
        (&explained["field"]["sealed_under"], &explained["roles"]["manager"]),
        (&json!("pii"), &json!("partial"))
    );
    assert!(run(home.path(), &["policy", "explain", "shoe_size"], "", 0).0.contains("no rule speaks of it"));
    let text = fs::read_to_string(home.path().join("policy.toml")).unwrap();
    fs::write(
        home.path().join("new.toml"),
        text.replace("\"phone\", ", "").replace("pii = \"partial\"", "pii = \"mask\""),
    )
    .unwrap();
    assert!(run(home.path(), &["policy", "diff", "policy.toml", "policy.toml"], "", 0).0.contains("nothing differs"));
    let (changes, _) = run(home.path(), &["policy", "diff", "policy.toml", "new.toml", "--json"], "", 3);
    let rewritten: Vec<_> = lines(&changes).into_iter().filter(|change| change["rewrite"] == true).collect();
    assert_eq!((rewritten.len(), &rewritten[0]["field"]), (1, &json!("phone")));
    let schema: Json = serde_json::from_str(&run(home.path(), &["policy", "schema"], "", 0).0).unwrap();
    assert_eq!(schema["title"], "privet policy");
    fs::write(home.path().join("bad.toml"), "version = 1\n[[rules]]\nclass = \"secret\"\n").unwrap();
    assert!(run(home.path(), &["policy", "check", "bad.toml"], "", 1).1.contains("bad.toml:3"));
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let home = TempDir::new().unwrap();
    for (arguments, exit, says) in [
        (&["protect"][..], 2, "`--kms-key ARN`, or `--local DIR`"),
        (&["protect", "--local", "x"], 1, "run `privet init --local x`"),
        (&["inspect", "nowhere.json"], 1, "`nowhere.json` cannot be read"),
        (&["inspect", "."], 1, "is a directory"),
        (&["inspect", "dynamodb://x"], 2, "this works on files"),
        (&["keys", "list"], 2, "`--table`"),
        (&["policy", "check"], 2, "name the policy"),
        (&["reveal", "--as", "x", "--in-clear"], 2, "cannot be used with"),
        (&["encrypt", "--context", "x"], 2, "write NAME=VALUE"),
        (&["--config", "nowhere.toml", "keys", "list"], 1, "nowhere.toml"),
    ] {
        let (_, error) = run(home.path(), arguments, "", exit);
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn every_command_shows_examples_in_its_help() {
    let home = TempDir::new().unwrap();
    for command in [
        "init",
        "policy check",
        "policy explain",
        "policy schema",
        "policy diff",
        "inspect",
        "protect",
        "reveal",
        "encrypt",
        "decrypt",
        "classify",
        "audit show",
        "keys create",
        "keys rotate",
        "keys list",
        "keys describe",
        "completions",
        "man",
    ] {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let (help, _) = run(home.path(), &arguments, "", 0);
        assert!(help.contains("Examples:") && help.contains(&format!("privet {command}")), "{command}: {help}");
    }
    assert!(run(home.path(), &["completions", "bash"], "", 0).0.contains("_privet"));
    assert!(run(home.path(), &["man"], "", 0).0.contains(".TH privet"));
}

#[test]
fn pseudonyms_stay_the_same_from_run_to_run() {
    let home = home();
    let policy = fs::read_to_string(home.path().join("policy.toml")).unwrap();
    let policy = policy.replace("mask = \"email\"", "mask = \"hash\"");
    fs::write(home.path().join("policy.toml"), policy).unwrap();
    run(home.path(), &["policy", "check"], "", 0);
    run(home.path(), &["policy", "explain", "email"], "", 0);
    run(home.path(), &["inventory"], "", 0);
    let (sealed, _) = run(home.path(), &["protect"], ADA, 0);
    let seen = |more: &[&str]| {
        let arguments = [&["reveal", "--as", "manager"], more].concat();
        lines(&run(home.path(), &arguments, sealed.as_str(), 0).0)[0]["email"].clone()
    };
    let first = seen(&[]);
    assert!(first.as_str().unwrap().len() >= 16, "{first}");
    assert_eq!(first, seen(&[]));
    let digests = || {
        run(home.path(), &["reveal", "--as", "admin"], sealed.as_str(), 0);
        let events = lines(&run(home.path(), &["audit", "show", "--json"], "", 0).0);
        events.iter().map(|event| event["record"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    digests();
    let digests = digests();
    assert!(digests.len() == 2 && digests[0] == digests[1] && !digests[0].is_empty(), "{digests:?}");
    // Another key gives others; one that others can read gives none.
    let other = home.path().join("other.key");
    fs::write(&other, "07".repeat(32)).unwrap();
    #[cfg(unix)]
    {
        let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(&other, mode(0o644)).unwrap();
        let (_, error) =
            run(home.path(), &["reveal", "--as", "manager", "--pseudonym-key", "other.key"], sealed.as_str(), 1);
        assert!(error.contains("chmod 600"), "{error}");
        fs::set_permissions(&other, mode(0o600)).unwrap();
    }
    assert_ne!(first, seen(&["--pseudonym-key", "other.key"]));
    // A directory of before has no such key until its keys are rotated.
    let key = home.path().join("keys/pseudonym.key");
    fs::remove_file(&key).unwrap();
    let (_, error) = run(home.path(), &["reveal", "--as", "manager"], sealed.as_str(), 1);
    assert!(error.contains("the mask `hash` needs a `pseudonym_key`"), "{error}");
    run(home.path(), &["keys", "rotate", "--yes"], "", 0);
    assert!(key.exists() && seen(&[]) != first);
}
