//! KMS: what may be decrypted and what may not.

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, EncryptionAlgorithmSpec, KeySpec, KeyUsageType, MacAlgorithmSpec};

use crate::site::{HERE, Site, THERE, code, context};

/// A client and the ARN of a new symmetric key.
async fn client_with_key() -> (Client, String) {
    let kms = Site::start().await.kms(HERE).await;
    let arn = new_key(&kms).await;
    (kms, arn)
}

async fn new_key(kms: &Client) -> String {
    let created = kms.create_key().send().await.unwrap();
    created.key_metadata().unwrap().arn().unwrap().to_owned()
}

async fn encrypt(kms: &Client, key: &str, pairs: &[(&str, &str)], plaintext: &[u8]) -> Blob {
    let request = kms.encrypt().key_id(key).set_encryption_context(context(pairs)).plaintext(Blob::new(plaintext));
    request.send().await.unwrap().ciphertext_blob.unwrap()
}

#[tokio::test]
async fn a_data_key_comes_back_under_its_context() {
    let (kms, key) = client_with_key().await;
    let pairs = context(&[("privet:class", "pii"), ("tenant", "t-1")]);
    let made = kms.generate_data_key().key_id(&key).number_of_bytes(32).set_encryption_context(pairs.clone());
    let made = made.send().await.unwrap();
    assert_eq!(made.key_id(), Some(key.as_str()));
    assert_eq!(made.plaintext().unwrap().as_ref().len(), 32);

    let blob = made.ciphertext_blob().unwrap().clone();
    let opened = kms.decrypt().key_id(&key).ciphertext_blob(blob.clone()).set_encryption_context(pairs.clone());
    let opened = opened.send().await.unwrap();
    assert_eq!(opened.plaintext(), made.plaintext());
    assert_eq!(opened.key_id(), Some(key.as_str()));
    assert_eq!(opened.encryption_algorithm(), Some(&EncryptionAlgorithmSpec::SymmetricDefault));

    // A symmetric ciphertext names its key.
    let opened = kms.decrypt().ciphertext_blob(blob).set_encryption_context(pairs).send().await.unwrap();
    assert_eq!(opened.plaintext(), made.plaintext());
    assert_eq!(opened.key_id(), Some(key.as_str()));
}

#[tokio::test]
async fn two_data_keys_differ() {
    let (kms, key) = client_with_key().await;
    let make = || kms.generate_data_key().key_id(&key).key_spec(DataKeySpec::Aes256).send();
    let (a, b) = (make().await.unwrap(), make().await.unwrap());
    assert_ne!(a.plaintext(), b.plaintext());
    assert_ne!(a.ciphertext_blob(), b.ciphertext_blob());
}

#[tokio::test]
async fn a_data_key_without_plaintext_shows_none_and_opens() {
    let (kms, key) = client_with_key().await;
    let made = kms.generate_data_key_without_plaintext().key_id(&key).key_spec(DataKeySpec::Aes256);
    let made = made.send().await.unwrap();
    assert_eq!(made.key_id(), Some(key.as_str()));
    let opened = kms.decrypt().ciphertext_blob(made.ciphertext_blob.unwrap()).send().await.unwrap();
    assert_eq!(opened.plaintext().unwrap().as_ref().len(), 32);
}

#[tokio::test]
async fn another_context_is_an_invalid_ciphertext() {
    let (kms, key) = client_with_key().await;
    let blob = encrypt(&kms, &key, &[("a", "bc"), ("d", "e")], b"secret").await;
    let others: [&[(&str, &str)]; 7] = [
        &[],
        &[("a", "bc")],
        &[("a", "bc"), ("d", "E")],
        &[("ab", "c"), ("d", "e")],
        &[("a", "bcd"), ("", "e")],
        &[("a", "bc"), ("d", "e"), ("f", "g")],
        &[("a", "e"), ("d", "bc")],
    ];
    for pairs in others {
        let request = kms.decrypt().ciphertext_blob(blob.clone()).set_encryption_context(context(pairs));
        assert_eq!(code(request.send().await), "InvalidCiphertextException", "{pairs:?}");
    }
    let request = kms.decrypt().ciphertext_blob(blob).set_encryption_context(context(&[("d", "e"), ("a", "bc")]));
    assert_eq!(request.send().await.unwrap().plaintext().unwrap().as_ref(), b"secret");
}

#[tokio::test]
async fn every_flipped_byte_is_an_invalid_ciphertext() {
    let (kms, key) = client_with_key().await;
    let blob = encrypt(&kms, &key, &[("a", "b")], b"0123456789abcdef0123456789abcdef").await.into_inner();
    for position in 0..blob.len() {
        for flip in [0x01, 0x80] {
            let mut damaged = blob.clone();
            damaged[position] ^= flip;
            for key in [None, Some(key.clone())] {
                let request = kms.decrypt().set_key_id(key).ciphertext_blob(Blob::new(damaged.clone()));
                let refused = request.set_encryption_context(context(&[("a", "b")])).send().await;
                assert_eq!(code(refused), "InvalidCiphertextException", "byte {position} flipped by {flip:#x}");
            }
        }
    }
}

#[tokio::test]
async fn a_cut_or_extended_ciphertext_is_invalid() {
    let (kms, key) = client_with_key().await;
    let blob = encrypt(&kms, &key, &[], b"secret").await.into_inner();
    for length in 1..blob.len() {
        let request = kms.decrypt().ciphertext_blob(Blob::new(&blob[..length]));
        assert_eq!(code(request.send().await), "InvalidCiphertextException", "cut to {length}");
    }
    let extended = [blob, vec![0]].concat();
    let request = kms.decrypt().ciphertext_blob(Blob::new(extended));
    assert_eq!(code(request.send().await), "InvalidCiphertextException");
}

#[tokio::test]
async fn a_wrong_key_id_is_an_incorrect_key() {
    let (kms, key) = client_with_key().await;
    let other = new_key(&kms).await;
    let blob = encrypt(&kms, &key, &[], b"secret").await;
    assert_eq!(code(kms.decrypt().key_id(&other).ciphertext_blob(blob.clone()).send().await), "IncorrectKeyException");
    let request = kms.re_encrypt().source_key_id(&other).destination_key_id(&other).ciphertext_blob(blob);
    assert_eq!(code(request.send().await), "IncorrectKeyException");
}

#[tokio::test]
async fn an_unknown_key_is_not_found() {
    let (kms, key) = client_with_key().await;
    let blob = encrypt(&kms, &key, &[], b"secret").await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    for name in [unknown, "alias/nobody-made-this", "no-key-id-at-all"] {
        let generated = kms.generate_data_key().key_id(name).number_of_bytes(32).send().await;
        assert_eq!(code(generated), "NotFoundException", "{name}");
        let opened = kms.decrypt().key_id(name).ciphertext_blob(blob.clone()).send().await;
        assert_eq!(code(opened), "NotFoundException", "{name}");
        assert_eq!(code(kms.describe_key().key_id(name).send().await), "NotFoundException", "{name}");
    }
}

#[tokio::test]
async fn re_encrypt_moves_to_another_key_and_context() {
    let (kms, from) = client_with_key().await;
    let to = new_key(&kms).await;
    let (old, new) = (context(&[("branch", "v1")]), context(&[("branch", "active")]));
    let blob = encrypt(&kms, &from, &[("branch", "v1")], b"branch key").await;
    let request = || {
        let request = kms.re_encrypt().ciphertext_blob(blob.clone()).destination_key_id(&to);
        request.set_destination_encryption_context(new.clone())
    };

    let moved = request().set_source_encryption_context(old.clone()).send().await.unwrap();
    assert_eq!((moved.source_key_id(), moved.key_id()), (Some(from.as_str()), Some(to.as_str())));
    let blob = moved.ciphertext_blob.unwrap();
    let opened = kms.decrypt().key_id(&to).ciphertext_blob(blob.clone()).set_encryption_context(new.clone());
    assert_eq!(opened.send().await.unwrap().plaintext().unwrap().as_ref(), b"branch key");
    let opened = kms.decrypt().ciphertext_blob(blob).set_encryption_context(old);
    assert_eq!(code(opened.send().await), "InvalidCiphertextException");

    let refused = request().set_source_encryption_context(new.clone()).send().await;
    assert_eq!(code(refused), "InvalidCiphertextException");
}

#[tokio::test]
async fn encrypt_takes_1_to_4096_bytes() {
    let (kms, key) = client_with_key().await;
    for length in [1, 4096] {
        let blob = encrypt(&kms, &key, &[], &vec![7; length]).await;
        let opened = kms.decrypt().ciphertext_blob(blob).send().await.unwrap();
        assert_eq!(opened.plaintext().unwrap().as_ref(), vec![7; length]);
    }
    for length in [0, 4097] {
        let request = kms.encrypt().key_id(&key).plaintext(Blob::new(vec![7; length]));
        assert_eq!(code(request.send().await), "ValidationException", "{length} bytes");
    }
}

#[tokio::test]
async fn data_keys_and_random_bytes_are_1_to_1024_bytes() {
    let (kms, key) = client_with_key().await;
    for length in [1_u16, 1024] {
        let made = kms.generate_data_key().key_id(&key).number_of_bytes(length.into()).send().await.unwrap();
        assert_eq!(made.plaintext().unwrap().as_ref().len(), usize::from(length));
        let random = kms.generate_random().number_of_bytes(length.into()).send().await.unwrap();
        assert_eq!(random.plaintext().unwrap().as_ref().len(), usize::from(length));
    }
    for length in [0, 1025] {
        let made = kms.generate_data_key().key_id(&key).number_of_bytes(length).send().await;
        assert_eq!(code(made), "ValidationException", "{length} bytes");
        assert_eq!(code(kms.generate_random().number_of_bytes(length).send().await), "ValidationException");
    }
    assert_eq!(code(kms.generate_data_key().key_id(&key).send().await), "ValidationException");
    let both = kms.generate_data_key().key_id(&key).key_spec(DataKeySpec::Aes256).number_of_bytes(32);
    assert_eq!(code(both.send().await), "ValidationException");
}

#[tokio::test]
async fn a_ciphertext_has_1_to_6144_bytes() {
    let (kms, _) = client_with_key().await;
    for length in [0, 6145] {
        let request = kms.decrypt().ciphertext_blob(Blob::new(vec![1; length]));
        assert_eq!(code(request.send().await), "ValidationException", "{length} bytes");
    }
}

#[tokio::test]
async fn regions_are_apart() {
    let site = Site::start().await;
    let (here, there) = (site.kms(HERE).await, site.kms(THERE).await);
    let key = new_key(&here).await;
    assert!(key.contains(HERE));
    let blob = encrypt(&here, &key, &[], b"secret").await;

    assert_eq!(code(there.describe_key().key_id(&key).send().await), "NotFoundException");
    let id = key.rsplit('/').next().unwrap();
    assert_eq!(code(there.describe_key().key_id(id).send().await), "NotFoundException");
    // The service does not tell a foreign key from a forbidden one.
    assert_eq!(code(there.decrypt().ciphertext_blob(blob.clone()).send().await), "AccessDeniedException");
    let other = new_key(&there).await;
    assert_eq!(code(there.decrypt().key_id(other).ciphertext_blob(blob).send().await), "IncorrectKeyException");
}

#[tokio::test]
async fn dry_run_says_what_would_happen_and_does_not_do_it() {
    let (kms, key) = client_with_key().await;
    let request = kms.generate_data_key().key_id(&key).number_of_bytes(32).dry_run(true);
    assert_eq!(code(request.send().await), "DryRunOperationException");
    let blob = encrypt(&kms, &key, &[], b"secret").await;
    let decrypt = || kms.decrypt().ciphertext_blob(blob.clone()).dry_run(true);
    assert_eq!(code(decrypt().send().await), "DryRunOperationException");
    let refused = decrypt().set_encryption_context(context(&[("a", "b")])).send().await;
    assert_eq!(code(refused), "InvalidCiphertextException");
}

#[tokio::test]
async fn refusals_have_the_http_status_of_the_service() {
    let (kms, key) = client_with_key().await;
    let status = |raw: Option<&aws_sdk_kms::config::http::HttpResponse>| raw.map(|raw| raw.status().as_u16());
    let damaged = kms.decrypt().ciphertext_blob(Blob::new([1])).send().await.unwrap_err();
    assert_eq!(status(damaged.raw_response()), Some(400));
    let unknown = kms.describe_key().key_id("alias/nobody-made-this").send().await.unwrap_err();
    assert_eq!(status(unknown.raw_response()), Some(400));
    let dry = kms.generate_data_key().key_id(&key).number_of_bytes(32).dry_run(true).send().await.unwrap_err();
    assert_eq!(status(dry.raw_response()), Some(412));
}

#[tokio::test]
async fn an_hmac_key_makes_and_checks_macs_only() {
    let (kms, symmetric) = client_with_key().await;
    let created = kms.create_key().key_spec(KeySpec::Hmac256).key_usage(KeyUsageType::GenerateVerifyMac);
    let key = created.send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let algorithm = MacAlgorithmSpec::HmacSha256;
    let generate = || kms.generate_mac().mac_algorithm(algorithm.clone()).message(Blob::new("message"));
    let verify = |message: &str, mac: &Blob| {
        let request = kms.verify_mac().key_id(&key).mac_algorithm(algorithm.clone());
        request.message(Blob::new(message)).mac(mac.clone()).send()
    };

    let made = generate().key_id(&key).send().await.unwrap();
    assert_eq!(made.key_id(), Some(key.as_str()));
    let mac = made.mac.unwrap();
    assert_eq!(mac.as_ref().len(), 32);
    assert_eq!(generate().key_id(&key).send().await.unwrap().mac, Some(mac.clone()));
    assert!(verify("message", &mac).await.unwrap().mac_valid());
    assert_eq!(code(verify("another", &mac).await), "KMSInvalidMacException");

    assert_eq!(code(generate().key_id(&symmetric).send().await), "InvalidKeyUsageException");
    let encrypted = kms.encrypt().key_id(&key).plaintext(Blob::new("x")).send().await;
    assert_eq!(code(encrypted), "InvalidKeyUsageException");
}
