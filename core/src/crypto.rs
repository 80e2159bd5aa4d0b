//! The one room that names the cryptographic library: AEAD, key derivation, MAC, RSA, random bytes, secrets.

mod aead;
mod kdf;
mod mac;
mod random;
mod rsa;
mod secret;

pub(crate) use aead::{AeadKey, NONCE_LENGTH, TAG_LENGTH};
pub(crate) use kdf::hkdf_sha256;
pub(crate) use mac::{MacKey, equal};
pub(crate) use random::fill;
pub use rsa::{RsaPadding, RsaPrivateKey, RsaPublicKey};
pub use secret::Secret;

#[cfg(test)]
mod tests;
