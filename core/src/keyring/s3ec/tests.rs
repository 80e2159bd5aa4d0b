//! Writing, reading and wrapping anew with AES and RSA keys. KMS is tested through the SDK, and all of them on vectors.

use super::*;
use crate::error::ErrorKind;
use crate::s3ec::{CommitmentPolicy, ContentSuite, Lookup, Metadata, ReadOptions};

const PRIVATE: &str = include_str!("../../../../tests/vectors/rsa/private-pkcs8.pem");

fn aes(byte: u8, length: usize) -> S3ecKeyring {
    S3ecKeyring::aes(&Secret::copy_of(&vec![byte; length])).unwrap()
}

fn rsa() -> S3ecKeyring {
    S3ecKeyring::rsa(RsaPrivateKey::from_pem(PRIVATE).unwrap())
}

fn sender() -> S3ecKeyring {
    S3ecKeyring::rsa_for_writing(RsaPrivateKey::from_pem(PRIVATE).unwrap().public_key())
}

fn context() -> EncryptionContext {
    EncryptionContext::new().with("purpose", "test")
}

fn header(written: &Header) -> Header {
    let pairs = written.object_metadata().unwrap();
    let metadata: Metadata = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let options = ReadOptions::new().with_policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
    let Lookup::Header(header) = Header::read(&metadata, &options.with_context(context())).unwrap() else { panic!() };
    header
}

async fn open(keyring: &S3ecKeyring, sealed: &Sealed) -> Result<Vec<u8>> {
    keyring.unlock(&header(&sealed.header)).await?.open(sealed.body.clone())
}

fn options() -> [WriteOptions; 2] {
    let options = WriteOptions::new(context());
    [options.clone(), options.with_policy(CommitmentPolicy::ForbidEncryptAllowDecrypt)]
}

#[tokio::test]
async fn what_is_written_is_read() {
    for options in options() {
        for (writer, reader) in [(aes(1, 16), aes(1, 16)), (aes(1, 24), aes(1, 24)), (rsa(), rsa()), (sender(), rsa())]
        {
            let sealed = writer.seal(b"attack at dawn".to_vec(), &options).await.unwrap();
            assert_eq!(open(&reader, &sealed).await.unwrap(), b"attack at dawn");
        }
        let sealed = aes(1, 32).seal(b"x".to_vec(), &options).await.unwrap();
        assert_eq!(sealed.header.encrypted_data_key().ciphertext.len(), 60);
        assert_eq!(open(&aes(2, 32), &sealed).await.unwrap_err().kind(), ErrorKind::Integrity);
        for stranger in [rsa(), sender()] {
            assert_eq!(open(&stranger, &sealed).await.unwrap_err().kind(), ErrorKind::Denied);
        }
        let both = rsa().with_reader(aes(2, 32)).with_reader(aes(1, 32));
        assert_eq!(open(&both, &sealed).await.unwrap(), b"x");
    }
}

/// A data key that was wrapped for content without commitment does not serve one with it, nor the other way round.
#[tokio::test]
async fn wrapped_keys_are_bound_to_the_suite() {
    for keyring in [aes(1, 32), rsa()] {
        let cipher = |name: &str| DataKeyRequest::new(EncryptionContext::new().with(CONTENT_CIPHER, name));
        let data_key = keyring.generate_data_key(&cipher("115")).await.unwrap();
        let back = keyring.unwrap_data_key(&data_key.edks, &cipher("115")).await.unwrap().unwrap();
        assert_eq!(back.expose(), data_key.secret.expose());
        for other in ["AES/GCM/NoPadding", "116", ""] {
            let refused = keyring.unwrap_data_key(&data_key.edks, &cipher(other)).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Integrity);
        }
        let request = DataKeyRequest::new(EncryptionContext::new());
        assert_eq!(keyring.generate_data_key(&request).await.unwrap_err().kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn every_bit_of_a_wrapped_key_counts() {
    let request = DataKeyRequest::new(EncryptionContext::new().with(CONTENT_CIPHER, "115"));
    for keyring in [aes(1, 32), rsa()] {
        let data_key = keyring.generate_data_key(&request).await.unwrap();
        let length = data_key.edks[0].ciphertext.len();
        // RSA takes its time: every byte of it will do.
        for bit in (0..length * 8).step_by(if length > 100 { 41 } else { 1 }) {
            let mut damaged = data_key.edks.clone();
            damaged[0].ciphertext[bit / 8] ^= 1 << (bit % 8);
            let refused = keyring.unwrap_data_key(&damaged, &request).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Integrity);
        }
        for length in [0, 11, 12, 59, length - 1] {
            let mut damaged = data_key.edks.clone();
            damaged[0].ciphertext.truncate(length);
            assert!(keyring.unwrap_data_key(&damaged, &request).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_key_is_wrapped_anew_and_keeps_content_and_context() {
    for options in options() {
        let sealed = aes(1, 32).seal(b"attack at dawn".to_vec(), &options).await.unwrap();
        let old = header(&sealed.header);
        let data_key = aes(1, 32).data_key(&old).await.unwrap();
        let rewrapped = rsa().rewrap(&data_key, &old, &context()).await.unwrap();
        assert_ne!(rewrapped.encrypted_data_key(), sealed.header.encrypted_data_key());
        assert_eq!(rewrapped.context(), sealed.header.context());
        let sealed = Sealed { header: rewrapped, body: sealed.body };
        assert_eq!(open(&rsa(), &sealed).await.unwrap(), b"attack at dawn");
        assert!(open(&aes(1, 32), &sealed).await.is_err());
        // Who cannot read it cannot wrap it anew.
        assert!(rsa().data_key(&old).await.is_err());
        let other = Secret::random(32).unwrap();
        assert_eq!(
            rsa().rewrap(&other, &old, &context()).await.is_err(),
            options.suite() == ContentSuite::CommittingGcm
        );
    }
}

#[tokio::test]
async fn old_wrappings_are_read() {
    let request = DataKeyRequest::new(EncryptionContext::new());
    let keyring = S3ecKeyring::aes(&Secret::copy_of(&(0..32).collect::<Vec<u8>>())).unwrap();
    // RFC 3394, section 4.6: 256 bits of key data with a 256-bit wrapping key.
    let wrapped = "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21";
    let wrapped = (0..wrapped.len()).step_by(2).map(|at| u8::from_str_radix(&wrapped[at..at + 2], 16).unwrap());
    let edk = named(Wrapping::LegacyAesWrap, wrapped.collect());
    let secret = keyring.unwrap_data_key(&[edk], &request).await.unwrap().unwrap();
    assert_eq!(secret.expose()[..17], *b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x00");
    for wrapping in [Wrapping::LegacyAesWrap, Wrapping::LegacyAes] {
        let refused = keyring.unwrap_data_key(&[named(wrapping, vec![3; 48])], &request).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Integrity);
    }
    let refused = rsa().unwrap_data_key(&[named(Wrapping::LegacyRsa, vec![3; 256])], &request).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Integrity);
    let unsupported = named(Wrapping::LegacyRsaOaepSha256, vec![3; 256]);
    assert_eq!(rsa().unwrap_data_key(&[unsupported], &request).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn debug_prints_no_key() {
    let printed = format!("{:?} {:?}", aes(0x5a, 32).with_reader(rsa()), sender());
    assert!(!printed.contains("90") && !printed.to_lowercase().contains("5a5a"), "{printed}");
}
