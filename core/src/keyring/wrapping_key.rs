//! Which wrapping key a wrapped data key names, told from its bytes alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::arn::KeyArn;
use super::store::BranchKeyVersion;
use crate::edk::EncryptedDataKey;

/// The wrapping key that a wrapped data key names: what is compared to say whether data is on a key, and what is shown
/// to people. It is a claim of the data; only unwrapping proves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WrappingKey {
    /// Whose key it is: `aws-kms`, `aws-kms-hierarchy`, `privet`, or a raw key's namespace.
    pub provider: String,
    /// Which of the provider's keys: an ARN, a branch key id, a raw key's name.
    pub name: String,
    /// Which version of it, for branch keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl WrappingKey {
    /// The wrapping key that this wrapped data key names.
    #[must_use]
    pub fn of(edk: &EncryptedDataKey) -> Self {
        let version = version_of(edk).map(|version| BranchKeyVersion::from_bytes(version).to_string());
        Self { provider: edk.provider_id.clone(), name: text(name_of(edk)), version }
    }

    /// Whether both are one key in one version; replicas of a multi-Region key are one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let same_name = || {
            self.name == other.name
                || matches!((KeyArn::parse(&self.name), KeyArn::parse(&other.name)), (Some(a), Some(b)) if a.is_same_key(&b))
        };
        self.provider == other.provider && self.version == other.version && same_name()
    }
}

impl fmt::Display for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.provider, self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, " version {version}"))
    }
}

/// Whether these data keys are wrapped by the same wrapping keys, in whatever order.
pub(crate) fn same_wrapping_keys(some: &[EncryptedDataKey], others: &[EncryptedDataKey]) -> bool {
    let is_among = |edk: &EncryptedDataKey, edks: &[EncryptedDataKey]| edks.iter().any(|other| is_same(edk, other));
    some.len() == others.len()
        && some.iter().all(|edk| is_among(edk, others))
        && others.iter().all(|edk| is_among(edk, some))
}

/// [`WrappingKey::is_same`] without making texts of it.
fn is_same(one: &EncryptedDataKey, other: &EncryptedDataKey) -> bool {
    let (name, other_name) = (name_of(one), name_of(other));
    let same_name = || {
        name == other_name
            || matches!((KeyArn::parse_bytes(name), KeyArn::parse_bytes(other_name)), (Some(a), Some(b)) if a.is_same_key(&b))
    };
    one.provider_id == other.provider_id && version_of(one) == version_of(other) && same_name()
}

/// The provider info without what a raw AES keyring adds for each wrap.
fn name_of(edk: &EncryptedDataKey) -> &[u8] {
    if is_well_known(&edk.provider_id) {
        return &edk.provider_info;
    }
    let name =
        edk.provider_info.split_last_chunk::<12>().and_then(|(rest, _nonce)| rest.strip_suffix(&RAW_AES_LENGTHS));
    name.unwrap_or(&edk.provider_info)
}

fn version_of(edk: &EncryptedDataKey) -> Option<[u8; 16]> {
    match edk.provider_id.as_str() {
        "privet" => edk.ciphertext.as_slice().try_into().ok(),
        // After a salt of 16 bytes and an IV of 12 (branch key format, section 4).
        "aws-kms-hierarchy" => edk.ciphertext.get(28..44).and_then(|version| version.try_into().ok()),
        _ => None,
    }
}

fn is_well_known(provider: &str) -> bool {
    provider == "privet" || provider.starts_with("aws-kms")
}

/// A name that is no text is shown by its bytes, so that two keys never look alike.
fn text(name: &[u8]) -> String {
    std::str::from_utf8(name)
        .map_or_else(|_| name.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}")), str::to_owned)
}

/// Tag length in bits and nonce length in bytes, as raw AES keyrings state them behind the name.
const RAW_AES_LENGTHS: [u8; 8] = [0, 0, 0, 128, 0, 0, 0, 12];

#[cfg(test)]
mod tests {
    use super::*;

    fn edk(provider: &str, info: &[u8], ciphertext: &[u8]) -> EncryptedDataKey {
        EncryptedDataKey { provider_id: provider.into(), provider_info: info.to_vec(), ciphertext: ciphertext.to_vec() }
    }

    fn raw(name: &str, nonce: u8) -> EncryptedDataKey {
        edk("team", &[name.as_bytes(), &RAW_AES_LENGTHS, &[nonce; 12]].concat(), &[nonce; 48])
    }

    #[test]
    fn what_differs_in_each_wrap_is_not_part_of_a_key_s_name() {
        assert_eq!(WrappingKey::of(&raw("k", 1)), WrappingKey::of(&raw("k", 2)));
        assert_eq!(WrappingKey::of(&raw("k", 1)).to_string(), "team k");
        assert!(same_wrapping_keys(&[raw("a", 1), raw("b", 1)], &[raw("b", 2), raw("a", 2)]));
        assert!(!same_wrapping_keys(&[raw("a", 1)], &[raw("b", 1)]));
        assert!(!same_wrapping_keys(&[raw("a", 1), raw("a", 2)], &[raw("a", 1), raw("b", 1)]));
        assert!(!same_wrapping_keys(&[raw("a", 1)], &[raw("a", 1), raw("b", 1)]));
    }

    #[test]
    fn versions_of_branch_keys_are_told_apart() {
        let derived = |version| edk("privet", b"pii", &[version; 16]);
        let wrapped = |version| edk("aws-kms-hierarchy", b"pii", &[&[9; 28][..], &[version; 16], &[9; 48]].concat());
        for keys in [[derived(1), derived(2)], [wrapped(1), wrapped(2)]] {
            assert!(same_wrapping_keys(&keys[..1], &keys[..1]) && !same_wrapping_keys(&keys[..1], &keys[1..]));
            let key = WrappingKey::of(&keys[0]);
            assert_eq!(key.version.as_deref(), Some("01010101-0101-0101-0101-010101010101"));
            assert!(key.to_string().ends_with("pii version 01010101-0101-0101-0101-010101010101"));
        }
    }

    #[test]
    fn replicas_are_one_key_and_names_that_are_no_text_stay_apart() {
        let kms = |region: &str, id: &str| {
            edk("aws-kms", format!("arn:aws:kms:{region}:111122223333:key/{id}").as_bytes(), &[1])
        };
        for (id, same) in [("mrk-1", true), ("1", false)] {
            let (here, there) = (kms("eu-west-1", id), kms("us-east-1", id));
            assert_eq!(WrappingKey::of(&here).is_same(&WrappingKey::of(&there)), same);
            assert_eq!(same_wrapping_keys(&[here], &[there]), same);
        }
        assert_ne!(WrappingKey::of(&edk("x", &[0xff], &[])), WrappingKey::of(&edk("x", &[0xfe], &[])));
    }
}
