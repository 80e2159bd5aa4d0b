//! The one room that names the cryptographic library: AEAD, key streams, hashes, key derivation, MAC,
//! signatures, RSA, random bytes, secrets.

mod aead;
mod counter_kdf;
mod gcm_stream;
mod ghash;
mod hash;
mod hmac_sha256;
mod kdf;
mod keystream;
mod legacy;
mod mac;
mod random;
mod rsa;
mod secret;
mod signature;

pub(crate) use aead::{AeadKey, NONCE_LENGTH, TAG_LENGTH};
pub(crate) use counter_kdf::counter_kdf_sha256;
pub(crate) use gcm_stream::{GcmStream, decrypt_part_unverified};
pub(crate) use hash::{Sha384, sha256};
pub(crate) use hmac_sha256::{MacKey, hkdf_sha256};
pub(crate) use kdf::{Extracted, Hash};
pub(crate) use keystream::aes256_ctr_keystream;
pub(crate) use legacy::{decrypt_cbc, unwrap_ecb, unwrap_rfc3394};
pub(crate) use mac::{LongMacKey, equal, hmac_sha512};
pub(crate) use random::{RandomPool, fill};
pub use rsa::{RsaPadding, RsaPrivateKey, RsaPublicKey};
pub use secret::Secret;
pub(crate) use signature::{Curve, Digest, SigningKey, VerifyingKey};

#[cfg(test)]
mod tests;
