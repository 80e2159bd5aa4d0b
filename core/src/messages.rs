//! Encrypting and decrypting messages with a keyring.
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

use crate::crypto::Secret;
use crate::error::{Error, Result};
use crate::keyring::{DataKey, DataKeyRequest, Keyring};
use crate::message::{Locked, Message, NewMessage, Opened, ReadOptions, WriteOptions};

/// Encrypts a plaintext as one message, under a data key of its own.
///
/// # Errors
///
/// `Config` or `Input` if the options contradict themselves (before the keyring is asked); otherwise as the keyring's.
pub async fn encrypt(keyring: &dyn Keyring, plaintext: &[u8], options: &WriteOptions) -> Result<Vec<u8>> {
    let message = NewMessage::new(options)?;
    let DataKey { secret, edks } = data_key(keyring, &message).await?;
    message.seal(&secret, edks, plaintext)
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
pub async fn decrypt(keyring: &dyn Keyring, message: &[u8], options: &ReadOptions) -> Result<Opened> {
    let message = Message::parse(message, options)?;
    let secret = unwrap(keyring, message.locked()).await?;
    message.open(&secret)
}

async fn data_key(keyring: &dyn Keyring, message: &NewMessage) -> Result<DataKey> {
    let request = DataKeyRequest::with_length(message.context().clone(), message.suite().data_key_length());
    keyring.generate_data_key(&request).await
}

async fn unwrap(keyring: &dyn Keyring, locked: &Locked) -> Result<Secret> {
    let header = locked.header();
    let request = DataKeyRequest::with_length(locked.context().clone(), header.suite().data_key_length());
    let secret = keyring.unwrap_data_key(header.encrypted_data_keys(), &request).await?;
    secret.ok_or_else(|| Error::denied("none of the message's wrapped data keys is for this keyring"))
}
