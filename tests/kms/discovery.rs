//! Reading with whatever key the data names, of the accounts and regions that are allowed.

use privet::keyring::{KmsClients, KmsDiscoveryKeyring, KmsKeyring, MultiKeyring};
use privet::{EncryptedDataKey, ErrorKind, Keyring};
use privet_testkit::{ACCOUNT, Deny, Fault};

use crate::{OTHER_REGION, REGION, Site, read, refused, request, written};

async fn discovery(site: &Site, region: &str) -> KmsDiscoveryKeyring {
    KmsDiscoveryKeyring::of_accounts(site.client(region).await, "aws", [ACCOUNT]).unwrap()
}

#[tokio::test]
async fn it_reads_with_the_key_the_data_names() {
    let site = Site::start().await;
    let keyring = discovery(&site, REGION).await;
    let other = site.aws.create_key(REGION, "alias/other").await;
    for arn in [&site.key_arn, &other] {
        let writer = KmsKeyring::new(site.client(REGION).await, arn).unwrap();
        let (secret, edk) = written(&writer).await;
        site.aws.clear_calls();
        assert_eq!(read(&keyring, &edk).await.unwrap().unwrap().expose(), secret.expose());
        assert_eq!(site.aws.calls("kms")[0].key_id.as_ref(), Some(arn));
    }
}

#[tokio::test]
async fn it_does_not_write() {
    let site = Site::start().await;
    let keyring = discovery(&site, REGION).await;
    let (secret, _) = written(&site.keyring().await).await;
    site.aws.clear_calls();
    refused(keyring.generate_data_key(&request()).await, ErrorKind::Config);
    refused(keyring.wrap_data_key(&secret, &request()).await, ErrorKind::Config);
    assert_eq!(site.calls(), 0);
    let multi = MultiKeyring::new(site.keyring().await).with_reader(keyring);
    assert_eq!(multi.generate_data_key(&request()).await.unwrap().edks.len(), 1);
}

#[tokio::test]
async fn keys_of_others_are_not_asked_for() {
    let site = Site::start().await;
    let (_, edk) = written(&site.keyring().await).await;
    let client = site.client(REGION).await;
    let elsewhere = KmsDiscoveryKeyring::of_accounts(client.clone(), "aws", ["999999999999"]).unwrap();
    let in_china = KmsDiscoveryKeyring::of_accounts(client.clone(), "aws-cn", [ACCOUNT]).unwrap();
    let in_america = discovery(&site, OTHER_REGION).await;
    site.aws.clear_calls();
    for keyring in [elsewhere, in_china, in_america] {
        assert!(read(&keyring, &edk).await.unwrap().is_none(), "{keyring:?}");
    }
    let ours = discovery(&site, REGION).await;
    for (provider_id, info) in [
        ("aws-kms", "alias/privet"),
        ("aws-kms", "arn:aws:kms:eu-west-1:111122223333:alias/privet"),
        ("aws-kms", "arn:aws:kms:evil.example/:111122223333:key/1"),
        ("aws-kms-hierarchy", site.key_arn.as_str()),
        ("raw", site.key_arn.as_str()),
    ] {
        let edk = EncryptedDataKey { provider_id: provider_id.into(), provider_info: info.into(), ..edk.clone() };
        assert!(read(&ours, &edk).await.unwrap().is_none(), "{info}");
    }
    assert_eq!(site.calls(), 0);
    let anyone = KmsDiscoveryKeyring::dangerous_of_any_account(client);
    assert!(read(&anyone, &edk).await.unwrap().is_some());
}

#[tokio::test]
async fn filters_that_allow_nothing_are_refused() {
    let client = Site::start().await.client(REGION).await;
    for (partition, accounts) in [("", vec![ACCOUNT]), ("aws", vec![]), ("aws", vec!["shop"]), ("a:b", vec![ACCOUNT])] {
        refused(KmsDiscoveryKeyring::of_accounts(client.clone(), partition, accounts), ErrorKind::Config);
    }
}

#[tokio::test]
async fn multi_region_keys_are_asked_for_in_the_own_region() {
    let site = Site::start().await;
    let (primary, _) = site.replicated_key().await;
    let (secret, edk) = written(&KmsKeyring::new(site.client(REGION).await, primary).unwrap()).await;
    let clients = KmsClients::from_config(&site.aws.config(REGION).await);
    let everywhere = || KmsDiscoveryKeyring::of_accounts(clients.clone(), "aws", [ACCOUNT]).unwrap();
    for (keyring, region) in [
        (discovery(&site, OTHER_REGION).await, OTHER_REGION),
        (everywhere().with_own_region(OTHER_REGION), OTHER_REGION),
        (everywhere(), REGION),
    ] {
        site.aws.clear_calls();
        assert_eq!(read(&keyring, &edk).await.unwrap().unwrap().expose(), secret.expose());
        assert_eq!(site.aws.calls("kms")[0].region, region);
    }
    // A key of one region is asked for there, whatever the own region is.
    let (_, edk) = written(&site.keyring().await).await;
    assert!(read(&everywhere().with_own_region(OTHER_REGION), &edk).await.unwrap().is_some());
}

#[tokio::test]
async fn all_wrapped_keys_are_tried_and_no_denied_key_twice() {
    let site = Site::start().await;
    let denied = site.aws.create_key(REGION, "alias/denied").await;
    let refused_edk = written(&KmsKeyring::new(site.client(REGION).await, &denied).unwrap()).await.1;
    let (secret, edk) = written(&site.keyring().await).await;
    site.aws.deny(Deny::everyone().key(&denied));
    let keyring = discovery(&site, REGION).await;
    site.aws.clear_calls();
    let edks = [refused_edk.clone(), refused_edk.clone(), edk.clone()];
    let found = keyring.unwrap_data_key(&edks, &request()).await.unwrap().unwrap();
    assert_eq!(found.expose(), secret.expose());
    assert_eq!(site.calls(), 2);
    // What may pass later is what is reported.
    let config = aws_sdk_kms::config::Builder::from(&site.aws.config(REGION).await);
    let once = config.retry_config(aws_sdk_kms::config::retry::RetryConfig::disabled()).build();
    let once = KmsDiscoveryKeyring::dangerous_of_any_account(aws_sdk_kms::Client::from_conf(once));
    site.aws.fault(Fault::on("kms", "Decrypt").after(1).error("ThrottlingException"));
    refused(once.unwrap_data_key(&[refused_edk, edk], &request()).await, ErrorKind::Throttled);
}
