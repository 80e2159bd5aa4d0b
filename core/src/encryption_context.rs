//! The encryption context: public pairs that every wrapped data key is bound to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};

/// Pairs of text that a wrapped data key is bound to: the class, the tenant, and the application's own. Cheap to clone.
///
/// # Security
///
/// The pairs are no secret to whoever may call the key provider (AWS logs them), but they say who owns what: `Debug`
/// prints the names only.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct EncryptionContext(Arc<BTreeMap<String, String>>);

impl EncryptionContext {
    /// An empty context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The context with one more pair.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).insert(name.into(), value.into());
        self
    }

    /// The value under this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The pairs, sorted by the bytes of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is no pair at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The context that these bytes stand for; `None` unless they are exactly what [`serialise`](Self::serialise)
    /// gives for it.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::new());
        }
        let mut rest = bytes;
        let context = Self::take(&mut rest)?;
        (!context.is_empty() && rest.is_empty()).then_some(context)
    }

    /// The context at the start of these bytes, where an empty one has a count too; takes its bytes.
    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (count, mut rest) = bytes.split_first_chunk()?;
        let count = u16::from_be_bytes(*count);
        let mut pairs = BTreeMap::new();
        for _ in 0..count {
            let name = take_lp16(&mut rest)?;
            let value = take_lp16(&mut rest)?;
            if pairs.last_key_value().is_some_and(|(last, _): (&String, _)| last.as_str() >= name) {
                return None;
            }
            pairs.insert(name.to_owned(), value.to_owned());
        }
        *bytes = rest;
        Some(Self(Arc::new(pairs)))
    }

    /// The bytes that stand for the context as associated data: nothing if it is empty, else u16 number of pairs, then
    /// `lp16(name) || lp16(value)` each, in byte order of the names (ESDK message format, section 3).
    ///
    /// # Errors
    ///
    /// `Input` if there are more than 65,535 pairs or a text is longer than 65,535 bytes.
    pub fn serialise(&self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(self.serialised_length());
        self.serialise_into(&mut out)?;
        Ok(out)
    }

    /// Appends what [`serialise`](Self::serialise) gives.
    pub(crate) fn serialise_into(&self, out: &mut Vec<u8>) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let count = u16::try_from(self.0.len());
        out.extend_from_slice(
            &count.map_err(|_| Error::input("an encryption context has too many pairs"))?.to_be_bytes(),
        );
        for (name, value) in self.0.iter() {
            lp16(name.as_bytes(), out)?;
            lp16(value.as_bytes(), out)?;
        }
        Ok(())
    }

    /// Bytes that [`serialise`](Self::serialise) gives.
    pub(crate) fn serialised_length(&self) -> usize {
        let pairs: usize = self.iter().map(|(name, value)| 4 + name.len() + value.len()).sum();
        if self.is_empty() { 0 } else { 2 + pairs }
    }
}

impl fmt::Debug for EncryptionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Appends a 2-byte length and the bytes.
pub(crate) fn lp16(bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let length = u16::try_from(bytes.len()).map_err(|_| Error::input("a text is longer than 65,535 bytes"))?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn take_lp16<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

/// The pairs of the KMS encryption context that say class and tenant; key policies test them.
pub(crate) const CLASS: &str = "privet:class";
pub(crate) const TENANT: &str = "privet:tenant";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serialises_as_specified() {
        assert_eq!(EncryptionContext::new().serialise().unwrap(), b"");
        let context = EncryptionContext::new().with("b", "2").with("a", "1").with("é", "");
        let expected = [0, 3, 0, 1, 0x61, 0, 1, 0x31, 0, 1, 0x62, 0, 1, 0x32, 0, 2, 0xc3, 0xa9, 0, 0];
        assert_eq!(context.serialise().unwrap(), expected);
    }

    #[test]
    fn parses_what_it_serialises_and_nothing_else() {
        let context = EncryptionContext::new().with("b", "2").with("a", "1").with("é", "");
        let bytes = context.serialise().unwrap();
        assert_eq!(EncryptionContext::parse(&bytes), Some(context));
        assert_eq!(EncryptionContext::parse(b""), Some(EncryptionContext::new()));
        for length in 1..bytes.len() {
            assert_eq!(EncryptionContext::parse(&bytes[..length]), None);
        }
        for wrong in [
            &[0, 0][..],                                 // an empty context has no count
            &[0, 1, 0, 1, 0x61, 0, 0, 0],                // a byte too many
            &[0, 1, 0, 1, 0xff, 0, 0],                   // not UTF-8
            &[0, 2, 0, 1, 0x62, 0, 0, 0, 1, 0x61, 0, 0], // not sorted
            &[0, 2, 0, 1, 0x61, 0, 0, 0, 1, 0x61, 0, 0], // twice the same name
        ] {
            assert_eq!(EncryptionContext::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn debug_prints_no_value() {
        let context = EncryptionContext::new().with("owner", "dr-strange");
        assert_eq!(format!("{context:?}"), r#"{"owner"}"#);
    }

    #[test]
    fn overlong_texts_are_refused() {
        assert!(EncryptionContext::new().with("a", "x".repeat(65_536)).serialise().is_err());
    }
}
