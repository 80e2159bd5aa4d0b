//! What an object that came from S3 is, and how to go on with it.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use privet_core::ErrorKind;
use privet_core::s3ec::{Header, Lookup, Unlocked};

use crate::error::{Error, Result};
use crate::instructions::InstructionFile;
use crate::metadata::{FramedMark, Metadata};
use crate::settings::Settings;

/// What an object is, by its metadata and its instruction file.
pub(crate) enum Kind {
    Framed(FramedMark),
    /// With the ETag of its instruction file, if its key is in one.
    S3ec(Box<Header>, Option<String>),
    /// Not sealed: whether it may be read is for the settings to say.
    Plain,
}

impl Kind {
    /// Finds out. Only an object whose metadata say nothing, or that it is there, costs a request for its instruction file.
    pub(crate) async fn of(
        settings: &Settings,
        client: Option<&Client>,
        key: &str,
        metadata: &Metadata,
    ) -> Result<Self> {
        if let Some(mark) = FramedMark::read(metadata)? {
            return Ok(Self::Framed(mark));
        }
        let options = settings.s3ec_reading();
        let detached = match Header::read(metadata, &options)? {
            Lookup::Header(header) => return Ok(Self::S3ec(Box::new(header), None)),
            Lookup::Detached(detached) => detached,
        };
        let is_encrypted = detached.is_encrypted();
        // Without a keyring for S3EC objects, or a policy that lets older ones pass, there is nothing to find.
        let Some(client) = client.filter(|_| is_encrypted || settings.reads_older_s3ec()) else {
            return if is_encrypted { Err(settings_of_its_own()) } else { Ok(Self::Plain) };
        };
        match InstructionFile::fetch(settings, client, key).await? {
            Some(InstructionFile { content, e_tag, .. }) => {
                Ok(Self::S3ec(Box::new(detached.with_instruction_file(&content, &options)?), e_tag))
            }
            None if is_encrypted => Err(Error::integrity()),
            None => Ok(Self::Plain),
        }
    }
}

/// The data key of an S3EC object, and the object's commitment to it.
pub(crate) async fn unlock(settings: &Settings, header: &Header) -> Result<Unlocked> {
    Ok(settings.s3ec_keyring()?.unlock(header).await?)
}

/// Output and body apart: the output is kept, the body is read.
pub(crate) fn split(mut output: GetObjectOutput) -> (GetObjectOutput, GetObjectOutput) {
    let body = std::mem::take(&mut output.body);
    let body = GetObjectOutput::builder().body(body).set_content_length(output.content_length).build();
    (output, body)
}

/// The whole body, which has so many bytes at most.
pub(crate) async fn collect(output: GetObjectOutput, most: u64) -> Result<Vec<u8>> {
    let announced = output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
    if announced > most {
        return Err(too_large());
    }
    collect_body(output.body, announced, most).await
}

/// The whole body, which is announced with so many bytes.
pub(crate) async fn collect_body(mut body: ByteStream, announced: u64, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(Error::body)?;
        if (bytes.len() + piece.len()) as u64 > most {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn too_large() -> Error {
    Error::new(ErrorKind::Input, "the object is larger than the bucket holds in memory: stream it")
}

fn settings_of_its_own() -> Error {
    Error::new(ErrorKind::Config, "the object's wrapped key is in an instruction file: read it through a `Bucket`")
}

/// Bytes of the longest instruction file.
pub(crate) const MOST_INSTRUCTIONS: u64 = 64 << 10;
