//! Keys in several regions: replicas of a multi-Region key are one key, and each request goes to its own region.

use privet::keyring::{KmsClients, KmsKeyring};
use privet::{ErrorKind, Keyring};

use crate::{OTHER_REGION, REGION, Site, arn_of, read, refused, request, written};

#[tokio::test]
async fn a_replica_reads_what_another_one_wrote_in_its_own_region() {
    let site = Site::start().await;
    let (primary, replica) = site.replicated_key().await;
    let here = KmsKeyring::new(site.client(REGION).await, &primary).unwrap();
    let there = KmsKeyring::new(site.client(OTHER_REGION).await, &replica).unwrap();
    for (writer, reader, region) in [(&here, &there, OTHER_REGION), (&there, &here, REGION)] {
        let (secret, edk) = written(writer).await;
        site.aws.clear_calls();
        assert_eq!(read(reader, &edk).await.unwrap().unwrap().expose(), secret.expose());
        let calls = site.aws.calls("kms");
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].region, region);
        assert!(calls[0].key_id.as_deref().unwrap().contains(region));
    }
}

#[tokio::test]
async fn a_key_of_one_region_is_no_other_key() {
    let site = Site::start().await;
    let (_, edk) = written(&site.keyring().await).await;
    let elsewhere = site.key_arn.replace(REGION, OTHER_REGION);
    let keyring = KmsKeyring::new(site.client(OTHER_REGION).await, elsewhere).unwrap();
    let (primary, _) = site.replicated_key().await;
    let replicated = KmsKeyring::new(site.client(REGION).await, primary).unwrap();
    site.aws.clear_calls();
    assert!(read(&keyring, &edk).await.unwrap().is_none());
    assert!(read(&replicated, &edk).await.unwrap().is_none());
    assert_eq!(site.calls(), 0);
}

#[tokio::test]
async fn the_client_must_be_for_the_region_of_the_key() {
    let site = Site::start().await;
    let wrong = KmsKeyring::new(site.client(OTHER_REGION).await, &site.key_arn);
    assert!(refused(wrong, ErrorKind::Config).to_string().contains("region"));
    let (primary, _) = site.replicated_key().await;
    refused(KmsKeyring::new(site.client(OTHER_REGION).await, primary), ErrorKind::Config);
}

#[tokio::test]
async fn clients_are_made_for_each_region_once() {
    let site = Site::start().await;
    let (primary, replica) = site.replicated_key().await;
    let clients = KmsClients::from_config(&site.aws.config("ap-south-1").await);
    for (arn, region) in [(primary, REGION), (replica, OTHER_REGION)] {
        let keyring = KmsKeyring::new(clients.clone(), &arn).unwrap();
        site.aws.clear_calls();
        assert_eq!(arn_of(&written(&keyring).await.1), arn);
        assert_eq!(site.aws.calls("kms")[0].region, region);
    }
    let (made, config) = (std::sync::Arc::new(std::sync::Mutex::new(Vec::new())), site.aws.config(REGION).await);
    let clients = KmsClients::per_region({
        let made = made.clone();
        move |region| {
            made.lock().unwrap().push(region.to_owned());
            aws_sdk_kms::Client::new(&config)
        }
    });
    for _ in 0..3 {
        let keyring = KmsKeyring::new(clients.clone(), &site.key_arn).unwrap();
        keyring.generate_data_key(&request()).await.unwrap();
    }
    assert_eq!(*made.lock().unwrap(), [REGION]);
}
