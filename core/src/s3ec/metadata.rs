//! The names in an object's metadata, and the texts under them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};

/// User metadata of an object, names without `x-amz-meta-`, as the SDK has them.
pub type Metadata = HashMap<String, String>;

/// Whether a name is one of the format's, or begins as those do: an application's own metadata must not have it.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    name.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED))
}

/// What stands in an instruction file: a JSON object of texts, no name twice.
pub(super) struct Texts(pub(super) BTreeMap<String, String>);

impl Texts {
    /// Reads a JSON object whose values are all texts.
    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|_| Error::integrity())
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Texts, A::Error> {
                let mut texts = BTreeMap::new();
                while let Some((name, value)) = pairs.next_entry()? {
                    // With two of a name, readers would differ in which one they take.
                    if texts.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name that stands there already"));
                    }
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// The pairs of a context or material description.
pub(super) fn parse_description(json: &str) -> Result<EncryptionContext> {
    let texts = Texts::parse(json.as_bytes())?.0;
    Ok(texts.into_iter().fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value)))
}

/// The JSON object of these pairs, without blanks.
pub(super) fn write_description(context: &EncryptionContext) -> Result<String> {
    // S3 encodes what is not ASCII in its own way, and not every client undoes it.
    if context.iter().any(|(name, value)| !name.is_ascii() || !value.is_ascii()) {
        return Err(Error::input("the encryption context of an S3EC object must be ASCII: S3 does not keep the rest"));
    }
    let pairs: BTreeMap<_, _> = context.iter().collect();
    serde_json::to_string(&pairs).map_err(|_| Error::input("the encryption context cannot be written as JSON"))
}

pub(super) fn parse_base64(text: &str) -> Result<Vec<u8>> {
    if text.len() > MAX_TEXT {
        return Err(Error::integrity());
    }
    STANDARD.decode(text).map_err(|_| Error::integrity())
}

pub(super) fn write_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// An instruction file's key is that of its object with this behind it.
pub const INSTRUCTION_FILE_SUFFIX: &str = ".instruction";
/// The name under which the metadata of an instruction file say what it is. The value is empty.
pub const INSTRUCTION_FILE_MARK: &str = "x-amz-crypto-instr-file";

pub(super) const KEY_V1: &str = "x-amz-key";
pub(super) const KEY_V2: &str = "x-amz-key-v2";
pub(super) const KEY_V3: &str = "x-amz-3";
pub(super) const CIPHER_V2: &str = "x-amz-cek-alg";
pub(super) const CIPHER_V3: &str = "x-amz-c";
pub(super) const IV: &str = "x-amz-iv";
pub(super) const MESSAGE_ID: &str = "x-amz-i";
pub(super) const WRAPPING_V2: &str = "x-amz-wrap-alg";
pub(super) const WRAPPING_V3: &str = "x-amz-w";
pub(super) const DESCRIPTION_V2: &str = "x-amz-matdesc";
pub(super) const CONTEXT_V3: &str = "x-amz-t";
pub(super) const DESCRIPTION_V3: &str = "x-amz-m";
pub(super) const TAG_LENGTH: &str = "x-amz-tag-len";
pub(super) const COMMITMENT: &str = "x-amz-d";
pub(super) const PLAINTEXT_LENGTH: &str = "x-amz-unencrypted-content-length";

/// Those of formats V1 and V2 that stand where the wrapped key does.
pub(super) const NAMES_V2: [&str; 7] = [KEY_V1, KEY_V2, CIPHER_V2, IV, WRAPPING_V2, DESCRIPTION_V2, TAG_LENGTH];
/// Those of format V3 that stand where the wrapped key does.
pub(super) const NAMES_V3: [&str; 4] = [KEY_V3, WRAPPING_V3, CONTEXT_V3, DESCRIPTION_V3];
/// Those of format V3 that always stand in the object's own metadata.
pub(super) const COMMITTING: [&str; 3] = [CIPHER_V3, COMMITMENT, MESSAGE_ID];

const RESERVED: &str = "x-amz-";
/// Characters of the longest text: all user metadata of an object have 2 KB, an instruction file may have more.
const MAX_TEXT: usize = 16 * 1024;
