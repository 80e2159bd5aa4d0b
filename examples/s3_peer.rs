//! One side of the comparison with AWS's S3 encryption clients, which `tests/interop/run-s3.sh` makes:
//! `s3_peer write|write-v2|read ENDPOINT KMS_ARN BUCKET`, JSON out or in: key, context, format, wrapping and content of each
//! object. AES and RSA keys come from `PRIVET_PEER_AES` (hex) and `PRIVET_PEER_RSA` (PEM). With `endless` it uploads to
//! `killed` until it is killed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "equipment of a test: what is not as it should be must stop it"
)]

use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use privet::keyring::{KmsKeyring, RsaPrivateKey, S3ecKeyring};
use privet::s3::{Bucket, ObjectFormat};
use privet::s3ec::CommitmentPolicy;
use privet::{EncryptionContext, Protector, Secret, audit};
use serde_json::{Value as Json, json};

/// How to reach the simulated AWS.
struct Site {
    endpoint: String,
    kms_arn: String,
    bucket: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, endpoint, kms_arn, bucket] = arguments.as_slice() else {
        panic!("usage: s3_peer write|write-v2|read|endless ENDPOINT KMS_ARN BUCKET");
    };
    let site = Site { endpoint: endpoint.clone(), kms_arn: kms_arn.clone(), bucket: bucket.clone() };
    match mode.as_str() {
        "write" => println!("{}", site.write().await),
        "write-v2" => println!("{}", site.write_v2().await),
        "endless" => site.upload_forever().await,
        _ => site.read(&serde_json::from_reader(std::io::stdin()).unwrap()).await,
    }
}

impl Site {
    /// A bucket as other clients know it: their context, and no other.
    fn bucket(&self, context: &Json, version: &str, in_files: bool) -> Bucket {
        self.bucket_of("kms", context, version, in_files)
    }

    fn bucket_of(&self, wrapping: &str, context: &Json, version: &str, in_files: bool) -> Bucket {
        let region = Region::new(self.kms_arn.split(':').nth(3).unwrap().to_owned());
        let credentials = Credentials::new("x", "x", None, None, "peer");
        macro_rules! config {
            ($sdk:ident) => {
                $sdk::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(region.clone())
                    .endpoint_url(&self.endpoint)
                    .credentials_provider(credentials.clone())
            };
        }
        let kms = aws_sdk_kms::Client::from_conf(config!(aws_sdk_kms).build());
        let s3 = aws_sdk_s3::Client::from_conf(config!(aws_sdk_s3).force_path_style(true).build());
        let keyring = match wrapping {
            "aes" => S3ecKeyring::aes(&Secret::copy_of(&unhex(&std::env::var("PRIVET_PEER_AES").unwrap()))).unwrap(),
            "rsa" => S3ecKeyring::rsa(RsaPrivateKey::from_pem(std::env::var("PRIVET_PEER_RSA").unwrap()).unwrap()),
            _ => S3ecKeyring::kms(KmsKeyring::new(kms.clone(), &self.kms_arn).unwrap()),
        };
        let privet = Protector::builder().keyring(KmsKeyring::new(kms, &self.kms_arn).unwrap());
        let privet = privet.audit(audit::TracingSink).build().unwrap();
        let pairs = context.as_object().unwrap().iter();
        let context =
            pairs.fold(EncryptionContext::new(), |context, (name, value)| context.with(name, value.as_str().unwrap()));
        let policy = match version {
            "v2" => CommitmentPolicy::ForbidEncryptAllowDecrypt,
            _ => CommitmentPolicy::RequireEncryptRequireDecrypt,
        };
        let builder = Bucket::builder(&self.bucket).s3ec(keyring).s3ec_context(context);
        let builder = builder.format(ObjectFormat::S3ec).commitment_policy(policy);
        let builder = if in_files { builder.instruction_files() } else { builder };
        builder.build(&privet, &s3).unwrap()
    }

    /// Writes objects of all kinds, one of them with its key wrapped anew, and says what a peer should find.
    async fn write(&self) -> Json {
        let mut written = Vec::new();
        for version in ["v2", "v3"] {
            for context in [json!({}), json!({ "department": "finance", "b": "with \"quotes\" and \\" })] {
                for in_files in [false, true] {
                    for length in [0, 1, 16, 1000, 100_000] {
                        let key =
                            format!("privet/{version}-{length}-{in_files}-{}", context.as_object().unwrap().len());
                        let content = Secret::random(length).unwrap().expose().to_vec();
                        let bucket = self.bucket(&context, version, in_files);
                        bucket.put(&key, content.clone()).await.unwrap();
                        if length == 16 {
                            bucket.rewrap(&key).await.unwrap();
                        }
                        written.push(object(&key, &context, version, "kms", &content));
                    }
                }
            }
        }
        // In parts, which are one GCM message over all of them.
        let content = Secret::random(12 << 20).unwrap().expose().to_vec();
        let pieces = futures_util::stream::iter(content.chunks(1 << 20).map(Ok::<_, std::convert::Infallible>));
        self.bucket(&json!({}), "v3", false).put_stream("privet/large", pieces).await.unwrap();
        written.push(object("privet/large", &json!({}), "v3", "kms", &content));
        Json::Array(written)
    }

    /// Writes objects of format V2 under keys of all kinds.
    async fn write_v2(&self) -> Json {
        let mut written = Vec::new();
        let none = json!({});
        for (wrapping, context) in
            [("kms", &none), ("kms", &json!({ "department": "finance" })), ("aes", &none), ("rsa", &none)]
        {
            for in_files in [false, true] {
                for length in [0, 1, 16, 1000, 100_000] {
                    let pairs = context.as_object().unwrap().len();
                    let key = format!("privet/v2-{wrapping}-{length}-{in_files}-{pairs}");
                    let content = Secret::random(length).unwrap().expose().to_vec();
                    let bucket = self.bucket_of(wrapping, context, "v2", in_files);
                    // Twice: the second one replaces object and instruction file.
                    bucket.put(&key, "before").await.unwrap();
                    bucket.put(&key, content.clone()).await.unwrap();
                    written.push(object(&key, context, "v2", wrapping, &content));
                }
            }
        }
        Json::Array(written)
    }

    /// Uploads without end, for who wants to kill it.
    async fn upload_forever(&self) {
        let piece = vec![7; 1 << 20];
        let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::convert::Infallible>(piece.clone()));
        let bucket = self.bucket(&json!({}), "v3", true);
        bucket.put_stream("killed", pieces).await.unwrap();
    }

    /// Reads what a peer has written, whole and as streams.
    async fn read(&self, objects: &Json) {
        for object in objects.as_array().unwrap() {
            let text = |name: &str| object[name].as_str().unwrap();
            let wrapping = object["wrapping"].as_str().unwrap_or("kms");
            let bucket = self.bucket_of(wrapping, &object["context"], text("version"), false);
            let read =
                bucket.get(text("key")).await.unwrap_or_else(|error| panic!("{}: {error}", text("key"))).unwrap();
            assert_eq!(BASE64_STANDARD.encode(&read.body), text("content"), "{}", text("key"));
            let head = bucket.head(text("key")).await.unwrap().unwrap();
            if head.is_sealed {
                assert_eq!(head.plaintext_length, Some(read.body.len() as u64));
            }
            let other = self.bucket_of(wrapping, &json!({ "department": "other" }), text("version"), false);
            assert!(other.get(text("key")).await.is_err(), "{} opens under another context", text("key"));
        }
        println!("privet read {} objects", objects.as_array().unwrap().len());
    }
}

fn object(key: &str, context: &Json, version: &str, wrapping: &str, content: &[u8]) -> Json {
    let content = BASE64_STANDARD.encode(content);
    json!({ "key": key, "context": context, "version": version, "wrapping": wrapping, "content": content })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
