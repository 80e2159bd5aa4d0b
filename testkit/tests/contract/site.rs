//! Where a contract test runs: the embedded services, or an endpoint from the environment.

use std::collections::HashMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::error::ProvideErrorMetadata;
use privet_testkit::EmbeddedAws;

/// The services of one test.
pub(crate) struct Site {
    embedded: EmbeddedAws,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self { embedded: EmbeddedAws::start().await }
    }

    pub(crate) async fn kms(&self, region: &'static str) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.config("AWS_ENDPOINT_URL_KMS", region).await)
    }

    pub(crate) async fn dynamodb(&self, region: &'static str) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config("AWS_ENDPOINT_URL_DYNAMODB", region).await)
    }

    /// With paths, since an endpoint of one's own rarely has a name for each bucket.
    pub(crate) async fn s3(&self, region: &'static str) -> aws_sdk_s3::Client {
        let config = self.config("AWS_ENDPOINT_URL_S3", region).await;
        aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build())
    }

    async fn config(&self, variable: &str, region: &'static str) -> SdkConfig {
        match std::env::var_os(variable) {
            // The loader reads the variable itself.
            Some(_) => aws_config::defaults(BehaviorVersion::latest()).region(Region::from_static(region)).load().await,
            None => self.embedded.config(region).await,
        }
    }
}

/// The error code of a refused request.
pub(crate) fn code<T: std::fmt::Debug, E: ProvideErrorMetadata>(result: Result<T, E>) -> String {
    result.expect_err("refused").code().unwrap_or("no code").to_owned()
}

/// An encryption context.
pub(crate) fn context(pairs: &[(&str, &str)]) -> Option<HashMap<String, String>> {
    Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// A name no other test and no earlier run has used.
pub(crate) fn unique(prefix: &str) -> String {
    let bytes: [u8; 8] = {
        let mut bytes = [0; 8];
        aws_lc_rs::rand::fill(&mut bytes).expect("random bytes");
        bytes
    };
    format!("{prefix}-{:016x}", u64::from_be_bytes(bytes))
}

pub(crate) const HERE: &str = "eu-west-1";
pub(crate) const THERE: &str = "us-east-1";
