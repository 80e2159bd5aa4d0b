//! The KMS keyrings against embedded AWS: what is asked of KMS, and what becomes of each thing that can go wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod aliases;
mod answers;
mod cache;
mod discovery;
mod faults;
mod regions;
#[path = "../common/scripted.rs"]
mod scripted;

use std::fmt::Write as _;

use aws_sdk_kms::Client;
use privet::keyring::{DataKeyRequest, KmsKeyring};
use privet::{EncryptedDataKey, EncryptionContext, Error, ErrorKind, Keyring, Secret};
use privet_testkit::EmbeddedAws;

pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const OTHER_REGION: &str = "us-east-1";
/// Stands for what must not be in any error.
pub(crate) const OWNER: &str = "dr-strange";

pub(crate) struct Site {
    pub(crate) aws: EmbeddedAws,
    pub(crate) key_arn: String,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let aws = EmbeddedAws::start().await;
        let key_arn = aws.create_key(REGION, "alias/privet").await;
        Self { aws, key_arn }
    }

    pub(crate) async fn client(&self, region: &str) -> Client {
        Client::new(&self.aws.config(region).await)
    }

    pub(crate) async fn keyring(&self) -> KmsKeyring {
        KmsKeyring::new(self.client(REGION).await, &self.key_arn).unwrap()
    }

    /// A multi-Region key of [`REGION`] with a replica in [`OTHER_REGION`]: the ARNs of both.
    pub(crate) async fn replicated_key(&self) -> (String, String) {
        let kms = self.client(REGION).await;
        let key = kms.create_key().multi_region(true).send().await.unwrap().key_metadata.unwrap();
        let replica = kms.replicate_key().key_id(&key.key_id).replica_region(OTHER_REGION).send().await.unwrap();
        (key.arn.unwrap(), replica.replica_key_metadata.unwrap().arn.unwrap())
    }

    pub(crate) fn calls(&self) -> usize {
        self.aws.calls("kms").len()
    }
}

pub(crate) fn request() -> DataKeyRequest {
    request_for("pii")
}

pub(crate) fn request_for(class: &str) -> DataKeyRequest {
    DataKeyRequest::new(EncryptionContext::new().with("privet:class", class).with("owner", OWNER))
}

/// A data key of this keyring, wrapped.
pub(crate) async fn written(keyring: &dyn Keyring) -> (Secret, EncryptedDataKey) {
    let mut data_key = keyring.generate_data_key(&request()).await.unwrap();
    (data_key.secret, data_key.edks.remove(0))
}

pub(crate) fn arn_of(edk: &EncryptedDataKey) -> &str {
    std::str::from_utf8(&edk.provider_info).unwrap()
}

pub(crate) async fn read(keyring: &dyn Keyring, edk: &EncryptedDataKey) -> privet::Result<Option<Secret>> {
    keyring.unwrap_data_key(std::slice::from_ref(edk), &request()).await
}

/// The error must be of this kind, and neither it nor its causes may show what was asked.
pub(crate) fn refused<T>(result: Result<T, Error>, kind: ErrorKind) -> Error {
    let error = result.err().expect("this should have failed");
    assert_eq!(error.kind(), kind, "{error}");
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        write!(shown, " {error} {error:?}").unwrap();
        cause = error.source();
    }
    for secret in [OWNER, "owner", "Blob", "Plaintext", "inner"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    error
}
