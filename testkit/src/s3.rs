//! S3: requests handed to s3s, with objects in a temporary folder.

mod engine;
mod host;

use std::path::PathBuf;
use std::sync::OnceLock;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use s3s::service::S3ServiceBuilder;
use s3s_aws::Connector;

use crate::random;
use engine::Engine;
use host::{AnySecret, RegionalHost};

/// The S3 of every region: names of buckets are unique across all of them.
#[derive(Default)]
pub(crate) struct S3 {
    started: OnceLock<Started>,
}

struct Started {
    connector: Connector,
    folder: PathBuf,
}

impl S3 {
    /// The engine keeps a bucket as a folder.
    pub(crate) fn create_bucket(&self, bucket: &str) {
        std::fs::create_dir(self.started().folder.join(bucket))
            .unwrap_or_else(|error| panic!("cannot create the bucket `{bucket}`: {error}"));
    }

    /// Does what is asked, to its end: whoever asked may go away, and the engine writes a body and what is known of it in
    /// steps. Needs a tokio runtime: objects are files.
    pub(crate) fn call(&self, http: HttpRequest) -> HttpConnectorFuture {
        let answer = self.started().connector.call(http);
        HttpConnectorFuture::new(async {
            tokio::spawn(answer).await.unwrap_or_else(|error| Err(ConnectorError::other(error.into(), None)))
        })
    }

    fn started(&self) -> &Started {
        self.started.get_or_init(Started::new)
    }
}

impl Started {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("privet-testkit-{}", random::uuid_text(random::uuid())));
        std::fs::create_dir_all(&folder).expect("a folder for objects can be made");
        let mut service = S3ServiceBuilder::new(Engine::new(&folder));
        service.set_auth(AnySecret);
        service.set_host(RegionalHost);
        Self { connector: Connector::from(service.build()), folder }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Whatever is left is in the system's folder for what may go.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
