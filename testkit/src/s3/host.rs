//! Names of buckets in host names, and the secret that requests are signed with.

use s3s::S3Result;
use s3s::auth::{S3Auth, SecretKey};
use s3s::host::{S3Host, VirtualHost};

use crate::embedded::SECRET;
use crate::target::bucket_of;

/// `<bucket>.s3.<region>.amazonaws.com`, or without the bucket.
pub(super) struct RegionalHost;

impl S3Host for RegionalHost {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let virtual_host = VirtualHost::new(host);
        Ok(match bucket_of(host) {
            Some(bucket) => virtual_host.with_bucket(bucket),
            None => virtual_host,
        })
    }
}

/// Whoever asks: the principal is told by its access key.
pub(super) struct AnySecret;

#[async_trait::async_trait]
impl S3Auth for AnySecret {
    async fn get_secret_key(&self, _access_key: &str) -> S3Result<SecretKey> {
        Ok(SECRET.into())
    }
}
