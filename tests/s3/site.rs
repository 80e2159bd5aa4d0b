//! A bucket and a protector to test with.

use std::collections::HashMap;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use futures_util::TryStreamExt as _;
use privet::audit::TracingSink;
use privet::keyring::{KmsKeyring, S3ecKeyring};
use privet::s3::{Bucket, BucketBuilder, Error, ObjectStream};
use privet::{Classification, ErrorKind, Protector, Secret};
use privet_testkit::EmbeddedAws;

pub const REGION: &str = "eu-west-1";

/// What an object looks like at rest.
#[derive(Clone)]
pub struct Stored {
    pub body: Vec<u8>,
    pub metadata: HashMap<String, String>,
}

pub struct Site {
    pub aws: EmbeddedAws,
    pub s3: Client,
    pub name: String,
    pub key_arn: String,
    pub is_embedded: bool,
}

impl Site {
    pub async fn start() -> Self {
        let aws = EmbeddedAws::start().await;
        let key_arn = aws.create_key(REGION, "alias/privet").await;
        let is_embedded = std::env::var_os("AWS_ENDPOINT_URL_S3").is_none();
        let s3 = if is_embedded {
            Client::new(&aws.config(REGION).await)
        } else {
            let config =
                aws_config::defaults(BehaviorVersion::latest()).region(Region::from_static(REGION)).load().await;
            Client::from_conf(Builder::from(&config).force_path_style(true).build())
        };
        let random = Secret::random(8).unwrap();
        let suffix: String = random.expose().iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("documents-{suffix}");
        let place = BucketLocationConstraint::from(REGION);
        let place = CreateBucketConfiguration::builder().location_constraint(place).build();
        s3.create_bucket().bucket(&name).create_bucket_configuration(place).send().await.unwrap();
        aws.clear_calls();
        Self { aws, s3, name, key_arn, is_embedded }
    }

    pub async fn kms(&self) -> KmsKeyring {
        self.kms_as(EmbeddedAws::DEFAULT_PRINCIPAL).await
    }

    pub async fn kms_as(&self, principal: &str) -> KmsKeyring {
        let kms = aws_sdk_kms::Client::new(&self.aws.config_as(REGION, principal).await);
        KmsKeyring::new(kms, &self.key_arn).unwrap()
    }

    pub async fn privet(&self) -> Protector {
        Protector::builder()
            .keyring(self.kms().await)
            .context("application", "tests")
            .audit(TracingSink)
            .build()
            .unwrap()
    }

    pub fn builder(&self) -> BucketBuilder {
        Bucket::builder(&self.name).class(Classification::Pii).resource("documents")
    }

    /// A bucket that writes framed objects.
    pub async fn bucket(&self) -> Bucket {
        self.builder().build(&self.privet().await, &self.s3).unwrap()
    }

    /// A bucket that writes S3EC objects where they are small.
    pub async fn mixed(&self) -> Bucket {
        let keyring = S3ecKeyring::kms(self.kms().await);
        self.builder().s3ec(keyring).build(&self.privet().await, &self.s3).unwrap()
    }

    pub async fn stored(&self, key: &str) -> Stored {
        let got = self.s3.get_object().bucket(&self.name).key(key).send().await.unwrap();
        let metadata = got.metadata().cloned().unwrap_or_default();
        Stored { body: got.body.collect().await.unwrap().to_vec(), metadata }
    }

    pub async fn store(&self, key: &str, stored: Stored) {
        let put = self.s3.put_object().bucket(&self.name).key(key).set_metadata(Some(stored.metadata));
        put.body(ByteStream::from(stored.body)).send().await.unwrap();
    }

    pub async fn exists(&self, key: &str) -> bool {
        self.s3.head_object().bucket(&self.name).key(key).send().await.is_ok()
    }

    /// How often an operation was asked for, of KMS or S3.
    pub fn calls(&self, service: &str, operation: &str) -> usize {
        self.aws.calls(service).iter().filter(|call| call.operation == operation).count()
    }
}

/// Bytes of which no two pieces are the same.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    // In words: one by one they take as long as sealing them, where nothing is optimised.
    for at in 1..=length.div_ceil(8) as u64 {
        bytes.extend_from_slice(&at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub async fn collect(stream: ObjectStream) -> Result<Vec<u8>, Error> {
    Ok(stream.try_collect::<Vec<_>>().await?.concat())
}

/// Not `Debug`: whatever a result holds, its kind of error is what a test wants.
pub fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    match result {
        Ok(_) => panic!("this should have failed"),
        Err(error) => error.kind(),
    }
}

/// A stream of pieces that does not fail.
pub fn pieces(
    content: &[u8],
    length: usize,
) -> impl futures_util::Stream<Item = Result<Vec<u8>, std::io::Error>> + Send + use<> {
    let pieces: Vec<_> = content.chunks(length).map(|piece| Ok(piece.to_vec())).collect();
    futures_util::stream::iter(pieces)
}
