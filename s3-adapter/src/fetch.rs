//! What an object that came from S3 is, and how to go on with it.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use privet_core::ErrorKind;
use privet_core::s3ec::{Header, Lookup, Unlocked};

use crate::error::{Error, Result, is_absent};
use crate::instructions::name_of;
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
        let may_be = settings.s3ec.is_some() && settings.commitment != privet_core::s3ec::CommitmentPolicy::default();
        let Some(client) = client.filter(|_| is_encrypted || may_be) else {
            return if is_encrypted { Err(settings_of_its_own()) } else { Ok(Self::Plain) };
        };
        match instruction_file(settings, client, key).await? {
            Some((file, e_tag)) => Ok(Self::S3ec(Box::new(detached.with_instruction_file(&file, &options)?), e_tag)),
            None if is_encrypted => Err(Error::integrity()),
            None => Ok(Self::Plain),
        }
    }
}

/// The data key of an S3EC object, and the object's commitment to it.
pub(crate) async fn unlock(settings: &Settings, header: &Header) -> Result<Unlocked> {
    Ok(settings.s3ec_keyring()?.unlock(header).await?)
}

type InstructionFile = (Vec<u8>, Option<String>);

async fn instruction_file(settings: &Settings, client: &Client, key: &str) -> Result<Option<InstructionFile>> {
    match client.get_object().bucket(&settings.bucket).key(name_of(key)).send().await {
        Ok(mut output) => {
            let e_tag = output.e_tag.take();
            Ok(Some((collect(output, MOST_INSTRUCTIONS).await?, e_tag)))
        }
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::from_sdk("GetObject", &error)),
    }
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
