//! The documented events, fed to the handlers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use privet_bulk::Error;
use privet_core::ErrorKind;
use privet_core::audit::TracingSink;
use privet_core::keyring::{KmsKeyring, S3ecKeyring};
use privet_core::value::{Map, Value};
use privet_core::{Policy, Protector};
use privet_dynamodb::bulk::TableCheckpoints;
use privet_dynamodb::{from_item, to_item};
use privet_lambda::objects::{KeyChange, ObjectSettings};
use privet_lambda::s3_batch::{self, Object, ObjectWorker, Outcome};
use privet_lambda::{Settings, distributed_map, worker::table_job};
use privet_s3::Bucket;
use privet_testkit::{EmbeddedAws, Fault};
use serde_json::{Value as Json, json};

const POLICY: &str = "version = 1\n[resources.customers]\nkey = [\"id\"]\n";
const REGION: &str = "eu-west-1";
const FAR: Duration = Duration::from_secs(900);

struct Site {
    aws: EmbeddedAws,
    kms: aws_sdk_kms::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    settings: Settings,
}

impl Site {
    async fn start(records: u32) -> Self {
        let aws = EmbeddedAws::start().await;
        let (old, new) = (aws.create_key(REGION, "alias/old").await, aws.create_key(REGION, "alias/new").await);
        let config = aws.config(REGION).await;
        let (kms, dynamodb) = (aws_sdk_kms::Client::new(&config), aws_sdk_dynamodb::Client::new(&config));
        let definition = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
        let create = dynamodb.create_table().table_name("customers").billing_mode(BillingMode::PayPerRequest);
        let create = create.attribute_definitions(definition.build().unwrap()).key_schema(key.build().unwrap());
        create.send().await.unwrap();
        TableCheckpoints::new(dynamodb.clone(), "checkpoints").create_table().await.unwrap();
        let settings = Settings::read(|name| {
            Some(match name {
                "PRIVET_JOB" => "new-key".into(),
                "PRIVET_RESOURCE" => "customers".into(),
                "PRIVET_SEGMENTS" => "2".into(),
                "PRIVET_OLD_KEY" => old.clone(),
                "PRIVET_NEW_KEY" => new.clone(),
                "PRIVET_CHECKPOINTS" => "checkpoints".into(),
                "PRIVET_POLICY" => POLICY.into(),
                "PRIVET_CONTEXT" => "application=shop".into(),
                _ => return None,
            })
        });
        let site = Self { aws, kms, dynamodb, settings: settings.unwrap() };
        let privet = site.protector(&old);
        let resource = privet.resource("customers").unwrap();
        for index in 0..records {
            let record = Map::from([
                ("id".to_owned(), Value::S(format!("c-{index}"))),
                ("email".to_owned(), Value::S(format!("ada-{index}@example.com"))),
            ]);
            let item = to_item(privet.protect_record(&resource, record).await.unwrap());
            site.dynamodb.put_item().table_name("customers").set_item(Some(item)).send().await.unwrap();
        }
        site
    }

    fn protector(&self, key: &str) -> Protector {
        let keyring = KmsKeyring::new(self.kms.clone(), key).unwrap();
        let builder = Protector::builder().policy(Policy::from_toml(POLICY).unwrap()).keyring(keyring);
        builder.context("application", "shop").audit(TracingSink).build().unwrap()
    }

    async fn handle(&self, event: Json, deadline: Duration) -> Result<Json, privet_bulk::Failure> {
        // A job for each call, as the worker makes it.
        let job = table_job(&self.settings, &self.kms, &self.dynamodb).unwrap();
        let event: distributed_map::Event = serde_json::from_value(event).unwrap();
        let reply = distributed_map::handle(&job, &event, deadline).await?;
        Ok(serde_json::to_value(reply).unwrap())
    }

    async fn all_open_under_the_new_key(&self, records: usize) {
        let privet = self.protector(&self.settings.new_key);
        let resource = privet.resource("customers").unwrap();
        let items = self.dynamodb.scan().table_name("customers").send().await.unwrap().items.unwrap();
        assert_eq!(items.len(), records);
        for item in items {
            let opened = privet.unprotect_record(&resource, from_item(item).unwrap()).await.unwrap();
            let record = opened.complete().unwrap();
            let index = record["id"].as_text().unwrap().trim_start_matches("c-").to_owned();
            assert_eq!(record["email"], Value::S(format!("ada-{index}@example.com")));
        }
    }
}

#[tokio::test]
async fn a_distributed_map_s_segments_are_rewritten_with_and_without_a_batcher() {
    let site = Site::start(30).await;
    let first = site.handle(json!({"BatchInput": {"any": "thing"}, "Items": [0]}), FAR).await.unwrap();
    assert_eq!((&first["status"], &first["Items"]), (&json!("done"), &json!([])));
    let second = site.handle(json!(1), FAR).await.unwrap();
    assert_eq!(first["rewritten"].as_u64().unwrap() + second["rewritten"].as_u64().unwrap(), 30);
    site.all_open_under_the_new_key(30).await;
    // A redrive is harmless.
    let again = site.handle(json!({"Items": [1, 0]}), FAR).await.unwrap();
    assert_eq!((&again["status"], &again["rewritten"]), (&json!("done"), &json!(30)));
}

#[tokio::test]
async fn near_the_deadline_the_state_machine_is_told_to_come_again() {
    let site = Site::start(10).await;
    let reply = site.handle(json!({"Items": [0, 1]}), Duration::ZERO).await.unwrap();
    assert_eq!((&reply["status"], &reply["Items"]), (&json!("continue"), &json!([0, 1])));
    // What it answers is the next event.
    let reply = site.handle(reply, FAR).await.unwrap();
    assert_eq!(reply["status"], "done");
    site.all_open_under_the_new_key(10).await;
}

#[tokio::test]
async fn throttling_that_does_not_end_is_retryable_and_a_denial_is_not() {
    let site = Site::start(10).await;
    site.aws.fault(Fault::on("dynamodb", "DescribeTable").error("ThrottlingException"));
    assert!(site.handle(json!({"Items": [0]}), FAR).await.unwrap_err().retryable);
    site.aws.clear_faults();
    site.aws.fault(Fault::on("dynamodb", "Scan").error("AccessDeniedException"));
    let failure = site.handle(json!({"Items": [0]}), FAR).await.unwrap_err();
    assert_eq!((failure.kind, failure.retryable), (ErrorKind::Denied, false));
}

#[tokio::test]
async fn every_failure_is_of_a_type_that_the_state_machine_knows() {
    let faults = [
        ("dynamodb", "DescribeTable", "ResourceNotFoundException", ErrorKind::Config, "Failed"),
        ("dynamodb", "GetItem", "AccessDeniedException", ErrorKind::Denied, "Failed"),
        ("dynamodb", "Scan", "ProvisionedThroughputExceededException", ErrorKind::Throttled, "Retryable"),
        ("dynamodb", "Scan", "InternalServerError", ErrorKind::Io, "Retryable"),
        ("dynamodb", "UpdateItem", "ThrottlingException", ErrorKind::Throttled, "Retryable"),
        ("kms", "Decrypt", "ThrottlingException", ErrorKind::Throttled, "Retryable"),
        ("kms", "GenerateDataKey", "DependencyTimeoutException", ErrorKind::KeyUnavailable, "Retryable"),
    ];
    // All at once: each is tried again for seconds.
    let each = faults.map(|(service, operation, code, kind, error_type)| {
        tokio::spawn(async move {
            let site = Site::start(4).await;
            site.aws.fault(Fault::on(service, operation).error(code));
            let failure = site.handle(json!({"Items": [0, 1]}), FAR).await.unwrap_err();
            assert_eq!((failure.kind, distributed_map::error_type(&failure)), (kind, error_type), "{operation} {code}");
            assert!(!failure.message.contains("ada-"), "{failure:?}");
            // What failed is gone on with.
            site.aws.clear_faults();
            assert_eq!(site.handle(json!({"Items": [0, 1]}), FAR).await.unwrap()["status"], "done");
            site.all_open_under_the_new_key(4).await;
        })
    });
    for one in each {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn throttling_that_ends_is_waited_for() {
    let site = Site::start(10).await;
    for (service, operation) in [("dynamodb", "Scan"), ("dynamodb", "UpdateItem")] {
        site.aws.fault(Fault::on(service, operation).times(3).error("ThrottlingException"));
    }
    let reply = site.handle(json!({"Items": [0, 1]}), FAR).await.unwrap();
    assert_eq!((&reply["status"], &reply["rewritten"], &reply["poison"]), (&json!("done"), &json!(10), &json!(0)));
    site.all_open_under_the_new_key(10).await;
}

#[tokio::test]
async fn a_list_of_segments_for_another_scan_is_refused() {
    let site = Site::start(4).await;
    for event in [
        json!({"BatchInput": {"segments": 3}, "Items": [0]}),
        json!({"BatchInput": {"segments": 1}, "Items": [0]}),
        json!({"Items": [0, 2]}),
        json!(2),
    ] {
        let failure = site.handle(event.clone(), FAR).await.unwrap_err();
        assert_eq!((failure.kind, failure.retryable), (ErrorKind::Config, false), "{event}");
    }
    let event = json!({"BatchInput": {"segments": 2, "more": true}, "Items": [0, 1]});
    assert_eq!(site.handle(event, FAR).await.unwrap()["status"], "done");
    for event in [json!({"Items": ["a"]}), json!({"Items": [-1]}), json!({}), json!("0"), json!(null)] {
        assert!(serde_json::from_value::<distributed_map::Event>(event.clone()).is_err(), "{event}");
    }
}

#[tokio::test]
async fn a_segment_that_another_worker_has_is_tried_again_later() {
    let site = Site::start(4).await;
    let job = table_job(&site.settings, &site.kms, &site.dynamodb).unwrap();
    // A worker that dies while it writes: its lease is left behind.
    site.aws.fault(Fault::on("dynamodb", "UpdateItem").delay(Duration::from_secs(60)));
    let event = serde_json::from_value(json!(0)).unwrap();
    let cut_off = tokio::time::timeout(Duration::from_secs(2), distributed_map::handle(&job, &event, FAR)).await;
    site.aws.clear_faults();
    assert!(cut_off.is_err(), "segment 0 has records");
    let failure = site.handle(json!(0), FAR).await.unwrap_err();
    assert_eq!((failure.kind, distributed_map::error_type(&failure)), (ErrorKind::Conflict, "Retryable"));
}

#[tokio::test]
async fn records_that_cannot_be_rewritten_are_counted_until_they_are_too_many() {
    let mut site = Site::start(0).await;
    for index in 0..8 {
        let item = to_item(Map::from([
            ("id".to_owned(), Value::S(format!("c-{index}"))),
            ("email".to_owned(), Value::S("in clear".to_owned())),
        ]));
        site.dynamodb.put_item().table_name("customers").set_item(Some(item)).send().await.unwrap();
    }
    site.settings.max_poison = Some(2);
    let failure = site.handle(json!({"Items": [0, 1]}), FAR).await.unwrap_err();
    assert!(!failure.retryable && !failure.message.contains("clear\""), "{failure:?}");
    site.settings.max_poison = None;
    let reply = site.handle(json!({"Items": [0, 1]}), FAR).await.unwrap();
    assert_eq!((&reply["status"], &reply["rewritten"], &reply["poison"]), (&json!("done"), &json!(0), &json!(8)));
}

/// Notes what it is asked, and fails as told by the key.
#[derive(Default)]
struct Noting(Mutex<Vec<Object>>);

impl ObjectWorker for Noting {
    async fn rewrite(&self, object: &Object, _deadline: Duration) -> Result<Outcome, Error> {
        self.0.lock().unwrap().push(object.clone());
        match object.key.as_str() {
            "throttled" => Err(Error::new(ErrorKind::Throttled, "secret")),
            "changed" => Err(Error::new(ErrorKind::Conflict, "secret")),
            "damaged" => Err(Error::new(ErrorKind::Integrity, "secret")),
            "old" => Ok(Outcome::Refused("older")),
            _ => Ok(Outcome::Done("rewritten")),
        }
    }
}

fn task_1_0(id: &str, key: &str) -> Json {
    json!({"taskId": id, "s3Key": key, "s3VersionId": null, "s3BucketArn": "arn:aws:s3:::a-bucket"})
}

#[tokio::test]
async fn s3_batch_operations_of_both_schemas_are_answered() {
    let worker = Noting::default();
    let event = json!({
        "invocationSchemaVersion": "1.0", "invocationId": "i-1", "job": {"id": "j-1"},
        "tasks": [task_1_0("t-1", "a+b%20c%2Bd/%C3%BC")],
    });
    let reply = s3_batch::handle(&worker, &serde_json::from_value(event).unwrap(), FAR).await;
    assert_eq!(
        serde_json::to_value(reply).unwrap(),
        json!({
            "invocationSchemaVersion": "1.0", "treatMissingKeysAs": "PermanentFailure", "invocationId": "i-1",
            "results": [{"taskId": "t-1", "resultCode": "Succeeded", "resultString": "rewritten"}],
        })
    );
    let event = json!({
        "invocationSchemaVersion": "2.0", "invocationId": "i-2", "job": {"id": "j-2", "userArguments": {"k": "v"}},
        "tasks": [{"taskId": "t-2", "s3Key": "plain", "s3VersionId": "7", "s3Bucket": "b-bucket"}],
    });
    let event: s3_batch::Event = serde_json::from_value(event).unwrap();
    assert_eq!(event.job.user_arguments.as_ref().unwrap()["k"], "v");
    assert_eq!(
        serde_json::to_value(s3_batch::handle(&worker, &event, FAR).await).unwrap()["invocationSchemaVersion"],
        "2.0"
    );
    let asked = worker.0.lock().unwrap();
    assert_eq!((asked[0].bucket.as_str(), asked[0].key.as_str()), ("a-bucket", "a b c+d/ü"));
    assert_eq!((asked[1].bucket.as_str(), asked[1].version.as_deref()), ("b-bucket", Some("7")));
}

#[tokio::test]
async fn s3_batch_operations_learn_what_may_be_tried_again_and_nothing_of_the_object() {
    let worker = Noting::default();
    let tasks: Vec<Json> =
        ["throttled", "changed", "damaged", "old", "%zz", "%ff", ""].iter().map(|key| task_1_0(key, key)).collect();
    let event = json!({"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "j"}, "tasks": tasks});
    let reply = s3_batch::handle(&worker, &serde_json::from_value(event).unwrap(), FAR).await;
    let reply = serde_json::to_value(reply).unwrap();
    let codes: Vec<&str> =
        reply["results"].as_array().unwrap().iter().map(|result| result["resultCode"].as_str().unwrap()).collect();
    let (temporary, permanent) = ("TemporaryFailure", "PermanentFailure");
    assert_eq!(codes, [temporary, temporary, permanent, permanent, permanent, permanent, permanent]);
    assert_eq!(reply["results"][3]["resultString"], "older");
    assert!(!reply.to_string().contains("secret"));
}

#[tokio::test]
async fn s3_batch_operations_move_objects_to_a_new_key() {
    let aws = EmbeddedAws::start().await;
    let (old, new) = (aws.create_key(REGION, "alias/old").await, aws.create_key(REGION, "alias/new").await);
    let config = aws.config(REGION).await;
    let (kms, s3) = (aws_sdk_kms::Client::new(&config), aws_sdk_s3::Client::new(&config));
    aws.create_bucket("documents").await;
    let policy = "version = 1\n[resources.documents]\nclass = \"pii\"\nkey = [\"id\"]\n";
    let settings = ObjectSettings::read(|name| {
        Some(match name {
            "PRIVET_OLD_KEY" => old.clone(),
            "PRIVET_NEW_KEY" => new.clone(),
            "PRIVET_POLICY" => policy.into(),
            "PRIVET_READS_V2" => "true".into(),
            _ => return None,
        })
    });
    let bucket = |key: &str| {
        let keyring = KmsKeyring::new(kms.clone(), key).unwrap();
        let builder = Protector::builder().policy(Policy::from_toml(policy).unwrap()).keyring(keyring);
        let s3ec = S3ecKeyring::kms(KmsKeyring::new(kms.clone(), key).unwrap());
        Bucket::builder("documents").s3ec(s3ec).build(&builder.audit(TracingSink).build().unwrap(), &s3).unwrap()
    };
    bucket(&old).put("small one", b"s3ec".to_vec()).await.unwrap();
    bucket(&old).put("large/one", vec![7; 2 << 20]).await.unwrap();
    let plain = s3.put_object().bucket("documents").key("plain").body(b"in clear".to_vec().into());
    plain.send().await.unwrap();
    let event = |version: Json| -> s3_batch::Event {
        let tasks: Vec<Json> = ["small+one", "large%2Fone", "plain", "gone", "small+one"]
            .iter()
            .map(|key| json!({"taskId": key, "s3Key": key, "s3VersionId": version, "s3Bucket": "documents"}))
            .collect();
        let event = json!({"invocationSchemaVersion": "2.0", "invocationId": "i", "job": {"id": "j"}, "tasks": tasks});
        serde_json::from_value(event).unwrap()
    };
    let worker = KeyChange::new(settings.unwrap(), &kms, &s3).unwrap();
    let results = async |version, deadline| {
        let reply = serde_json::to_value(s3_batch::handle(&worker, &event(version), deadline).await).unwrap();
        reply["results"].as_array().unwrap().clone()
    };
    let answers = async |deadline| {
        let results = results(Json::Null, deadline).await;
        results.iter().map(|result| result["resultString"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // Tasks that name a version which is not the current one, and perhaps nowhere.
    for result in results(json!("7"), FAR).await {
        assert_eq!(result["resultCode"], "PermanentFailure");
        assert_eq!(result["resultString"], "an older version: only the current one can be rewritten");
    }
    assert_eq!(bucket(&old).get("small one").await.unwrap().unwrap().body, b"s3ec");
    assert_eq!(answers(Duration::ZERO).await, ["throttled"; 5]);
    assert_eq!(answers(FAR).await, ["rewritten", "rewritten", "integrity", "gone", "on target"]);
    assert_eq!(answers(FAR).await, ["on target", "on target", "integrity", "gone", "on target"]);
    assert_eq!(bucket(&new).get("small one").await.unwrap().unwrap().body, b"s3ec");
    assert_eq!(bucket(&new).get("large/one").await.unwrap().unwrap().body, vec![7; 2 << 20]);
    // The service is slow, and what was begun leaves nothing behind.
    aws.fault(Fault::on("s3", "GetObject").error("SlowDown"));
    assert_eq!(answers(FAR).await, ["throttled"; 5]);
}

/// Fails as it is told, with what it must not say.
struct Failing(ErrorKind, bool);

impl ObjectWorker for Failing {
    async fn rewrite(&self, _object: &Object, _deadline: Duration) -> Result<Outcome, Error> {
        Err(Error::new(self.0, "ada@example.com").retryable(self.1))
    }
}

#[tokio::test]
async fn every_failure_of_an_object_is_an_answer_in_both_schemas() {
    let mut settled = Vec::new();
    for kind in [
        ErrorKind::Config,
        ErrorKind::Denied,
        ErrorKind::Integrity,
        ErrorKind::KeyUnavailable,
        ErrorKind::Throttled,
        ErrorKind::Unsupported,
        ErrorKind::Input,
        ErrorKind::Conflict,
        ErrorKind::Io,
    ] {
        for (retryable, version) in [(false, "1.0"), (false, "2.0"), (true, "1.0"), (true, "2.0")] {
            let task = if version == "1.0" { task_1_0("t", "ada.json") } else { task_2_0("t", "ada.json") };
            let event = json!({
                "invocationSchemaVersion": version, "invocationId": "i", "job": {"id": "j"}, "tasks": [task],
            });
            let worker = Failing(kind, retryable);
            let reply = s3_batch::handle(&worker, &serde_json::from_value(event).unwrap(), FAR).await;
            let reply = serde_json::to_value(reply).unwrap();
            let result = &reply["results"][0];
            let again = retryable || kind == ErrorKind::Conflict;
            let code = if again { "TemporaryFailure" } else { "PermanentFailure" };
            assert_eq!((&result["taskId"], &result["resultCode"]), (&json!("t"), &json!(code)), "{kind}");
            assert_eq!((&reply["invocationSchemaVersion"], &reply["invocationId"]), (&json!(version), &json!("i")));
            // In a report in clear: the kind alone.
            assert_eq!(result["resultString"], kind.to_string());
            assert!(!reply.to_string().contains("ada"), "{reply}");
            settled.push(code);
        }
    }
    assert_eq!(settled.len(), 36);
}

fn task_2_0(id: &str, key: &str) -> Json {
    json!({"taskId": id, "s3Key": key, "s3VersionId": "v", "s3Bucket": "a-bucket"})
}

#[tokio::test]
async fn keys_are_read_in_every_spelling() {
    for (spelt, key) in [
        ("plain/key.json", Some("plain/key.json")),
        ("a+b", Some("a b")),
        ("a%20b", Some("a b")),
        ("a%2Bb", Some("a+b")),
        ("a%2bb", Some("a+b")),
        ("a%252Bb", Some("a%2Bb")),
        ("%C3%BC", Some("ü")),
        ("ü", Some("ü")),
        ("%F0%9F%A6%8A", Some("\u{1f98a}")),
        ("a%2Fb//c", Some("a/b//c")),
        ("%", None),
        ("%2", None),
        ("%zz", None),
        ("%+2", None),
        ("%ff", None),
        ("", None),
    ] {
        for task in [task_1_0("t", spelt), task_2_0("t", spelt)] {
            let task: s3_batch::Task = serde_json::from_value(task).unwrap();
            let object = task.object();
            assert_eq!(object.as_ref().ok().map(|object| object.key.as_str()), key, "{spelt}");
            match object {
                Ok(object) => assert_eq!(object.bucket, "a-bucket"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Input),
            }
        }
    }
}

#[test]
fn a_task_without_a_bucket_or_of_another_partition_is_told_apart() {
    let of = |task: Json| serde_json::from_value::<s3_batch::Task>(task).unwrap().object();
    for task in [
        json!({"taskId": "t", "s3Key": "k"}),
        json!({"taskId": "t", "s3Key": "k", "s3BucketArn": "a-bucket"}),
        json!({"taskId": "t", "s3Key": "k", "s3Bucket": "", "s3VersionId": null}),
    ] {
        assert_eq!(of(task).unwrap_err().kind(), ErrorKind::Input);
    }
    let object = of(json!({"taskId": "t", "s3Key": "k", "s3BucketArn": "arn:aws-cn:s3:::b", "s3VersionId": "null"}));
    assert_eq!(object.unwrap().bucket, "b");
}

#[test]
fn settings_that_are_missing_are_named() {
    let error = Settings::read(|name| (name == "PRIVET_POLICY").then(|| POLICY.to_owned())).unwrap_err();
    assert!(error.to_string().contains("PRIVET_JOB"), "{error}");
}

#[test]
fn what_an_item_holds_is_not_printed() {
    let object = Object { bucket: "b".into(), key: "a-private-name".into(), version: None };
    assert!(!format!("{object:?}").contains("private"));
}
