//! The embedded AWS behind a loopback port, for processes that are not the test's own.

use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::ACCOUNT;
use crate::embedded::EmbeddedAws;
use crate::embedded::SECRET;

/// A loopback port that serves an [`EmbeddedAws`] over HTTP until it is dropped.
///
/// A process reaches it by [`variables`](Self::variables). A fault that resets or times out closes the connection.
pub struct Endpoint {
    address: SocketAddr,
    // Dropping it ends the server.
    _stop: oneshot::Sender<Infallible>,
}

impl Endpoint {
    /// Starts a thread that serves.
    pub(crate) fn start(aws: &EmbeddedAws) -> Self {
        let connector = aws.connector();
        let (stop, stopped) = oneshot::channel();
        let (bound, binding) = std::sync::mpsc::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async move {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a loopback port is free");
                let _ = bound.send(listener.local_addr().expect("a listener has an address"));
                tokio::select! {
                    () = accept(listener, connector) => {}
                    _ = stopped => {}
                }
            });
        };
        std::thread::Builder::new().name("privet-testkit".to_owned()).spawn(serve).expect("a thread can be started");
        Self { address: binding.recv().expect("the server starts"), _stop: stop }
    }

    /// The URL of all services.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment of a process that works as this principal in this region, and retries no call.
    #[must_use]
    pub fn variables(&self, region: &str, principal: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_REGION", region.to_owned()),
            ("AWS_ACCESS_KEY_ID", principal.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_MAX_ATTEMPTS", "1".to_owned()),
            ("AWS_ACCOUNT_ID", ACCOUNT.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.address).finish()
    }
}

async fn accept(listener: TcpListener, connector: SharedHttpConnector) {
    let connector = Arc::new(connector);
    while let Ok((stream, _)) = listener.accept().await {
        let connector = Arc::clone(&connector);
        tokio::spawn(async move {
            let service = service_fn(|request| serve(&connector, request));
            // A client that goes away, or a fault that closes the connection, is no failure of the server.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

async fn serve(connector: &SharedHttpConnector, request: Request<Incoming>) -> Result<Response<SdkBody>, Failed> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    // What a server gets has no host in its address; what a client sends has.
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = format!("http://{host}{path}").parse::<Uri>()?;
    let request = HttpRequest::try_from(Request::from_parts(parts, SdkBody::from(body)))?;
    let response = connector.call(request).await?;
    Ok(response.try_into_http1x()?)
}
