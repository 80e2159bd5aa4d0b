//! A KMS key: what it is for, whether it may be used, and how the service describes it.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::ACCOUNT;
use crate::embedded::epoch_seconds;

/// A key in one region. Its material is kept apart, because replicas share it.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) spec: Spec,
    pub(crate) state: KeyState,
    pub(crate) created: SystemTime,
    pub(crate) description: String,
    /// The region of the primary key, if this is a multi-Region key.
    pub(crate) primary: Option<String>,
    pub(crate) rotation: bool,
}

impl Key {
    /// Fails unless the key may be used for `operation`, which belongs to `usage`.
    pub(crate) fn check_usable(&self, usage: &str, operation: &str) -> Result<(), Refusal> {
        self.check_enabled()?;
        if self.spec.usage() != usage {
            return Err(Refusal::invalid_usage(format!(
                "{} key usage is {} which is not valid for {operation}.",
                self.arn,
                self.spec.usage()
            )));
        }
        Ok(())
    }

    pub(crate) fn check_enabled(&self) -> Result<(), Refusal> {
        self.check_not_pending()?;
        match self.state {
            KeyState::Disabled => Err(Refusal::new("DisabledException", format!("{} is disabled.", self.arn))),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_not_pending(&self) -> Result<(), Refusal> {
        match self.state {
            KeyState::PendingDeletion(_) => Err(Refusal::invalid_state(format!("{} is pending deletion.", self.arn))),
            _ => Ok(()),
        }
    }

    /// Whether its waiting period is over: such a key is no longer there.
    pub(crate) fn is_deleted(&self, now: SystemTime) -> bool {
        matches!(self.state, KeyState::PendingDeletion(date) if date <= now)
    }

    /// The `KeyMetadata` of the service. `replicas` are the regions of the replicas, if it is a multi-Region key.
    pub(crate) fn metadata(&self, region: &str, replicas: &[String]) -> Value {
        let mut metadata = json!({
            "AWSAccountId": ACCOUNT,
            "KeyId": self.id,
            "Arn": self.arn,
            "CreationDate": epoch_seconds(self.created),
            "Enabled": self.state == KeyState::Enabled,
            "Description": self.description,
            "KeyUsage": self.spec.usage(),
            "KeyState": self.state.name(),
            "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER",
            "KeySpec": self.spec.name(),
            "CustomerMasterKeySpec": self.spec.name(),
            "MultiRegion": self.primary.is_some(),
        });
        let Some(fields) = metadata.as_object_mut() else { return metadata };
        match self.spec {
            Spec::Symmetric => fields.insert("EncryptionAlgorithms".to_owned(), json!([SYMMETRIC_DEFAULT])),
            Spec::Hmac(mac) => fields.insert("MacAlgorithms".to_owned(), json!([mac.algorithm()])),
        };
        if let KeyState::PendingDeletion(date) = self.state {
            fields.insert("DeletionDate".to_owned(), json!(epoch_seconds(date)));
        }
        if let Some(primary) = &self.primary {
            let key = |region: &String| json!({ "Arn": arn(region, &format!("key/{}", self.id)), "Region": region });
            let configuration = json!({
                "MultiRegionKeyType": if primary == region { "PRIMARY" } else { "REPLICA" },
                "PrimaryKey": key(primary),
                "ReplicaKeys": replicas.iter().map(key).collect::<Vec<_>>(),
            });
            fields.insert("MultiRegionConfiguration".to_owned(), configuration);
        }
        metadata
    }
}

/// Whether a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion(SystemTime),
}

impl KeyState {
    fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion(_) => "PendingDeletion",
        }
    }
}

/// The kinds of key there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spec {
    Symmetric,
    Hmac(Hash),
}

impl Spec {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            SYMMETRIC_DEFAULT => Some(Self::Symmetric),
            name => Hash::ALL.into_iter().map(Self::Hmac).find(|spec| spec.name() == name),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Symmetric => SYMMETRIC_DEFAULT,
            Self::Hmac(Hash::Sha224) => "HMAC_224",
            Self::Hmac(Hash::Sha256) => "HMAC_256",
            Self::Hmac(Hash::Sha384) => "HMAC_384",
            Self::Hmac(Hash::Sha512) => "HMAC_512",
        }
    }

    pub(crate) fn usage(self) -> &'static str {
        match self {
            Self::Symmetric => ENCRYPT_DECRYPT,
            Self::Hmac(_) => GENERATE_VERIFY_MAC,
        }
    }

    /// The length of the key material in bytes.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Symmetric | Self::Hmac(Hash::Sha256) => 32,
            Self::Hmac(Hash::Sha224) => 28,
            Self::Hmac(Hash::Sha384) => 48,
            Self::Hmac(Hash::Sha512) => 64,
        }
    }
}

/// The hash function of an HMAC key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    const ALL: [Self; 4] = [Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    pub(crate) fn algorithm(self) -> &'static str {
        match self {
            Self::Sha224 => "HMAC_SHA_224",
            Self::Sha256 => "HMAC_SHA_256",
            Self::Sha384 => "HMAC_SHA_384",
            Self::Sha512 => "HMAC_SHA_512",
        }
    }
}

/// An ARN of KMS.
pub(crate) fn arn(region: &str, resource: &str) -> String {
    format!("arn:aws:kms:{region}:{ACCOUNT}:{resource}")
}

pub(crate) const ENCRYPT_DECRYPT: &str = "ENCRYPT_DECRYPT";
pub(crate) const GENERATE_VERIFY_MAC: &str = "GENERATE_VERIFY_MAC";
pub(crate) const SYMMETRIC_DEFAULT: &str = "SYMMETRIC_DEFAULT";
