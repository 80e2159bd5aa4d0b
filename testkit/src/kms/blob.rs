//! The ciphertext blob: which key and which of its materials sealed it, under which context; any change is refused.
//!
//! | field | bytes |
//! |---|---|
//! | format | 4 |
//! | kind of key id: 0 single-Region, 1 multi-Region | 1 |
//! | key id | 16 |
//! | number of the key material, big-endian | 4 |
//! | IV | 12 |
//! | zeros, so that the length is what the service's is said to be: 152 more than the plaintext | 51 |
//! | AES-256-GCM ciphertext and tag; associated data are the fields above and the encoded context | plaintext + 16 |
//! | seal: HMAC-SHA-384 of all above under a secret of the engine | 48 |
//!
//! The seal is why damage to the key id says "invalid ciphertext", as the service does, and not "no such key".

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;

use super::context;
use super::refusal::Refusal;
use crate::random;

/// Makes and checks blobs.
#[derive(Debug)]
pub(crate) struct Sealer(hmac::Key);

impl Sealer {
    /// Seals `plaintext` with material number `version` of the key `key_id`.
    pub(crate) fn seal(
        &self,
        key_id: &str,
        version: u32,
        material: &[u8],
        context: &BTreeMap<String, String>,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let iv: [u8; IV] = random::bytes();
        let (kind, id) = id_bytes(key_id).ok_or_else(Refusal::invalid_ciphertext)?;
        let mut blob = FORMAT.to_vec();
        blob.push(kind);
        blob.extend_from_slice(&id);
        blob.extend_from_slice(&version.to_be_bytes());
        blob.extend_from_slice(&iv);
        blob.resize(HEADER, 0);

        let mut sealed = plaintext.to_vec();
        aead(material)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), associated_data(&blob, context), &mut sealed)
            .map_err(|_| Refusal::invalid_ciphertext())?;
        blob.append(&mut sealed);
        let seal = hmac::sign(&self.0, &blob);
        blob.extend_from_slice(seal.as_ref());
        Ok(blob)
    }

    /// Reads a blob this engine made; anything else is an invalid ciphertext.
    pub(crate) fn read<'a>(&self, blob: &'a [u8]) -> Result<Blob<'a>, Refusal> {
        self.parse(blob).ok_or_else(Refusal::invalid_ciphertext)
    }

    fn parse<'a>(&self, blob: &'a [u8]) -> Option<Blob<'a>> {
        let (sealed, seal) = blob.split_at_checked(blob.len().checked_sub(SEAL)?)?;
        hmac::verify(&self.0, sealed, seal).ok()?;
        let (header, ciphertext) = sealed.split_at_checked(HEADER)?;
        let (format, rest) = header.split_first_chunk()?;
        let ([kind], rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (iv, _zeros) = rest.split_first_chunk()?;
        (*format == FORMAT).then(|| Blob {
            key_id: id_text(*kind, *id),
            version: u32::from_be_bytes(*version),
            iv: *iv,
            header,
            ciphertext,
        })
    }
}

impl Default for Sealer {
    fn default() -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA384, &random::bytes::<SEAL>()))
    }
}

/// A blob whose seal is right.
#[derive(Debug)]
pub(crate) struct Blob<'a> {
    pub(crate) key_id: String,
    pub(crate) version: u32,
    iv: [u8; IV],
    header: &'a [u8],
    ciphertext: &'a [u8],
}

impl Blob<'_> {
    /// Opens it with the material it names.
    pub(crate) fn open(&self, material: &[u8], context: &BTreeMap<String, String>) -> Result<Vec<u8>, Refusal> {
        let mut buffer = self.ciphertext.to_vec();
        aead(material)?
            .open_in_place(Nonce::assume_unique_for_key(self.iv), associated_data(self.header, context), &mut buffer)
            .map(|plaintext| plaintext.to_vec())
            .map_err(|_| Refusal::invalid_ciphertext())
    }
}

fn aead(material: &[u8]) -> Result<LessSafeKey, Refusal> {
    UnboundKey::new(&AES_256_GCM, material).map(LessSafeKey::new).map_err(|_| Refusal::invalid_ciphertext())
}

fn associated_data(header: &[u8], context: &BTreeMap<String, String>) -> Aad<Vec<u8>> {
    Aad::from([header, &context::encode(context)].concat())
}

fn id_bytes(key_id: &str) -> Option<(u8, [u8; 16])> {
    let (kind, digits) = match key_id.strip_prefix("mrk-") {
        Some(digits) => (MULTI_REGION, digits.to_owned()),
        None => (SINGLE_REGION, key_id.replace('-', "")),
    };
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some((kind, number.to_be_bytes()))
}

fn id_text(kind: u8, id: [u8; 16]) -> String {
    match kind {
        MULTI_REGION => format!("mrk-{}", random::hex(&id)),
        _ => random::uuid_text(id),
    }
}

const FORMAT: [u8; 4] = [1, 2, 2, 0];
const SINGLE_REGION: u8 = 0;
const MULTI_REGION: u8 = 1;
const IV: usize = 12;
const HEADER: usize = 4 + 1 + 16 + 4 + IV + 51;
const SEAL: usize = 48;
