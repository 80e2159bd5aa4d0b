//! A keyring whose data keys are derived from branch keys, one a class: the smallest headers, and nothing to wrap.

use std::fmt;
use std::sync::Arc;

use super::failures::first_unwrapped;
use super::hierarchical::{no_branch_key, unknown_version};
use super::store::{BranchKey, BranchKeyCache, BranchKeyCacheLimits, BranchKeyVersion, KeyStore};
use super::{BranchKeySupplier, DataKey, DataKeyRequest, Keyring, KeyringFuture};
use crate::classification::Classification;
use crate::crypto::{Secret, hkdf_sha256};
use crate::edk::EncryptedDataKey;
use crate::encryption_context::{CLASS, EncryptionContext, TENANT, lp16};
use crate::error::{Error, Result};
use crate::time::TimeSource;

/// Derives the data key of a class from the branch key that serves the class (privet record format, section 4,
/// provider `privet`). A section of a record costs 69 bytes with a branch key id of 8 bytes.
///
/// A branch key serves one class: its custom context must carry `privet:class`, and every pair that the application
/// adds to the protector's context. It may carry `privet:tenant`, and then serves this tenant only; without it, all
/// tenants share the branch key, and each has a data key of its own. The keyring refuses a branch key whose context
/// says otherwise. KMS proves that context, and IAM policies test it as `kms:EncryptionContext:aws-crypto-ec:privet:class`.
///
/// For records alone: the wrapped key carries no proof of its own, a record's commitment is what tells that it is right.
///
/// # Security
///
/// All records of a class and tenant have the same data key until the branch key is rotated. What keeps them apart is
/// the 128-bit random salt of each record, from which, with the record's context, its own keys are derived. The limits
/// of the data-key cache on records and bytes therefore do not change the key: rotate branch keys on a schedule.
///
/// A branch key that was revoked in KMS is usable until it is too old for this keyring's cache and its data keys too
/// old for the data-key cache. After a rotation, writers go on with the old version as long.
pub struct BranchKeyring {
    keys: BranchKeyCache,
    supplier: Box<dyn BranchKeySupplier>,
}

impl BranchKeyring {
    /// A keyring over the branch keys that the supplier chooses by class and tenant, such as
    /// [`BranchKeyIds`](super::BranchKeyIds).
    pub fn new(store: Arc<KeyStore>, supplier: impl BranchKeySupplier + 'static) -> Self {
        Self { keys: BranchKeyCache::new(store), supplier: Box::new(supplier) }
    }

    /// How long and how many branch keys it holds. Default: [`BranchKeyCacheLimits::default`].
    #[must_use]
    pub fn cache(mut self, limits: BranchKeyCacheLimits) -> Self {
        self.keys.limits = limits;
        self
    }

    /// The clock. Default: the system's.
    #[must_use]
    pub fn time_source(mut self, time: impl TimeSource + 'static) -> Self {
        self.keys.time = Arc::new(time);
        self
    }

    async fn generate(&self, request: &DataKeyRequest) -> Result<DataKey> {
        let id = self.supplier.branch_key_id(request.context()).ok_or_else(no_branch_key)?;
        let branch_key = self.keys.active(&id).await?.ok_or_else(no_branch_key)?;
        let secret = class_key(&branch_key, request)?;
        let ciphertext = branch_key.version.as_bytes().to_vec();
        let edk = EncryptedDataKey { provider_id: PROVIDER_ID.to_owned(), provider_info: id.into_bytes(), ciphertext };
        Ok(DataKey { secret, edks: vec![edk] })
    }

    async fn unwrap_one(&self, id: &str, ciphertext: &[u8], request: &DataKeyRequest) -> Result<Secret> {
        let version = ciphertext.try_into().map_err(|_| Error::integrity())?;
        let version = BranchKeyVersion::from_bytes(version);
        let branch_key = self.keys.version(id, version).await?.ok_or_else(unknown_version)?;
        class_key(&branch_key, request)
    }
}

impl Keyring for BranchKeyring {
    fn generate_data_key<'a>(&'a self, request: &'a DataKeyRequest) -> KeyringFuture<'a, DataKey> {
        Box::pin(self.generate(request))
    }

    fn wrap_data_key<'a>(
        &'a self,
        _data_key: &'a Secret,
        _request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, EncryptedDataKey> {
        Box::pin(async {
            Err(Error::config("a branch keyring derives its data keys and cannot wrap others: make it the generator"))
        })
    }

    fn unwrap_data_key<'a>(
        &'a self,
        edks: &'a [EncryptedDataKey],
        request: &'a DataKeyRequest,
    ) -> KeyringFuture<'a, Option<Secret>> {
        Box::pin(async move {
            let Some(id) = self.supplier.branch_key_id(request.context()) else { return Ok(None) };
            let ours = |edk: &&EncryptedDataKey| edk.provider_id == PROVIDER_ID && edk.provider_info == id.as_bytes();
            let unwrap = |edk: &'a EncryptedDataKey| self.unwrap_one(&id, &edk.ciphertext, request);
            first_unwrapped(edks.iter().filter(ours), unwrap).await
        })
    }

    fn purge(&self) {
        self.keys.purge();
    }
}

impl fmt::Debug for BranchKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BranchKeyring").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// The data key of the request's class and tenant, if the branch key is theirs.
fn class_key(branch_key: &BranchKey, request: &DataKeyRequest) -> Result<Secret> {
    let class: Option<Classification> = request.context().value(CLASS).and_then(|class| class.parse().ok());
    let class =
        class.ok_or_else(|| Error::config("a branch keyring needs the class as `privet:class` in the context"))?;
    if request.length() != CLASS_KEY_LENGTH {
        return Err(Error::config("a branch keyring gives data keys of 32 bytes"));
    }
    check_context(&branch_key.context, request.context())?;
    let mut tenant = Vec::new();
    lp16(request.context().value(TENANT).unwrap_or_default().as_bytes(), &mut tenant)?;
    let info = [INFO, &[class.code()], tenant.as_slice()];
    Secret::filled(CLASS_KEY_LENGTH, |out| hkdf_sha256(&[], branch_key.secret.expose(), &info, out))
}

/// What the request wants its data key bound to must be what KMS has proved of the branch key. The tenant may be left
/// to the derivation.
fn check_context(proved: &EncryptionContext, wanted: &EncryptionContext) -> Result<()> {
    let fits = |(name, value): (&str, &str)| match proved.value(name) {
        Some(proved) => proved == value,
        None => name == TENANT,
    };
    if let Some((name, _)) = wanted.iter().find(|pair| !fits(*pair)) {
        return Err(Error::config(format!(
            "the branch key is not for this request: its custom context has another `{name}`, or none"
        )));
    }
    if proved.value(TENANT).is_some() && wanted.value(TENANT).is_none() {
        return Err(Error::config("the branch key is for one tenant, and the request has none"));
    }
    Ok(())
}

const PROVIDER_ID: &str = "privet";
/// Separates this derivation from all others (privet record format, section 4).
const INFO: &[u8] = b"privet class key";
const CLASS_KEY_LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn branch_key(context: EncryptionContext) -> BranchKey {
        let secret = Secret::copy_of(&(0..32).collect::<Vec<_>>());
        BranchKey { id: "pii".into(), version: BranchKeyVersion::from_bytes([1; 16]), context, secret }
    }

    fn pii() -> EncryptionContext {
        EncryptionContext::new().with(CLASS, "pii")
    }

    fn derive(proved: EncryptionContext, wanted: EncryptionContext) -> Result<Secret> {
        class_key(&branch_key(proved), &DataKeyRequest::new(wanted))
    }

    #[test]
    fn known_answer() {
        let key = derive(pii(), pii().with(TENANT, "t1")).unwrap();
        let hex: String = key.expose().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "37a11c07561349640adf39ea421bd9998508a90e5635a4da24e41bf98a698b03");
    }

    #[test]
    fn tenants_that_share_a_branch_key_have_data_keys_of_their_own() {
        let key = |wanted| derive(pii(), wanted).unwrap().expose().to_vec();
        let keys = [key(pii()), key(pii().with(TENANT, "a")), key(pii().with(TENANT, "b"))];
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    }

    #[test]
    fn a_branch_key_of_another_class_tenant_or_application_is_refused() {
        let shop = || pii().with("application", "shop");
        assert!(derive(shop().with("more", "x"), shop()).is_ok());
        for (proved, wanted) in [
            (EncryptionContext::new(), pii()),
            (EncryptionContext::new().with(CLASS, "sensitive"), pii()),
            (pii().with(TENANT, "a"), pii().with(TENANT, "b")),
            (pii().with(TENANT, "a"), pii()),
            (pii(), shop()),
            (pii().with("application", "bank"), shop()),
            (pii(), EncryptionContext::new()),
            (pii().with(CLASS, "secret"), pii().with(CLASS, "secret")),
        ] {
            let error = derive(proved, wanted).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            for value in ["shop", "bank", "secret"] {
                assert!(!error.to_string().contains(value), "{error}");
            }
        }
    }
}
