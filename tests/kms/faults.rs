//! Faults that pass are waited out; those that stay end in an error that says whether to try again.

use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryPartition;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use privet::keyring::KmsKeyring;
use privet::{EncryptedDataKey, ErrorKind, Keyring, Secret};
use privet_testkit::{Deny, Fault};
use tokio::time::Instant;

use crate::{REGION, Site, read, refused, request, request_for, written};

type PassingFault = (&'static str, ErrorKind, fn(Fault) -> Fault);

/// Each kind of fault that may pass, and what it is when it does not.
fn passing_faults() -> Vec<PassingFault> {
    use ErrorKind::{KeyUnavailable, Throttled};
    vec![
        ("throttling", Throttled, |fault| fault.error("ThrottlingException")),
        ("a limit", Throttled, |fault| fault.error("LimitExceededException")),
        ("request limit", Throttled, |fault| fault.error("RequestLimitExceeded")),
        ("an internal error", KeyUnavailable, |fault| fault.error("KMSInternalException")),
        ("a slow dependency", KeyUnavailable, |fault| fault.error("DependencyTimeoutException")),
        ("an unavailable key", KeyUnavailable, |fault| fault.error("KeyUnavailableException")),
        ("status 500", KeyUnavailable, |fault| fault.status(500)),
        ("status 503", KeyUnavailable, |fault| fault.status(503)),
        ("a reset", KeyUnavailable, Fault::reset),
        ("a timeout", KeyUnavailable, Fault::timeout),
        ("a lost answer", KeyUnavailable, Fault::answer_lost),
    ]
}

/// Asks for each of the three operations, by name.
async fn ask(keyring: &KmsKeyring, operation: &str, edk: &EncryptedDataKey) -> privet::Result<()> {
    match operation {
        "GenerateDataKey" => keyring.generate_data_key(&request()).await.map(drop),
        "Encrypt" => keyring.wrap_data_key(&Secret::copy_of(&[7; 32]), &request()).await.map(drop),
        _ => read(keyring, edk).await.map(|secret| assert!(secret.is_some())),
    }
}

/// A keyring whose retries nobody else uses up.
async fn keyring_of_its_own(site: &Site, name: String) -> KmsKeyring {
    let config = aws_sdk_kms::config::Builder::from(&site.aws.config(REGION).await);
    let client = Client::from_conf(config.retry_partition(RetryPartition::new(name)).build());
    KmsKeyring::new(client, &site.key_arn).unwrap()
}

const OPERATIONS: [&str; 3] = ["GenerateDataKey", "Encrypt", "Decrypt"];

#[tokio::test]
async fn what_passes_is_waited_out() {
    let site = Site::start().await;
    for (what, _, fault) in passing_faults() {
        for operation in OPERATIONS {
            let keyring = keyring_of_its_own(&site, format!("{what} {operation}")).await;
            let (_, edk) = written(&keyring).await;
            site.aws.clear_calls();
            site.aws.fault(fault(Fault::on("kms", operation).times(2)));
            ask(&keyring, operation, &edk).await.unwrap_or_else(|error| panic!("{operation}, {what}: {error}"));
            assert_eq!(site.calls(), 3, "{operation}, {what}");
            site.aws.clear_faults();
        }
    }
}

#[tokio::test]
async fn what_stays_is_an_error_that_may_be_tried_again() {
    let site = Site::start().await;
    for (what, kind, fault) in passing_faults() {
        for operation in OPERATIONS {
            let keyring = keyring_of_its_own(&site, format!("{what} {operation}, always")).await;
            let (_, edk) = written(&keyring).await;
            site.aws.clear_calls();
            site.aws.fault(fault(Fault::on("kms", operation)));
            let error = refused(ask(&keyring, operation, &edk).await, kind);
            assert!(error.is_retryable(), "{operation}, {what}");
            assert!(error.to_string().contains(operation), "{error}");
            assert_eq!(site.calls(), 3, "{operation}, {what}");
            site.aws.clear_faults();
        }
    }
}

#[tokio::test]
async fn the_source_names_code_and_request() {
    let site = Site::start().await;
    site.aws.fault(Fault::on("kms", "GenerateDataKey").error("DisabledException"));
    let error = refused(site.keyring().await.generate_data_key(&request()).await, ErrorKind::KeyUnavailable);
    let source = std::error::Error::source(&error).unwrap().to_string();
    for part in ["GenerateDataKey", "DisabledException", "400", "request "] {
        assert!(source.contains(part), "{source}");
    }
}

#[tokio::test]
async fn a_refusal_of_one_class_is_asked_for_once_and_others_are_served() {
    let site = Site::start().await;
    let keyring = site.keyring().await;
    let confidential = keyring.generate_data_key(&request_for("confidential")).await.unwrap();
    site.aws.deny(Deny::everyone().service("kms").context("privet:class", "confidential"));
    site.aws.clear_calls();
    let error =
        refused(keyring.unwrap_data_key(&confidential.edks, &request_for("confidential")).await, ErrorKind::Denied);
    assert!(!error.is_retryable());
    assert_eq!(site.calls(), 1);
    refused(keyring.generate_data_key(&request_for("confidential")).await, ErrorKind::Denied);
    assert_eq!(site.calls(), 2);
    let (secret, edk) = written(&keyring).await;
    assert_eq!(read(&keyring, &edk).await.unwrap().unwrap().expose(), secret.expose());
}

#[tokio::test]
async fn several_wrapped_keys_of_a_denied_key_are_asked_for_once() {
    let site = Site::start().await;
    let keyring = site.keyring().await;
    let (_, edk) = written(&keyring).await;
    site.aws.deny(Deny::everyone().service("kms"));
    site.aws.clear_calls();
    refused(keyring.unwrap_data_key(&[edk.clone(), edk.clone(), edk], &request()).await, ErrorKind::Denied);
    assert_eq!(site.calls(), 1);
}

#[tokio::test]
async fn a_damaged_or_moved_blob_is_asked_for_once_and_is_damage() {
    let site = Site::start().await;
    let keyring = site.keyring().await;
    let (secret, edk) = written(&keyring).await;
    let mut damaged = edk.clone();
    damaged.ciphertext[100] ^= 1;
    let mut of_another = edk.clone();
    let other = site.aws.create_key(REGION, "alias/other").await;
    let other_keyring = KmsKeyring::new(site.client(REGION).await, &other).unwrap();
    of_another.ciphertext = written(&other_keyring).await.1.ciphertext;
    let empty = EncryptedDataKey { ciphertext: Vec::new(), ..edk.clone() };
    let too_long = EncryptedDataKey { ciphertext: vec![0; 6145], ..edk.clone() };
    for (bad, calls) in [(&damaged, 1), (&of_another, 1), (&empty, 0), (&too_long, 0)] {
        site.aws.clear_calls();
        let error = refused(read(&keyring, bad).await, ErrorKind::Integrity);
        assert_eq!(error.to_string(), privet::Error::integrity().to_string());
        assert!(std::error::Error::source(&error).is_none());
        assert_eq!(site.calls(), calls);
    }
    let moved = keyring.unwrap_data_key(std::slice::from_ref(&edk), &request_for("sensitive")).await;
    refused(moved, ErrorKind::Integrity);
    // A good one behind damaged ones is found.
    let found = keyring.unwrap_data_key(&[damaged, of_another, edk], &request()).await.unwrap().unwrap();
    assert_eq!(found.expose(), secret.expose());
}

#[tokio::test]
async fn keys_that_are_disabled_or_about_to_go_are_unavailable() {
    let site = Site::start().await;
    let keyring = site.keyring().await;
    let (_, edk) = written(&keyring).await;
    let kms = site.client(REGION).await;
    kms.disable_key().key_id(&site.key_arn).send().await.unwrap();
    refused(read(&keyring, &edk).await, ErrorKind::KeyUnavailable);
    kms.schedule_key_deletion().key_id(&site.key_arn).send().await.unwrap();
    refused(read(&keyring, &edk).await, ErrorKind::KeyUnavailable);
    kms.cancel_key_deletion().key_id(&site.key_arn).send().await.unwrap();
    kms.enable_key().key_id(&site.key_arn).send().await.unwrap();
    assert!(read(&keyring, &edk).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_configured_wrongly_is_said_so() {
    let site = Site::start().await;
    let missing = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000000";
    let keyring = KmsKeyring::new(site.client(REGION).await, missing).unwrap();
    refused(keyring.generate_data_key(&request()).await, ErrorKind::Config);
    let kms = site.client(REGION).await;
    let hmac = kms.create_key().key_spec("HMAC_256".into()).key_usage("GENERATE_VERIFY_MAC".into());
    let hmac = hmac.send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let keyring = KmsKeyring::new(kms, hmac).unwrap();
    refused(keyring.generate_data_key(&request()).await, ErrorKind::Config);
    for code in ["UnrecognizedClientException", "InvalidGrantTokenException", "ValidationException"] {
        site.aws.fault(Fault::on("kms", "*").times(1).error(code));
        let error = refused(site.keyring().await.generate_data_key(&request()).await, ErrorKind::Config);
        assert!(!error.is_retryable(), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kms_that_never_answers_costs_the_time_budget_and_no_more() {
    let site = Site::start().await;
    site.aws.fault(Fault::on("kms", "*").delay(Duration::from_secs(3600)));
    let limited = TimeoutConfig::builder().operation_timeout(Duration::from_secs(3)).build();
    let limited = site.aws.config(REGION).await.into_builder().timeout_config(limited).build();
    let limited = || KmsKeyring::new(Client::new(&limited), &site.key_arn).unwrap();
    for (keyring, seconds) in [
        (site.keyring().await, 10),
        (site.keyring().await.with_time_budget(Duration::from_secs(2)), 2),
        (limited(), 3),
        (limited().with_time_budget(Duration::from_secs(20)), 20),
    ] {
        let start = Instant::now();
        let error = refused(keyring.generate_data_key(&request()).await, ErrorKind::KeyUnavailable);
        assert_eq!(start.elapsed().as_secs(), seconds);
        assert!(error.is_retryable());
        assert!(error.to_string().contains("time budget"), "{error}");
    }
}
