//! The program against AWS: KMS, DynamoDB and S3 behind a loopback port, as they should be and as they should not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use common::Home;
use privet::audit::TracingSink;
use privet::dynamodb::{from_item, to_item};
use privet::keyring::KmsKeyring;
use privet::value::{Map, Value};
use privet::{Policy, Protector};
use privet_testkit::{Deny, EmbeddedAws, Endpoint, Fault};
use serde_json::json;

const REGION: &str = "eu-west-1";
const POLICY: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\ntable = \"prod-customers\"\n";
const TABLE: &str = "dynamodb://prod-customers";
const CLASSES: [&str; 3] = ["pii", "confidential", "sensitive"];

/// An AWS with two keys, and the program's home in it.
struct Site {
    aws: EmbeddedAws,
    endpoint: Endpoint,
    home: Home,
    old: String,
    new: String,
}

impl Site {
    async fn start() -> Self {
        let aws = EmbeddedAws::start().await;
        let (old, new) = (aws.create_key(REGION, "alias/old").await, aws.create_key(REGION, "alias/new").await);
        let endpoint = aws.listen();
        let home = Home::with(own(endpoint.variables(REGION, "operator")));
        home.write("policy.toml", POLICY);
        home.write("privet.toml", "policy = \"policy.toml\"\n");
        home.write("clear.jsonl", "{\"id\":\"c-1\",\"email\":\"ada@example.com\",\"note\":\"x\"}\n");
        Self { aws, endpoint, home, old, new }
    }

    /// With a table of sealed customers.
    async fn with_table(customers: usize) -> Self {
        let site = Self::start().await;
        let client = site.dynamodb().await;
        let id =
            AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S).build().unwrap();
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash).build().unwrap();
        let call = client.create_table().table_name("prod-customers").billing_mode(BillingMode::PayPerRequest);
        call.attribute_definitions(id).key_schema(key).send().await.unwrap();
        let config = site.aws.config(REGION).await;
        let keyring = KmsKeyring::new(aws_sdk_kms::Client::new(&config), &site.old).unwrap();
        let builder = Protector::builder().policy(Policy::from_toml(POLICY).unwrap()).keyring(keyring);
        let privet = builder.audit(TracingSink).build().unwrap();
        let resource = privet.resource("customers").unwrap();
        for index in 0..customers {
            let sealed = privet.protect_record(&resource, customer(index)).await.unwrap();
            client.put_item().table_name("prod-customers").set_item(Some(to_item(sealed))).send().await.unwrap();
        }
        site.aws.clear_calls();
        site
    }

    async fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.aws.config(REGION).await)
    }

    async fn items(&self) -> Vec<Map> {
        let found = self.dynamodb().await.scan().table_name("prod-customers").send().await.unwrap();
        found.items.unwrap_or_default().into_iter().map(|item| from_item(item).unwrap()).collect()
    }

    fn run(&self, arguments: &[&str], exit: i32) -> common::Ran {
        self.home.run(arguments, exit)
    }

    /// Writes a configuration with branch keys, one for each class, to the home, and returns it.
    fn use_branch_keys(&self) -> String {
        let ids: String = CLASSES.iter().map(|class| format!("{class} = \"shop-{class}\"\n")).collect();
        let config = format!(
            "policy = \"policy.toml\"\nkms_key = \"{}\"\n[context]\napplication = \"shop\"\n\
             [key_store]\ntable = \"shop-keys\"\n[key_store.branch_keys]\n{ids}",
            self.old
        );
        self.home.write("privet.toml", &config);
        config
    }

    fn create_branch_keys(&self) {
        for class in CLASSES {
            let (id, context) = (format!("shop-{class}"), format!("privet:class={class}"));
            self.run(&["keys", "create", "--id", &id, "--context", &context, "--create-table", "--yes"], 0);
        }
    }

    /// Arguments of `reencrypt` from the old key to the new one.
    fn moving<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["reencrypt", TABLE, "--kms-key", &self.new, "--old-key", &self.old][..], more].concat()
    }
}

fn own(variables: Vec<(&str, String)>) -> Vec<(String, String)> {
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn customer(index: usize) -> Map {
    Map::from([
        ("id".into(), Value::S(format!("c-{index}"))),
        ("name".into(), Value::S("Ada".into())),
        ("email".into(), Value::S(format!("ada-{index}@example.com"))),
        ("note".into(), Value::S("call first".into())),
    ])
}

#[tokio::test]
async fn a_table_is_planned_moved_and_verified() {
    let site = Site::with_table(30).await;
    let (old, new) = (site.old.as_str(), site.new.as_str());
    let before = site.items().await;
    let found = site.run(&["keys", "stragglers", TABLE, "--kms-key", new], 3).out;
    assert!(found.contains("30 records: 0 on target, 30 stragglers") && found.contains(old), "{found}");
    let planned = site.run(&site.moving(&["--plan", "plan.json"]), 0);
    for says in ["30 to rewrite", "read units", "write units", "key calls", "USD"] {
        assert!(planned.out.contains(says), "{}", planned.out);
    }
    assert_eq!(site.items().await, before);
    assert!(!site.home.path("privet-jobs").exists());
    let done = site.run(&site.moving(&["--plan", "plan.json", "--yes", "--verify", "--json"]), 0).json();
    let (report, verified) = (&done[0]["report"], &done[1]["verification"]);
    assert_eq!((&report["total"]["rewritten"], &report["total"]["poison"]), (&json!(30), &json!(0)));
    assert_eq!((&verified["on_target"], &verified["failed"]), (&json!(30), &json!(0)));
    site.run(&["keys", "stragglers", TABLE, "--kms-key", new], 0);
    // What was written since is moved by the same command again.
    assert_eq!(site.run(&site.moving(&["--yes", "--json", "-q"]), 0).json()[0]["report"]["total"]["current"], 30);
    // And back, to another target under the same name.
    let back = ["reencrypt", TABLE, "--kms-key", old, "--old-key", new, "--yes", "--json", "-q"];
    assert_eq!(site.run(&back, 0).json()[0]["report"]["total"]["rewritten"], 30);
}

#[tokio::test]
async fn a_job_that_fails_halfway_is_gone_on_with_from_its_table_of_checkpoints() {
    let site = Site::with_table(40).await;
    let moving = site.moving(&["--checkpoints", "dynamodb://jobs", "--yes", "--json", "-q"]);
    site.aws.fault(Fault::on("dynamodb", "UpdateItem").after(15).error("InternalServerError").status(400));
    let failed = site.run(&moving, 1);
    assert!(failed.json()[0]["report"]["failures"][0]["reason"].is_string(), "{}", failed.out);
    site.aws.clear_faults();
    assert!(site.run(&moving, 1).error.contains("`--resume` goes on with it"));
    let done = site.run(&[&moving[..], &["--resume", "--verify"]].concat(), 0).json();
    let total = &done[0]["report"]["total"];
    assert_eq!((&total["read"], &total["rewritten"], &total["current"]), (&json!(40), &json!(40), &json!(0)));
    assert_eq!(done[1]["verification"]["on_target"], 40);
}

#[tokio::test]
async fn the_objects_of_a_bucket_are_sealed_and_moved() {
    let site = Site::start().await;
    site.aws.create_bucket("documents").await;
    let s3 = aws_sdk_s3::Client::new(&site.aws.config(REGION).await);
    let body = b"attack at dawn".to_vec();
    for key in ["data/a", "data/b", "other/c"] {
        s3.put_object().bucket("documents").key(key).body(body.clone().into()).send().await.unwrap();
    }
    let stored = async |key: &str| {
        let object = s3.get_object().bucket("documents").key(key).send().await.unwrap();
        object.body.collect().await.unwrap().to_vec()
    };
    let (old, new) = (site.old.as_str(), site.new.as_str());
    let seal = ["reencrypt", "s3://documents/data/", "--kms-key", old];
    assert!(site.run(&seal, 3).out.contains("2 poison"));
    site.run(&[&seal[..], &["--yes", "-q"]].concat(), 3);
    assert_eq!(stored("data/a").await, body);
    let seal = [&seal[..], &["--from-plaintext", "--yes", "--verify", "--json", "-q"]].concat();
    assert_eq!(site.run(&seal, 0).json()[0]["report"]["total"]["rewritten"], 2);
    assert_eq!((stored("data/a").await == body, stored("other/c").await == body), (false, true));
    let stragglers = ["keys", "stragglers", "s3://documents/data/", "--kms-key", new];
    assert!(site.run(&stragglers, 3).out.contains("2 that only opening tells"));
    let moved = [
        "reencrypt",
        "s3://documents/data/",
        "--kms-key",
        new,
        "--old-key",
        old,
        "--checkpoints",
        "s3://documents/jobs",
    ];
    let moved = site.run(&[&moved[..], &["--yes", "--verify", "--json", "-q"]].concat(), 0).json();
    assert_eq!(
        (&moved[0]["report"]["total"]["rewritten"], &moved[1]["verification"]["on_target"]),
        (&json!(2), &json!(2))
    );
    let clear = ["reencrypt", "s3://documents/data/", "--kms-key", new, "--to-plaintext", "--yes", "-q"];
    site.run(&clear, 0);
    assert_eq!(stored("data/b").await, body);
}

#[tokio::test]
async fn throttling_slows_a_job_and_does_not_fail_it() {
    let site = Site::with_table(20).await;
    site.aws.fault(Fault::on("dynamodb", "UpdateItem").probability(0.2, 7).error("ThrottlingException"));
    let done = site.run(&site.moving(&["--yes", "--verify", "--json", "-q"]), 0).json();
    assert_eq!(done[0]["report"]["total"]["rewritten"], 20);
}

#[tokio::test]
async fn records_and_messages_go_through_kms() {
    let site = Site::start().await;
    let key = site.old.as_str();
    let sealed = site.run(&["protect", "clear.jsonl", "--kms-key", key], 0).out;
    assert!(!sealed.contains("ada@"));
    site.home.write("sealed.jsonl", &sealed);
    let shown = site.run(&["reveal", "sealed.jsonl", "--kms-key", key, "--as", "manager"], 0).out;
    assert!(shown.contains("a***@e***.com") || shown.contains("ad***"), "{shown}");
    let context = ["--context", "purpose=backup", "--kms-key", key];
    site.run(&[&["encrypt", "clear.jsonl", "-o", "message"][..], &context].concat(), 0);
    assert_eq!(site.run(&[&["decrypt", "message"][..], &context].concat(), 0).out, site.home.read("clear.jsonl"));
    let called = site.aws.calls("kms");
    assert!(called.iter().any(|call| call.context.get("purpose").is_some_and(|purpose| purpose == "backup")));
    assert!(called.iter().all(|call| call.principal == "operator"));
}

#[tokio::test]
async fn branch_keys_are_created_rotated_listed_and_described() {
    let site = Site::start().await;
    let store = ["--table", "shop-keys", "--kms-key", &site.old];
    let run = |arguments: &[&str], exit| site.run(&[arguments, &store[..]].concat(), exit);
    assert!(run(&["keys", "create", "--create-table", "--dry-run"], 0).error.contains("would create a branch key"));
    let named = ["keys", "create", "--id", "shop-pii", "--context", "privet:class=pii", "--create-table", "--yes"];
    assert_eq!(run(&named, 0).out, "shop-pii\n");
    let before = run(&["keys", "describe", "shop-pii", "--json"], 0).json();
    run(&["keys", "rotate", "shop-pii", "--yes"], 0);
    let after = run(&["keys", "describe", "shop-pii", "--json"], 0).json();
    assert_ne!(before[0]["active"], after[0]["active"]);
    assert_eq!(after[0]["versions"].as_array().unwrap().len(), 2);
    assert_eq!(run(&["keys", "list"], 0).out, "shop-pii\n");
    run(&["keys", "describe", "other"], 1);
}

#[tokio::test]
async fn records_are_sealed_under_branch_keys_and_moved_to_the_next_version() {
    let site = Site::start().await;
    let config = site.use_branch_keys();
    let missing = site.run(&["protect", "clear.jsonl"], 1).error;
    assert!(missing.contains("ResourceNotFoundException"), "{missing}");
    site.create_branch_keys();
    assert_eq!(site.run(&["keys", "list"], 0).out.lines().count(), 3);
    site.home.write("sealed.jsonl", site.run(&["protect", "clear.jsonl"], 0).out);
    let shown = site.run(&["inspect", "sealed.jsonl"], 0).out;
    assert!(shown.contains("shop-pii") && !site.home.read("sealed.jsonl").contains("ada@"), "{shown}");
    assert_eq!(site.run(&["reveal", "--in-clear", "sealed.jsonl"], 0).json(), {
        let clear = site.home.read("clear.jsonl");
        clear.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect::<Vec<_>>()
    });
    site.run(&["keys", "stragglers", "sealed.jsonl"], 0);
    // A new version, and everything on it.
    site.run(&["keys", "rotate", "shop-pii", "--yes"], 0);
    site.run(&["keys", "stragglers", "sealed.jsonl"], 3);
    site.run(&["reencrypt", "sealed.jsonl", "--yes", "--verify"], 0);
    site.run(&["keys", "stragglers", "sealed.jsonl"], 0);
    // A KMS key that is named is meant: away from branch keys, and back.
    let away = ["reencrypt", "sealed.jsonl", "--kms-key", &site.new, "--yes", "--verify"];
    site.run(&away, 0);
    let back = ["reencrypt", "sealed.jsonl", "--old-key", &site.new, "--yes", "--verify"];
    site.run(&back, 0);
    // Branch keys are for records.
    site.run(&["encrypt", "clear.jsonl", "-o", "message"], 0);
    assert!(site.run(&["inspect", "message"], 0).out.contains(&site.old));
    site.home.write("privet.toml", config.replace("shop-pii", "shop-sensitive"));
    let refused = site.run(&["protect", "clear.jsonl"], 1).error;
    assert!(refused.contains("class"), "{refused}");
}

#[tokio::test]
async fn tables_and_buckets_are_classified_and_listed() {
    let site = Site::with_table(5).await;
    let client = site.dynamodb().await;
    let plain =
        Map::from([("id".into(), Value::S("p-1".into())), ("contact".into(), Value::S("a@example.com".into()))]);
    client.put_item().table_name("prod-customers").set_item(Some(to_item(plain))).send().await.unwrap();
    let found = site.run(&["classify", TABLE, "--json"], 3).json();
    assert_eq!((&found[0]["path"], &found[0]["coverage"]), (&json!("contact"), &json!("unclassified")));
    site.aws.create_bucket("exports").await;
    let s3 = aws_sdk_s3::Client::new(&site.aws.config(REGION).await);
    for (key, body) in [
        ("2026/a.jsonl", "{\"id\":\"1\",\"mail\":\"a@example.com\"}\n"),
        ("2026/b.csv", "id,phone\n2,+41 44 668 18 00\n"),
        ("2026/c.bin", "\u{0}\u{1}"),
        ("2025/d.jsonl", "{\"iban\":\"CH93 0076 2011 6238 5295 7\"}\n"),
    ] {
        s3.put_object().bucket("exports").key(key).body(body.as_bytes().to_vec().into()).send().await.unwrap();
    }
    let found = site.run(&["classify", "s3://exports/2026/", "--json"], 3).json();
    let paths: Vec<_> = found.iter().map(|row| row["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["mail", "phone"]);
    let rows = site.run(&["inventory", "--live", "s3://exports/2025/", "--json"], 0).json();
    let row = |field: &str| rows.iter().find(|row| row["field"] == field).unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(
        (&row("note")["stored"], &row("note")["at_rest"]),
        (&json!(["sealed as confidential"]), &json!("encrypt"))
    );
    assert_eq!(row("contact")["stored"], json!(["in clear"]));
    assert_eq!(row("iban")["sources"], json!(["s3://exports/2025/"]));
}

/// They are each for a class of records: what is sealed as a whole is under the KMS key.
#[tokio::test]
async fn objects_and_items_in_db_esdk_format_go_beside_branch_keys() {
    let site = Site::with_table(3).await;
    let config = site.use_branch_keys();
    // The records of the table have no such pair.
    site.home.write("privet.toml", config.replace("[context]\napplication = \"shop\"\n", ""));
    site.create_branch_keys();
    site.aws.create_bucket("documents").await;
    let s3 = aws_sdk_s3::Client::new(&site.aws.config(REGION).await);
    let body = b"attack at dawn".to_vec();
    s3.put_object().bucket("documents").key("data/a").body(body.clone().into()).send().await.unwrap();
    let seal = ["reencrypt", "s3://documents/data/", "--from-plaintext", "--yes", "--verify", "--json", "-q"];
    let done = site.run(&seal, 0).json();
    assert_eq!(done[0]["report"]["total"]["rewritten"], 1, "{done:?}");
    assert_eq!(done[1]["verification"]["on_target"], 1, "{done:?}");
    let stored = s3.get_object().bucket("documents").key("data/a").send().await.unwrap();
    assert_ne!(stored.body.collect().await.unwrap().to_vec(), body);
    // The records of the table are under the KMS key, and go under branch keys and from there into the other format.
    let to_branch_keys = ["reencrypt", TABLE, "--yes", "--verify", "--json", "-q"];
    assert_eq!(site.run(&to_branch_keys, 0).json()[0]["report"]["total"]["rewritten"], 3);
    assert_eq!(site.run(&["keys", "stragglers", TABLE, "--json"], 0).json()[0]["stragglers"]["on_target"], 3);
    site.home.write("policy.toml", format!("{POLICY}format = \"db-esdk\"\nreads = [\"record\"]\n"));
    let to_items = ["reencrypt", TABLE, "--yes", "--verify", "--json", "-q"];
    assert_eq!(site.run(&to_items, 0).json()[0]["report"]["total"]["rewritten"], 3);
    assert!(site.items().await.iter().all(|item| item.contains_key("aws_dbe_head")));
    // And back, as a job of its own.
    site.home.write("policy.toml", format!("{POLICY}reads = [\"db-esdk\"]\n"));
    let back = site.run(&[&to_branch_keys[..], &["--job", "back"]].concat(), 0).json();
    assert_eq!(back[0]["report"]["total"]["rewritten"], 3);
}

/// What goes wrong with AWS, and what is said of it.
#[tokio::test]
async fn what_goes_wrong_is_said_in_words() {
    let site = Site::with_table(3).await;
    site.aws.create_bucket("exports").await;
    let (old, new) = (site.old.clone(), site.new.clone());
    site.home.write("sealed.jsonl", site.run(&["protect", "clear.jsonl", "--kms-key", &old], 0).out);
    let protect = vec!["protect", "clear.jsonl", "--kms-key", &old];
    let reveal = vec!["reveal", "sealed.jsonl", "--kms-key", &old, "--as", "admin"];
    let moving = site.moving(&[]);
    let moved = site.moving(&["--yes", "-q"]);
    let list = vec!["keys", "list", "--table", "shop-keys", "--kms-key", &old];
    let classify = vec!["classify", TABLE];
    let objects = vec!["classify", "s3://exports/"];
    let denied = |service: &str, operation: &str| Deny::everyone().service(service).operation(operation);
    let failing = |service: &str, code: &str| Fault::on(service, "*").error(code);
    let mut said = String::new();
    let mut say = |what: &str, arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = site.home.command(arguments);
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let shown = arguments.join(" ").replace(&old, "OLD").replace(&new, "NEW");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&old, "OLD").replace(&new, "NEW");
        said += &format!(
            "# {what}\n$ privet {shown}\n{}{}[exit {}]\n\n",
            text(&output.stdout),
            text(&output.stderr),
            output.status.code().unwrap()
        );
        site.aws.clear_faults();
        site.aws.clear_denials();
    };
    for (what, arguments, deny) in [
        ("the key may not seal", &protect, denied("kms", "GenerateDataKey")),
        ("the key may not open", &reveal, denied("kms", "Decrypt")),
        ("the old key may not open", &moving, denied("kms", "Decrypt")),
        ("the table may not be read", &moving, denied("dynamodb", "Scan")),
        ("the table may not be written", &moved, denied("dynamodb", "UpdateItem")),
        ("the table may not be read", &classify, denied("dynamodb", "Scan")),
        ("the bucket may not be listed", &objects, denied("s3", "ListObjectsV2")),
    ] {
        site.aws.deny(deny);
        say(what, arguments, &[]);
    }
    for (what, arguments, fault) in [
        ("KMS throttles", &protect, failing("kms", "ThrottlingException")),
        ("KMS fails", &protect, failing("kms", "KMSInternalException")),
        ("the key is disabled", &protect, failing("kms", "DisabledException")),
        ("the credentials are expired, for KMS", &protect, failing("kms", "ExpiredTokenException")),
        ("the credentials are expired, for DynamoDB", &classify, failing("dynamodb", "ExpiredTokenException")),
        ("the credentials are expired, for S3", &objects, failing("s3", "ExpiredToken")),
        ("the connection is reset", &classify, Fault::on("dynamodb", "*").reset()),
        ("DynamoDB throttles", &classify, failing("dynamodb", "ProvisionedThroughputExceededException")),
    ] {
        site.aws.fault(fault);
        say(what, arguments, &[]);
    }
    let down = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    for (what, arguments) in [
        ("KMS is down", &protect),
        ("DynamoDB is down", &classify),
        ("S3 is down", &objects),
        ("DynamoDB is down", &list),
    ] {
        say(what, arguments, &down);
    }
    let elsewhere = old.replace(REGION, "us-east-1");
    say("the key is in another region", &["protect", "clear.jsonl", "--kms-key", &elsewhere], &[]);
    say("the table is in another region", &classify, &[("AWS_REGION", "us-east-1")]);
    say("there is no such bucket", &["classify", "s3://nowhere/"], &[]);
    say("there is no such key store", &list, &[]);
    say("there are no credentials", &protect, &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")]);
    say("there is no region", &classify, &[("AWS_REGION", "")]);
    say("the key is no ARN", &["protect", "clear.jsonl", "--kms-key", "alias/x"], &[]);
    let said = said.replace(&site.endpoint.url(), "ENDPOINT");
    // What differs each time: names, digests, durations.
    let filters = [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[id]"),
        ("record [0-9a-f]{32}", "record [digest]"),
        (r"duration +\S+", "duration [time]"),
        (r"\S+s, \d+ records a second", "[time], [rate] records a second"),
        ("in shard [0-7]", "in shard [n]"),
    ];
    insta::with_settings!({filters => filters}, { insta::assert_snapshot!("aws_errors", said) });
}
