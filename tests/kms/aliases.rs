//! Aliases and bare ids: they write, what is stored is the key's ARN, and reading takes another keyring.

use aws_sdk_kms::Client;
use privet::keyring::{DataKeyRequest, KmsClients, KmsDiscoveryKeyring, KmsKeyring, MultiKeyring};
use privet::{EncryptionContext, ErrorKind, Keyring};
use privet_testkit::ACCOUNT;

use crate::scripted::Scripted;
use crate::{REGION, Site, arn_of, read, refused, request, written};

#[tokio::test]
async fn what_is_stored_is_the_arn_of_the_key() {
    let site = Site::start().await;
    let alias_arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:alias/privet");
    let id = site.key_arn.rsplit('/').next().unwrap();
    let reader = site.keyring().await;
    for name in ["alias/privet", &alias_arn, id, &site.key_arn] {
        let writer = KmsKeyring::for_writing(site.client(REGION).await, name).unwrap();
        let (secret, edk) = written(&writer).await;
        assert_eq!(arn_of(&edk), site.key_arn);
        assert_eq!(arn_of(&writer.wrap_data_key(&secret, &request()).await.unwrap()), site.key_arn);
        assert_eq!(read(&reader, &edk).await.unwrap().unwrap().expose(), secret.expose());
        // It would have to ask KMS what the alias means now, and believe it.
        site.aws.clear_calls();
        assert!(read(&writer, &edk).await.unwrap().is_none());
        assert_eq!(site.calls(), 0);
    }
}

#[tokio::test]
async fn reading_goes_on_when_the_alias_moves() {
    let site = Site::start().await;
    let kms = site.client(REGION).await;
    let keyring = MultiKeyring::new(KmsKeyring::for_writing(kms.clone(), "alias/privet").unwrap())
        .with_reader(KmsDiscoveryKeyring::of_accounts(kms.clone(), "aws", [ACCOUNT]).unwrap());
    let (old_secret, old) = written(&keyring).await;
    let new_arn = site.aws.create_key(REGION, "alias/new").await;
    kms.update_alias().alias_name("alias/privet").target_key_id(&new_arn).send().await.unwrap();
    let (new_secret, new) = written(&keyring).await;
    assert_eq!((arn_of(&old), arn_of(&new)), (site.key_arn.as_str(), new_arn.as_str()));
    assert_eq!(read(&keyring, &old).await.unwrap().unwrap().expose(), old_secret.expose());
    assert_eq!(read(&keyring, &new).await.unwrap().unwrap().expose(), new_secret.expose());
}

#[tokio::test]
async fn names_that_are_none_are_refused_before_any_call() {
    let site = Site::start().await;
    let kms = site.client(REGION).await;
    for name in ["", "alias/", "key/1", "arn:aws:kms:eu-west-1:111122223333:alias/", "arn:aws:s3:::bucket"] {
        refused(KmsKeyring::for_writing(kms.clone(), name), ErrorKind::Config);
    }
    for name in ["alias/privet", "1234abcd", "arn:aws:kms:eu-west-1:111122223333:alias/privet"] {
        let error = refused(KmsKeyring::new(kms.clone(), name), ErrorKind::Config);
        assert!(error.to_string().contains("for_writing"), "{error}");
    }
    let clients = KmsClients::from_config(&site.aws.config(REGION).await);
    refused(KmsKeyring::for_writing(clients.clone(), "alias/privet"), ErrorKind::Config);
    let alias_arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:alias/privet");
    assert_eq!(arn_of(&written(&KmsKeyring::for_writing(clients, alias_arn).unwrap()).await.1), site.key_arn);
}

#[tokio::test]
async fn an_alias_must_lead_to_a_key_that_it_can_mean() {
    let answer =
        |arn: &str| format!(r#"{{"KeyId":"{arn}","Plaintext":"{}=","CiphertextBlob":"AAAA"}}"#, "A".repeat(43));
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
    for (name, arn, is_good) in [
        ("alias/privet", key, true),
        ("alias/privet", "arn:aws:kms:eu-west-1:111122223333:alias/privet", false),
        ("alias/privet", "1234abcd", false),
        ("1234abcd", key, true),
        ("1234abcd", "arn:aws:kms:eu-west-1:111122223333:key/other", false),
        ("arn:aws:kms:eu-west-1:111122223333:alias/privet", key, true),
        ("arn:aws:kms:eu-west-1:999999999999:alias/privet", key, false),
    ] {
        let kms = Scripted::answering(200, answer(arn));
        let keyring = KmsKeyring::for_writing(Client::new(&kms.config().await), name).unwrap();
        let request = DataKeyRequest::new(EncryptionContext::new());
        let result = keyring.generate_data_key(&request).await;
        assert_eq!(result.is_ok(), is_good, "{name} gave {arn}: {result:?}");
        // An empty context is none.
        assert!(!kms.asked()[0].contains("EncryptionContext"));
    }
}
