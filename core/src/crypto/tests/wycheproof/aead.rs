//! AES-GCM with 96-bit nonces and 128-bit tags.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::aes::Aes192;
use aes_gcm::aes::cipher::consts::U12;
use aes_gcm::{Aes128Gcm, Aes256Gcm, AesGcm, KeyInit as _};

use super::vectors;
use crate::crypto::{AeadKey, TAG_LENGTH};

#[test]
fn aes_gcm() {
    let mut seen = (0, 0);
    for vector in vectors("aes_gcm") {
        let bytes = |member| vector.bytes(member);
        let (key, nonce, aad, plaintext) = (bytes("key"), bytes("iv"), bytes("aad"), bytes("msg"));
        let sealed = [bytes("ct"), bytes("tag")].concat();
        assert_eq!(bytes("tag").len(), TAG_LENGTH);
        // The type of our nonces knows no other length.
        let Ok(nonce) = nonce.try_into() else { continue };
        let ours = AeadKey::new(&key).unwrap();
        let mut buffer = sealed.clone();
        let opened = ours.open(nonce, &aad, &mut buffer);
        let second_opinion = rust_crypto(&key, nonce, &aad, &sealed);
        if vector.is_valid() {
            assert_eq!(opened.unwrap(), plaintext, "{}", vector.name());
            assert_eq!(second_opinion.unwrap(), plaintext, "{}", vector.name());
            let mut buffer = plaintext.clone();
            let tag = ours.seal(nonce, &aad, &mut buffer).unwrap();
            assert_eq!([&buffer[..], &tag].concat(), sealed, "{}", vector.name());
            seen.0 += 1;
        } else {
            assert!(opened.is_err() && second_opinion.is_none(), "{}", vector.name());
            seen.1 += 1;
        }
    }
    assert_eq!(seen, (58, 40));
}

fn rust_crypto(key: &[u8], nonce: [u8; 12], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let payload = Payload { msg: sealed, aad };
    match key.len() {
        16 => Aes128Gcm::new_from_slice(key).unwrap().decrypt(&nonce.into(), payload).ok(),
        24 => AesGcm::<Aes192, U12>::new_from_slice(key).unwrap().decrypt(&nonce.into(), payload).ok(),
        _ => Aes256Gcm::new_from_slice(key).unwrap().decrypt(&nonce.into(), payload).ok(),
    }
}
