//! Encrypting and decrypting messages with a keyring: whole, as streams, and in parts.
//!
//! ```
//! use privet_core::keyring::RawAesKeyring;
//! use privet_core::message::{ReadOptions, WriteOptions};
//! use privet_core::{EncryptionContext, Secret, messages};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let keyring = RawAesKeyring::new("my-team", "2026-11", &Secret::random(32)?)?;
//! let context = EncryptionContext::new().with("purpose", "backup");
//! let message = messages::encrypt(&keyring, b"attack at dawn", &WriteOptions::new(context.clone())).await?;
//!
//! let opened = messages::decrypt(&keyring, &message, &ReadOptions::new().with_context(context)).await?;
//! assert_eq!(opened.plaintext, b"attack at dawn");
//! # Ok::<(), privet_core::Error>(())
//! # }).unwrap();
//! ```

use zeroize::Zeroizing;

use crate::crypto::Secret;
use crate::error::{Error, Result};
use crate::keyring::{DataKey, DataKeyRequest, Keyring};
use crate::message::{
    Decryptor, Encryptor, Locked, LockedStream, Message, NewMessage, Opened, Out, RandomAccess, ReadOptions,
    WriteOptions,
};

#[cfg(feature = "io")]
mod io;
mod stream;

#[cfg(feature = "io")]
pub use io::{decrypt_io, encrypt_io};
pub use stream::{decrypt_stream, encrypt_stream};

/// Encrypts a plaintext as one message, under a data key of its own.
///
/// # Errors
///
/// `Config` or `Input` if the options contradict themselves (before the keyring is asked); otherwise as the keyring's.
pub async fn encrypt<K: Keyring + ?Sized>(keyring: &K, plaintext: &[u8], options: &WriteOptions) -> Result<Vec<u8>> {
    encrypt_into(keyring, plaintext, options, Vec::new()).await
}

/// The same in the memory of `buffer`, if it is large enough: new memory costs more than the cryptography where messages
/// are large. What the buffer holds does not matter.
///
/// # Errors
///
/// As [`encrypt`].
pub async fn encrypt_into<K: Keyring + ?Sized>(
    keyring: &K,
    plaintext: &[u8],
    options: &WriteOptions,
    buffer: Vec<u8>,
) -> Result<Vec<u8>> {
    let message = NewMessage::new(options)?;
    let DataKey { secret, edks } = data_key(keyring, &message, Some(plaintext.len() as u64)).await?;
    message.seal_into(&secret, edks, plaintext, buffer)
}

/// Decrypts one whole message. Nothing is returned before everything is verified, to the last byte.
///
/// # Errors
///
/// `Denied` if the commitment policy or a limit does not let it pass (before the keyring is asked), or none of its
/// wrapped data keys is for this keyring; `Integrity` if anything does not authenticate; otherwise as the keyring's.
///
/// # Security
///
/// Name the pairs that the message must have been written with in the options: a message that was moved from elsewhere
/// is authentic too, under its own context.
pub async fn decrypt<K: Keyring + ?Sized>(keyring: &K, message: &[u8], options: &ReadOptions) -> Result<Opened> {
    decrypt_into(keyring, message, options, Vec::new()).await
}

/// The same in the memory of `buffer`, if it is large enough: new memory costs more than the cryptography where messages
/// are large. What the buffer holds does not matter; it is wiped if the message does not open.
///
/// # Errors
///
/// As [`decrypt`].
///
/// # Security
///
/// As [`decrypt`].
pub async fn decrypt_into<K: Keyring + ?Sized>(
    keyring: &K,
    message: &[u8],
    options: &ReadOptions,
    buffer: Vec<u8>,
) -> Result<Opened> {
    let mut buffer = Zeroizing::new(buffer);
    let message = Message::parse(message, options)?;
    let secret = unwrap(keyring, message.locked()).await?;
    message.open_into(&secret, std::mem::take(&mut *buffer))
}

/// Begins a message that is written piece by piece, under a data key of its own.
///
/// # Errors
///
/// As [`encrypt`].
pub async fn encryptor<K: Keyring + ?Sized>(keyring: &K, options: &WriteOptions) -> Result<Encryptor> {
    let message = NewMessage::new(options)?;
    let DataKey { secret, edks } = data_key(keyring, &message, message.max_plaintext()).await?;
    message.encryptor(&secret, edks)
}

/// Goes on with a message that is read piece by piece, once its header is complete. Appends the plaintext that is
/// there already.
///
/// # Errors
///
/// As [`decrypt`].
pub async fn decryptor<K: Keyring + ?Sized>(
    keyring: &K,
    locked: LockedStream<'_>,
    out: &mut Vec<u8>,
) -> Result<Decryptor> {
    begin(keyring, locked, &mut Out::behind(out)).await
}

async fn begin<K: Keyring + ?Sized>(keyring: &K, locked: LockedStream<'_>, out: &mut Out<'_>) -> Result<Decryptor> {
    let secret = unwrap(keyring, locked.locked()).await?;
    locked.begin(&secret, out)
}

/// Goes on with a message of which parts are read, once its header is complete. `message_length` is the length of the
/// whole message in bytes.
///
/// # Errors
///
/// As [`decrypt`] and [`LockedStream::random_access`].
pub async fn random_access<K: Keyring + ?Sized>(
    keyring: &K,
    locked: LockedStream<'_>,
    message_length: u64,
) -> Result<RandomAccess> {
    let secret = unwrap(keyring, locked.locked()).await?;
    locked.random_access(&secret, message_length)
}

/// A data key for a message of `bytes` bytes of plaintext at most, if that is known.
async fn data_key<K: Keyring + ?Sized>(keyring: &K, message: &NewMessage, bytes: Option<u64>) -> Result<DataKey> {
    let suite = message.suite();
    // Without commitment nothing is to be shared, and with a signature every message has a context of its own.
    let shared = bytes.filter(|_| suite.commits() && !suite.signs());
    let request = DataKeyRequest::with_length(message.context().clone(), suite.data_key_length());
    let request = request.for_message(suite.id(), message.policy(), shared);
    keyring.generate_data_key(&request).await
}

async fn unwrap<K: Keyring + ?Sized>(keyring: &K, locked: &Locked) -> Result<Secret> {
    let header = locked.header();
    let suite = header.suite();
    let request = DataKeyRequest::with_length(locked.context().clone(), suite.data_key_length());
    let request = request.for_message(suite.id(), locked.policy(), None);
    let secret = keyring.unwrap_data_key(header.encrypted_data_keys(), &request).await?;
    secret.ok_or_else(|| Error::denied("none of the message's wrapped data keys is for this keyring"))
}

#[cfg(test)]
mod tests;
