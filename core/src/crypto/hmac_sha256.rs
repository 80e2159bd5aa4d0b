//! HMAC-SHA-256 (RFC 2104), and HKDF over it (RFC 5869), at the price of the hash alone.
//!
//! A record takes a dozen HMACs of a block or two each. The AEAD library's HMAC costs as much again as the hash of so
//! little, for contexts that are copied and wiped at each call. These are the same functions over a compression function
//! that uses the processor's instructions; Wycheproof's vectors and the AEAD library itself say that they are.

use sha2::block_api::compress256;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::error::{Error, Result};

/// An HMAC-SHA-256 key, ready for use.
pub(crate) struct MacKey {
    /// The hash's state after the key's inner block.
    inner: Zeroizing<State>,
    /// The same for the outer block.
    outer: Zeroizing<State>,
}

impl MacKey {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self::with(bytes, &mut Hasher::new())
    }

    /// The tag of the message.
    pub(crate) fn tag(&self, message: &[u8]) -> [u8; LENGTH] {
        let mut tag = [0; LENGTH];
        self.tag_into([message], &mut Hasher::new(), &mut tag);
        tag
    }

    fn with(bytes: &[u8], hasher: &mut Hasher) -> Self {
        let mut block = Zeroizing::new([0_u8; BLOCK]);
        match block.get_mut(..bytes.len()) {
            Some(place) => place.copy_from_slice(bytes),
            None => {
                hasher.start(&INITIAL, 0);
                hasher.update(bytes);
                if let Some(place) = block.first_chunk_mut() {
                    hasher.finish(place);
                }
            }
        }
        let mut padded = |pad: u8| {
            let mut state = Zeroizing::new(INITIAL);
            for (place, byte) in hasher.block.iter_mut().zip(block.iter()) {
                *place = byte ^ pad;
            }
            compress256(&mut state, std::slice::from_ref(&hasher.block));
            state
        };
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    /// The tag of the parts, one after the other.
    fn tag_into<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>, hasher: &mut Hasher, tag: &mut [u8; LENGTH]) {
        hasher.start(&self.inner, BLOCK);
        parts.into_iter().for_each(|part| hasher.update(part));
        hasher.finish(tag);
        hasher.start(&self.outer, BLOCK);
        hasher.update(tag);
        hasher.finish(tag);
    }
}

/// HKDF-SHA-256, extract and expand. An empty salt is RFC 5869's default; `info` is the concatenation of its parts.
pub(crate) fn hkdf_sha256(salt: &[u8], key: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<()> {
    if out.len() > 255 * LENGTH {
        return Err(Error::config("the key derivation asks for more bytes than HKDF can give"));
    }
    let mut hasher = Hasher::new();
    let mut block = Zeroizing::new([0; LENGTH]);
    // HMAC fills a key that is shorter than its block with zeros, so an empty salt is the default.
    MacKey::with(salt, &mut hasher).tag_into([key], &mut hasher, &mut block);
    let extracted = MacKey::with(&*block, &mut hasher);
    for (number, piece) in (1_u8..=255).zip(out.chunks_mut(LENGTH)) {
        let previous = Zeroizing::new(*block);
        let previous = if number == 1 { &[] } else { previous.as_slice() };
        let number = [number];
        let parts = std::iter::once(previous).chain(info.iter().copied()).chain([number.as_slice()]);
        extracted.tag_into(parts, &mut hasher, &mut block);
        piece.copy_from_slice(block.get(..piece.len()).ok_or_else(Error::integrity)?);
    }
    Ok(())
}

/// SHA-256 of one message after the other, wiped at the end.
struct Hasher {
    state: State,
    block: [u8; BLOCK],
    /// How much of the block is filled.
    filled: usize,
    /// The message's length so far.
    length: u64,
}

impl Hasher {
    fn new() -> Self {
        Self { state: INITIAL, block: [0; BLOCK], filled: 0, length: 0 }
    }

    /// Begins a message of which the state has seen `length` bytes, whole blocks, already.
    fn start(&mut self, state: &State, length: usize) {
        self.state = *state;
        self.filled = 0;
        self.length = length as u64;
    }

    fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.filled > 0 {
            let space = self.block.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = bytes.split_at(space.len().min(bytes.len()));
            space.iter_mut().zip(now).for_each(|(place, byte)| *place = *byte);
            self.filled += now.len();
            bytes = later;
            if self.filled < BLOCK {
                return;
            }
            compress256(&mut self.state, std::slice::from_ref(&self.block));
        }
        let (blocks, rest) = bytes.as_chunks();
        compress256(&mut self.state, blocks);
        self.block.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
        self.filled = rest.len();
    }

    fn finish(&mut self, digest: &mut [u8; LENGTH]) {
        let bits = self.length * 8;
        let mut rest = self.block.iter_mut().skip(self.filled);
        // INVARIANT: a full block was hashed at once, so there is room.
        if let Some(end) = rest.next() {
            *end = 0x80;
        }
        rest.for_each(|byte| *byte = 0);
        if self.filled + 1 + size_of::<u64>() > BLOCK {
            compress256(&mut self.state, std::slice::from_ref(&self.block));
            self.block = [0; BLOCK];
        }
        if let Some(place) = self.block.last_chunk_mut() {
            *place = bits.to_be_bytes();
        }
        compress256(&mut self.state, std::slice::from_ref(&self.block));
        for (place, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *place = word.to_be_bytes();
        }
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.state.zeroize();
        self.block.zeroize();
    }
}

impl ZeroizeOnDrop for Hasher {}

type State = [u32; 8];

/// Bytes of a block.
const BLOCK: usize = 64;
/// Bytes of a tag.
const LENGTH: usize = 32;
/// FIPS 180-4, section 5.3.3: the first 32 bits of the fractional parts of the square roots of the first eight primes.
const INITIAL: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use proptest::prelude::*;

    use super::super::{Extracted, Hash};
    use super::*;

    proptest! {
        #[test]
        fn tags_and_keys_are_those_of_the_aead_library(
            key in proptest::collection::vec(any::<u8>(), 0..200),
            message in proptest::collection::vec(any::<u8>(), 0..400),
            split in any::<(usize, usize)>(),
            length in 0..300_usize,
        ) {
            let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
            prop_assert_eq!(&MacKey::new(&key).tag(&message)[..], expected.as_ref());
            let (one, rest) = message.split_at(split.0 % (message.len() + 1));
            let (two, three) = rest.split_at(split.1 % (rest.len() + 1));
            let mut tag = [0; LENGTH];
            MacKey::new(&key).tag_into([one, two, three], &mut Hasher::new(), &mut tag);
            prop_assert_eq!(&tag[..], expected.as_ref());

            let (mut ours, mut theirs) = (vec![0; length], vec![0; length]);
            hkdf_sha256(&key, one, &[two, three], &mut ours).unwrap();
            Extracted::new(Hash::Sha256, &key, one).expand(&[rest], &mut theirs).unwrap();
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn every_length_around_the_ends_of_blocks() {
        for length in 0..300 {
            let message: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &message), &message);
            assert_eq!(MacKey::new(&message).tag(&message), expected.as_ref(), "{length}");
        }
    }
}
