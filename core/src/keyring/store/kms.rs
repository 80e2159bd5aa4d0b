//! Which KMS key protects a key store, and what is asked of KMS.

use std::fmt;
use std::sync::Arc;

use crate::crypto::Secret;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};
use crate::keyring::KeyringFuture;
use crate::keyring::arn::KeyArn;

/// What a key store asks of KMS.
///
/// [`KmsBranchKeys`](crate::keyring::KmsBranchKeys) implements it over AWS KMS (feature `kms`). Errors are told apart by
/// kind as those of a [`Keyring`](crate::Keyring).
pub trait BranchKeyKms: fmt::Debug + Send + Sync {
    /// A new 32-byte key that only KMS has seen, as its ciphertext (`GenerateDataKeyWithoutPlaintext`).
    ///
    /// # Errors
    ///
    /// `Denied`, `Throttled`, `KeyUnavailable`, `Config` as KMS says.
    fn generate<'a>(&'a self, key_arn: &'a str, context: &'a EncryptionContext) -> KeyringFuture<'a, Vec<u8>>;

    /// The same key bound to another context, which the caller does not see either (`ReEncrypt`, the same KMS key on
    /// both sides).
    ///
    /// # Errors
    ///
    /// `Integrity` if the ciphertext does not belong to the context; else as [`generate`](Self::generate).
    fn re_encrypt<'a>(
        &'a self,
        key_arn: &'a str,
        ciphertext: &'a [u8],
        from: &'a EncryptionContext,
        to: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Vec<u8>>;

    /// The key behind a ciphertext (`Decrypt`).
    ///
    /// # Errors
    ///
    /// As [`re_encrypt`](Self::re_encrypt).
    fn decrypt<'a>(
        &'a self,
        key_arn: &'a str,
        ciphertext: &'a [u8],
        context: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Secret>;
}

impl<K: BranchKeyKms + ?Sized> BranchKeyKms for Arc<K> {
    fn generate<'a>(&'a self, key_arn: &'a str, context: &'a EncryptionContext) -> KeyringFuture<'a, Vec<u8>> {
        (**self).generate(key_arn, context)
    }

    fn re_encrypt<'a>(
        &'a self,
        key_arn: &'a str,
        ciphertext: &'a [u8],
        from: &'a EncryptionContext,
        to: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Vec<u8>> {
        (**self).re_encrypt(key_arn, ciphertext, from, to)
    }

    fn decrypt<'a>(
        &'a self,
        key_arn: &'a str,
        ciphertext: &'a [u8],
        context: &'a EncryptionContext,
    ) -> KeyringFuture<'a, Secret> {
        (**self).decrypt(key_arn, ciphertext, context)
    }
}

/// The KMS key that protects a key store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchKeyProtection {
    arn: String,
    multi_region: bool,
}

impl BranchKeyProtection {
    /// The KMS key with this ARN, in the region of the KMS client. Records made under another key are refused.
    ///
    /// # Errors
    ///
    /// `Config` if it is not the ARN of a KMS key. Aliases are refused: they may point elsewhere tomorrow.
    pub fn key(arn: impl Into<String>) -> Result<Self> {
        let arn = arn.into();
        if KeyArn::parse(&arn).is_none() {
            return Err(Error::config(
                "a key store needs a key ARN: `arn:aws:kms:<region>:<account>:key/<id>`, not an alias or a bare id",
            ));
        }
        Ok(Self { arn, multi_region: false })
    }

    /// The multi-Region KMS key of which this is the replica in the region of the KMS client. Records made under a
    /// replica in another region are read too.
    ///
    /// # Errors
    ///
    /// As [`key`](Self::key); `Config` if the key is not a multi-Region key.
    pub fn multi_region_key(arn: impl Into<String>) -> Result<Self> {
        let protection = Self::key(arn)?;
        if !KeyArn::parse(&protection.arn).is_some_and(|key| key.is_multi_region()) {
            return Err(Error::config("the id of a multi-Region key starts with `mrk-`: use `key` for other keys"));
        }
        Ok(Self { multi_region: true, ..protection })
    }

    /// The ARN that KMS is asked with.
    pub(super) fn arn(&self) -> &str {
        &self.arn
    }

    /// Whether a record made under this KMS key may be read.
    pub(super) fn covers(&self, stored: &str) -> bool {
        let is_replica = || {
            let (own, stored) = (KeyArn::parse(&self.arn), KeyArn::parse(stored));
            own.zip(stored).is_some_and(|(own, stored)| own.is_same_key(&stored))
        };
        stored == self.arn || self.multi_region && is_replica()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd";
    const REPLICA: &str = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd";

    #[test]
    fn only_key_arns_are_taken() {
        assert!(BranchKeyProtection::key("arn:aws:kms:eu-west-1:111122223333:key/1234abcd").is_ok());
        for text in [
            "alias/app",
            "1234abcd",
            "arn:aws:kms:eu-west-1:111122223333:alias/app",
            "arn:aws:kms::111122223333:key/1",
            "arn:aws:kms:eu-west-1:111122223333:key/",
            "arn:aws:s3:eu-west-1:111122223333:key/1",
        ] {
            assert!(BranchKeyProtection::key(text).is_err(), "{text}");
        }
        assert!(BranchKeyProtection::multi_region_key("arn:aws:kms:eu-west-1:111122223333:key/1234abcd").is_err());
    }

    #[test]
    fn replicas_are_covered_only_where_the_store_says_so() {
        let single = BranchKeyProtection::key(ARN).unwrap();
        assert!(single.covers(ARN) && !single.covers(REPLICA));
        let multi = BranchKeyProtection::multi_region_key(ARN).unwrap();
        assert!(multi.covers(ARN) && multi.covers(REPLICA));
        for other in [
            "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abce",
            "arn:aws:kms:us-east-1:999922223333:key/mrk-1234abcd",
            "arn:aws-cn:kms:us-east-1:111122223333:key/mrk-1234abcd",
            "arn:aws:kms:us-east-1:111122223333:alias/mrk-1234abcd",
            "",
        ] {
            assert!(!multi.covers(other), "{other}");
        }
    }
}
