//! KMS: the life of a key and its names.

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::KeyState;

use crate::site::{HERE, Site, THERE, code, unique};

async fn client_with_key() -> (Client, String) {
    let kms = Site::start().await.kms(HERE).await;
    let created = kms.create_key().description("a key").send().await.unwrap();
    let arn = created.key_metadata().unwrap().arn().unwrap().to_owned();
    (kms, arn)
}

async fn seal(kms: &Client, key: &str) -> Blob {
    kms.encrypt().key_id(key).plaintext(Blob::new("secret")).send().await.unwrap().ciphertext_blob.unwrap()
}

async fn state(kms: &Client, key: &str) -> KeyState {
    let described = kms.describe_key().key_id(key).send().await.unwrap();
    described.key_metadata.unwrap().key_state.unwrap()
}

#[tokio::test]
async fn a_new_key_is_described_as_the_service_does() {
    let (kms, arn) = client_with_key().await;
    let described = kms.describe_key().key_id(&arn).send().await.unwrap().key_metadata.unwrap();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    assert_eq!(parts[..4], ["arn", "aws", "kms", HERE]);
    assert_eq!(parts[5], format!("key/{}", described.key_id()));
    assert_eq!(described.key_id().len(), 36);
    assert_eq!(described.arn(), Some(arn.as_str()));
    assert_eq!(described.description(), Some("a key"));
    assert_eq!(described.key_state(), Some(&KeyState::Enabled));
    assert!(described.enabled());
    assert!(described.creation_date().is_some());
    let listed = kms.list_keys().send().await.unwrap();
    assert!(listed.keys().iter().any(|key| key.key_arn() == Some(arn.as_str())));
}

#[tokio::test]
async fn a_key_goes_by_id_arn_alias_and_alias_arn() {
    let (kms, arn) = client_with_key().await;
    let alias = unique("alias/contract");
    let id = arn.rsplit('/').next().unwrap();
    kms.create_alias().alias_name(&alias).target_key_id(id).send().await.unwrap();
    let alias_arn = arn.replace(&format!("key/{id}"), &alias);
    let blob = seal(&kms, &arn).await;
    for name in [id, &arn, &alias, &alias_arn] {
        let made = kms.generate_data_key().key_id(name).number_of_bytes(32).send().await.unwrap();
        assert_eq!(made.key_id(), Some(arn.as_str()), "{name}");
        let opened = kms.decrypt().key_id(name).ciphertext_blob(blob.clone()).send().await.unwrap();
        assert_eq!(opened.key_id(), Some(arn.as_str()), "{name}");
        let described = kms.describe_key().key_id(name).send().await.unwrap().key_metadata.unwrap();
        assert_eq!(described.arn(), Some(arn.as_str()), "{name}");
    }
    let listed = kms.list_aliases().key_id(id).send().await.unwrap();
    let [entry] = listed.aliases() else { panic!("one alias, not {:?}", listed.aliases()) };
    assert_eq!((entry.alias_name(), entry.alias_arn()), (Some(alias.as_str()), Some(alias_arn.as_str())));
    assert_eq!(entry.target_key_id(), Some(id));
}

#[tokio::test]
async fn an_alias_is_taken_moved_and_removed() {
    let (kms, first) = client_with_key().await;
    let second = kms.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let alias = unique("alias/contract");
    kms.create_alias().alias_name(&alias).target_key_id(&first).send().await.unwrap();
    let again = kms.create_alias().alias_name(&alias).target_key_id(&second).send().await;
    assert_eq!(code(again), "AlreadyExistsException");
    let wrong = kms.create_alias().alias_name("no-prefix").target_key_id(&second).send().await;
    assert_eq!(code(wrong), "ValidationException");

    let old = seal(&kms, &alias).await;
    kms.update_alias().alias_name(&alias).target_key_id(&second).send().await.unwrap();
    let made = kms.encrypt().key_id(&alias).plaintext(Blob::new("x")).send().await.unwrap();
    assert_eq!(made.key_id(), Some(second.as_str()));
    // What the old key sealed is not readable through the moved alias, but by itself.
    let through = kms.decrypt().key_id(&alias).ciphertext_blob(old.clone()).send().await;
    assert_eq!(code(through), "IncorrectKeyException");
    kms.decrypt().ciphertext_blob(old).send().await.unwrap();

    kms.delete_alias().alias_name(&alias).send().await.unwrap();
    assert_eq!(code(kms.describe_key().key_id(&alias).send().await), "NotFoundException");
}

#[tokio::test]
async fn a_disabled_key_does_nothing_until_enabled() {
    let (kms, key) = client_with_key().await;
    let blob = seal(&kms, &key).await;
    kms.disable_key().key_id(&key).send().await.unwrap();
    assert_eq!(state(&kms, &key).await, KeyState::Disabled);
    let made = kms.generate_data_key().key_id(&key).number_of_bytes(32).send().await;
    assert_eq!(code(made), "DisabledException");
    assert_eq!(code(kms.decrypt().ciphertext_blob(blob.clone()).send().await), "DisabledException");
    let moved = kms.re_encrypt().ciphertext_blob(blob.clone()).destination_key_id(&key).send().await;
    assert_eq!(code(moved), "DisabledException");
    kms.enable_key().key_id(&key).send().await.unwrap();
    kms.decrypt().ciphertext_blob(blob).send().await.unwrap();
}

#[tokio::test]
async fn a_key_pending_deletion_does_nothing_until_cancelled_and_enabled() {
    let (kms, key) = client_with_key().await;
    let blob = seal(&kms, &key).await;
    for days in [6, 31] {
        let refused = kms.schedule_key_deletion().key_id(&key).pending_window_in_days(days).send().await;
        assert_eq!(code(refused), "ValidationException", "{days} days");
    }
    let scheduled = kms.schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await.unwrap();
    assert_eq!(scheduled.key_state(), Some(&KeyState::PendingDeletion));
    assert!(scheduled.deletion_date().is_some());
    assert_eq!(state(&kms, &key).await, KeyState::PendingDeletion);
    let made = kms.generate_data_key().key_id(&key).number_of_bytes(32).send().await;
    assert_eq!(code(made), "KMSInvalidStateException");
    assert_eq!(code(kms.decrypt().ciphertext_blob(blob.clone()).send().await), "KMSInvalidStateException");
    assert_eq!(code(kms.enable_key().key_id(&key).send().await), "KMSInvalidStateException");
    assert_eq!(code(kms.schedule_key_deletion().key_id(&key).send().await), "KMSInvalidStateException");

    kms.cancel_key_deletion().key_id(&key).send().await.unwrap();
    assert_eq!(code(kms.cancel_key_deletion().key_id(&key).send().await), "KMSInvalidStateException");
    assert_eq!(state(&kms, &key).await, KeyState::Disabled);
    assert_eq!(code(kms.decrypt().ciphertext_blob(blob.clone()).send().await), "DisabledException");
    kms.enable_key().key_id(&key).send().await.unwrap();
    kms.decrypt().ciphertext_blob(blob).send().await.unwrap();
}

#[tokio::test]
async fn what_was_sealed_before_a_rotation_stays_readable() {
    let (kms, key) = client_with_key().await;
    let mut blobs = vec![seal(&kms, &key).await];
    for _ in 0..3 {
        kms.rotate_key_on_demand().key_id(&key).send().await.unwrap();
        blobs.push(seal(&kms, &key).await);
    }
    for blob in blobs {
        let opened = kms.decrypt().key_id(&key).ciphertext_blob(blob).send().await.unwrap();
        assert_eq!(opened.plaintext().unwrap().as_ref(), b"secret");
    }
    kms.enable_key_rotation().key_id(&key).send().await.unwrap();
    assert!(kms.get_key_rotation_status().key_id(&key).send().await.unwrap().key_rotation_enabled());
}

#[tokio::test]
async fn a_replica_opens_what_its_primary_sealed() {
    let site = Site::start().await;
    let (here, there) = (site.kms(HERE).await, site.kms(THERE).await);
    let primary = here.create_key().multi_region(true).send().await.unwrap().key_metadata.unwrap();
    let (id, arn) = (primary.key_id().to_owned(), primary.arn.unwrap());
    assert!(id.starts_with("mrk-"));
    let replicated = here.replicate_key().key_id(&arn).replica_region(THERE).send().await.unwrap();
    let replica = replicated.replica_key_metadata.unwrap().arn.unwrap();
    assert_eq!(replica, arn.replace(HERE, THERE));

    let blob = seal(&here, &arn).await;
    let opened = there.decrypt().key_id(&replica).ciphertext_blob(blob).send().await.unwrap();
    assert_eq!(opened.key_id(), Some(replica.as_str()));
    assert_eq!(opened.plaintext().unwrap().as_ref(), b"secret");

    let single = here.create_key().send().await.unwrap().key_metadata.unwrap();
    let refused = here.replicate_key().key_id(single.key_id()).replica_region(THERE).send().await;
    assert_eq!(code(refused), "UnsupportedOperationException");
}
