//! Any document of JSON, JSON lines or CSV is refused, or protected so that it is read back as what it says; and any
//! stored one is opened or refused.

#![no_main]

use std::sync::LazyLock;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use libfuzzer_sys::fuzz_target;
use privet_core::keyring::RawAesKeyring;
use privet_core::{Policy, Protector, Secret};
use privet_fuzz::{Offline, block_on};
use privet_s3::{Bucket, DocumentFormat, Documents};

static OFFLINE: LazyLock<Offline> = LazyLock::new(Offline::default);
static DOCUMENTS: LazyLock<Vec<(&str, Documents)>> = LazyLock::new(|| {
    let policy = "version = 1\ndefault_class = \"pii\"\n[classes.confidential]\naudit = false\n[resources.documents]\n[[rules]]\nclass = \"public\"\nnames = [\"id\"]";
    let keyring = RawAesKeyring::new("fuzz", "key", &Secret::copy_of(&[7; 32])).unwrap();
    let privet = Protector::builder().policy(Policy::from_toml(policy).unwrap()).keyring(keyring).build().unwrap();
    let bucket = Bucket::builder("documents").resource("documents").build(&privet, &OFFLINE.s3()).unwrap();
    [("json", DocumentFormat::Json), ("json-lines", DocumentFormat::JsonLines), ("csv", DocumentFormat::Csv)]
        .map(|(name, format)| (name, bucket.documents(format).unwrap()))
        .into()
});

/// What is stored, in clear; `None` if it does not open.
fn read(documents: &Documents, format: &str, stored: &[u8]) -> Option<Vec<u8>> {
    let headers = [
        ("x-amz-meta-privet-object".to_owned(), format!("document-{format}-1")),
        ("content-length".to_owned(), stored.len().to_string()),
        ("etag".to_owned(), "\"1\"".to_owned()),
    ];
    OFFLINE.answer(headers.into(), stored);
    block_on(async {
        let parts: Vec<_> = documents.get_stream("k").await.ok()??.try_collect().await.ok()?;
        Some(parts.concat())
    })
}

/// The document stored; `None` if it is refused.
fn write(documents: &Documents, document: &[u8], piece: usize) -> Option<Vec<u8>> {
    let pieces: Vec<Vec<u8>> = document.chunks(piece).map(<[u8]>::to_vec).collect();
    OFFLINE.answer(vec![("etag".to_owned(), "\"1\"".to_owned())], b"");
    let content = stream::iter(pieces).map(Ok::<_, std::io::Error>);
    block_on(documents.put_stream("k", content)).ok()?;
    Some(OFFLINE.asked())
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (choice, piece, document) = input;
    let (format, documents) = &DOCUMENTS[usize::from(choice) % 3];
    if choice >= 128 {
        drop(read(documents, format, document));
        return;
    }
    let Some(stored) = write(documents, document, usize::from(piece).max(1)) else { return };
    let clear = read(documents, format, &stored).expect("what was written opens");
    // In the spelling of this writer, from which it comes back byte by byte.
    let stored = write(documents, &clear, 7).expect("what was read is a document");
    assert_eq!(read(documents, format, &stored).expect("what was written opens"), clear);
});
