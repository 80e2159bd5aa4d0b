//! base64url without padding: how sealed values and headers stand in JSON.

use base64_simd::URL_SAFE_NO_PAD;

use crate::error::{Error, Result};

/// Appends the text of these bytes.
pub(crate) fn append_encoded(bytes: &[u8], out: &mut Vec<u8>) {
    // The library reserves no more than it needs, which would move a growing text at every call.
    out.reserve(URL_SAFE_NO_PAD.encoded_length(bytes.len()));
    URL_SAFE_NO_PAD.encode_append(bytes, out);
}

/// Appends the bytes of this text, which has one spelling only; nothing if it has another.
pub(crate) fn append_decoded(text: &str, out: &mut Vec<u8>) -> Result<()> {
    out.reserve(URL_SAFE_NO_PAD.estimated_decoded_length(text.len()));
    URL_SAFE_NO_PAD.decode_append(text, out).map_err(|_| Error::integrity())
}

/// The text of these bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// The bytes of this text.
pub(super) fn decode(text: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text).map_err(|_| Error::integrity())
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A second implementation takes and gives the same.
        #[test]
        fn is_what_others_take_for_base64url(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = encode(&bytes);
            prop_assert_eq!(&text, &BASE64_URL_SAFE_NO_PAD.encode(&bytes));
            prop_assert_eq!(&decode(&text).unwrap(), &bytes);
            let (mut encoded, mut decoded) = (b"a".to_vec(), b"b".to_vec());
            append_encoded(&bytes, &mut encoded);
            append_decoded(&text, &mut decoded).unwrap();
            prop_assert_eq!(encoded, [b"a", text.as_bytes()].concat());
            prop_assert_eq!(decoded, [b"b", bytes.as_slice()].concat());
        }

        #[test]
        fn refuses_what_others_refuse(
            text in "[A-Za-z0-9_-]{0,70}[A-Za-z0-9_=+/ \n-]{0,3}\\PC{0,1}",
            at in any::<usize>(),
            sign in any::<char>(),
        ) {
            let mut signs: Vec<char> = text.chars().collect();
            for text in [text, {
                let place = at % (signs.len() + 1);
                signs.insert(place, sign);
                signs.into_iter().collect()
            }] {
                let mut decoded = b"b".to_vec();
                let expected = BASE64_URL_SAFE_NO_PAD.decode(&text).ok();
                prop_assert_eq!(decode(&text).ok(), expected.clone());
                let appended = append_decoded(&text, &mut decoded).is_ok();
                prop_assert_eq!(appended, expected.is_some());
                prop_assert_eq!(decoded, [b"b", expected.unwrap_or_default().as_slice()].concat());
            }
        }
    }
}
