//! Wrapping and unwrapping, what is refused, and keys from files.

use super::*;
use crate::encryption_context::EncryptionContext;
use crate::error::ErrorKind;

fn keyring(name: &str) -> RawAesKeyring {
    RawAesKeyring::new("tests", name, &Secret::copy_of(&[7; 32])).unwrap()
}

fn request() -> DataKeyRequest {
    DataKeyRequest::new(EncryptionContext::new().with("privet:class", "pii"))
}

#[test]
fn gives_back_what_it_wrapped() {
    let secret = Secret::random(32).unwrap();
    let edk = keyring("a").wrap(&secret, &request()).unwrap();
    let back = keyring("a").unwrap_first(&[edk], &request()).unwrap().unwrap();
    assert_eq!(back.expose(), secret.expose());
}

#[test]
fn another_context_or_any_flipped_bit_is_an_integrity_error() {
    let edk = keyring("a").wrap(&Secret::random(32).unwrap(), &request()).unwrap();
    let other = DataKeyRequest::new(EncryptionContext::new().with("privet:class", "public"));
    let moved = keyring("a").unwrap_first(std::slice::from_ref(&edk), &other);
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::Integrity);
    for bit in 0..edk.ciphertext.len() * 8 {
        let mut damaged = edk.clone();
        damaged.ciphertext[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(keyring("a").unwrap_first(&[damaged], &request()).unwrap_err().kind(), ErrorKind::Integrity);
    }
}

#[test]
fn a_key_of_another_name_is_not_ours() {
    let edk = keyring("a").wrap(&Secret::random(32).unwrap(), &request()).unwrap();
    assert!(keyring("b").unwrap_first(std::slice::from_ref(&edk), &request()).unwrap().is_none());
    // A name that merely starts alike is another name.
    assert!(keyring("aa").unwrap_first(&[edk], &request()).unwrap().is_none());
}

#[cfg(unix)]
#[test]
fn key_files_must_be_private_and_hold_a_key() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("privet-key-{}", std::process::id()));
    let load = |content: &[u8], mode| {
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        RawAesKeyring::from_file("tests", "file", &path)
    };
    assert!(load(&[1; 32], 0o600).is_ok());
    assert!(load(format!("{}\n", "0a".repeat(32)).as_bytes(), 0o400).is_ok());
    for (content, mode) in [(&[1; 32][..], 0o640), (&[1; 31], 0o600), (&[b'z'; 64], 0o600), (&[1; 200], 0o600)] {
        assert_eq!(load(content, mode).unwrap_err().kind(), ErrorKind::Config);
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(RawAesKeyring::from_file("tests", "file", &path).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn names_that_mean_others_are_refused() {
    let key = Secret::copy_of(&[0; 16]);
    assert!(RawAesKeyring::new("aws-kms", "x", &key).is_err());
    assert!(RawAesKeyring::new("ok", "x", &Secret::copy_of(&[0; 15])).is_err());
}
