//! Which format an object is written in, and what is asked of its keys.

use privet_core::keyring::S3ecKeyring;
use privet_core::message::{Encryptor, Header};
use privet_core::messages;
use privet_core::s3ec::{self, NewObject, Sealer};

use crate::error::{Error, Result};
use crate::metadata::{FramedMark, Metadata};
use crate::settings::Settings;

/// Which format objects of a bucket are written in. All formats are read, whatever is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectFormat {
    /// S3EC objects up to the bucket's threshold, framed ones beyond it and where the length is not known beforehand.
    /// The default of buckets that have a keyring for S3EC objects.
    BySize,
    /// Framed objects: ESDK messages, streamed and read in ranges, bound to bucket and key. The default of buckets that
    /// have no keyring for S3EC objects.
    Framed,
    /// S3EC objects, for buckets that other clients read: AWS's S3 encryption clients know nothing else.
    S3ec,
}

/// An object that is being written: what is sealed of it waits to be taken.
pub(crate) struct Writing {
    cipher: Cipher,
    pub(crate) sealed: Vec<u8>,
}

enum Cipher {
    Framed(Box<Encryptor>),
    S3ec(Box<Sealer>),
    /// What comes is protected already.
    Nothing,
}

/// What is put beside an object's body.
pub(crate) struct Beside {
    pub(crate) metadata: Metadata,
    pub(crate) instruction_file: Option<String>,
}

impl Writing {
    /// Begins an object: asks for its data key.
    pub(crate) async fn begin(settings: &Settings, key: &str, plaintext_length: Option<u64>) -> Result<(Self, Beside)> {
        match settings.s3ec_for(plaintext_length)? {
            Some(keyring) => Self::begin_s3ec(settings, keyring).await,
            None => Self::begin_framed(settings, key).await,
        }
    }

    /// Begins an object whose content is protected already.
    pub(crate) fn as_it_is() -> Self {
        Self { cipher: Cipher::Nothing, sealed: Vec::new() }
    }

    async fn begin_framed(settings: &Settings, key: &str) -> Result<(Self, Beside)> {
        let options = settings.message_writing(key);
        let mut encryptor = messages::encryptor(settings.privet.keyring(), &options).await?;
        // The header comes before any plaintext is needed.
        let mut sealed = Vec::new();
        encryptor.push(&[], &mut sealed)?;
        let header = Header::peek(&sealed, &settings.message_reading(key))?.ok_or_else(Error::integrity)?;
        let mark = FramedMark {
            header_length: header.length() as u64,
            frame_length: header.frame_length().ok_or_else(Error::integrity)?.into(),
        };
        let mut metadata = Metadata::new();
        mark.write(&mut metadata);
        let cipher = Cipher::Framed(Box::new(encryptor));
        Ok((Self { cipher, sealed }, Beside { metadata, instruction_file: None }))
    }

    async fn begin_s3ec(settings: &Settings, keyring: &S3ecKeyring) -> Result<(Self, Beside)> {
        let object = NewObject::new(&settings.s3ec_writing())?;
        let (secret, edk) = keyring.new_data_key(object.context()).await?;
        let (sealer, header) = object.sealer(&secret, edk)?;
        let cipher = Cipher::S3ec(Box::new(sealer));
        Ok((Self { cipher, sealed: Vec::new() }, Beside::of(&header)?))
    }

    /// Seals more.
    pub(crate) fn push(&mut self, plaintext: &[u8]) -> Result<()> {
        match &mut self.cipher {
            Cipher::Framed(encryptor) => encryptor.push(plaintext, &mut self.sealed)?,
            Cipher::S3ec(sealer) => sealer.push(plaintext, &mut self.sealed)?,
            Cipher::Nothing => self.sealed.extend_from_slice(plaintext),
        }
        Ok(())
    }

    /// Seals the end, and gives all that was not taken.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        match self.cipher {
            Cipher::Framed(encryptor) => encryptor.finish(&mut self.sealed)?,
            Cipher::S3ec(sealer) => sealer.finish(&mut self.sealed)?,
            Cipher::Nothing => {}
        }
        Ok(self.sealed)
    }

    /// Seals all of an object of which nothing was pushed.
    pub(crate) fn whole(mut self, content: Vec<u8>) -> Result<Vec<u8>> {
        if let Cipher::S3ec(sealer) = self.cipher {
            return Ok(sealer.whole(content)?);
        }
        self.push(&content)?;
        self.finish()
    }

    /// The first `length` bytes, once there are more than that.
    pub(crate) fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        if self.sealed.len() <= length {
            return None;
        }
        let rest = self.sealed.split_off(length);
        Some(std::mem::replace(&mut self.sealed, rest))
    }

    /// Goes on in this memory, which is empty: new memory costs more than sealing into it does.
    pub(crate) fn go_on_in(&mut self, mut memory: Vec<u8>) {
        memory.extend_from_slice(&self.sealed);
        self.sealed = memory;
    }
}

impl Beside {
    pub(crate) fn of(header: &s3ec::Header) -> Result<Self> {
        let metadata = header.object_metadata()?.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Self { metadata, instruction_file: header.instruction_file()? })
    }
}
