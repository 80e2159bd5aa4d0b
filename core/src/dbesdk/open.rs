//! Reading an item: everything is checked before a value is opened, and all but keys before one is asked for.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::attribute::{Attribute, Mark};
use super::context::{self, PUBLIC_KEY};
use super::fields::{LEAST, decrypt};
use super::footer;
use super::header::{COMMITMENT_LENGTH, Header, Version};
use super::keys::{Derivation, FieldKeys, RecipientKeys, WRAPPED_LENGTH, is_tagged};
use super::path::{Order, Paths};
use super::table::{Suite, Table};
use super::{FOOTER, HEADER, RESERVED_PREFIX};
use crate::crypto::{Curve, Secret, VerifyingKey, equal};
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};
use crate::value::{Map, Value};

/// A stored item that was read, but not authenticated: what is needed to ask for its keys.
pub struct Locked {
    paths: Paths,
    header: Header,
    header_bytes: Vec<u8>,
    commitment: [u8; COMMITMENT_LENGTH],
    footer: Vec<u8>,
    /// The signed ones, in path order.
    attributes: Vec<Attribute>,
    unsigned: Map,
    context: EncryptionContext,
    verifying_key: Option<VerifyingKey>,
    /// What the provider of each recipient wrapped: its intermediate key.
    intermediate: Vec<EncryptedDataKey>,
}

/// The keys that an item opens with.
pub struct ItemKeys {
    data_key: Secret,
    tag_key: Secret,
}

/// An item that was opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The item in clear, without header, footer and beacons.
    pub item: Map,
    /// The names of the attributes that were encrypted.
    pub encrypted: Vec<String>,
}

impl Locked {
    /// Reads a stored item as far as that goes without keys.
    ///
    /// # Errors
    ///
    /// `Denied` if it has more recipients than the table allows; `Integrity` if it cannot be an item of this table.
    pub fn parse(mut stored: Map, table: &Table) -> Result<Self> {
        let (Some(Value::B(header_bytes)), Some(Value::B(footer))) = (stored.remove(HEADER), stored.remove(FOOTER))
        else {
            return Err(Error::integrity());
        };
        let (header, commitment) = Header::parse(&header_bytes)?;
        let attributes = signed_attributes(&mut stored, table, &header)?;
        if header.edks.len() > table.max_recipients().into() {
            return Err(Error::denied("the item has more recipients than the table allows"));
        }
        footer::split(&footer, header.suite, header.edks.len())?;
        let context = full_context(table, &header, &attributes)?;
        let verifying_key = verifying_key(&header)?;
        let intermediate = header.edks.iter().map(intermediate).collect();
        Ok(Self {
            paths: Paths::of(table),
            header,
            header_bytes,
            commitment,
            footer,
            attributes,
            unsigned: stored,
            context,
            verifying_key,
            intermediate,
        })
    }

    /// The pairs that intermediate keys are wrapped under.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The pairs of the context that are stored with the item: its public key, and what the writer's application added.
    #[must_use]
    pub fn stored_pairs(&self) -> &EncryptionContext {
        &self.header.stored
    }

    /// The wrapped intermediate key of each recipient.
    #[must_use]
    pub fn intermediate_keys(&self) -> &[EncryptedDataKey] {
        &self.intermediate
    }

    /// The item's keys, by the intermediate key of the recipient at `index`.
    ///
    /// # Errors
    ///
    /// `Integrity` if it is not that recipient's, or the item was not written with the data key behind it; `Config` if
    /// it has not 32 bytes.
    pub fn unlock(&self, index: usize, intermediate_key: &Secret) -> Result<ItemKeys> {
        let edk = self.header.edks.get(index).ok_or_else(Error::integrity)?;
        let wrapped = edk.ciphertext.first_chunk::<WRAPPED_LENGTH>().ok_or_else(Error::integrity)?;
        let keys = RecipientKeys::derive(intermediate_key)?;
        let data_key = keys.unwrap(wrapped, &self.context.serialise()?)?;
        Ok(ItemKeys { data_key, tag_key: keys.tag_key() })
    }

    /// Checks commitment, tag and signature, and then opens the item.
    ///
    /// # Errors
    ///
    /// `Integrity` if anything does not authenticate.
    pub fn open(self, keys: &ItemKeys) -> Result<Opened> {
        let message_id = &self.header.message_id;
        let committed = self.header_bytes.len().checked_sub(COMMITMENT_LENGTH);
        let committed = committed.and_then(|end| self.header_bytes.get(..end)).ok_or_else(Error::integrity)?;
        let derivation = Derivation::of(&keys.data_key);
        if !equal(&derivation.commitment(message_id, committed)?, &self.commitment) {
            return Err(Error::integrity());
        }
        let context = self.context.serialise()?;
        let hash = footer::hash(&self.header_bytes, &context, &self.attributes, &self.paths);
        // A value that cannot be serialised was not written.
        let hash = hash.map_err(|_| Error::integrity())?;
        let (tags, signature) = footer::split(&self.footer, self.header.suite, self.header.edks.len())?;
        if !is_tagged(&keys.tag_key, &hash, tags) {
            return Err(Error::integrity());
        }
        if let Some(key) = &self.verifying_key {
            footer::verify(key, &hash, signature)?;
        }

        let is_encrypted = |attribute: &Attribute| attribute.mark == Mark::Encrypted;
        let count = self.attributes.iter().filter(|attribute| is_encrypted(attribute)).count();
        let field_keys = FieldKeys::derive(&derivation, message_id, count)?;
        let mut field_keys = field_keys.iter();
        let mut encrypted = Vec::with_capacity(count);
        let mut item = self.unsigned;
        let mut path = Vec::with_capacity(64);
        for attribute in self.attributes {
            let value = match (attribute.mark, attribute.value) {
                (Mark::Encrypted, Value::B(stored)) => {
                    let (key, nonce) = field_keys.next().ok_or_else(Error::integrity)??;
                    path.clear();
                    self.paths.write(&attribute.order, &mut path);
                    encrypted.push(attribute.order.name().to_owned());
                    decrypt(&stored, &key, nonce, &path)?
                }
                (Mark::Encrypted, _) => return Err(Error::integrity()),
                (Mark::Signed | Mark::Context, value) => value,
            };
            item.insert(attribute.order.into_name(), value);
        }
        Ok(Opened { item, encrypted })
    }
}

impl std::fmt::Debug for Locked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Locked")
            .field("suite", &self.header.suite)
            .field("version", &self.header.version)
            .field("context", &self.context)
            .field("intermediate_keys", &self.intermediate)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ItemKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ItemKeys(..)")
    }
}

/// Takes the signed attributes out of a stored item, in path order, with what the legend says was done to each; drops
/// the format's own.
fn signed_attributes(stored: &mut Map, table: &Table, header: &Header) -> Result<Vec<Attribute>> {
    let mut signed = Vec::with_capacity(stored.len());
    for (name, value) in std::mem::take(stored) {
        if name.starts_with(RESERVED_PREFIX) {
            continue;
        }
        if table.is_unsigned(&name) {
            stored.insert(name, value);
        } else {
            signed.push((Order::of(name), value));
        }
    }
    if signed.len() != header.legend.len() {
        return Err(Error::integrity());
    }
    signed.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let attributes = signed.into_iter().zip(&header.legend).map(|((order, value), mark)| {
        let fits = match mark {
            Mark::Encrypted => !table.is_key(order.name()) && matches!(&value, Value::B(bytes) if bytes.len() >= LEAST),
            Mark::Signed => !table.is_key(order.name()) || header.version == Version::One,
            Mark::Context => header.version == Version::Two,
        };
        if fits { Ok(Attribute { order, value, mark: *mark }) } else { Err(Error::integrity()) }
    });
    attributes.collect()
}

/// The pairs that follow from the item, and those that are stored.
fn full_context(table: &Table, header: &Header, attributes: &[Attribute]) -> Result<EncryptionContext> {
    let mut context = context::build(table, header.version, attributes).map_err(|_| Error::integrity())?;
    for (name, value) in header.stored.iter() {
        if context.value(name).is_some() {
            return Err(Error::integrity());
        }
        context = context.with(name, value);
    }
    Ok(context)
}

/// The key that verifies the signature: stored if there is one, and only then.
fn verifying_key(header: &Header) -> Result<Option<VerifyingKey>> {
    match (header.suite, header.stored.value(PUBLIC_KEY)) {
        (Suite::Tags, None) => Ok(None),
        (Suite::Signature, Some(text)) => {
            let point = BASE64_STANDARD.decode(text).map_err(|_| Error::integrity())?;
            VerifyingKey::from_point(Curve::P384, &point).map(Some)
        }
        _ => Err(Error::integrity()),
    }
}

/// What the provider wrapped: all but the data key in front. Too short a ciphertext is nobody's.
fn intermediate(edk: &EncryptedDataKey) -> EncryptedDataKey {
    EncryptedDataKey {
        provider_id: edk.provider_id.clone(),
        provider_info: edk.provider_info.clone(),
        ciphertext: edk.ciphertext.get(WRAPPED_LENGTH..).unwrap_or_default().to_vec(),
    }
}
