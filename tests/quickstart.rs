//! The quickstart as its user meets it: what it prints, what it never prints, and how it fails.
//!
//! It runs the example's program, which `cargo test` builds. With `--test quickstart` alone, build it first:
//! `cargo build --example quickstart`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "the helpers of tests fail like tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value as Json;

#[test]
fn each_role_sees_what_the_policy_says() {
    let run = quickstart("roles", &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stderr);
    let table = Table::read(&run.stdout);
    assert_eq!(table.titles, ["", "stored", "admin", "manager", "viewer"]);
    for (label, stored, admin, manager, viewer) in [
        ("id", "c-0001", "c-0001", "c-0001", "c-0001"),
        ("name", "ZoëLindqvist", "ZoëLindqvist", "ZoëLindqvist", "ZoëLindqvist"),
        ("email", "⟨sealedpii", "zoe@example.com", "z***@e***.com", "********"),
        ("phone", "⟨sealedpii", "+46846500417", "****0417", "********"),
        ("ssn", "⟨sealedpii", "901-23-4567", "****4567", "********"),
        ("birth_date", "⟨sealedpii", "1984-02-29", "1984", "********"),
        ("nickname", "⟨sealedpii", "Zo🦊", "****", "****"),
        ("address", "⟨sealedpii", "", "", ""),
        ("city", "", "Zürich", "Zü**ch", "******"),
        ("street", "", "Höschgasse7", "********", "********"),
        ("api_key", "⟨sealedsensitive", "********", "********", "********"),
        ("financial_data", "⟨sealedconfidential", "", "********", "********"),
        ("balance", "", "-120.5", "", ""),
        ("health_records", "⟨sealedconfidential", "", "********", "********"),
        ("note", "", "Penicillinallergy:hiveswithinthehour", "", ""),
        ("remarks", "⟨sealedconfidential", "Preferstobewrittento,notphoned.", "********", "********"),
        ("privet", "⟨header", "", "", ""),
    ] {
        let cells = table.row(label);
        assert!(cells[0].starts_with(stored) && cells[0].is_empty() == stored.is_empty(), "{label}: {}", cells[0]);
        assert_eq!(cells[1..], [admin, manager, viewer], "{label}");
    }
    // `Debug` of the model.
    assert!(run.stdout.contains("email: <pii>") && run.stdout.contains("z***@e***.com"));

    // Every line of the table is as wide as the others.
    let widths: Vec<_> = run.stdout.lines().filter(|line| line.starts_with(['│', '├', '┌', '└'])).collect();
    assert!(widths.iter().all(|line| console::measure_text_width(line) == console::measure_text_width(widths[0])));
    assert!(run.stdout.lines().all(|line| console::measure_text_width(line) <= 100));

    // The audit log has who saw what, and not what it was.
    let events: Vec<Json> = run.audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut seen: Vec<_> = events.iter().map(|event| event["path"].as_str().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, ["financial_data", "health_records", "remarks"]);
    assert!(events.iter().all(|event| event["principal"] == "some-admin" && event["class"] == "confidential"));
    assert!(secrets("c-0001").iter().all(|secret| !run.audit.contains(secret)));
}

#[test]
fn no_secret_is_stored_in_clear_or_shown_to_a_viewer() {
    // Under this name the file has the bundled policy's rules and key.
    let file = directory("secrets").join("customers.jsonl");
    // A full one, one in Han and Kana, one in Arabic, one with remarks of some kilobytes; nulls and missing members.
    let customers = ["c-0001", "c-0002", "c-0003", "c-0015", "c-0024", "c-0050"];
    let lines: Vec<_> = customers.map(|id| customer(id).to_string()).into();
    std::fs::write(&file, lines.join("\n")).unwrap();
    for customer in customers {
        let run = quickstart("secrets", &["--data", file.to_str().unwrap(), "--customer", customer, "--json"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stderr);
        let report: Json = serde_json::from_str(&run.stdout).unwrap();
        let secrets = secrets(customer);
        assert!(secrets.len() > 4, "{customer}: {secrets:?}");
        let (stored, admin, viewer) =
            (report["stored"].to_string(), report["views"]["admin"].to_string(), report["views"]["viewer"].to_string());
        let bytes = blobs(&report["stored"]);
        assert!(!bytes.is_empty());
        for secret in secrets {
            assert!(!stored.contains(&secret) && !viewer.contains(&secret), "{customer}: {secret}");
            assert!(!bytes.iter().any(|blob| contains(blob, secret.as_bytes())), "{customer}: {secret}");
            let for_nobody = secret.starts_with("pk_example_");
            assert_eq!(admin.contains(&secret), !for_nobody, "{customer}: {secret}");
        }
    }
}

#[test]
fn the_summary_is_right() {
    let run = quickstart("summary", &["--json", "--quiet"]);
    let report: Json = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.stdout.lines().count(), 1);
    let summary = &report["summary"];
    let number = |name: &str| summary[name].as_f64().unwrap();
    assert_eq!(number("records"), 1000.0);
    // One data key for each of the three sealed classes; whatever was written is read under the same ones.
    assert_eq!(number("kms_calls"), 3.0);
    assert!(number("cache_hits") > 4000.0);
    assert_eq!(number("audit_events"), run.audit.lines().count() as f64);
    assert!(number("audit_events") > 0.0);
    assert_eq!(
        number("bytes_added_per_record"),
        ((number("bytes_stored") - number("bytes_clear")) / 1000.0).floor(),
        "{summary}"
    );
    assert!((500.0..3000.0).contains(&number("bytes_added_per_record")));
}

#[test]
fn roles_can_be_chosen() {
    let run =
        own("chosen", "{\"id\":\"a\",\"email\":\"ada@example.com\"}\n", &["--role", "manager", "--role", "manager"]);
    let table = Table::read(&run.stdout);
    assert_eq!(table.titles, ["", "stored", "manager"]);
    assert_eq!(table.row("email")[1], "a***@e***.com");
}

#[test]
fn own_data_is_confidential_unless_a_rule_says_otherwise() {
    let lines = concat!(
        "{\"sku\":7,\"colour\":\"midnight green\",\"n\":12345678901234567890.5,\"nested\":{\"email\":\"ada@example.com\"}}\n",
        "\n",
        "{\"sku\":-2.50,\"colour\":\"\\u001b[31mred\\u202e\"}\r\n",
    );
    let run = own("confidential", lines, &["--key", "sku"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stderr);
    let table = Table::read(&run.stdout);
    assert!(table.row("colour")[0].starts_with("⟨sealedconfidential"));
    assert_eq!(table.row("colour")[1..], ["midnightgreen", "********", "********"]);
    assert!(table.row("email")[0].starts_with("⟨sealedpii"));
    assert_eq!(table.row("sku")[0], "7");
    // No digit is lost.
    assert_eq!(table.row("n")[1], "12345678901234567890.5");
    assert!(run.stdout.contains("records          2, each"), "{}", run.stdout);

    // What could steer a terminal is spelt out. The key is found however it was written.
    let run = own("steering", lines, &["--key", "sku", "--customer", "-2.5", "--role", "admin"]);
    assert_eq!(Table::read(&run.stdout).row("colour")[1], "\\u{1b}[31mred\\u{202e}");
}

#[test]
fn a_policy_of_ones_own() {
    let policy = directory("policy").join("policy.toml");
    std::fs::write(&policy, "version = 1\n[[rules]]\nclass = \"public\"\nnames = [\"colour\"]\n").unwrap();
    let line = "{\"id\":\"a\",\"colour\":\"green\"}\n";
    let run = own("policy", line, &["--policy", policy.to_str().unwrap()]);
    assert_eq!(Table::read(&run.stdout).row("colour"), ["green", "green", "green", "green"]);

    std::fs::write(&policy, "version = 1\n[[rules]]\nclass = \"secret\"\nnames = [\"colour\"]\n").unwrap();
    let run = own("policy", line, &["--policy", policy.to_str().unwrap()]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("policy.toml:3:9: unknown class `secret`"), "{}", run.stderr);
}

#[test]
fn bad_input_says_file_and_line() {
    let deep = format!("{{\"id\":\"a\",\"n\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    let abyss = format!("{{\"id\":\"a\",\"n\":{}", "[".repeat(1_000_000));
    let large = format!("{{\"id\":\"a\",\"x\":\"{}\"}}", "y".repeat(420_000));
    let key_of_bytes = format!("{{\"id\":\"{}\"}}", "k".repeat(2049));
    for (lines, place, what) in [
        ("{\"id\":\"a\"}\n{\"id\":\"b\",}\n", ":2: ", "column 11"),
        ("{\"id\":\"a\"} x\n", ":1: ", "trailing characters"),
        ("", ": ", "no records"),
        ("\n \r\n", ": ", "no records"),
        ("[1]", ":1: ", "a record is an object"),
        ("{\"id\":\"a\",\"privet\":1}", ":1: ", "`privet`"),
        ("{\"id\":\"a\",\"$privet\":1}", ":1: ", "`$privet`"),
        ("{\"id\":\"a\",\"x\":{\"y\":1,\"y\":2}}", ":1: ", "`y` is there twice"),
        ("{\"id\":\"a\",\"id\":\"b\"}", ":1: ", "`id` is there twice"),
        ("{\"id\":\"a\"}\n\n{\"id\":\"a\"}", ":3: ", "line 1 has the same key"),
        ("{\"id\":1}\n{\"id\":1.0}", ":2: ", "line 1 has the same key"),
        ("{\"nr\":\"a\"}", ":1: ", "there is no `id`; name the key with `--key NAME`"),
        ("{\"id\":\"a\"}\n{\"id\":1}", ":2: ", "another type than on line 1"),
        ("{\"id\":null}", ":1: ", "must be a number or a text"),
        ("{\"id\":\"\"}", ":1: ", "must be a number or a text that is not empty"),
        ("{\"id\":\"a\",\"n\":1e500}", ":1: ", "a number is malformed or outside"),
        (&deep, ":1: ", "deeper than 32 levels"),
        (&abyss, ":1: ", "EOF"),
        (&large, ":1: ", "409600 at most"),
        (&key_of_bytes, ":1: ", "ValidationException"),
    ] {
        let run = own("bad", lines, &[]);
        let shown: String = lines.chars().take(60).collect();
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{shown}");
        assert_eq!(run.stderr.lines().count(), 1, "{shown}: {}", run.stderr);
        let wanted = format!("{}{place}", run.data.display());
        assert!(run.stderr.starts_with(&format!("error: {wanted}")), "{shown}: {}", run.stderr);
        assert!(run.stderr.contains(what), "{shown}: {}", run.stderr);
    }
    let file = directory("bytes").join("records.jsonl");
    std::fs::write(&file, b"{\"id\":\"\xff\"}").unwrap();
    let run = quickstart("bytes", &["--data", file.to_str().unwrap()]);
    assert!(run.code == 1 && run.stderr.contains("records.jsonl:1: this is not UTF-8"), "{}", run.stderr);
}

#[test]
fn bad_arguments() {
    let line = "{\"id\":\"a\",\"email\":\"ada@example.com\"}";
    for (args, code, what) in [
        (&["--data", "not-there.jsonl"][..], 1, "error: not-there.jsonl: No such file"),
        (&["--policy", "not-there.toml"], 1, "error: the policy `not-there.toml` cannot be read: No such file"),
        (&["--customer", "c-9999"], 1, "error: no record has the key `c-9999`"),
        (&["--key", "email"], 1, "`email` is `pii`, but keys"),
        (&["--audit", "not/there.jsonl"], 1, "error: the audit file `not/there.jsonl` cannot be opened: No such file"),
        (&["--rolle", "admin"], 2, "unexpected argument '--rolle'"),
        (&["--role"], 2, "a value is required"),
    ] {
        let run = own("arguments", line, args);
        assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(what), "{args:?}: {}", run.stderr);
    }
    // The bundled policy names the key of the bundled data.
    let run = quickstart("key", &["--key", "email"]);
    assert!(run.code == 1 && run.stderr.contains("leave out `--key`"), "{}", run.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let file = directory("pipe").join("records.jsonl");
    std::fs::write(&file, "{\"id\":\"a\"}\n").unwrap();
    let mut child = command("pipe")
        .args(["--data", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!((status.code(), stderr.as_slice()), (Some(0), &b""[..]));
}

/// What came of a run.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
    audit: String,
    data: PathBuf,
}

/// Runs the quickstart on these lines.
fn own(name: &str, lines: &str, args: &[&str]) -> Run {
    let data = directory(name).join("records.jsonl");
    std::fs::write(&data, lines).unwrap();
    // Where a test gives its own, clap would refuse a second one.
    let own_data = ["--data", data.to_str().unwrap()];
    let own_data: &[&str] = if args.contains(&"--data") { &[] } else { &own_data };
    let run = quickstart(name, &[own_data, args].concat());
    Run { data, ..run }
}

fn quickstart(name: &str, args: &[&str]) -> Run {
    let audit = directory(name).join("audit.jsonl");
    let _ = std::fs::remove_file(&audit);
    let mut command = command(name);
    if !args.contains(&"--audit") {
        command.arg("--audit").arg(&audit);
    }
    let output = command.args(args).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        audit: std::fs::read_to_string(audit).unwrap_or_default(),
        data: PathBuf::new(),
    }
}

/// `target/debug/examples/quickstart`, beside `target/debug/deps/quickstart-...`, which is this.
fn command(name: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let program =
        this.ancestors().nth(2).unwrap().join("examples/quickstart").with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "{} is not there: `cargo build --example quickstart`", program.display());
    let mut command = Command::new(program);
    command.current_dir(directory(name));
    command
}

/// A directory of the test's own.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quickstart").join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// The table as it was printed, without the spaces that lines are broken at.
struct Table {
    titles: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.strip_prefix('│')?.strip_suffix('│'));
        let mut lines =
            lines.map(|line| line.split('┆').map(|cell| cell.replace([' ', '\u{a0}'], "")).collect::<Vec<_>>());
        let titles = lines.next().unwrap();
        let mut rows: Vec<(String, Vec<String>)> = Vec::new();
        for mut cells in lines {
            let label = cells.remove(0);
            match rows.last_mut() {
                Some((_, above)) if label.is_empty() => above.iter_mut().zip(cells).for_each(|(a, b)| a.push_str(&b)),
                _ => rows.push((label, cells)),
            }
        }
        Self { titles, rows }
    }

    fn row(&self, label: &str) -> &[String] {
        let found = self.rows.iter().find(|(name, _)| name == label);
        found.map_or_else(|| panic!("there is no row `{label}`"), |(_, cells)| cells)
    }
}

/// The texts of a bundled customer that not everyone may see. Short ones are left out: they turn up by chance.
fn secrets(id: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in customer(id).as_object().unwrap() {
        if !["id", "name", "plan", "loyalty_points", "newsletter", "created_at"].contains(&name.as_str()) {
            texts(value, &mut found);
        }
    }
    found.retain(|text| text.len() >= 8);
    found
}

/// A bundled customer.
fn customer(id: &str) -> Json {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/customers.jsonl");
    let lines = std::fs::read_to_string(file).unwrap();
    let mut customers = lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    customers.find(|customer| customer["id"] == id).unwrap()
}

fn texts(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::String(text) => found.push(text.clone()),
        Json::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Json::Object(members) => members.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// All bytes of an item in DynamoDB's JSON.
fn blobs(item: &Json) -> Vec<Vec<u8>> {
    match item {
        Json::Object(members) => match members.get("B") {
            Some(Json::String(base64)) if members.len() == 1 => vec![BASE64_STANDARD.decode(base64).unwrap()],
            _ => members.values().flat_map(blobs).collect(),
        },
        Json::Array(values) => values.iter().flat_map(blobs).collect(),
        _ => Vec::new(),
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
