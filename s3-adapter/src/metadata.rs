//! The names in an object's metadata that are privet's, and those that are the application's.

use std::collections::HashMap;

use privet_core::ErrorKind;
use privet_core::s3ec;

use crate::error::{Error, Result};

/// User metadata of an object, names without `x-amz-meta-`.
pub(crate) type Metadata = HashMap<String, String>;

/// What the metadata of a framed object say. Nothing authenticates it: it saves requests, and is what lengths are
/// computed from without reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FramedMark {
    pub(crate) header_length: u64,
    pub(crate) frame_length: u64,
}

impl FramedMark {
    /// What the metadata say; `None` if it is no framed object.
    pub(crate) fn read(metadata: &Metadata) -> Result<Option<Self>> {
        let Some(format) = metadata.get(FORMAT) else { return Ok(None) };
        if format.starts_with(DOCUMENT) {
            let message = "the object is a document that is protected field by field: read it with `documents`";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        if format != FRAMED {
            return Err(Error::new(ErrorKind::Unsupported, "the object is of a newer format: update privet"));
        }
        let number = |name| metadata.get(name).and_then(|text| text.parse().ok()).ok_or_else(Error::integrity);
        let mark = Self { header_length: number(HEADER)?, frame_length: number(FRAME)? };
        if mark.frame_length == 0 || metadata.keys().any(|name| s3ec::is_reserved(name)) {
            return Err(Error::integrity());
        }
        Ok(Some(mark))
    }

    pub(crate) fn write(self, metadata: &mut Metadata) {
        metadata.insert(FORMAT.to_owned(), FRAMED.to_owned());
        metadata.insert(HEADER.to_owned(), self.header_length.to_string());
        metadata.insert(FRAME.to_owned(), self.frame_length.to_string());
    }

    /// Bytes of the plaintext of an object of so many bytes, if it is what its metadata say; `None` if no object has that
    /// length.
    pub(crate) fn plaintext_length(self, object_length: u64) -> Option<u64> {
        let behind_final = object_length.checked_sub(self.header_length)?.checked_sub(FINAL_OVERHEAD)?;
        let frame = self.frame_length.checked_add(REGULAR_OVERHEAD)?;
        let (regular, last) = (behind_final / frame, behind_final % frame);
        (last <= self.frame_length).then(|| regular * self.frame_length + last)
    }
}

/// The mark of a document of this kind.
pub(crate) fn document_mark(kind: &str) -> (String, String) {
    (FORMAT.to_owned(), format!("{DOCUMENT}{kind}-1"))
}

/// Whether an object is a document of any kind.
pub(crate) fn is_document(metadata: &Metadata) -> bool {
    metadata.get(FORMAT).is_some_and(|format| format.starts_with(DOCUMENT))
}

/// Whether an object is of a format of privet's own.
pub(crate) fn is_own(metadata: &Metadata) -> bool {
    metadata.contains_key(FORMAT)
}

/// Whether a name is not the application's to give.
pub(crate) fn is_reserved(name: &str) -> bool {
    let is_own = name.get(..OWN.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN));
    is_own || s3ec::is_reserved(name)
}

/// Refuses names that would collide with the formats' own.
pub(crate) fn check_application(metadata: Option<&Metadata>) -> Result<()> {
    let Some(name) = metadata.into_iter().flatten().map(|(name, _)| name).find(|name| is_reserved(name)) else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Input, format!("the metadata name `{name}` is reserved for the formats: choose another")))
}

/// What of an object's metadata is the application's.
pub(crate) fn of_application(metadata: &Metadata) -> Metadata {
    let own = metadata.iter().filter(|(name, _)| !is_reserved(name));
    own.map(|(name, value)| (name.clone(), value.clone())).collect()
}

const OWN: &str = "privet-";
const FORMAT: &str = "privet-object";
const FRAMED: &str = "framed-1";
/// What the marks of documents begin with.
const DOCUMENT: &str = "document-";
const HEADER: &str = "privet-header";
const FRAME: &str = "privet-frame";

/// Sequence number, IV and tag of a regular frame, and those with mark and length of the final one (ESDK message format,
/// section 4.4).
const REGULAR_OVERHEAD: u64 = 4 + 12 + 16;
const FINAL_OVERHEAD: u64 = REGULAR_OVERHEAD + 4 + 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back() {
        let mark = FramedMark { header_length: 300, frame_length: 4096 };
        let mut metadata = Metadata::from([("owner".to_owned(), "alice".to_owned())]);
        assert_eq!(FramedMark::read(&metadata).unwrap(), None);
        mark.write(&mut metadata);
        assert_eq!(FramedMark::read(&metadata).unwrap(), Some(mark));
        assert_eq!(of_application(&metadata), Metadata::from([("owner".to_owned(), "alice".to_owned())]));
        for (name, value, kind) in [
            ("privet-frame", "0", ErrorKind::Integrity),
            ("privet-header", "x", ErrorKind::Integrity),
            ("x-amz-3", "AAAA", ErrorKind::Integrity),
            ("privet-object", "framed-2", ErrorKind::Unsupported),
        ] {
            let mut wrong = metadata.clone();
            wrong.insert(name.to_owned(), value.to_owned());
            assert_eq!(FramedMark::read(&wrong).unwrap_err().kind(), kind, "{name}");
        }
    }

    #[test]
    fn lengths_are_those_of_messages_or_none() {
        let mark = FramedMark { header_length: 300, frame_length: 10 };
        for (object, plaintext) in
            [(340, Some(0)), (350, Some(10)), (351, None), (382, Some(10)), (392, Some(20)), (339, None), (0, None)]
        {
            assert_eq!(mark.plaintext_length(object), plaintext, "{object}");
        }
        let absurd = FramedMark { header_length: u64::MAX, frame_length: u64::MAX };
        assert_eq!(absurd.plaintext_length(u64::MAX), None);
    }

    #[test]
    fn reserved_names_are_refused() {
        for name in ["privet-object", "Privet-x", "x-amz-key-v2", "X-AMZ-3"] {
            let metadata = Metadata::from([(name.to_owned(), String::new())]);
            assert_eq!(check_application(Some(&metadata)).unwrap_err().kind(), ErrorKind::Input);
        }
        check_application(Some(&Metadata::from([("owner".to_owned(), String::new())]))).unwrap();
        check_application(None).unwrap();
    }
}
