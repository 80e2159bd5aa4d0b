//! Whatever is read as an S3EC object's metadata, instruction file and body says the same whole and in pieces, and
//! nothing forged opens.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use privet_core::s3ec::{CommitmentPolicy, Header, Lookup, Metadata, NewObject, ReadOptions, WriteOptions};
use privet_core::{EncryptedDataKey, EncryptionContext, Error, Result, Secret};

static DATA_KEY: LazyLock<Secret> = LazyLock::new(|| Secret::copy_of(&[7; 32]));

/// A good object, whose parts the input may use.
static SEALED: LazyLock<(Metadata, String, Vec<u8>)> = LazyLock::new(|| {
    let edk = EncryptedDataKey { provider_id: "s3ec".into(), provider_info: b"AES/GCM".to_vec(), ciphertext: vec![2] };
    let options = WriteOptions::new(EncryptionContext::new().with("a", "b")).with_instruction_file();
    let sealed = NewObject::new(&options).unwrap().seal(&DATA_KEY, edk, vec![7; 50]).unwrap();
    let metadata = sealed.header.object_metadata().unwrap();
    let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    (metadata, sealed.header.instruction_file().unwrap().unwrap(), sealed.body)
});

// Lines `name=value` replace metadata; a line `file` begins the instruction file, a line `body` the body.
fuzz_target!(|input: &[u8]| {
    let (mut metadata, mut file, mut body) = SEALED.clone();
    let mut lines = input.split(|byte| *byte == b'\n');
    while let Some(line) = lines.next() {
        match line {
            b"file" => file = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned(),
            b"body" => body = lines.next().unwrap_or_default().to_vec(),
            line => {
                let text = String::from_utf8_lossy(line);
                let (name, value) = text.split_once('=').unwrap_or((&text, ""));
                metadata.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    let options = ReadOptions::new()
        .with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt)
        .dangerous_with_legacy_wrapping()
        .dangerous_with_unauthenticated_content();
    let Ok(header) = read(&metadata, file.as_bytes(), &options) else { return };
    let Ok(unlocked) = header.unlock(&DATA_KEY) else { return };
    let whole = unlocked.open(body.clone());
    let Ok(mut reader) = unlocked.dangerous_reader() else { return };
    let mut plaintext = Vec::new();
    for piece in body.chunks(7) {
        reader.push(piece, &mut plaintext).unwrap();
    }
    assert_eq!(whole.is_ok(), reader.finish().is_ok());
    if let Ok(opened) = whole {
        assert!(body == SEALED.2, "a forged object was opened");
        assert_eq!(opened, plaintext);
    }
});

fn read(metadata: &Metadata, file: &[u8], options: &ReadOptions) -> Result<Header> {
    match Header::read(metadata, options)? {
        Lookup::Header(header) => Ok(header),
        Lookup::Detached(detached) if detached.is_encrypted() => detached.with_instruction_file(file, options),
        Lookup::Detached(_) => Err(Error::integrity()),
    }
}
