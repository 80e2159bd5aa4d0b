//! What only the embedded services offer: faults, call records, denials, no runtime of their own.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, KeysAndAttributes, PutRequest,
    ScalarAttributeType, Tag, WriteRequest,
};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::{Client, config::timeout::TimeoutConfig};
use futures_util::FutureExt as _;
use privet_testkit::{Deny, EmbeddedAws, Fault, Outcome};
use tokio::time::Instant;

const REGION: &str = "eu-west-1";
const ALIAS: &str = "alias/privet";

async fn aws_with_key() -> (EmbeddedAws, Client, String) {
    let aws = EmbeddedAws::start().await;
    let key = aws.create_key(REGION, ALIAS).await;
    let kms = Client::new(&aws.config(REGION).await);
    (aws, kms, key)
}

async fn seal(kms: &Client, class: &str) -> Blob {
    let request = kms.encrypt().key_id(ALIAS).plaintext(Blob::new("secret"));
    request.encryption_context("privet:class", class).send().await.unwrap().ciphertext_blob.unwrap()
}

fn outcomes(aws: &EmbeddedAws, service: &str) -> Vec<Outcome> {
    aws.calls(service).into_iter().map(|call| call.outcome).collect()
}

#[tokio::test]
async fn throttling_is_retried_by_the_sdk() {
    let (aws, kms, _) = aws_with_key().await;
    aws.fault(Fault::on("kms", "GenerateRandom").times(2).error("ThrottlingException"));
    kms.generate_random().number_of_bytes(8).send().await.unwrap();
    let throttled = Outcome::Error("ThrottlingException".to_owned());
    assert_eq!(outcomes(&aws, "kms"), [throttled.clone(), throttled, Outcome::Success]);
    // The backoff is drawn at random below this bound, so measuring it would say little.
    let config = aws.config(REGION).await;
    assert!(config.retry_config().unwrap().max_backoff() <= Duration::from_millis(5));
}

#[tokio::test]
async fn an_error_beyond_the_attempts_reaches_the_caller() {
    let (aws, kms, _) = aws_with_key().await;
    aws.fault(Fault::on("kms", "*").error("ThrottlingException"));
    let refused = kms.generate_random().number_of_bytes(8).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ThrottlingException"));
    assert_eq!(aws.calls("kms").len(), 3);
    aws.clear_faults();
    kms.generate_random().number_of_bytes(8).send().await.unwrap();
}

#[tokio::test]
async fn a_status_and_a_5xx_error_are_retried() {
    let (aws, kms, _) = aws_with_key().await;
    aws.fault(Fault::on("kms", "GenerateRandom").times(1).status(500));
    aws.fault(Fault::on("kms", "GenerateRandom").times(1).error("KMSInternalException"));
    kms.generate_random().number_of_bytes(8).send().await.unwrap();
    let errors = ["500", "KMSInternalException"].map(|code| Outcome::Error(code.to_owned()));
    assert_eq!(outcomes(&aws, "kms"), [&errors[..], &[Outcome::Success]].concat());
}

#[tokio::test]
async fn a_reset_and_a_timeout_are_retried_and_have_no_effect() {
    let (aws, kms, _) = aws_with_key().await;
    aws.fault(Fault::on("kms", "CreateKey").times(1).reset());
    aws.fault(Fault::on("kms", "CreateKey").times(1).timeout());
    kms.create_key().send().await.unwrap();
    assert_eq!(outcomes(&aws, "kms"), [Outcome::Reset, Outcome::Timeout, Outcome::Success]);
    // The one of the test itself and the one just made.
    assert_eq!(kms.list_keys().send().await.unwrap().keys().len(), 2);
}

#[tokio::test]
async fn a_reset_beyond_the_attempts_is_a_dispatch_failure() {
    let (aws, kms, _) = aws_with_key().await;
    aws.fault(Fault::on("kms", "GenerateRandom").reset());
    let failed = kms.generate_random().number_of_bytes(8).send().await.unwrap_err();
    assert!(matches!(failed, SdkError::DispatchFailure(failure) if failure.is_io()));
}

#[tokio::test]
async fn a_lost_answer_leaves_its_effect() {
    let (aws, kms, _) = aws_with_key().await;
    aws.fault(Fault::on("kms", "CreateKey").times(1).answer_lost());
    kms.create_key().send().await.unwrap();
    assert_eq!(outcomes(&aws, "kms"), [Outcome::AnswerLost, Outcome::Success]);
    assert_eq!(kms.list_keys().send().await.unwrap().keys().len(), 3);
}

#[tokio::test]
async fn a_delay_holds_the_answer_back() {
    let (aws, kms, _) = aws_with_key().await;
    aws.fault(Fault::on("kms", "GenerateRandom").times(1).delay(Duration::from_millis(60)));
    let started = Instant::now();
    kms.generate_random().number_of_bytes(8).send().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_delay_beyond_the_read_timeout_is_a_timeout() {
    let (aws, _, _) = aws_with_key().await;
    let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_millis(20)).build();
    let config = aws.config(REGION).await.into_builder().timeout_config(timeouts).build();
    let kms = Client::new(&config);
    aws.fault(Fault::on("kms", "GenerateRandom").delay(Duration::from_secs(60)));
    let failed = kms.generate_random().number_of_bytes(8).send().await.unwrap_err();
    assert!(matches!(failed, SdkError::DispatchFailure(failure) if failure.is_timeout()));
}

#[tokio::test]
async fn a_probability_hits_some_requests() {
    let (aws, kms, _) = aws_with_key().await;
    aws.fault(Fault::on("kms", "GenerateRandom").probability(0.5, 1).error("ValidationException"));
    let mut refused = 0;
    for _ in 0..100 {
        refused += u32::from(kms.generate_random().number_of_bytes(8).send().await.is_err());
    }
    assert!((30..70).contains(&refused), "{refused} of 100");
}

#[tokio::test]
async fn calls_tell_who_asked_what_with_which_key_and_context() {
    let (aws, kms, key) = aws_with_key().await;
    assert!(aws.calls("kms").is_empty(), "`create_key` is the test's own");
    let blob = seal(&kms, "pii").await;
    let analyst = Client::new(&aws.config_as(REGION, "analyst").await);
    analyst.decrypt().ciphertext_blob(blob).encryption_context("privet:class", "pii").send().await.unwrap();

    let calls = aws.calls("kms");
    let pii = BTreeMap::from([("privet:class".to_owned(), "pii".to_owned())]);
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].service.as_str(), calls[0].operation.as_str()), ("kms", "Encrypt"));
    assert_eq!(calls[0].principal, EmbeddedAws::DEFAULT_PRINCIPAL);
    assert_eq!(calls[0].region, REGION);
    assert_eq!((calls[0].key_id.as_deref(), calls[0].key_arn.as_deref()), (Some(ALIAS), Some(key.as_str())));
    assert_eq!(calls[0].context, pii);
    assert!(calls[0].succeeded());
    assert_eq!((calls[1].operation.as_str(), calls[1].principal.as_str()), ("Decrypt", "analyst"));
    assert_eq!((calls[1].key_id.as_deref(), calls[1].key_arn.as_deref()), (None, Some(key.as_str())));
    assert_eq!(calls[1].context, pii);

    aws.clear_calls();
    assert!(aws.calls("*").is_empty());
}

#[tokio::test]
async fn calls_of_dynamodb_name_the_table() {
    let aws = EmbeddedAws::start().await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws.config(REGION).await);
    let refused = dynamodb.scan().table_name("customers").send().await;
    assert_eq!(refused.unwrap_err().code(), Some("ResourceNotFoundException"));
    let calls = aws.calls("dynamodb");
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].operation.as_str(), calls[0].table()), ("Scan", Some("customers")));
    assert_eq!(calls[0].outcome, Outcome::Error("ResourceNotFoundException".to_owned()));
}

#[tokio::test]
async fn faults_apply_to_dynamodb() {
    let aws = EmbeddedAws::start().await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws.config(REGION).await);
    let throttled = "ProvisionedThroughputExceededException";
    aws.fault(Fault::on("dynamodb", "ListTables").times(1).error(throttled));
    dynamodb.list_tables().send().await.unwrap();
    assert_eq!(outcomes(&aws, "dynamodb"), [Outcome::Error(throttled.to_owned()), Outcome::Success]);
}

/// A DynamoDB client and a table `items` with the key `id`.
async fn dynamodb_with_table(aws: &EmbeddedAws) -> aws_sdk_dynamodb::Client {
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws.config(REGION).await);
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let table = dynamodb.create_table().table_name("items").billing_mode(BillingMode::PayPerRequest);
    let table = table.attribute_definitions(id.build().unwrap()).key_schema(key.build().unwrap());
    table.send().await.unwrap();
    dynamodb
}

#[tokio::test]
async fn entries_of_a_batch_come_back_unprocessed() {
    let aws = EmbeddedAws::start().await;
    let dynamodb = dynamodb_with_table(&aws).await;
    let id = |n: usize| HashMap::from([("id".to_owned(), AttributeValue::S(n.to_string()))]);
    let puts = (0..5).map(|n| {
        let put = PutRequest::builder().set_item(Some(id(n))).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    });
    let write = |puts: Vec<WriteRequest>| dynamodb.batch_write_item().request_items("items", puts).send();

    aws.fault(Fault::on("dynamodb", "BatchWriteItem").times(1).unprocessed(2));
    let puts: Vec<_> = puts.collect();
    let written = write(puts.clone()).await.unwrap();
    assert_eq!(written.unprocessed_items().unwrap()["items"], puts[3..]);
    assert_eq!(dynamodb.scan().table_name("items").send().await.unwrap().count(), 3);
    write(puts[3..].to_vec()).await.unwrap();

    aws.fault(Fault::on("dynamodb", "BatchGetItem").times(1).unprocessed(1));
    let keys = KeysAndAttributes::builder().set_keys(Some((0..5).map(id).collect())).consistent_read(true);
    let got = dynamodb.batch_get_item().request_items("items", keys.build().unwrap()).send().await.unwrap();
    assert_eq!(got.responses().unwrap()["items"].len(), 4);
    let unprocessed = &got.unprocessed_keys().unwrap()["items"];
    assert_eq!((unprocessed.keys(), unprocessed.consistent_read()), (&[id(4)][..], Some(true)));

    aws.fault(Fault::on("dynamodb", "BatchWriteItem").unprocessed(5));
    let throttled = write(puts).await.unwrap_err();
    assert_eq!(throttled.code(), Some("ProvisionedThroughputExceededException"));
}

#[tokio::test]
async fn a_table_has_the_arn_of_its_region() {
    let aws = EmbeddedAws::start().await;
    let dynamodb = dynamodb_with_table(&aws).await;
    let described = dynamodb.describe_table().table_name("items").send().await.unwrap().table.unwrap();
    let arn = format!("arn:aws:dynamodb:{REGION}:{}:table/items", privet_testkit::ACCOUNT);
    assert_eq!(described.table_arn(), Some(arn.as_str()));
    let tag = Tag::builder().key("team").value("privacy").build().unwrap();
    dynamodb.tag_resource().resource_arn(&arn).tags(tag.clone()).send().await.unwrap();
    assert_eq!(dynamodb.list_tags_of_resource().resource_arn(&arn).send().await.unwrap().tags(), [tag]);
}

#[tokio::test]
async fn a_denial_stops_one_principal_on_one_context() {
    let (aws, kms, key) = aws_with_key().await;
    let (pii, confidential) = (seal(&kms, "pii").await, seal(&kms, "confidential").await);
    let denial = Deny::principal("analyst").service("kms").operation("Decrypt");
    aws.deny(denial.context("privet:class", "confidential"));
    let analyst = Client::new(&aws.config_as(REGION, "analyst").await);
    let open = |client: &Client, blob: &Blob, class: &str| {
        let request = client.decrypt().key_id(&key).ciphertext_blob(blob.clone());
        request.encryption_context("privet:class", class).send()
    };

    let refused = open(&analyst, &confidential, "confidential").await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDeniedException"));
    let message = refused.message().unwrap();
    assert!(message.contains("user/analyst") && message.contains("kms:Decrypt") && message.contains(&key));
    open(&analyst, &pii, "pii").await.unwrap();
    open(&kms, &confidential, "confidential").await.unwrap();
    // The denied context cannot be left out: then the ciphertext does not open.
    let without = analyst.decrypt().ciphertext_blob(confidential.clone()).send().await.unwrap_err();
    assert_eq!(without.code(), Some("InvalidCiphertextException"));

    aws.clear_denials();
    open(&analyst, &confidential, "confidential").await.unwrap();
}

#[tokio::test]
async fn a_denied_key_is_denied_by_any_of_its_names() {
    let (aws, kms, key) = aws_with_key().await;
    let other = aws.create_key(REGION, "alias/other").await;
    let blob = seal(&kms, "pii").await;
    aws.deny(Deny::everyone().key(&key));
    let id = key.rsplit('/').next().unwrap();
    for name in [ALIAS, id, &key] {
        let refused = kms.generate_data_key().key_id(name).number_of_bytes(32).send().await.unwrap_err();
        assert_eq!(refused.code(), Some("AccessDeniedException"), "{name}");
    }
    // No key id at all: the ciphertext names the key.
    let refused = kms.decrypt().ciphertext_blob(blob.clone()).encryption_context("privet:class", "pii").send().await;
    assert_eq!(refused.unwrap_err().code(), Some("AccessDeniedException"));
    let moved = kms.re_encrypt().ciphertext_blob(blob).source_encryption_context("privet:class", "pii");
    assert_eq!(moved.destination_key_id(&other).send().await.unwrap_err().code(), Some("AccessDeniedException"));
    kms.generate_data_key().key_id(other).number_of_bytes(32).send().await.unwrap();
}

#[tokio::test]
async fn re_encrypt_is_denied_by_its_iam_actions() {
    let (aws, kms, _) = aws_with_key().await;
    aws.create_key(REGION, "alias/other").await;
    let blob = seal(&kms, "pii").await;
    let re_encrypt = || {
        let request = kms.re_encrypt().ciphertext_blob(blob.clone()).source_encryption_context("privet:class", "pii");
        request.destination_key_id("alias/other").destination_encryption_context("privet:class", "public").send()
    };
    aws.deny(Deny::everyone().operation("ReEncryptTo").key(ALIAS));
    aws.deny(Deny::everyone().operation("ReEncryptFrom").context("privet:class", "public"));
    re_encrypt().await.unwrap();
    aws.deny(Deny::everyone().operation("ReEncryptTo").context("privet:class", "public"));
    assert_eq!(re_encrypt().await.unwrap_err().code(), Some("AccessDeniedException"));
}

#[tokio::test]
async fn a_denied_table_is_denied_for_one_principal() {
    let aws = EmbeddedAws::start().await;
    aws.deny(Deny::principal("analyst").table("customers"));
    for (principal, code) in [("analyst", "AccessDeniedException"), ("developer", "ResourceNotFoundException")] {
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws.config_as(REGION, principal).await);
        let refused = dynamodb.scan().table_name("customers").send().await.unwrap_err();
        assert_eq!(refused.code(), Some(code), "{principal}");
    }
}

#[tokio::test]
async fn a_deleted_key_is_gone_after_its_waiting_period() {
    let (aws, kms, key) = aws_with_key().await;
    let scheduled = kms.schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await.unwrap();
    let after = u64::try_from(scheduled.deletion_date().unwrap().secs()).unwrap() + 60;
    let clock = aws_smithy_async::time::StaticTimeSource::from_secs(after);
    let later = Client::new(&aws.config(REGION).await.into_builder().time_source(clock).build());
    let refused = later.describe_key().key_id(&key).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("NotFoundException"));
    kms.describe_key().key_id(&key).send().await.unwrap();
}

#[tokio::test]
async fn two_embedded_aws_share_nothing() {
    let (_aws, kms, key) = aws_with_key().await;
    let (other, other_kms, other_key) = aws_with_key().await;
    assert_ne!(key, other_key);
    let blob = seal(&kms, "pii").await;
    let refused = other_kms.decrypt().ciphertext_blob(blob).encryption_context("privet:class", "pii").send().await;
    assert_eq!(refused.unwrap_err().code(), Some("InvalidCiphertextException"));
    assert_eq!(other.calls("kms").len(), 1);
}

#[test]
fn one_aws_serves_several_current_thread_runtimes() {
    let run = |work: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    };
    let aws = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(EmbeddedAws::start());
    for n in 0..2 {
        let aws = aws.clone();
        run(Box::pin(async move {
            aws.create_key(REGION, &format!("alias/{n}")).await;
            let config = aws.config(REGION).await;
            aws.fault(Fault::on("kms", "ListKeys").times(1).error("ThrottlingException"));
            let keys = Client::new(&config).list_keys().send().await.unwrap();
            assert_eq!(keys.keys().len(), n + 1);
            aws_sdk_dynamodb::Client::new(&config).list_tables().send().await.unwrap();
        }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_a_client() {
    let (aws, kms, _) = aws_with_key().await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let kms = kms.clone();
            tokio::spawn(async move { seal(&kms, "pii").await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(aws.calls("kms").len(), 50);
}

async fn s3_with_bucket() -> (EmbeddedAws, aws_sdk_s3::Client) {
    let aws = EmbeddedAws::start().await;
    aws.create_bucket("documents").await;
    let s3 = aws_sdk_s3::Client::new(&aws.config(REGION).await);
    (aws, s3)
}

fn put_object(
    s3: &aws_sdk_s3::Client,
    key: &str,
) -> aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder {
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"hello");
    s3.put_object().bucket("documents").key(key).body(body)
}

#[tokio::test]
async fn objects_are_found_by_the_name_of_the_host() {
    let (aws, s3) = s3_with_bucket().await;
    put_object(&s3, "a/b c").send().await.unwrap();
    let got = s3.get_object().bucket("documents").key("a/b c").send().await.unwrap();
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"hello");
    let calls = aws.calls("s3");
    let asked: Vec<_> = calls.iter().map(|call| (call.operation.as_str(), call.object_key.as_deref())).collect();
    assert_eq!(asked, [("PutObject", Some("a/b c")), ("GetObject", Some("a/b c"))]);
    assert!(calls.iter().all(|call| call.bucket.as_deref() == Some("documents") && call.succeeded()));
}

#[tokio::test]
async fn faults_and_denials_hold_for_objects() {
    let (aws, s3) = s3_with_bucket().await;
    aws.fault(Fault::on("s3", "PutObject").times(1).error("SlowDown"));
    aws.fault(Fault::on("s3", "PutObject").times(1).answer_lost());
    put_object(&s3, "k").send().await.unwrap();
    let slow = Outcome::Error("SlowDown".to_owned());
    assert_eq!(outcomes(&aws, "s3"), [slow, Outcome::AnswerLost, Outcome::Success]);
    aws.fault(Fault::on("s3", "PutObject").times(1).error("PreconditionFailed"));
    let refused = put_object(&s3, "k").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("PreconditionFailed"));
    aws.deny(Deny::principal("analyst").service("s3").object("documents/k"));
    let analyst = aws_sdk_s3::Client::new(&aws.config_as(REGION, "analyst").await);
    let refused = put_object(&analyst, "k").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
    put_object(&analyst, "other").send().await.unwrap();
    aws.deny(Deny::everyone().bucket("documents"));
    put_object(&s3, "other").send().await.unwrap_err();
}

#[tokio::test]
async fn an_object_is_whole_whenever_its_writer_goes_away() {
    let (_aws, s3) = s3_with_bucket().await;
    let put = |number: usize| {
        let body = format!("{number} ").repeat(2000).into_bytes();
        s3.put_object().bucket("documents").key("k").body(body.into()).send()
    };
    put(0).await.unwrap();
    for polls in 0..60 {
        let mut writing = Box::pin(put(polls));
        for _ in 0..polls {
            if writing.as_mut().now_or_never().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        drop(writing);
        // The client compares what it reads with the checksum that was stored.
        let body = s3.get_object().bucket("documents").key("k").send().await.unwrap().body;
        body.collect().await.unwrap_or_else(|error| panic!("after {polls} polls: {error}"));
    }
}
