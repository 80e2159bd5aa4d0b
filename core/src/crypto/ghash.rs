//! GHASH over pieces, as fast as the AEAD computes it.

use ghash::GHash;
use ghash::universal_hash::UniversalHash as _;
use zeroize::{Zeroize as _, Zeroizing};

use super::keystream::aes256_ctr_keystream;
use super::{AeadKey, NONCE_LENGTH, TAG_LENGTH};
use crate::error::Result;

/// The hash of AES-GCM (NIST SP 800-38D, section 6.4) over one message that comes in pieces, and the tag made of it.
///
/// The library hashes only as part of sealing, so a piece is given to it as the associated data of an empty message. With
/// `S` for the hash of `n` blocks, `H` for the hash key and `L` for the block of their length, that tag is
/// `(S + L) * H + mask`. Since the mask and `L * H` are known, what the tag gives is `S * H`, and that is what is kept of
/// all pieces so far, as `state`. The next piece of `n` blocks must multiply it by `H` to the power of `n`, which is what
/// happens to the second block of a piece: `state` is added there.
///
/// # Security
///
/// The tags of these empty messages share one nonce, and would give the hash key away: they stay in here.
pub(super) struct Ghash {
    aead: AeadKey,
    nonce: [u8; NONCE_LENGTH],
    multiplier: GHash,
    /// What a hash is hidden under to be a tag.
    mask: Zeroizing<Block>,
    state: Zeroizing<Block>,
    /// What makes no whole piece yet.
    waiting: Zeroizing<Vec<u8>>,
}

pub(super) type Block = [u8; BLOCK];

impl Ghash {
    /// The hash that this key of AES-256 and this nonce of the message give.
    pub(super) fn new(key: &[u8; 32], nonce: [u8; NONCE_LENGTH]) -> Result<Self> {
        let aead = AeadKey::new(key)?;
        // The hash key is the block of zeros, encrypted.
        let mut hash_key = Zeroizing::new([0; BLOCK]);
        aes256_ctr_keystream(key, [0; BLOCK], &mut *hash_key)?;
        let mut multiplier_key = (*hash_key).into();
        let multiplier = GHash::new(&multiplier_key);
        multiplier_key.zeroize();
        let mask = Zeroizing::new(aead.seal(nonce, &[], &mut [])?);
        let waiting = Zeroizing::new(Vec::with_capacity(PIECE));
        Ok(Self { aead, nonce, multiplier, mask, state: Zeroizing::new([0; BLOCK]), waiting })
    }

    /// Hashes more.
    pub(super) fn update(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = PIECE - self.waiting.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.waiting.extend_from_slice(now);
            if self.waiting.len() == PIECE {
                self.hash_waiting()?;
            }
            bytes = later;
        }
        Ok(())
    }

    /// Hashes zeros up to the end of the block.
    pub(super) fn pad(&mut self) {
        let padded = self.waiting.len().next_multiple_of(BLOCK);
        self.waiting.resize(padded, 0);
    }

    /// The tag of a message with so many bytes of associated data and of ciphertext, which were hashed and padded.
    pub(super) fn tag(mut self, associated_length: u64, length: u64) -> Result<[u8; TAG_LENGTH]> {
        self.pad();
        self.hash_waiting()?;
        Ok(sum(sum(*self.state, self.times_hash_key(lengths(associated_length, length))), *self.mask))
    }

    fn hash_waiting(&mut self) -> Result<()> {
        let length = self.waiting.len() as u64;
        if let Some(second) = self.waiting.get_mut(BLOCK..2 * BLOCK) {
            second.iter_mut().zip(self.state.iter()).for_each(|(byte, state)| *byte ^= state);
            let tag = self.aead.seal(self.nonce, &self.waiting, &mut [])?;
            *self.state = sum(sum(tag, *self.mask), self.times_hash_key(lengths(length, 0)));
        } else if let Some(only) = self.waiting.first_chunk() {
            let hash = sum(*self.state, self.times_hash_key(*only));
            *self.state = self.times_hash_key(hash);
        }
        self.waiting.clear();
        Ok(())
    }

    fn times_hash_key(&self, block: Block) -> Block {
        let mut product = self.multiplier.clone();
        product.update(&[block.into()]);
        product.finalize().into()
    }
}

fn sum(mut block: Block, other: Block) -> Block {
    block.iter_mut().zip(other).for_each(|(byte, other)| *byte ^= other);
    block
}

/// The block of lengths in bits.
fn lengths(associated_length: u64, length: u64) -> Block {
    let mut block = [0; BLOCK];
    let bits = [associated_length * 8, length * 8].map(u64::to_be_bytes);
    block.copy_from_slice(bits.as_flattened());
    block
}

pub(super) const BLOCK: usize = 16;
/// Hashed at a time, while it is in the processor's cache.
const PIECE: usize = 16 * 1024;
