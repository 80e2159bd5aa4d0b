//! The one room that names the cryptographic library: AEAD, key derivation, MAC, signatures, random bytes, secrets.

mod aead;
mod kdf;
mod mac;
mod random;
mod secret;
mod signature;

pub(crate) use aead::{AeadKey, NONCE_LENGTH, TAG_LENGTH};
pub(crate) use kdf::{Extracted, Hash, hkdf_sha256};
pub(crate) use mac::{MacKey, equal};
pub(crate) use random::fill;
pub use secret::Secret;
pub(crate) use signature::{Curve, Digest, SigningKey, VerifyingKey};
