//! The counter-mode key derivation of NIST SP 800-108.

use zeroize::Zeroizing;

use super::hmac_sha256::MacKey;
use crate::error::{Error, Result};

/// KDF in counter mode with HMAC-SHA-256, one block (NIST SP 800-108r1, section 4.1): counter 1, label, a zero byte,
/// context, output length in bits, integers of 32 bits.
pub(crate) fn counter_kdf_sha256(key: &[u8], label: &[u8], context: &[u8], out: &mut [u8]) -> Result<()> {
    let too_long = || Error::config("the key derivation gives 32 bytes at most");
    let bits = u32::try_from(out.len() * 8).map_err(|_| too_long())?;
    let message = Zeroizing::new([&1_u32.to_be_bytes(), label, &[0], context, &bits.to_be_bytes()].concat());
    let block = Zeroizing::new(MacKey::new(key)?.tag(&message));
    out.copy_from_slice(block.get(..out.len()).ok_or_else(too_long)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer given in AWS's branch key format for its label.
    #[test]
    fn known_answer() {
        let key: Vec<u8> = (0..32).collect();
        let salt: Vec<u8> = (0x20..0x30).collect();
        let mut out = [0; 32];
        counter_kdf_sha256(&key, b"aws-kms-hierarchy", &salt, &mut out).unwrap();
        let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "046e690c2850dcde0cbdbf890803bb97b4f4fe464d82dd05ae5caa431d6e66d8");
    }

    #[test]
    fn more_than_a_block_is_refused() {
        assert!(counter_kdf_sha256(&[0; 32], b"label", b"", &mut [0; 33]).is_err());
    }
}
