//! The Lambda example as its user meets it: what each role is shown, and that it serves Lambda's runtime.
//!
//! It runs the example's program, which `cargo test` builds. With `--test lambda_orders` alone, build it first:
//! `cargo build --example lambda_orders`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "the helpers of tests fail like tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value as Json, json};

const SECRETS: [&str; 4] = ["ada@example.com", "12 Analytical Row", "London", "4000 0000 0000 0002"];

fn command() -> Command {
    let this = std::env::current_exe().unwrap();
    let program = this.ancestors().nth(2).unwrap().join("examples/lambda_orders");
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "{} is not there: `cargo build --example lambda_orders`", program.display());
    let mut command = Command::new(program);
    command.env_remove("AWS_LAMBDA_RUNTIME_API").stdin(Stdio::null());
    command
}

fn sample() -> Json {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/lambda_orders/event.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// What the example answers to an event: status, body, and all that it printed.
fn answer(name: &str, event: &Json) -> (u64, Json, String) {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("lambda-{name}.json"));
    std::fs::write(&file, event.to_string()).unwrap();
    let output = command().arg(&file).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{stderr}");
    let answer: Json = serde_json::from_str(&stdout).unwrap();
    let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (answer["statusCode"].as_u64().unwrap(), body, stdout + &stderr)
}

fn with_roles(roles: &str) -> Json {
    let mut event = sample();
    event["requestContext"]["authorizer"]["lambda"]["userRoles"] = json!(roles);
    event
}

#[test]
fn the_sample_event_is_answered_with_what_a_manager_may_see() {
    let (status, order, printed) = answer("sample", &sample());
    assert_eq!((status, order["email"].as_str()), (200, Some("a***@e***.com")));
    assert_eq!((&order["delivery"]["city"], &order["card"]), (&json!("Lo**on"), &json!("********")));
    assert!(SECRETS.iter().all(|secret| !printed.contains(secret)), "{printed}");
}

#[test]
fn each_role_sees_its_own() {
    let (_, order, printed) = answer("admin", &with_roles("admin"));
    assert_eq!((&order["email"], &order["card"]), (&json!("ada@example.com"), &json!("4000 0000 0000 0002")));
    assert!(printed.contains("privet::audit"), "confidential values are audited: {printed}");
    let (_, order, printed) = answer("visitor", &with_roles(""));
    assert_eq!((&order["email"], &order["items"][0]["count"]), (&json!("********"), &json!(100)));
    assert!(SECRETS.iter().all(|secret| !printed.contains(secret)));
}

#[test]
fn who_is_not_authorized_is_shown_nothing_whatever_the_body_says() {
    let mut event = sample();
    event["requestContext"]["authorizer"] = json!({});
    event["body"] = json!({"userId": "mallory", "userRoles": "admin"}).to_string().into();
    assert_eq!(answer("mallory", &event).0, 401);
}

#[test]
fn orders_are_stored_once_and_missing_ones_are_not_found() {
    let mut event = sample();
    event["pathParameters"]["id"] = json!("o-2");
    assert_eq!(answer("missing", &event).0, 404);
    let mut post = sample();
    post["routeKey"] = json!("POST /orders");
    let order = json!({
        "id": "o-2", "status": "new", "email": "eve@example.org", "card": "4000", "items": [],
        "delivery": {"street": "1 High Street", "city": "Leeds"},
    });
    post["body"] = order.to_string().into();
    let (status, shown, printed) = answer("post", &post);
    assert_eq!((status, &shown["status"]), (201, &json!("new")));
    assert!(!printed.contains("eve@example.org"));
    post["body"] = order.to_string().replace("o-2", "o-1").into();
    assert_eq!(answer("again", &post).0, 409);
    for (body, encoded) in [("{}", false), ("{\"id\": \"secret-id\", \"status\": 1}", false), ("-", true)] {
        (post["body"], post["isBase64Encoded"]) = (json!(body), json!(encoded));
        let (status, _, printed) = answer("odd", &post);
        assert!(status == 400 && !printed.contains("secret-id"), "{printed}");
    }
    // What API Gateway does not take for text comes in base64.
    post["body"] = json!(BASE64_STANDARD.encode(order.to_string().replace("o-2", "o-3")));
    assert_eq!(answer("encoded", &post).0, 201);
}

#[test]
fn what_is_no_event_is_named_and_what_is_refused_is_logged() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lambda-broken.json");
    std::fs::write(&file, "{\"version\": \"2.0\"}").unwrap();
    for (file, said) in [(file.to_str().unwrap(), "`requestContext`"), ("no/such/event.json", "cannot be read")] {
        let output = command().arg(file).output().unwrap();
        let said_it = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said_it.contains(&format!("`{file}`")) && said_it.contains(said), "{said_it}");
    }
    let mut event = sample();
    event["requestContext"]["authorizer"]["lambda"]["securityLevel"] = json!("secret-level");
    let (status, _, printed) = answer("level", &event);
    assert!(status == 401 && printed.contains("securityLevel") && !printed.contains("secret-level"), "{printed}");
    event = sample();
    event["routeKey"] = json!("DELETE /orders/{id}");
    let (status, _, printed) = answer("route", &event);
    assert!(status == 404 && printed.contains("DELETE /orders/{id}"), "{printed}");
}

/// Reads a request: its first line and body.
fn request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (first, String::from_utf8(body).unwrap())
}

#[test]
fn as_a_lambda_it_purges_before_the_snapshot_and_serves() {
    let runtime = TcpListener::bind("127.0.0.1:0").unwrap();
    let child = command()
        .env("AWS_LAMBDA_RUNTIME_API", runtime.local_addr().unwrap().to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
        .env("AWS_LAMBDA_FUNCTION_NAME", "orders")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "s")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "g")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("PRIVET_KMS_KEY", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let mut event = sample();
    event["requestContext"]["authorizer"] = json!({});
    let event = event.to_string();
    let mut asked = Vec::new();
    let answered: Json = loop {
        let (mut stream, _) = runtime.accept().unwrap();
        let (first, body) = request(&stream);
        asked.push(first.clone());
        let (head, answer) = match first.as_str() {
            line if line.contains("/restore/next") => ("", ""),
            line if line.contains("/invocation/next") => {
                ("lambda-runtime-aws-request-id: r-1\r\nlambda-runtime-deadline-ms: 4102444800000\r\n", event.as_str())
            }
            line if line.contains("/invocation/r-1/response") => break serde_json::from_str(&body).unwrap(),
            other => panic!("{other} {body}"),
        };
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nconnection: close\r\n{head}content-length: {}\r\n\r\n{answer}",
            answer.len()
        )
        .unwrap();
    };
    assert_eq!(answered["statusCode"], 401);
    assert!(asked[0].contains("/restore/next"), "{asked:?}");
    child.0.kill().unwrap();
    let mut log = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("data keys purged before the snapshot"), "{log}");
}

/// A child that does not outlive its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
