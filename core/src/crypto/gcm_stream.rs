//! AES-256-GCM over pieces: counter mode and GHASH, for objects that are one GCM message and do not fit into memory.

use aws_lc_rs::cipher::{AES_256, EncryptionContext, StreamingEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use super::ghash::{BLOCK, Block, Ghash};
use super::{NONCE_LENGTH, TAG_LENGTH};
use crate::error::{Error, Result};

/// One GCM message (NIST SP 800-38D) that comes in pieces.
///
/// # Security
///
/// What [`decrypt_unverified`](Self::decrypt_unverified) gives out is not verified before the tag is compared: who lets
/// it go before answers for that.
pub(crate) struct GcmStream {
    counter: StreamingEncryptingKey,
    hash: Ghash,
    associated_length: u64,
    length: u64,
}

impl GcmStream {
    /// The message of this key, nonce and associated data.
    pub(crate) fn new(key: &[u8; 32], nonce: [u8; NONCE_LENGTH], associated_data: &[u8]) -> Result<Self> {
        let mut hash = Ghash::new(key, nonce)?;
        hash.update(associated_data)?;
        hash.pad();
        let counter = counter(key, counter_block(nonce, 2))?;
        Ok(Self { counter, hash, associated_length: associated_data.len() as u64, length: 0 })
    }

    /// Appends the ciphertext of the next piece.
    pub(crate) fn encrypt(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.count(plaintext.len())?;
        out.reserve(plaintext.len() + BLOCK);
        for piece in plaintext.chunks(PIECE) {
            let start = out.len();
            apply(&mut self.counter, piece, out)?;
            self.hash.update(out.get(start..).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Appends what the next piece decrypts to.
    pub(crate) fn decrypt_unverified(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.count(ciphertext.len())?;
        out.reserve(ciphertext.len() + BLOCK);
        for piece in ciphertext.chunks(PIECE) {
            self.hash.update(piece)?;
            apply(&mut self.counter, piece, out)?;
        }
        Ok(())
    }

    /// The tag of all pieces.
    pub(crate) fn tag(self) -> Result<[u8; TAG_LENGTH]> {
        self.hash.tag(self.associated_length, self.length)
    }

    fn count(&mut self, more: usize) -> Result<()> {
        self.length = self.length.saturating_add(more as u64);
        if self.length > MAX_LENGTH {
            return Err(Error::input("the object is longer than the 64 GiB that one GCM message may have"));
        }
        Ok(())
    }
}

/// Appends what these bytes of a GCM message decrypt to, which begin at a multiple of 16 of its ciphertext. Nothing is
/// verified.
pub(crate) fn decrypt_part_unverified(
    key: &[u8; 32],
    nonce: [u8; NONCE_LENGTH],
    offset: u64,
    ciphertext: &[u8],
    out: &mut Vec<u8>,
) -> Result<()> {
    let block = offset.is_multiple_of(BLOCK as u64).then_some(offset / BLOCK as u64);
    let block = block.and_then(|block| u32::try_from(block).ok()).and_then(|block| block.checked_add(2));
    let block = block.ok_or_else(|| Error::input("no block of the object begins there"))?;
    let mut counter = counter(key, counter_block(nonce, block))?;
    out.reserve(ciphertext.len() + BLOCK);
    ciphertext.chunks(PIECE).try_for_each(|piece| apply(&mut counter, piece, out))
}

fn counter(key: &[u8; 32], block: Block) -> Result<StreamingEncryptingKey> {
    let key = UnboundCipherKey::new(&AES_256, key).map_err(|_| unusable())?;
    StreamingEncryptingKey::less_safe_ctr(key, EncryptionContext::Iv128(FixedLength::from(block)))
        .map_err(|_| unusable())
}

/// The library counts in all 128 bits, GCM in the last 32: within the longest message there is no difference.
fn counter_block(nonce: [u8; NONCE_LENGTH], number: u32) -> Block {
    let mut block = [0; BLOCK];
    block.iter_mut().zip(nonce.into_iter().chain(number.to_be_bytes())).for_each(|(to, from)| *to = from);
    block
}

fn apply(counter: &mut StreamingEncryptingKey, piece: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    // The library wants room for a block more than it writes.
    out.resize(start + piece.len() + BLOCK, 0);
    let room = out.get_mut(start..).unwrap_or_default();
    let written = counter.update(piece, room).map_err(|_| unusable())?.written().len();
    out.truncate(start + written);
    if written == piece.len() { Ok(()) } else { Err(unusable()) }
}

fn unusable() -> Error {
    Error::config("the AES key is not usable")
}

/// What is encrypted and hashed while it is in the processor's cache.
const PIECE: usize = 16 * 1024;
/// Bytes of the longest GCM message (NIST SP 800-38D, section 5.2.1.1).
const MAX_LENGTH: u64 = (1 << 36) - 32;

#[cfg(test)]
mod tests {
    use super::super::AeadKey;
    use super::*;

    /// Both ways, in pieces of all kinds, against the whole message of the other implementation.
    #[test]
    fn pieces_are_what_the_whole_is() {
        let (key, nonce) = ([7; 32], [9; NONCE_LENGTH]);
        for length in [0, 1, 15, 16, 17, 31, 32, 33, 4096, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let plaintext: Vec<u8> = (0..length).map(|i| i.to_le_bytes()[0]).collect();
            for associated_data in [&b""[..], &[0, 0x73], &[5; 40]] {
                let mut whole = plaintext.clone();
                let tag = AeadKey::new(&key).unwrap().seal(nonce, associated_data, &mut whole).unwrap();
                for piece in [1, 7, 16, 1000, usize::MAX] {
                    let mut stream = GcmStream::new(&key, nonce, associated_data).unwrap();
                    let mut sealed = Vec::new();
                    plaintext.chunks(piece).for_each(|piece| stream.encrypt(piece, &mut sealed).unwrap());
                    assert_eq!((&sealed, stream.tag().unwrap()), (&whole, tag), "{length} in {piece}");
                    let mut stream = GcmStream::new(&key, nonce, associated_data).unwrap();
                    let mut opened = Vec::new();
                    sealed.chunks(piece).for_each(|piece| stream.decrypt_unverified(piece, &mut opened).unwrap());
                    assert_eq!((&opened, stream.tag().unwrap()), (&plaintext, tag), "{length} in {piece}");
                }
                for offset in (0..length).step_by(16).take(70) {
                    let mut part = Vec::new();
                    decrypt_part_unverified(&key, nonce, offset as u64, &whole[offset..], &mut part).unwrap();
                    assert_eq!(part, plaintext[offset..]);
                }
            }
        }
        assert!(decrypt_part_unverified(&key, nonce, 8, b"", &mut Vec::new()).is_err());
    }

    #[test]
    fn more_than_a_message_may_have_is_refused() {
        let mut stream = GcmStream::new(&[7; 32], [9; NONCE_LENGTH], b"").unwrap();
        stream.length = MAX_LENGTH - 1;
        stream.encrypt(b"x", &mut Vec::new()).unwrap();
        assert!(stream.encrypt(b"x", &mut Vec::new()).is_err());
    }
}
