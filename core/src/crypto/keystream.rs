//! The key stream of AES-256 in counter mode: bytes that only the key's holders can make.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};

use crate::error::{Error, Result};

/// Fills `out`, which is all zeros, with the key stream that begins at this counter block. The block counts up as one
/// big-endian number of 128 bits.
pub(crate) fn aes256_ctr_keystream(key: &[u8; 32], counter: [u8; 16], out: &mut [u8]) -> Result<()> {
    let failed = |_| Error::config("no key stream can be made");
    let key = UnboundCipherKey::new(&AES_256, key).and_then(EncryptingKey::ctr).map_err(failed)?;
    key.less_safe_encrypt(out, EncryptionContext::Iv128(counter.into())).map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38A, F.5.5: the ciphertext is the plaintext under the key stream.
    #[test]
    fn known_answer() {
        let unhex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
        };
        let key = unhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let counter = unhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
        let plaintext = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let ciphertext = unhex("601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5");
        let mut stream = [0; 32];
        aes256_ctr_keystream(&key.try_into().unwrap(), counter.try_into().unwrap(), &mut stream).unwrap();
        let sealed: Vec<u8> = plaintext.iter().zip(stream).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(sealed, ciphertext);
    }
}
