//! The bytes of a data key that is wrapped under a branch key: salt, IV, version, ciphertext, tag.

use zeroize::Zeroizing;

use crate::crypto::{self, AeadKey, NONCE_LENGTH, Secret, TAG_LENGTH, counter_kdf_sha256};
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};
use crate::keyring::store::{BranchKey, BranchKeyVersion};

/// Wraps a data key (AWS's hierarchical keyring; our description is section 4 of the branch key format).
pub(super) fn wrap(branch_key: &BranchKey, data_key: &Secret, context: &EncryptionContext) -> Result<Vec<u8>> {
    let mut random = [0; SALT_LENGTH + NONCE_LENGTH];
    crypto::fill(&mut random)?;
    wrap_with(branch_key, data_key, context, &random)
}

fn wrap_with(
    branch_key: &BranchKey,
    data_key: &Secret,
    context: &EncryptionContext,
    random: &[u8; SALT_LENGTH + NONCE_LENGTH],
) -> Result<Vec<u8>> {
    let (salt, nonce) = random.split_first_chunk::<SALT_LENGTH>().ok_or_else(Error::integrity)?;
    let nonce = nonce.try_into().map_err(|_| Error::integrity())?;
    let mut sealed = Zeroizing::new(data_key.expose().to_vec());
    let tag = wrapping_key(branch_key, salt)?.seal(nonce, &associated_data(branch_key, context)?, &mut sealed)?;
    Ok([random.as_slice(), branch_key.version.as_bytes(), &sealed, &tag].concat())
}

/// A wrapped data key, taken apart.
pub(super) struct Wrapped<'a> {
    salt: [u8; SALT_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    /// Which version of the branch key it is wrapped under.
    pub(super) version: BranchKeyVersion,
    sealed: &'a [u8],
}

impl<'a> Wrapped<'a> {
    /// Takes apart what should hold a data key of this length.
    pub(super) fn parse(ciphertext: &'a [u8], length: usize) -> Result<Self> {
        let parts = || {
            let (salt, rest) = ciphertext.split_first_chunk()?;
            let (nonce, rest) = rest.split_first_chunk()?;
            let (version, sealed) = rest.split_first_chunk()?;
            let version = BranchKeyVersion::from_bytes(*version);
            (sealed.len() == length + TAG_LENGTH).then_some(Self { salt: *salt, nonce: *nonce, version, sealed })
        };
        parts().ok_or_else(Error::integrity)
    }

    /// The data key.
    pub(super) fn unwrap(&self, branch_key: &BranchKey, context: &EncryptionContext) -> Result<Secret> {
        let associated_data = associated_data(branch_key, context)?;
        let mut buffer = Zeroizing::new(self.sealed.to_vec());
        let key = wrapping_key(branch_key, &self.salt)?;
        Ok(Secret::copy_of(key.open(self.nonce, &associated_data, &mut buffer)?))
    }
}

fn wrapping_key(branch_key: &BranchKey, salt: &[u8; SALT_LENGTH]) -> Result<AeadKey> {
    let mut key = Zeroizing::new([0; 32]);
    counter_kdf_sha256(branch_key.secret.expose(), LABEL, salt, &mut *key)?;
    AeadKey::new(&*key)
}

/// Provider id, branch key id, version, encryption context.
fn associated_data(branch_key: &BranchKey, context: &EncryptionContext) -> Result<Vec<u8>> {
    Ok([LABEL, branch_key.id.as_bytes(), branch_key.version.as_bytes(), &context.serialise()?].concat())
}

const LABEL: &[u8] = super::PROVIDER_ID.as_bytes();
const SALT_LENGTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn branch_key(id: &str, version: u8) -> BranchKey {
        BranchKey {
            id: id.into(),
            version: BranchKeyVersion::from_bytes([version; 16]),
            context: EncryptionContext::new(),
            secret: Secret::copy_of(&[7; 32]),
        }
    }

    #[test]
    fn what_is_wrapped_unwraps_in_all_lengths() {
        let (key, context) = (branch_key("tenant", 1), EncryptionContext::new().with("a", "1"));
        for length in [16, 24, 32] {
            let data_key = Secret::random(length).unwrap();
            let ciphertext = wrap(&key, &data_key, &context).unwrap();
            assert_eq!(ciphertext.len(), 60 + length);
            let wrapped = Wrapped::parse(&ciphertext, length).unwrap();
            assert_eq!(wrapped.version, key.version);
            assert_eq!(wrapped.unwrap(&key, &context).unwrap().expose(), data_key.expose());
        }
    }

    #[test]
    fn each_wrap_is_another() {
        let (key, context) = (branch_key("tenant", 1), EncryptionContext::new());
        let data_key = Secret::copy_of(&[9; 32]);
        let wraps = [wrap(&key, &data_key, &context).unwrap(), wrap(&key, &data_key, &context).unwrap()];
        assert_ne!(wraps[0][..28], wraps[1][..28]);
        assert_ne!(wraps[0][44..], wraps[1][44..]);
    }

    #[test]
    fn id_version_and_context_are_bound() {
        let (key, context) = (branch_key("tenant", 1), EncryptionContext::new().with("a", "1"));
        let ciphertext = wrap(&key, &Secret::copy_of(&[9; 32]), &context).unwrap();
        let wrapped = Wrapped::parse(&ciphertext, 32).unwrap();
        let kind = |key: &BranchKey, context: &EncryptionContext| wrapped.unwrap(key, context).unwrap_err().kind();
        assert_eq!(kind(&branch_key("tenant2", 1), &context), ErrorKind::Integrity);
        assert_eq!(kind(&branch_key("tenant", 2), &context), ErrorKind::Integrity);
        assert_eq!(kind(&key, &EncryptionContext::new()), ErrorKind::Integrity);
        assert_eq!(kind(&key, &context.clone().with("b", "2")), ErrorKind::Integrity);
    }

    #[test]
    fn every_changed_byte_and_length_is_noticed() {
        let (key, context) = (branch_key("tenant", 1), EncryptionContext::new());
        let ciphertext = wrap(&key, &Secret::copy_of(&[9; 32]), &context).unwrap();
        for index in 0..ciphertext.len() {
            let mut damaged = ciphertext.clone();
            damaged[index] ^= 1;
            let wrapped = Wrapped::parse(&damaged, 32).unwrap();
            // A damaged version would name another branch key.
            let named = BranchKey { version: wrapped.version, ..branch_key("tenant", 1) };
            assert!(wrapped.unwrap(&named, &context).is_err(), "byte {index}");
        }
        for length in (0..ciphertext.len()).chain([ciphertext.len() + 1]) {
            let mut other = ciphertext.clone();
            other.resize(length, 0);
            assert!(Wrapped::parse(&other, 32).is_err(), "{length} bytes");
        }
    }
}
