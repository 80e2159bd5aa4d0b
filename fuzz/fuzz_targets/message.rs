//! Whatever is read of a message says the same whole, as a stream and in parts, and nothing forged opens.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use privet_core::message::{
    CommitmentPolicy, HeaderProgress, HeaderReader, Message, NewMessage, ReadOptions, WriteOptions,
};
use privet_core::{EncryptedDataKey, EncryptionContext, Result, Secret};

static DATA_KEY: LazyLock<Secret> = LazyLock::new(|| Secret::copy_of(&[7; 32]));

/// A good message, whose beginning the input may use.
static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let edk = EncryptedDataKey { provider_id: "t".into(), provider_info: vec![1], ciphertext: vec![2] };
    let options = WriteOptions::new(EncryptionContext::new().with("a", "b")).with_frame_length(8);
    NewMessage::new(&options).unwrap().seal(&DATA_KEY, vec![edk], &[7; 50]).unwrap()
});

fuzz_target!(|input: &[u8]| {
    let [kept, piece, input @ ..] = input else { return };
    let mut bytes = SEALED.clone();
    bytes.truncate(*kept as usize);
    bytes.extend_from_slice(input);

    let options = ReadOptions::new().with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
    let whole = Message::parse(&bytes, &options).and_then(|message| message.open(&DATA_KEY));
    let mut plaintext = Vec::new();
    let streamed = stream(&bytes, usize::from(*piece) + 1, &options, &mut plaintext);
    assert_eq!(whole.is_ok(), streamed.is_ok());
    assert!(plaintext.iter().all(|byte| *byte == 7), "a forged frame was opened");
    if let Ok(opened) = whole {
        assert!(bytes == *SEALED, "a forged message was opened");
        assert_eq!(opened.plaintext, plaintext);
    }
});

fn stream(bytes: &[u8], piece: usize, options: &ReadOptions, out: &mut Vec<u8>) -> Result<()> {
    let mut pieces = bytes.chunks(piece);
    let mut reader = HeaderReader::new(options);
    let locked = loop {
        match reader.push(pieces.next().ok_or_else(privet_core::Error::integrity)?)? {
            HeaderProgress::NeedsMore(more) => reader = more,
            HeaderProgress::Locked(locked) => break locked,
        }
    };
    let mut decryptor = locked.decryptor(&DATA_KEY, out)?;
    pieces.try_for_each(|piece| decryptor.push(piece, out))?;
    decryptor.finish()
}
