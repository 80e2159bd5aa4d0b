//! Making an item: what it is bound to, before its keys are asked for, and then its bytes.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

use super::attribute::{Action, Attribute, Mark};
use super::context::{self, PUBLIC_KEY, RESERVED};
use super::fields::encrypt;
use super::footer;
use super::header::{Header, MESSAGE_ID_LENGTH, Version};
use super::keys::{Derivation, FieldKeys, KEY_LENGTH, RecipientKeys};
use super::path::{Order, Paths};
use super::table::{Suite, Table};
use super::{FOOTER, HEADER, RESERVED_PREFIX};
use crate::crypto::{self, Curve, Secret, SigningKey};
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};
use crate::value::{Map, Value};

/// An item that is to be written: looked through, and bound to its encryption context.
pub struct NewItem {
    paths: Paths,
    suite: Suite,
    version: Version,
    max_recipients: u8,
    /// The signed ones, in path order.
    attributes: Vec<Attribute>,
    unsigned: Map,
    stored: EncryptionContext,
    context: EncryptionContext,
    signing_key: Option<SigningKey>,
}

/// Who shall be able to read an item: an intermediate key of its own, and that key wrapped.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// 32 random bytes.
    pub intermediate_key: &'a Secret,
    /// The same key wrapped under the item's encryption context.
    pub edk: &'a EncryptedDataKey,
}

impl NewItem {
    /// Looks through an item. `action` says what to do with an attribute that is neither a key, nor in the table's
    /// context, nor left out of the signature.
    ///
    /// # Errors
    ///
    /// `Input` if an attribute has a reserved name or no action, a key or an attribute of the context is missing, or one
    /// of them cannot be serialised.
    pub fn new(item: Map, table: &Table, action: impl Fn(&str) -> Option<Action>) -> Result<Self> {
        for name in table.context().chain(table.keys()) {
            if !item.contains_key(name) {
                return Err(Error::input(format!("the item has no attribute `{name}`, which it is bound to")));
            }
        }
        let mut attributes = Vec::with_capacity(item.len());
        let mut unsigned = Map::new();
        for (name, value) in item {
            if name.starts_with(RESERVED_PREFIX) {
                return Err(Error::input(format!("the attribute `{name}` has a reserved name: rename it")));
            }
            let mark = if table.is_in_context(&name) {
                Mark::Context
            } else if table.is_key(&name) {
                Mark::Signed
            } else if table.is_unsigned(&name) {
                unsigned.insert(name, value);
                continue;
            } else {
                match action(&name) {
                    Some(Action::EncryptAndSign) => Mark::Encrypted,
                    Some(Action::SignOnly) => Mark::Signed,
                    None => {
                        return Err(Error::input(format!(
                            "nothing says whether to encrypt the attribute `{name}`: give it an action"
                        )));
                    }
                }
            };
            attributes.push(Attribute { order: Order::of(name), value, mark });
        }
        attributes.sort_unstable_by(|a, b| a.order.cmp(&b.order));

        let version = if table.context().next().is_some() { Version::Two } else { Version::One };
        let mut context = context::build(table, version, &attributes)?;
        let mut stored = EncryptionContext::new();
        let signing_key = match table.suite() {
            Suite::Tags => None,
            Suite::Signature => {
                let key = SigningKey::generate(Curve::P384)?;
                let point = BASE64_STANDARD.encode(key.public_point()?);
                stored = stored.with(PUBLIC_KEY, point.as_str());
                context = context.with(PUBLIC_KEY, point);
                Some(key)
            }
        };
        Ok(Self {
            paths: Paths::of(table),
            suite: table.suite(),
            version,
            max_recipients: table.max_recipients(),
            attributes,
            unsigned,
            stored,
            context,
            signing_key,
        })
    }

    /// The same with pairs of the application's in its encryption context, stored with it in clear.
    ///
    /// # Errors
    ///
    /// `Config` if a name begins with `aws-crypto-`.
    pub fn with_pairs<'a>(mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        for (name, value) in pairs {
            if name.starts_with(RESERVED) {
                return Err(Error::config(format!("the context name `{name}` is reserved: rename it")));
            }
            self.stored = self.stored.with(name, value);
            self.context = self.context.with(name, value);
        }
        Ok(self)
    }

    /// The pairs that intermediate keys are wrapped under.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The item as it is stored, under a new data key that each of these recipients can unwrap. The clear values that
    /// were encrypted are wiped.
    ///
    /// # Errors
    ///
    /// `Config` if there are no recipients, or more than the table allows; `Input` if a value cannot be serialised.
    pub fn seal(self, recipients: &[Recipient<'_>]) -> Result<Map> {
        let mut random = Zeroizing::new([0; MESSAGE_ID_LENGTH + KEY_LENGTH]);
        crypto::fill(&mut *random)?;
        let (message_id, data_key) = random.split_first_chunk().ok_or_else(Error::integrity)?;
        self.seal_with(recipients, *message_id, &Secret::copy_of(data_key))
    }

    /// [`seal`](Self::seal) with what is random given.
    pub(super) fn seal_with(
        mut self,
        recipients: &[Recipient<'_>],
        message_id: [u8; MESSAGE_ID_LENGTH],
        data_key: &Secret,
    ) -> Result<Map> {
        if recipients.len() > self.max_recipients.into() {
            return Err(Error::config("the item has more recipients than the table allows: raise that, or use fewer"));
        }
        let context = self.context.serialise()?;
        let mut edks = Vec::with_capacity(recipients.len());
        let mut keys = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            let recipient_keys = RecipientKeys::derive(recipient.intermediate_key)?;
            let mut edk = recipient.edk.clone();
            edk.ciphertext.splice(0..0, recipient_keys.wrap(data_key, &context)?);
            edks.push(edk);
            keys.push(recipient_keys);
        }
        let header = Header {
            version: self.version,
            suite: self.suite,
            message_id,
            legend: self.attributes.iter().map(|attribute| attribute.mark).collect(),
            stored: self.stored,
            edks,
        };
        let mut header = header.serialise()?;
        let derivation = Derivation::of(data_key);
        let commitment = derivation.commitment(&message_id, &header)?;
        header.extend_from_slice(&commitment);

        encrypt_all(&mut self.attributes, &self.paths, &derivation, &message_id)?;
        let hash = footer::hash(&header, &context, &self.attributes, &self.paths)?;
        let mut foot: Vec<u8> = keys.iter().flat_map(|keys| keys.tag(&hash)).collect();
        if let Some(key) = &self.signing_key {
            foot.extend_from_slice(&footer::sign(key, &hash)?);
        }

        let mut item = self.unsigned;
        item.extend(self.attributes.into_iter().map(|attribute| (attribute.order.into_name(), attribute.value)));
        item.insert(HEADER.to_owned(), Value::B(header));
        item.insert(FOOTER.to_owned(), Value::B(foot));
        Ok(item)
    }
}

impl std::fmt::Debug for NewItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewItem")
            .field("suite", &self.suite)
            .field("version", &self.version)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

fn encrypt_all(
    attributes: &mut [Attribute],
    paths: &Paths,
    derivation: &Derivation,
    message_id: &[u8; MESSAGE_ID_LENGTH],
) -> Result<()> {
    let is_encrypted = |attribute: &&mut Attribute| attribute.mark == Mark::Encrypted;
    let count = attributes.iter_mut().filter(is_encrypted).count();
    if count == 0 {
        return Ok(());
    }
    let keys = FieldKeys::derive(derivation, message_id, count)?;
    let mut path = Vec::with_capacity(64);
    for (attribute, key) in attributes.iter_mut().filter(is_encrypted).zip(keys.iter()) {
        let (key, nonce) = key?;
        path.clear();
        paths.write(&attribute.order, &mut path);
        let sealed = encrypt(&attribute.value, &key, nonce, &path)?;
        attribute.value.wipe();
        attribute.value = Value::B(sealed);
    }
    Ok(())
}
