//! Encrypting and decrypting DB-ESDK items with a keyring.
//!
//! ```
//! use privet_core::dbesdk::{Action, Table};
//! use privet_core::keyring::RawAesKeyring;
//! use privet_core::value::{Map, Value};
//! use privet_core::{Secret, dbesdk_items};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let keyring = RawAesKeyring::new("my-team", "2026-11", &Secret::random(32)?)?;
//! let table = Table::new("customers", "id")?;
//! let item = Map::from([
//!     ("id".to_owned(), Value::S("c-1".into())),
//!     ("email".to_owned(), Value::S("ada@example.com".into())),
//! ]);
//! let stored = dbesdk_items::encrypt(&keyring, item.clone(), &table, |_| Some(Action::EncryptAndSign)).await?;
//! assert!(matches!(stored["email"], Value::B(_)));
//! assert_eq!(dbesdk_items::decrypt(&keyring, stored, &table).await?.item, item);
//! # Ok::<(), privet_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! Every item has a data key of its own, and every item that is written or read asks the keyring for an intermediate
//! key: take one that answers without a call of its own, such as
//! [`HierarchicalKeyring`](crate::keyring::HierarchicalKeyring).

use crate::beacon::{BeaconKeys, Beacons};
use crate::dbesdk::{Action, ItemKeys, Locked, NewItem, Opened, Recipient, Table};
use crate::error::{Error, Result};
use crate::keyring::{DataKeyRequest, Failures, Keyring};
use crate::value::Map;

/// Encrypts an item, under a data key of its own. `action` says what to do with an attribute that is neither a key, nor
/// in the table's context, nor left out of the signature.
///
/// # Errors
///
/// `Input` if the item cannot be written as it is (before the keyring is asked); otherwise as the keyring's.
pub async fn encrypt<K: Keyring + ?Sized>(
    keyring: &K,
    item: Map,
    table: &Table,
    action: impl Fn(&str) -> Option<Action>,
) -> Result<Map> {
    seal(keyring, NewItem::new(item, table, action)?).await
}

/// Encrypts an item and adds its beacons. Signed ones are attributes of their own, and signed with the item; the others
/// stand outside of its signature, and [`decrypt`] drops them.
///
/// # Errors
///
/// As [`encrypt`] and [`Beacons::attributes`], before the keyring is asked.
pub async fn encrypt_with_beacons<K: Keyring + ?Sized>(
    keyring: &K,
    mut item: Map,
    table: &Table,
    action: impl Fn(&str) -> Option<Action>,
    search: BeaconsOfItem<'_>,
) -> Result<Map> {
    let attributes = search.beacons.attributes(&item, search.keys, search.partition)?;
    let signed = attributes.signed;
    item.extend(signed.clone());
    let action = |name: &str| if signed.contains_key(name) { Some(Action::SignOnly) } else { action(name) };
    let mut stored = seal(keyring, NewItem::new(item, table, action)?).await?;
    stored.extend(attributes.beacons);
    Ok(stored)
}

/// What an item's beacons are made with.
#[derive(Clone, Copy, Debug)]
pub struct BeaconsOfItem<'a> {
    /// The beacons of the table.
    pub beacons: &'a Beacons,
    /// Their keys.
    pub keys: &'a BeaconKeys,
    /// The partition that the item is in; 0 if the table has but one.
    pub partition: u8,
}

/// Encrypts an item that was looked through.
///
/// # Errors
///
/// As [`encrypt`].
pub async fn seal<K: Keyring + ?Sized>(keyring: &K, item: NewItem) -> Result<Map> {
    let request = DataKeyRequest::new(item.context().clone());
    let keys = keyring.generate_for_each(&request).await?;
    let recipients: Vec<_> = keys
        .iter()
        .flat_map(|key| key.edks.iter().map(|edk| Recipient { intermediate_key: &key.secret, edk }))
        .collect();
    item.seal(&recipients)
}

/// Decrypts an item. Nothing is returned before everything is verified.
///
/// # Errors
///
/// `Denied` if it has more recipients than the table allows (before the keyring is asked), or none of them is this
/// keyring; `Integrity` if anything does not authenticate; otherwise as the keyring's.
pub async fn decrypt<K: Keyring + ?Sized>(keyring: &K, stored: Map, table: &Table) -> Result<Opened> {
    let locked = Locked::parse(stored, table)?;
    let keys = unlock(keyring, &locked).await?;
    let keys = keys.ok_or_else(|| Error::denied("none of the item's recipients is this keyring"))?;
    locked.open(&keys)
}

/// The keys of an item that was read; `None` if none of its recipients is this keyring.
///
/// # Errors
///
/// The keyring's, and `Integrity` if what it unwraps is not the item's.
pub async fn unlock<K: Keyring + ?Sized>(keyring: &K, locked: &Locked) -> Result<Option<ItemKeys>> {
    let request = DataKeyRequest::new(locked.context().clone());
    let mut failures = Failures::default();
    // One by one: only who knows whose intermediate key it is can unwrap the data key with it.
    for (index, edk) in locked.intermediate_keys().iter().enumerate() {
        let intermediate_key = match keyring.unwrap_data_key(std::slice::from_ref(edk), &request).await {
            Ok(Some(secret)) => secret,
            Ok(None) => continue,
            Err(error) => {
                failures.note(error);
                continue;
            }
        };
        match locked.unlock(index, &intermediate_key) {
            Ok(keys) => return Ok(Some(keys)),
            Err(error) => failures.note(error),
        }
    }
    failures.into_result()
}

#[cfg(test)]
mod tests;
