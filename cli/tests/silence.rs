//! What no command prints: plaintext that nobody asked to see, keys, values of the encryption context.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use common::Home;

const SECRETS: [&str; 4] =
    ["ada.lovelace@example.com", "900-12-3456", "a very private note", "value-of-a-context-pair"];
const PAIR: &str = "department=value-of-a-context-pair";

/// Runs the program, however it ends; gives all that it printed.
fn run(home: &Home, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = home.command(arguments);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end without having read it.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let printed = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.code(), printed)
}

#[test]
fn commands_that_reveal_nothing_print_nothing_secret() {
    let home = &Home::local();
    let key = home.read("keys/keys/0001.key");
    let [email, ssn, note, _] = SECRETS;
    let record = |id: u8| {
        format!("{{\"id\":\"c-{id}\",\"name\":\"Ada\",\"email\":\"{email}\",\"ssn\":\"{ssn}\",\"note\":\"{note}\"}}\n")
    };
    let records = record(1) + &record(2);
    home.write("clear.jsonl", &records);
    home.write("clear.csv", format!("id,email,ssn,note\nc-1,{email},{ssn},{note}\n"));
    let (exit, sealed) = run(home, &["protect", "--context", PAIR], &records);
    assert_eq!(exit, Some(0), "{sealed}");
    home.write("sealed.jsonl", &sealed);
    home.write("damaged.jsonl", sealed.replacen("\"Ada\"", "\"Eve\"", 1));
    assert_eq!(run(home, &["encrypt", "clear.csv", "-o", "message", "--context", PAIR], "").0, Some(0));
    let mut message = fs::read(home.path("message")).unwrap();
    *message.last_mut().unwrap() ^= 1;
    home.write("damaged-message", message);

    let mut said = vec![("protect".to_owned(), sealed.clone())];
    let mut failures = 0;
    for (arguments, input) in [
        // What works.
        ("protect clear.csv", ""),
        ("inspect sealed.jsonl", ""),
        ("inspect sealed.jsonl --json", ""),
        ("inspect message", ""),
        ("classify clear.jsonl", ""),
        ("classify clear.csv --json", ""),
        ("classify clear.jsonl --propose proposed.toml", ""),
        ("inventory", ""),
        ("policy check", ""),
        ("policy explain email", ""),
        ("reveal sealed.jsonl --as nobody --context department=value-of-a-context-pair", ""),
        ("audit show", ""),
        ("audit show --json", ""),
        ("keys list", ""),
        ("keys describe", ""),
        ("keys rotate --yes", ""),
        ("reencrypt sealed.jsonl --plan", ""),
        ("reencrypt sealed.jsonl --yes", ""),
        // What does not: changed data, another context, input that is none, options that are none.
        ("reveal damaged.jsonl --in-clear --context department=value-of-a-context-pair", ""),
        ("reveal damaged.jsonl --keep-going --context department=value-of-a-context-pair", ""),
        ("reveal clear.jsonl --in-clear", ""),
        ("reveal sealed.jsonl --in-clear --tenant value-of-a-context-pair", ""),
        ("decrypt damaged-message -o out --context department=value-of-a-context-pair", ""),
        ("decrypt message -o out --context department=other", ""),
        ("decrypt clear.jsonl -o out", ""),
        ("protect", "{\"id\":\"c-1\",\"email\":\"ada.lovelace@example.com\""),
        ("protect", "a very private note\n"),
        ("protect", "[\"900-12-3456\"]\n"),
        ("protect", "{\"email\":\"ada.lovelace@example.com\"}\n"),
        ("protect --keep-going", "{\"email\":\"ada.lovelace@example.com\"}\n900-12-3456\n"),
        ("protect --format csv", "id,email\nc-1,ada.lovelace@example.com,900-12-3456\n"),
        ("protect --format csv", "id,id\n\"a very private note"),
        ("protect sealed.jsonl", ""),
        ("inspect", "a very private note"),
        ("inspect", "{\"$privet\":\"ada.lovelace@example.com\"}"),
        ("inspect clear.jsonl", ""),
        ("classify --format csv", "id\n\"a very private note"),
        ("reencrypt damaged.jsonl --yes", ""),
        ("reencrypt clear.jsonl --yes", ""),
        ("audit verify clear.jsonl", ""),
        ("audit show clear.jsonl", ""),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let (exit, printed) = run(home, &arguments, input);
        failures += usize::from(exit != Some(0));
        said.push((arguments.join(" "), printed));
    }
    for file in ["proposed.toml", "audit.jsonl", "privet.toml"] {
        said.push((file.to_owned(), fs::read_to_string(home.path(file)).unwrap_or_default()));
    }
    for (command, printed) in said {
        for secret in SECRETS.iter().copied().chain([key.trim()]) {
            assert!(!printed.contains(secret), "`{command}` prints `{secret}`: {printed}");
        }
        assert!(!printed.contains("panicked"), "{command}: {printed}");
    }
    assert!(failures >= 18, "only {failures} failures");
}
