//! What a data key becomes for one message: the key that encrypts and the commitment.

use zeroize::Zeroizing;

use super::suite::AlgorithmSuite;
use crate::crypto::{AeadKey, Extracted, Secret, equal};
use crate::error::{Error, Result};

/// The keys of one message (ESDK message format, section 2).
pub(super) struct MessageKeys {
    pub(super) aead: AeadKey,
    pub(super) commitment: Option<[u8; COMMITMENT_LENGTH]>,
}

impl MessageKeys {
    pub(super) fn derive(suite: AlgorithmSuite, data_key: &Secret, message_id: &[u8]) -> Result<Self> {
        let data_key = data_key.expose();
        if data_key.len() != suite.data_key_length() {
            return Err(Error::config("the data key does not have the length that the algorithm suite asks for"));
        }
        let Some(hash) = suite.hash() else {
            return Ok(Self { aead: AeadKey::new(data_key)?, commitment: None });
        };
        let mut key = Zeroizing::new([0; 32]);
        let key = key.get_mut(..data_key.len()).ok_or_else(Error::integrity)?;
        let id = suite.id().to_be_bytes();
        let commitment = if suite.commits() {
            let extracted = Extracted::new(hash, message_id, data_key);
            extracted.expand(&[&id, KEY_LABEL], key)?;
            let mut commitment = [0; COMMITMENT_LENGTH];
            // Without the suite's id, unlike the key: this is how AWS's clients do it.
            extracted.expand(&[COMMITMENT_LABEL], &mut commitment)?;
            Some(commitment)
        } else {
            Extracted::new(hash, &[], data_key).expand(&[&id, message_id], key)?;
            None
        };
        Ok(Self { aead: AeadKey::new(key)?, commitment })
    }

    /// The keys of a stored message, if its commitment says that the data key is the one it was written with.
    pub(super) fn committed(
        suite: AlgorithmSuite,
        data_key: &Secret,
        message_id: &[u8],
        stored: Option<&[u8; COMMITMENT_LENGTH]>,
    ) -> Result<Self> {
        let keys = Self::derive(suite, data_key, message_id)?;
        let same = match (&keys.commitment, stored) {
            (Some(derived), Some(stored)) => equal(derived, stored),
            (None, None) => true,
            _ => false,
        };
        if same { Ok(keys) } else { Err(Error::integrity()) }
    }
}

pub(super) const COMMITMENT_LENGTH: usize = 32;
const KEY_LABEL: &[u8] = b"DERIVEKEY";
const COMMITMENT_LABEL: &[u8] = b"COMMITKEY";

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the format's section 2. The derived key does not come out, so it is known by what it seals.
    #[test]
    fn derives_the_specified_values() {
        for (id, key) in [
            (0x0478, "30f891fcd92a8abe67342e11f1cfacffa92994861fca7075fb36a21f9edbf6ae"),
            (0x0578, "f1c9314c892f401f26fb2fff1e52805b875f89c19258972b0170ceeb9e6e1dd3"),
            (0x0178, "8fee9d1643c1ffef00bd1b61078e1b539df6d6ac3e12f8e47446d87d3d63a8ce"),
            (0x0214, "9815864a9adf1b0bb3334d2f507ea458"),
            (0x0346, "2f7a12f62fdd4480ca8fa37c0e8e334fbc2239bb1c0b8938"),
        ] {
            let suite = AlgorithmSuite::from_id(id).unwrap();
            let data_key: Vec<u8> = (0..32).take(suite.data_key_length()).collect();
            let message_id: Vec<u8> = (0x20..0x40).take(suite.message_id_length()).collect();
            let keys = MessageKeys::derive(suite, &Secret::copy_of(&data_key), &message_id).unwrap();
            let key: Vec<u8> =
                (0..key.len() / 2).map(|i| u8::from_str_radix(&key[2 * i..2 * i + 2], 16).unwrap()).collect();
            let (mut ours, mut theirs) = ([7; 24], [7; 24]);
            let our_tag = keys.aead.seal([0; 12], b"", &mut ours).unwrap();
            let their_tag = AeadKey::new(&key).unwrap().seal([0; 12], b"", &mut theirs).unwrap();
            assert_eq!((ours, our_tag), (theirs, their_tag), "{id:04x}");
            if suite.commits() {
                let commitment = keys.commitment.unwrap().map(|byte| format!("{byte:02x}")).concat();
                assert_eq!(commitment, "16bbdf5f77e52a6d45b8cad7f30e0bbf69b304b0d51de9d153b822934fd32d47");
            }
        }
    }

    #[test]
    fn a_data_key_of_another_length_is_refused() {
        for suite in AlgorithmSuite::ALL {
            let id = vec![0; suite.message_id_length()];
            assert!(MessageKeys::derive(suite, &Secret::copy_of(&[0; 31]), &id).is_err());
        }
    }
}
