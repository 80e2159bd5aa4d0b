//! What metadata and instruction file say of an object, and what is refused before any key provider is asked.

use super::instruction;
use super::keys::COMMITMENT_LENGTH;
use super::metadata::{
    CIPHER_V2, CIPHER_V3, COMMITMENT, COMMITTING, CONTEXT_V3, DESCRIPTION_V2, DESCRIPTION_V3, IV, KEY_V1, KEY_V2,
    KEY_V3, MESSAGE_ID, Metadata, NAMES_V2, NAMES_V3, PLAINTEXT_LENGTH, TAG_LENGTH, WRAPPING_V2, WRAPPING_V3,
    parse_base64, parse_description, write_base64, write_description,
};
use super::options::ReadOptions;
use super::suite::ContentSuite;
use super::wrapping::{CONTENT_CIPHER, LEGACY_KEY_ID, PROVIDER_ID, Wrapping};
use crate::crypto;
use crate::edk::EncryptedDataKey;
use crate::encryption_context::EncryptionContext;
use crate::error::{Error, Result};

/// What an object's metadata, with its instruction file where there is one, say of it: read, but not authenticated.
pub struct Header {
    pub(super) suite: ContentSuite,
    pub(super) edk: EncryptedDataKey,
    pub(super) wrapping: Wrapping,
    /// IV, or message id with commitment.
    pub(super) seed: Vec<u8>,
    pub(super) commitment: Option<[u8; COMMITMENT_LENGTH]>,
    /// All that is stored as context or material description.
    pub(super) description: EncryptionContext,
    pub(super) in_instruction_file: bool,
    pub(super) allows_unauthenticated: bool,
    plaintext_length: Option<u64>,
}

/// What an object's metadata alone say.
#[derive(Debug)]
pub enum Lookup {
    /// All that is needed.
    Header(Header),
    /// Nothing, or that the rest is in an instruction file.
    Detached(Detached),
}

/// An object whose header is, if anywhere, in an instruction file.
#[derive(Debug)]
pub struct Detached {
    metadata: Metadata,
    is_committing: bool,
}

impl Header {
    /// Reads the metadata of an object.
    ///
    /// # Errors
    ///
    /// `Denied` if the commitment policy or an option does not let it pass; `Unsupported` for a cipher or wrapping that
    /// is not known; `Integrity` for everything else that is wrong with it.
    pub fn read(metadata: &Metadata, options: &ReadOptions) -> Result<Lookup> {
        let has = |name: &&str| metadata.contains_key(*name);
        let is_committing = COMMITTING.iter().any(&has);
        match ([KEY_V1, KEY_V2].iter().any(&has), has(&KEY_V3)) {
            (false, false) => {
                if is_committing && !COMMITTING.iter().all(&has) {
                    return Err(Error::integrity());
                }
                let metadata = metadata.clone();
                Ok(Lookup::Detached(Detached { metadata, is_committing }))
            }
            (false, true) => Self::read_v3(metadata, false, options).map(Lookup::Header),
            (true, false) if !is_committing => Self::read_v2(metadata, false, options).map(Lookup::Header),
            // The keys of one format with what belongs to another: somebody mixes them.
            (true, _) => Err(Error::integrity()),
        }
    }

    fn read_v2(metadata: &Metadata, in_instruction_file: bool, options: &ReadOptions) -> Result<Self> {
        let text = |name| metadata.get(name).map(String::as_str);
        let key = match (text(KEY_V1), text(KEY_V2)) {
            (Some(key), None) | (None, Some(key)) => parse_base64(key)?,
            _ => return Err(Error::integrity()),
        };
        let suite = match text(CIPHER_V2) {
            // Only the first format has no name for it.
            None if text(KEY_V1).is_some() => ContentSuite::Cbc,
            None => return Err(Error::integrity()),
            Some(name) => [ContentSuite::Cbc, ContentSuite::Gcm]
                .into_iter()
                .find(|suite| suite.name() == name)
                .ok_or_else(|| Error::unsupported("the object's content cipher is not known"))?,
        };
        let wrapping = match text(WRAPPING_V2) {
            None if text(KEY_V1).is_none() => return Err(Error::integrity()),
            name => Wrapping::from_name(name, key.len()).ok_or_else(unknown_wrapping)?,
        };
        if suite == ContentSuite::Gcm && text(TAG_LENGTH).is_some_and(|bits| bits != "128") {
            return Err(Error::integrity());
        }
        let description = parse_description(text(DESCRIPTION_V2).unwrap_or("{}"))?;
        Self {
            suite,
            edk: edk(wrapping, key),
            wrapping,
            seed: parse_base64(text(IV).ok_or_else(Error::integrity)?)?,
            commitment: None,
            description,
            in_instruction_file,
            allows_unauthenticated: options.unauthenticated,
            plaintext_length: plaintext_length(metadata)?,
        }
        .checked(options)
    }

    fn read_v3(metadata: &Metadata, in_instruction_file: bool, options: &ReadOptions) -> Result<Self> {
        let text = |name| metadata.get(name).map(String::as_str);
        let needed = |name| text(name).ok_or_else(Error::integrity);
        if needed(CIPHER_V3)? != ContentSuite::CommittingGcm.name() {
            return Err(Error::unsupported("the object's content cipher is not known"));
        }
        let wrapping = Wrapping::from_code(needed(WRAPPING_V3)?).ok_or_else(unknown_wrapping)?;
        // The other one means nothing, so it must not be there to mislead.
        let (own, other) = if wrapping.is_kms() { (CONTEXT_V3, DESCRIPTION_V3) } else { (DESCRIPTION_V3, CONTEXT_V3) };
        if text(other).is_some_and(|json| json != "{}") {
            return Err(Error::integrity());
        }
        let description = match text(own) {
            Some(json) => parse_description(json)?,
            None if wrapping.is_kms() => return Err(Error::integrity()),
            None => EncryptionContext::new(),
        };
        let commitment = parse_base64(needed(COMMITMENT)?)?.try_into().map_err(|_| Error::integrity())?;
        Self {
            suite: ContentSuite::CommittingGcm,
            edk: edk(wrapping, parse_base64(needed(KEY_V3)?)?),
            wrapping,
            seed: parse_base64(needed(MESSAGE_ID)?)?,
            commitment: Some(commitment),
            description,
            in_instruction_file,
            allows_unauthenticated: options.unauthenticated,
            plaintext_length: plaintext_length(metadata)?,
        }
        .checked(options)
    }

    fn checked(self, options: &ReadOptions) -> Result<Self> {
        self.check(options)?;
        if self.seed.len() != self.suite.seed_length() || self.edk.ciphertext.is_empty() {
            return Err(Error::integrity());
        }
        Ok(self)
    }

    /// Whether a reader with these options, perhaps others than it was read with, would go on with it.
    ///
    /// # Errors
    ///
    /// `Denied` if the commitment policy or an option does not let it pass; `Integrity` if its context is another.
    pub fn check(&self, options: &ReadOptions) -> Result<()> {
        options.policy.check_read(self.suite)?;
        if self.wrapping.is_legacy() && !options.legacy_wrapping {
            return Err(Error::denied("the object's data key is wrapped as old clients did: allow it, or rewrite it"));
        }
        if self.suite == ContentSuite::Cbc && !options.unauthenticated {
            return Err(Error::denied("the object's content is not authenticated (AES-CBC): allow it, or rewrite it"));
        }
        self.check_context(&options.context)
    }

    /// Whether the stored context is the one that the reader expects (S3EC object formats, section 2, KMS).
    fn check_context(&self, expected: &EncryptionContext) -> Result<()> {
        let reserved = |name: &str| name == CONTENT_CIPHER || name == LEGACY_KEY_ID;
        if expected.iter().any(|(name, _)| reserved(name)) {
            return Err(Error::input(format!("`{CONTENT_CIPHER}` and `{LEGACY_KEY_ID}` are no pairs of a caller")));
        }
        let is_same = match self.wrapping {
            Wrapping::KmsContext => {
                self.description.value(CONTENT_CIPHER) == Some(self.suite.name())
                    && self.description.iter().filter(|(name, _)| !reserved(name)).eq(expected.iter())
            }
            Wrapping::LegacyKms => self.description.value(LEGACY_KEY_ID).is_some() && expected.is_empty(),
            // Nothing binds it; still, what differs is not what was asked for.
            _ => expected.is_empty() || self.description == *expected,
        };
        if is_same { Ok(()) } else { Err(Error::integrity()) }
    }

    /// How the content is encrypted.
    #[must_use]
    pub fn suite(&self) -> ContentSuite {
        self.suite
    }

    /// How the data key is wrapped.
    #[must_use]
    pub fn wrapping(&self) -> Wrapping {
        self.wrapping
    }

    /// The wrapped data key, for an [`S3ecKeyring`](crate::keyring::S3ecKeyring).
    #[must_use]
    pub fn encrypted_data_key(&self) -> &EncryptedDataKey {
        &self.edk
    }

    /// The context to ask the keyring with: what is stored, and the content's suite.
    #[must_use]
    pub fn context(&self) -> EncryptionContext {
        match self.wrapping {
            // KMS must be given exactly what it was given.
            Wrapping::KmsContext | Wrapping::LegacyKms => self.description.clone(),
            _ => self.description.clone().with(CONTENT_CIPHER, self.suite.name()),
        }
    }

    /// Whether the wrapped key is in an instruction file.
    #[must_use]
    pub fn is_in_instruction_file(&self) -> bool {
        self.in_instruction_file
    }

    /// Bytes of the plaintext of an object of so many bytes; `None` if only reading it can tell.
    ///
    /// # Errors
    ///
    /// `Integrity` if no object has that length.
    pub fn plaintext_length(&self, object_length: u64) -> Result<Option<u64>> {
        if self.suite == ContentSuite::Cbc {
            return Ok(self.plaintext_length.filter(|length| *length < object_length));
        }
        object_length.checked_sub(crypto::TAG_LENGTH as u64).map(Some).ok_or_else(Error::integrity)
    }

    /// The same header with the data key wrapped anew, and what is to be written where: metadata of the object, or the
    /// instruction file. The content stays as it is.
    ///
    /// `context` is what [`context`](super::NewObject::context) gives for a new object: the data key must have been
    /// wrapped under it.
    ///
    /// # Errors
    ///
    /// `Unsupported` for content that is not authenticated; `Input` if the context cannot be stored.
    pub fn rewrapped(&self, edk: EncryptedDataKey, context: &EncryptionContext) -> Result<Self> {
        if self.suite == ContentSuite::Cbc {
            return Err(Error::unsupported(
                "content that is not authenticated is not wrapped anew: rewrite the object",
            ));
        }
        let wrapping = wrapping_of(&edk)?;
        Ok(Self {
            suite: self.suite,
            description: stored(wrapping, context),
            edk,
            wrapping,
            seed: self.seed.clone(),
            commitment: self.commitment,
            in_instruction_file: self.in_instruction_file,
            allows_unauthenticated: false,
            plaintext_length: self.plaintext_length,
        })
    }

    /// The header of a new object.
    pub(super) fn new(
        suite: ContentSuite,
        edk: EncryptedDataKey,
        context: &EncryptionContext,
        seed: Vec<u8>,
        commitment: Option<[u8; COMMITMENT_LENGTH]>,
        in_instruction_file: bool,
    ) -> Result<Self> {
        let wrapping = wrapping_of(&edk)?;
        let description = stored(wrapping, context);
        Ok(Self {
            suite,
            edk,
            wrapping,
            seed,
            commitment,
            description,
            in_instruction_file,
            allows_unauthenticated: false,
            plaintext_length: None,
        })
    }

    /// What the object's own metadata must hold.
    ///
    /// # Errors
    ///
    /// `Input` if the context cannot be stored.
    pub fn object_metadata(&self) -> Result<Vec<(&'static str, String)>> {
        let mut pairs = self.content_metadata();
        if !self.in_instruction_file {
            pairs.extend(self.key_metadata()?);
        }
        Ok(pairs)
    }

    /// The instruction file, if the wrapped key is in one.
    ///
    /// # Errors
    ///
    /// `Input` if the context cannot be stored.
    pub fn instruction_file(&self) -> Result<Option<String>> {
        if !self.in_instruction_file {
            return Ok(None);
        }
        instruction::write(self.key_metadata()?).map(Some)
    }

    /// What must not be parted from the content.
    fn content_metadata(&self) -> Vec<(&'static str, String)> {
        let Some(commitment) = &self.commitment else { return Vec::new() };
        vec![
            (CIPHER_V3, self.suite.name().to_owned()),
            (COMMITMENT, write_base64(commitment)),
            (MESSAGE_ID, write_base64(&self.seed)),
        ]
    }

    /// What goes with the wrapped key.
    fn key_metadata(&self) -> Result<Vec<(&'static str, String)>> {
        let key = write_base64(&self.edk.ciphertext);
        let description = write_description(&self.description)?;
        Ok(match (self.commitment, self.wrapping.code()) {
            (Some(_), Some(code)) => {
                let name = if self.wrapping.is_kms() { CONTEXT_V3 } else { DESCRIPTION_V3 };
                vec![(KEY_V3, key), (WRAPPING_V3, code.to_owned()), (name, description)]
            }
            _ => vec![
                (KEY_V2, key),
                (CIPHER_V2, self.suite.name().to_owned()),
                (IV, write_base64(&self.seed)),
                (WRAPPING_V2, self.wrapping.name().to_owned()),
                (DESCRIPTION_V2, description),
                (TAG_LENGTH, "128".to_owned()),
            ],
        })
    }
}

impl Detached {
    /// Whether the metadata say that the object is encrypted and its wrapped key elsewhere. If not, and there is no
    /// instruction file, it is no encrypted object.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.is_committing || NAMES_V2.iter().chain(&NAMES_V3).any(|name| self.metadata.contains_key(*name))
    }

    /// Goes on with the instruction file.
    ///
    /// # Errors
    ///
    /// As [`Header::read`].
    pub fn with_instruction_file(self, file: &[u8], options: &ReadOptions) -> Result<Header> {
        let names = if self.is_committing { &NAMES_V3[..] } else { &NAMES_V2[..] };
        // Whoever may write the instruction file must not make another format of what is committed to.
        if NAMES_V2.iter().chain(&NAMES_V3).any(|name| self.metadata.contains_key(*name)) {
            return Err(Error::integrity());
        }
        let mut metadata = self.metadata;
        metadata.extend(instruction::read(file, names)?);
        if self.is_committing {
            Header::read_v3(&metadata, true, options)
        } else {
            Header::read_v2(&metadata, true, options)
        }
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Header")
            .field("suite", &self.suite)
            .field("wrapping", &self.wrapping)
            .field("description", &self.description)
            .field("in_instruction_file", &self.in_instruction_file)
            .finish_non_exhaustive()
    }
}

fn edk(wrapping: Wrapping, ciphertext: Vec<u8>) -> EncryptedDataKey {
    EncryptedDataKey {
        provider_id: PROVIDER_ID.to_owned(),
        provider_info: wrapping.name().as_bytes().to_vec(),
        ciphertext,
    }
}

/// What a keyring that wraps data keys of objects says of itself.
fn wrapping_of(edk: &EncryptedDataKey) -> Result<Wrapping> {
    let wrapping = Wrapping::of_provider_info(&edk.provider_info).filter(|_| edk.provider_id == PROVIDER_ID);
    wrapping
        .filter(|wrapping| !wrapping.is_legacy())
        .ok_or_else(|| Error::config("the keyring does not wrap data keys of S3EC objects: take an `S3ecKeyring`"))
}

/// What is stored of a context that a data key was wrapped under.
fn stored(wrapping: Wrapping, context: &EncryptionContext) -> EncryptionContext {
    if wrapping.is_kms() {
        return context.clone();
    }
    let pairs = context.iter().filter(|(name, _)| *name != CONTENT_CIPHER);
    pairs.fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value))
}

fn plaintext_length(metadata: &Metadata) -> Result<Option<u64>> {
    metadata.get(PLAINTEXT_LENGTH).map(|text| text.parse().map_err(|_| Error::integrity())).transpose()
}

fn unknown_wrapping() -> Error {
    Error::unsupported("how the object's data key is wrapped is not known")
}
