//! What a service answers, and how that looks as an HTTP response of an AWS JSON protocol.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use crate::call::Outcome;
use crate::random;

/// An answer: a status, the error code if it is an error, and a JSON body.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    code: Option<String>,
    body: String,
}

impl Answer {
    pub(crate) fn success(body: String) -> Self {
        Self { status: 200, code: None, body }
    }

    /// An error with a body the service wrote itself.
    pub(crate) fn refusal(status: u16, code: &str, body: String) -> Self {
        let code = code.rsplit('#').next().unwrap_or(code);
        Self { status, code: Some(code.to_owned()), body }
    }

    /// An error by its code. KMS leaves the message out where it has none to give.
    pub(crate) fn error(status: u16, code: &str, message: Option<&str>) -> Self {
        let mut body = json!({ "__type": code });
        if let (Some(fields), Some(message)) = (body.as_object_mut(), message) {
            fields.insert("message".to_owned(), Value::from(message));
        }
        Self { status, code: Some(code.to_owned()), body: body.to_string() }
    }

    /// An error that has nothing but a status, as a load balancer in front of the service would send.
    pub(crate) fn bare(status: u16) -> Self {
        Self { status, code: None, body: "{}".to_owned() }
    }

    /// Changes the body of a success.
    pub(crate) fn map(mut self, change: impl FnOnce(Value) -> Value) -> Self {
        if self.status == 200
            && let Ok(body) = serde_json::from_str(&self.body)
        {
            self.body = change(body).to_string();
        }
        self
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match &self.code {
            Some(code) => Outcome::Error(code.clone()),
            None if self.status == 200 => Outcome::Success,
            None => Outcome::Error(self.status.to_string()),
        }
    }

    pub(crate) fn into_http(self, service: &str) -> HttpResponse {
        let status = StatusCode::try_from(self.status).expect("the status is a valid HTTP status");
        let body = if service == "s3" { self.xml() } else { self.body };
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        let headers = response.headers_mut();
        headers.insert("content-type", content_type(service));
        headers.insert("x-amzn-requestid", random::uuid_text(random::uuid()));
        if let Some(code) = self.code {
            headers.insert("x-amzn-errortype", code);
        }
        response
    }

    /// An error as S3 writes it.
    fn xml(&self) -> String {
        let Some(code) = &self.code else { return String::new() };
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>")
    }
}

/// The HTTP status the services use for an error code.
pub(crate) fn status_of(code: &str) -> u16 {
    match code {
        "KMSInternalException"
        | "KeyUnavailableException"
        | "InternalServerError"
        | "InternalServerErrorException"
        | "InternalFailure"
        | "InternalError" => 500,
        "DependencyTimeoutException" | "ServiceUnavailable" | "ServiceUnavailableException" | "SlowDown" => 503,
        "DryRunOperationException" | "PreconditionFailed" => 412,
        "AccessDenied" => 403,
        "NoSuchKey" | "NoSuchBucket" | "NoSuchUpload" => 404,
        _ => 400,
    }
}

fn content_type(service: &str) -> &'static str {
    match service {
        "dynamodb" => "application/x-amz-json-1.0",
        "s3" => "application/xml",
        _ => "application/x-amz-json-1.1",
    }
}
