//! Ciphers that only old objects need: AES-CBC, and data keys wrapped by RFC 3394 or block by block. To read, never to
//! write.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap as _};
use zeroize::Zeroizing;

use super::Secret;
use crate::error::{Error, Result};

/// What AES-256-CBC with PKCS#7 padding decrypts to, in place.
///
/// # Security
///
/// Nothing is authenticated. Whoever can have many ciphertexts of their making read, and sees which fail, can read any
/// other (Vaudenay 2002).
pub(crate) fn decrypt_cbc(key: &[u8], iv: [u8; 16], mut ciphertext: Vec<u8>) -> Result<Vec<u8>> {
    let key = UnboundCipherKey::new(&AES_256, key).and_then(PaddedBlockDecryptingKey::cbc_pkcs7).map_err(failed)?;
    let length = key.decrypt(&mut ciphertext, DecryptionContext::Iv128(FixedLength::from(iv))).map_err(failed)?.len();
    ciphertext.truncate(length);
    Ok(ciphertext)
}

/// The key that was wrapped as RFC 3394 has it.
pub(crate) fn unwrap_rfc3394(wrapping_key: &[u8], wrapped: &[u8]) -> Result<Secret> {
    let cipher = match wrapping_key.len() {
        16 => &key_wrap::AES_128,
        32 => &key_wrap::AES_256,
        _ => return Err(Error::unsupported("AES key wrapping with a key of 24 bytes is not supported")),
    };
    let mut buffer = Zeroizing::new(vec![0; wrapped.len()]);
    let key = AesKek::new(cipher, wrapping_key).map_err(failed)?;
    Ok(Secret::copy_of(key.unwrap(wrapped, &mut buffer).map_err(failed)?))
}

/// The key that was encrypted block by block, with PKCS#7 padding.
pub(crate) fn unwrap_ecb(wrapping_key: &[u8], wrapped: &[u8]) -> Result<Secret> {
    let algorithm: &'static Algorithm = match wrapping_key.len() {
        16 => &AES_128,
        24 => &AES_192,
        _ => &AES_256,
    };
    let key = UnboundCipherKey::new(algorithm, wrapping_key).and_then(PaddedBlockDecryptingKey::ecb_pkcs7);
    let mut buffer = Zeroizing::new(wrapped.to_vec());
    let plaintext = key.map_err(failed)?.decrypt(&mut buffer, DecryptionContext::None).map_err(failed)?;
    Ok(Secret::copy_of(plaintext))
}

fn failed(_: aws_lc_rs::error::Unspecified) -> Error {
    Error::integrity()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_rfc_3394_comes_out() {
        // Section 4.3: 128 bits of key data with a 256-bit wrapping key.
        let wrapping_key: Vec<u8> = (0..32).collect();
        let wrapped = hex("64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7");
        let expected = hex("00112233445566778899aabbccddeeff");
        assert_eq!(unwrap_rfc3394(&wrapping_key, &wrapped).unwrap().expose(), expected);
        let mut damaged = wrapped;
        damaged[3] ^= 1;
        assert!(unwrap_rfc3394(&wrapping_key, &damaged).is_err());
    }

    /// NIST SP 800-38A, F.2.5 and F.1.5: AES-256 of one block, and the padding that makes it a message of two.
    #[test]
    fn blocks_of_nist_come_out() {
        let key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let plaintext = hex("6bc1bee22e409f96e93d7e117393172a");
        let iv: [u8; 16] = (0..16).collect::<Vec<u8>>().try_into().unwrap();
        let sealed = {
            use aws_lc_rs::cipher::{EncryptionContext, PaddedBlockEncryptingKey};
            let unbound = UnboundCipherKey::new(&AES_256, &key).unwrap();
            let mut sealed = plaintext.clone();
            let context = EncryptionContext::Iv128(FixedLength::from(iv));
            PaddedBlockEncryptingKey::cbc_pkcs7(unbound).unwrap().less_safe_encrypt(&mut sealed, context).unwrap();
            sealed
        };
        assert_eq!(sealed[..16], hex("f58c4c04d6e5f1ba779eabfb5f7bfbd6"));
        assert_eq!(decrypt_cbc(&key, iv, sealed.clone()).unwrap(), plaintext);
        assert!(decrypt_cbc(&key, iv, sealed[..16].to_vec()).is_err());
        let wrapped = {
            use aws_lc_rs::cipher::PaddedBlockEncryptingKey;
            let unbound = UnboundCipherKey::new(&AES_256, &key).unwrap();
            let mut wrapped = plaintext.clone();
            PaddedBlockEncryptingKey::ecb_pkcs7(unbound).unwrap().encrypt(&mut wrapped).unwrap();
            wrapped
        };
        assert_eq!(wrapped[..16], hex("f3eed1bdb5d2a03c064b5a7e3db181f8"));
        assert_eq!(unwrap_ecb(&key, &wrapped).unwrap().expose(), plaintext);
        assert!(unwrap_ecb(&key, &wrapped[..16]).is_err());
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}
