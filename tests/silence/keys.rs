//! Keyrings, key stores and files of keys.

use std::sync::Arc;

use privet::dynamodb::KeyStoreTable;
use privet::keyring::store::{BranchKeyProtection, KeyStore};
use privet::keyring::{
    BranchKeyIds, BranchKeyring, DataKeyRequest, HierarchicalKeyring, Keyring, KmsBranchKeys, KmsKeyring, MultiKeyring,
    RawAesKeyring, RawRsaKeyring, RsaPadding, RsaPrivateKey, RsaPublicKey, WrappingKey,
};
use privet::{Classification, EncryptionContext, Policy, Secret};
use privet_testkit::{Deny, Fault};

use crate::common::{SECRETS, Site};
use crate::{KEY, PAIR, Said, raw};

const PEM: &str = include_str!("../vectors/rsa/private-pkcs8.pem");

#[tokio::test]
async fn keyrings_say_nothing() {
    // The table of a key store holds the context of its keys in clear.
    let mut said = Said::listen_to_own();
    let site = Site::start().await;
    let context = EncryptionContext::new().with("department", PAIR).with("privet:class", "pii");
    let request = DataKeyRequest::new(context);
    said.shows(&request);
    let private = RsaPrivateKey::from_pem(PEM).unwrap();
    said.shows(&private);
    said.shows(&private.public_key());
    let protection = BranchKeyProtection::key(&site.key_arn).unwrap();
    let table = KeyStoreTable::new(site.dynamodb.clone(), "keys");
    let kms = KmsBranchKeys::new(site.kms_as("service").await);
    let store = Arc::new(KeyStore::new("store", protection, table, kms).unwrap());
    store.create_table().await.unwrap();
    store
        .create_with_id("branch", &EncryptionContext::new().with("department", PAIR).with("privet:class", "pii"))
        .await
        .unwrap();
    store.rotate("branch").await.unwrap();
    let branch = store.active("branch").await.unwrap();
    let secret = branch.secret.expose().to_vec();
    said.shows(&branch);
    said.shows(&store);
    said.shows(&store.describe("branch").await.unwrap());
    said.shows(&store.beacon_key("branch").await.unwrap());

    let ids = BranchKeyIds::new().class(Classification::Pii, "branch");
    let keyrings: [Box<dyn Keyring>; 6] = [
        Box::new(raw()),
        Box::new(RawRsaKeyring::new("tests", "rsa", private, RsaPadding::OaepSha256).unwrap()),
        Box::new(site.keyring("service").await),
        Box::new(MultiKeyring::new(site.keyring("service").await).with(raw())),
        Box::new(HierarchicalKeyring::new(Arc::clone(&store), "branch")),
        Box::new(BranchKeyring::new(Arc::clone(&store), ids)),
    ];
    let mut data_keys = Vec::new();
    for keyring in &keyrings {
        said.shows(keyring);
        let data_key = keyring.generate_data_key(&request).await.unwrap();
        said.shows(&data_key);
        for edk in &data_key.edks {
            said.shows(&WrappingKey::of(edk));
        }
        data_keys.push(data_key.secret.expose().to_vec());
        let other = DataKeyRequest::new(EncryptionContext::new().with("department", SECRETS[0]));
        said.may_fail(keyring.unwrap_data_key(&data_key.edks, &other).await);
        let mut damaged = data_key.edks.clone();
        *damaged[0].ciphertext.last_mut().unwrap() ^= 1;
        said.may_fail(keyring.unwrap_data_key(&damaged, &request).await);
    }
    for fault in [
        Fault::on("dynamodb", "*").error("ThrottlingException"),
        Fault::on("kms", "*").error("ThrottlingException"),
        Fault::on("kms", "*").error("InvalidCiphertextException"),
        Fault::on("kms", "*").reset(),
    ] {
        site.aws.clear_faults();
        site.aws.fault(fault);
        for keyring in &keyrings {
            keyring.purge();
            said.may_fail(keyring.generate_data_key(&request).await);
        }
        said.fails(store.active("branch").await);
        said.fails(store.rotate("branch").await);
    }
    site.aws.clear_faults();
    site.aws.deny(Deny::everyone().service("kms"));
    said.fails(store.active("branch").await);
    said.fails(store.active(SECRETS[0]).await);

    // Input that is no key.
    said.fails(KmsKeyring::new(site.kms_as("service").await, SECRETS[3]));
    said.fails(RawAesKeyring::new("tests", "key", &Secret::copy_of(&KEY[..31])));
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("silence.key");
    std::fs::write(&file, &KEY[..31]).unwrap();
    std::os::unix::fs::PermissionsExt::set_mode(&mut file.metadata().unwrap().permissions(), 0o600);
    said.fails(RawAesKeyring::from_file("tests", "key", &file));
    let broken = PEM.replacen('A', "!", 1);
    said.fails(RsaPrivateKey::from_pem(&broken));
    said.fails(RsaPublicKey::from_pem(PEM));
    said.fails(RsaPrivateKey::from_der(PEM.as_bytes()));
    said.fails(Policy::from_toml(&format!("version = 1\nsecret = \"{}\"", "x")));
    let pem_line = PEM.lines().nth(3).unwrap().as_bytes().to_vec();
    let mut secrets: Vec<&[u8]> = vec![&secret, &pem_line];
    secrets.extend(data_keys.iter().map(Vec::as_slice));
    said.holds_none_of(&secrets, 20);
}
