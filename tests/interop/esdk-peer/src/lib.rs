//! What the live check and the bench share: the same keys as keyrings of privet and of AWS's Rust client.

use aws_esdk::client::Client;
use aws_esdk::material_providers::client::Client as MaterialProviders;
use aws_esdk::material_providers::types::AesWrappingAlg;
use aws_esdk::material_providers::types::keyring::KeyringRef;
use aws_esdk::material_providers::types::material_providers_config::MaterialProvidersConfig;
use aws_esdk::types::aws_encryption_sdk_config::AwsEncryptionSdkConfig;
use privet::Secret;
use privet::keyring::{Keyring, MultiKeyring, RawAesKeyring};

/// Any error: this program only shows it.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A raw AES key of 16, 24 or 32 bytes, and its name.
pub struct Key {
    /// The name, which is stored with each wrapped data key.
    pub name: String,
    /// The key itself.
    pub secret: Secret,
}

impl Key {
    fn ours(&self) -> Result<RawAesKeyring> {
        Ok(RawAesKeyring::new(NAMESPACE, &self.name, &self.secret)?)
    }

    async fn theirs(&self, providers: &MaterialProviders) -> Result<KeyringRef> {
        let algorithm = match self.secret.expose().len() {
            16 => AesWrappingAlg::AlgAes128GcmIv12Tag16,
            24 => AesWrappingAlg::AlgAes192GcmIv12Tag16,
            _ => AesWrappingAlg::AlgAes256GcmIv12Tag16,
        };
        let keyring = providers.create_raw_aes_keyring().key_namespace(NAMESPACE).key_name(&self.name);
        Ok(keyring.wrapping_key(self.secret.expose()).wrapping_alg(algorithm).send().await?)
    }
}

/// The same keys on both sides.
pub struct Pair {
    /// privet's keyring.
    pub ours: Box<dyn Keyring>,
    /// AWS's keyring.
    pub theirs: KeyringRef,
}

impl Pair {
    /// A raw AES keyring of one key.
    pub async fn raw(providers: &MaterialProviders, key: &Key) -> Result<Self> {
        Ok(Self { ours: Box::new(key.ours()?), theirs: key.theirs(providers).await? })
    }

    /// A multi keyring of two raw AES keys; the first generates.
    pub async fn multi(providers: &MaterialProviders, generator: &Key, child: &Key) -> Result<Self> {
        let ours = MultiKeyring::new(generator.ours()?).with(child.ours()?);
        let theirs = providers
            .create_multi_keyring()
            .generator(generator.theirs(providers).await?)
            .child_keyrings(vec![child.theirs(providers).await?])
            .send()
            .await?;
        Ok(Self { ours: Box::new(ours), theirs })
    }
}

/// AWS's client, and its maker of keyrings.
pub fn clients() -> Result<(Client, MaterialProviders)> {
    let client = Client::from_conf(AwsEncryptionSdkConfig::builder().build()?)?;
    let providers = MaterialProviders::from_conf(MaterialProvidersConfig::builder().build()?)?;
    Ok((client, providers))
}

const NAMESPACE: &str = "privet-interop";
