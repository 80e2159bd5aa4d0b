//! Where beacon keys come from: the record that a key store keeps beside a branch key, or a key that a keyring wrapped.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::store::KeyStore;
use super::{DataKeyRequest, Keyring, KeyringFuture};
use crate::crypto::Secret;
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};

/// Where the keys behind a protector's beacons come from. Asked once for each tenant, until the key is too old.
///
/// # Security
///
/// Whoever has a beacon key can find out by trying which value a beacon stands for. Give it to those who write or search
/// records; who only reads them needs none.
pub trait BeaconKeySource: fmt::Debug + Send + Sync {
    /// The beacon key of a tenant, 32 bytes; the tenant is empty for records of none.
    ///
    /// # Errors
    ///
    /// As the provider's.
    fn beacon_key<'a>(&'a self, tenant: &'a str) -> KeyringFuture<'a, Secret>;

    /// The beacon key of this id, 32 bytes, for this tenant: for tables in DB-ESDK format whose items name their beacon
    /// key.
    ///
    /// # Errors
    ///
    /// `Config` if the source knows no ids, `Input` if the key is not this tenant's; otherwise as the provider's.
    ///
    /// # Security
    ///
    /// Ids are taken from items and searches, and so may be a caller's: give a tenant no key that is another's.
    fn beacon_key_of_id<'a>(&'a self, _tenant: &'a str, _id: &'a str) -> KeyringFuture<'a, Secret> {
        Box::pin(async {
            Err(Error::config("items name their beacon key, and the source knows no ids: use `KeyStoreBeaconKeys`"))
        })
    }
}

/// Beacon keys of a branch key store: each is made with a branch key and is not rotated with it.
pub struct KeyStoreBeaconKeys {
    store: Arc<KeyStore>,
    id: Option<String>,
    tenants: HashMap<String, String>,
}

impl KeyStoreBeaconKeys {
    /// The beacon key that was made with the branch key of this id, for all tenants that have none of their own: their
    /// beacons differ all the same.
    pub fn new(store: Arc<KeyStore>, id: impl Into<String>) -> Self {
        Self { store, id: Some(id.into()), tenants: HashMap::new() }
    }

    /// Only the beacon keys that items name: for tables in DB-ESDK format with a `key_field`. Items of no tenant may
    /// name any that is no tenant's, those of a tenant only its own, which [`tenant`](Self::tenant) says.
    #[must_use]
    pub fn of_items(store: Arc<KeyStore>) -> Self {
        Self { store, id: None, tenants: HashMap::new() }
    }

    /// With another branch key's for one tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>, id: impl Into<String>) -> Self {
        self.tenants.insert(tenant.into(), id.into());
        self
    }

    fn id_of(&self, tenant: &str) -> Option<&String> {
        self.tenants.get(tenant).or(self.id.as_ref())
    }

    /// Refuses the id of a key that items of this tenant must not name.
    fn check_id(&self, tenant: &str, id: &str) -> Result<()> {
        let is_own = if tenant.is_empty() {
            !self.tenants.values().any(|other| other == id)
        } else {
            let own = self.id_of(tenant).ok_or_else(|| {
                Error::config("items of a tenant name its own beacon key only: say `.tenant(...)` which that is")
            })?;
            own == id
        };
        if is_own { Ok(()) } else { Err(Error::input("the beacon key that is named is another tenant's")) }
    }
}

impl BeaconKeySource for KeyStoreBeaconKeys {
    fn beacon_key<'a>(&'a self, tenant: &'a str) -> KeyringFuture<'a, Secret> {
        Box::pin(async {
            let id = self.id_of(tenant).ok_or_else(|| {
                Error::config("only items in DB-ESDK format name their beacon key: use `KeyStoreBeaconKeys::new`")
            })?;
            self.store.beacon_key(id).await
        })
    }

    fn beacon_key_of_id<'a>(&'a self, tenant: &'a str, id: &'a str) -> KeyringFuture<'a, Secret> {
        Box::pin(async move {
            self.check_id(tenant, id)?;
            self.store.beacon_key(id).await
        })
    }
}

impl fmt::Debug for KeyStoreBeaconKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStoreBeaconKeys").field("tenants", &self.tenants.len()).finish_non_exhaustive()
    }
}

/// One beacon key for all tenants, which a keyring has wrapped: the wrapped key is configuration.
///
/// ```
/// # use privet_core::{EncryptionContext, Secret, keyring::{RawAesKeyring, WrappedBeaconKey}};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> privet_core::Result<()> {
/// # let keyring = RawAesKeyring::new("my-team", "key-1", &Secret::random(32)?)?;
/// let context = EncryptionContext::new().with("application", "shop");
/// // Once, as an operator:
/// let text = WrappedBeaconKey::generate(&keyring, &context).await?;
/// // In the service, from its configuration:
/// let beacon_key = WrappedBeaconKey::new(keyring, &context, &text)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WrappedBeaconKey {
    keyring: Arc<dyn Keyring>,
    request: DataKeyRequest,
    edks: Vec<EncryptedDataKey>,
}

impl WrappedBeaconKey {
    /// A new beacon key, wrapped, as text: base64url of `01` || number of wrapped keys || each as in a record's header.
    /// The pair `privet:use` = `beacons` is added to its context, so that key policies can tell it from data keys.
    ///
    /// # Errors
    ///
    /// `Config` if the context has a reserved name; the keyring's.
    pub async fn generate(keyring: &dyn Keyring, context: &EncryptionContext) -> Result<String> {
        let key = keyring.generate_data_key(&request(context)?).await?;
        let count = u8::try_from(key.edks.len()).ok().filter(|count| (1..=MAX_EDKS).contains(count));
        let mut bytes = vec![FORMAT, count.ok_or_else(|| Error::config("a beacon key is wrapped by 1 to 16 keys"))?];
        key.edks.iter().try_for_each(|edk| edk.write_into(&mut bytes))?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The key that this text holds wrapped, to be unwrapped by this keyring in this context when it is first needed.
    ///
    /// # Errors
    ///
    /// `Config` if the text is no wrapped beacon key or the context has a reserved name.
    pub fn new(keyring: impl Keyring + 'static, context: &EncryptionContext, text: &str) -> Result<Self> {
        let edks = parse(text).ok_or_else(|| {
            Error::config("the text is no wrapped beacon key: take the whole of what `WrappedBeaconKey::generate` gave")
        })?;
        Ok(Self { keyring: Arc::new(keyring), request: request(context)?, edks })
    }
}

impl BeaconKeySource for WrappedBeaconKey {
    fn beacon_key<'a>(&'a self, _tenant: &'a str) -> KeyringFuture<'a, Secret> {
        Box::pin(async {
            let key = self.keyring.unwrap_data_key(&self.edks, &self.request).await?;
            let key = key.ok_or_else(|| Error::config("the beacon key is wrapped for another keyring"))?;
            if key.expose().len() == KEY_LENGTH { Ok(key) } else { Err(Error::integrity()) }
        })
    }
}

fn request(context: &EncryptionContext) -> Result<DataKeyRequest> {
    if context.iter().any(|(name, _)| name.starts_with("privet:") || name.starts_with("aws-crypto-")) {
        return Err(Error::config("context names that start with `privet:` or `aws-crypto-` are reserved"));
    }
    Ok(DataKeyRequest::new(context.clone().with("privet:use", "beacons")))
}

fn parse(text: &str) -> Option<Vec<EncryptedDataKey>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let [FORMAT, count, rest @ ..] = bytes.as_slice() else { return None };
    let mut rest = rest;
    let edks = (0..*count).map(|_| EncryptedDataKey::take(&mut rest)).collect::<Option<Vec<_>>>()?;
    ((1..=MAX_EDKS).contains(count) && rest.is_empty()).then_some(edks)
}

const FORMAT: u8 = 1;
const MAX_EDKS: u8 = 16;
/// As long as the longest header of a record, in base64.
const MAX_TEXT: usize = 8 * 1024 * 4 / 3;
const KEY_LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::keyring::RawAesKeyring;

    fn keyring(byte: u8) -> RawAesKeyring {
        RawAesKeyring::new("team", "key", &Secret::copy_of(&[byte; 32])).unwrap()
    }

    #[tokio::test]
    async fn a_wrapped_key_unwraps_under_its_keyring_and_context_only() {
        let shop = || EncryptionContext::new().with("application", "shop");
        let text = WrappedBeaconKey::generate(&keyring(1), &shop()).await.unwrap();
        let key = async |byte, context| WrappedBeaconKey::new(keyring(byte), &context, &text)?.beacon_key("t").await;
        assert_eq!(key(1, shop()).await.unwrap().expose().len(), 32);
        assert_eq!(key(2, shop()).await.unwrap_err().kind(), ErrorKind::Integrity);
        let bank = EncryptionContext::new().with("application", "bank");
        assert_eq!(key(1, bank).await.unwrap_err().kind(), ErrorKind::Integrity);
        assert_eq!(key(1, shop().with("privet:use", "data")).await.unwrap_err().kind(), ErrorKind::Config);
    }

    #[tokio::test]
    async fn every_damaged_text_is_refused() {
        let text = WrappedBeaconKey::generate(&keyring(1), &EncryptionContext::new()).await.unwrap();
        let good = URL_SAFE_NO_PAD.decode(&text).unwrap();
        let opens = async |bytes: &[u8]| {
            let text = URL_SAFE_NO_PAD.encode(bytes);
            match WrappedBeaconKey::new(keyring(1), &EncryptionContext::new(), &text) {
                Ok(key) => key.beacon_key("").await.is_ok(),
                Err(_) => false,
            }
        };
        assert!(opens(&good).await);
        for place in 0..good.len() {
            assert!(!opens(&good[..place]).await, "cut at {place}");
            for bit in 0..8 {
                let mut damaged = good.clone();
                damaged[place] ^= 1 << bit;
                assert!(!opens(&damaged).await, "bit {bit} of byte {place}");
            }
        }
        assert!(!opens(&[good.as_slice(), &[0]].concat()).await);
        for text in ["", "!", "AQ", "AQA", &"A".repeat(20_000)] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
