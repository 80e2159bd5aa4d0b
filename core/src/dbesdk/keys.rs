//! What data keys and intermediate keys become: the keys of one item, and those of one of its recipients.

use zeroize::Zeroizing;

use super::header::{COMMITMENT_LENGTH, MESSAGE_ID_LENGTH};
use crate::crypto::{
    AeadKey, Extracted, Hash, LongMacKey, NONCE_LENGTH, Secret, TAG_LENGTH, aes256_ctr_keystream, equal, hmac_sha512,
};
use crate::error::{Error, Result};

/// What is derived from an item's data key: extracted once for both.
pub(super) struct Derivation(Extracted);

impl Derivation {
    pub(super) fn of(data_key: &Secret) -> Self {
        Self(extracted(data_key))
    }

    /// The commitment to the data key that ends a header (DB-ESDK item format, section 6).
    pub(super) fn commitment(
        &self,
        message_id: &[u8; MESSAGE_ID_LENGTH],
        header: &[u8],
    ) -> Result<[u8; COMMITMENT_LENGTH]> {
        let mut key = Zeroizing::new([0; 32]);
        self.0.expand(&[COMMITMENT_LABEL, message_id], &mut *key)?;
        hmac_sha512(&*key, header).first_chunk().copied().ok_or_else(Error::integrity)
    }
}

/// The keys and nonces of an item's encrypted attributes (DB-ESDK item format, section 7): one key stream, of which
/// each attribute has three blocks.
pub(super) struct FieldKeys(Zeroizing<Vec<u8>>);

impl FieldKeys {
    pub(super) fn derive(keys: &Derivation, message_id: &[u8; MESSAGE_ID_LENGTH], count: usize) -> Result<Self> {
        let mut root = Zeroizing::new([0; 32]);
        keys.0.expand(&[FIELD_LABEL, message_id], &mut *root)?;
        let mut stream = Zeroizing::new(vec![0; count * FIELD_BLOCKS]);
        aes256_ctr_keystream(&root, FIRST_BLOCK, &mut stream)?;
        Ok(Self(stream))
    }

    /// Key and nonce of each encrypted attribute, in path order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<(AeadKey, [u8; NONCE_LENGTH])>> {
        self.0.as_chunks::<FIELD_BLOCKS>().0.iter().map(|blocks| {
            let (key, rest) = blocks.split_at(32);
            let nonce = rest.first_chunk().ok_or_else(Error::integrity)?;
            Ok((AeadKey::new(key)?, *nonce))
        })
    }
}

/// What a recipient's intermediate key becomes (DB-ESDK item format, section 5).
pub(super) struct RecipientKeys {
    wrapping: AeadKey,
    tag: Zeroizing<[u8; 32]>,
}

impl RecipientKeys {
    pub(super) fn derive(intermediate_key: &Secret) -> Result<Self> {
        if intermediate_key.expose().len() != KEY_LENGTH {
            return Err(Error::config("an intermediate key has 32 bytes"));
        }
        let extracted = extracted(intermediate_key);
        let (mut wrapping, mut tag) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        extracted.expand(&[WRAPPING_LABEL], &mut *wrapping)?;
        extracted.expand(&[TAG_LABEL], &mut *tag)?;
        Ok(Self { wrapping: AeadKey::new(&*wrapping)?, tag })
    }

    pub(super) fn wrap(&self, data_key: &Secret, context: &[u8]) -> Result<[u8; WRAPPED_LENGTH]> {
        let mut wrapped = [0; WRAPPED_LENGTH];
        let (key, tag) = wrapped.split_at_mut(KEY_LENGTH);
        key.copy_from_slice(data_key.expose());
        tag.copy_from_slice(&self.wrapping.seal(NO_NONCE, context, key)?);
        Ok(wrapped)
    }

    pub(super) fn unwrap(&self, wrapped: &[u8; WRAPPED_LENGTH], context: &[u8]) -> Result<Secret> {
        let mut buffer = Zeroizing::new(*wrapped);
        Ok(Secret::copy_of(self.wrapping.open(NO_NONCE, context, &mut *buffer)?))
    }

    /// The key of the recipient's tag.
    pub(super) fn tag_key(&self) -> Secret {
        Secret::copy_of(&*self.tag)
    }

    /// The recipient's tag of what was hashed.
    pub(super) fn tag(&self, hash: &[u8; 48]) -> [u8; RECIPIENT_TAG_LENGTH] {
        LongMacKey::new(&*self.tag).tag(&[hash])
    }
}

/// Whether one of the tags is this recipient's; all are looked at.
pub(super) fn is_tagged(tag_key: &Secret, hash: &[u8; 48], tags: &[[u8; RECIPIENT_TAG_LENGTH]]) -> bool {
    let own = LongMacKey::new(tag_key.expose()).tag(&[hash]);
    tags.iter().fold(false, |any, tag| equal(&own, tag) | any)
}

fn extracted(key: &Secret) -> Extracted {
    Extracted::new(Hash::Sha512, &[], key.expose())
}

/// Bytes of data keys and intermediate keys.
pub(super) const KEY_LENGTH: usize = 32;
/// Bytes of a data key that is wrapped under an intermediate key.
pub(super) const WRAPPED_LENGTH: usize = KEY_LENGTH + TAG_LENGTH;
/// Bytes of a recipient's tag.
pub(super) const RECIPIENT_TAG_LENGTH: usize = 48;

const COMMITMENT_LABEL: &[u8] = b"AWS_DBE_COMMIT_KEY";
const FIELD_LABEL: &[u8] = b"AWS_DBE_DERIVE_KEY";
const TAG_LABEL: &[u8] = b"AWS_MPL_INTERMEDIATE_KEYWRAP_MAC";
const WRAPPING_LABEL: &[u8] = b"AWS_MPL_INTERMEDIATE_KEYWRAP_ENC";
/// An intermediate key wraps one data key only.
const NO_NONCE: [u8; NONCE_LENGTH] = [0; NONCE_LENGTH];
/// Blocks 3i to 3i + 2 are those of attribute i. The last 4 bytes are not used.
const FIELD_BLOCKS: usize = 48;
/// `AwsDbeField`, the length of key and nonce, and a counter of 32 bits that begins at 0.
const FIRST_BLOCK: [u8; 16] = *b"AwsDbeField\x2c\0\0\0\0";

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    fn count_up(from: u8) -> [u8; 32] {
        std::array::from_fn(|i| from + i as u8)
    }

    /// The values of the format's section 5.
    #[test]
    fn recipient_keys_are_as_specified() {
        let keys = RecipientKeys::derive(&Secret::copy_of(&count_up(0))).unwrap();
        let tag = unhex("7bb5e936d6b6e4f1526bc18721ee2ff5065d2539c50be03b3e60a8c825d81592");
        assert_eq!(keys.tag.to_vec(), tag);
        assert_eq!(keys.tag_key().expose(), tag);
        let wrapping = unhex("2d169e24b87c98b559eed7756c5d81a0e99fe4fb63f3010497695f1342180ea1");
        let data_key = Secret::copy_of(&count_up(7));
        let mut sealed = count_up(7);
        let tag = AeadKey::new(&wrapping).unwrap().seal([0; 12], b"ec", &mut sealed).unwrap();
        let wrapped = keys.wrap(&data_key, b"ec").unwrap();
        assert_eq!(wrapped.to_vec(), [&sealed[..], &tag].concat());
        assert_eq!(keys.unwrap(&wrapped, b"ec").unwrap().expose(), data_key.expose());
        assert!(keys.unwrap(&wrapped, b"other").is_err());
    }

    /// The values of the format's section 7. Derived keys do not come out, so they are known by what they make.
    #[test]
    fn item_keys_are_as_specified() {
        let (data_key, message_id) = (Secret::copy_of(&count_up(0)), count_up(0x20));
        let key = unhex("f1eb6f0d1b30cade738ba9ae80d4f1434040e9f41df7eae276b5782fdec1511e");
        assert_eq!(
            Derivation::of(&data_key).commitment(&message_id, b"header").unwrap(),
            hmac_sha512(&key, b"header")[..32]
        );

        let fields = FieldKeys::derive(&Derivation::of(&data_key), &message_id, 3).unwrap();
        let (key, nonce) = fields.iter().nth(1).unwrap().unwrap();
        assert_eq!(nonce.to_vec(), unhex("166bb6c991b2ea3c68f6eff9"));
        let wanted = unhex("13514958d20e9183e7d9bb35a4407983d6d154fced9c929b35ff85564d148326");
        assert_eq!(fields.0[48..80], wanted);
        let (mut one, mut other) = ([5; 9], [5; 9]);
        let tags = [
            key.seal(nonce, b"", &mut one).unwrap(),
            AeadKey::new(&wanted).unwrap().seal(nonce, b"", &mut other).unwrap(),
        ];
        assert_eq!((one, tags[0]), (other, tags[1]));
        assert_eq!(fields.iter().count(), 3);
    }

    #[test]
    fn intermediate_keys_of_other_lengths_are_refused() {
        assert!(RecipientKeys::derive(&Secret::copy_of(&[0; 31])).is_err());
    }
}
