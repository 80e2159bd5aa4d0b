//! A request as the services see it: who asks which operation of which service in which region.

use std::time::SystemTime;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::target::Target;

/// A request of the SDK, read.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) region: String,
    pub(crate) principal: String,
    pub(crate) body: Vec<u8>,
    pub(crate) now: SystemTime,
    /// S3: what the request is about.
    pub(crate) object: Option<Target>,
}

impl Request {
    /// Reads the SigV4 scope and the target of a request.
    pub(crate) fn read(http: &HttpRequest, now: SystemTime) -> Result<Self, String> {
        let authorization = http
            .headers()
            .get("authorization")
            .ok_or("the request is not signed; make the client from `EmbeddedAws::config`")?;
        let scope = Scope::read(authorization)
            .ok_or_else(|| format!("the `authorization` header `{authorization}` has no SigV4 scope"))?;
        let target = http.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or(target);
        if scope.service == "s3" {
            // Its body is a stream, which goes to the engine as it is.
            let object = Target::read(http);
            return Ok(Self {
                service: scope.service.to_owned(),
                operation: object.operation.clone(),
                region: scope.region.to_owned(),
                principal: scope.access_key.to_owned(),
                body: Vec::new(),
                now,
                object: Some(object),
            });
        }
        let body = http.body().bytes().ok_or("the embedded services but S3 do not take streamed bodies")?;
        Ok(Self {
            service: scope.service.to_owned(),
            operation: operation.to_owned(),
            region: scope.region.to_owned(),
            principal: scope.access_key.to_owned(),
            body: body.to_vec(),
            now,
            object: None,
        })
    }
}

/// What a request touches: for the call record, and for the decision whether it is allowed.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    pub(crate) key_id: Option<String>,
    pub(crate) key_arn: Option<String>,
    pub(crate) context: std::collections::BTreeMap<String, String>,
    pub(crate) destination_context: std::collections::BTreeMap<String, String>,
    pub(crate) tables: Vec<String>,
    pub(crate) bucket: Option<String>,
    pub(crate) object_key: Option<String>,
    pub(crate) accesses: Vec<Access>,
}

/// One action on one resource, as IAM counts them: `ReEncrypt` is two of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    /// Such as `Decrypt` or `ReEncryptFrom`.
    pub(crate) action: String,
    /// The ARN, if the resource exists.
    pub(crate) resource: Option<String>,
    /// Every name the resource goes by.
    pub(crate) names: Vec<String>,
    pub(crate) context: std::collections::BTreeMap<String, String>,
}

struct Scope<'a> {
    access_key: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> Scope<'a> {
    /// Reads `AWS4-HMAC-SHA256 Credential=<access key>/<date>/<region>/<service>/aws4_request, ...`.
    fn read(authorization: &'a str) -> Option<Self> {
        let (_, credential) = authorization.split_once("Credential=")?;
        let (credential, _) = credential.split_once(',')?;
        // From the right: a principal may well have a slash in its name.
        let mut parts = credential.rsplitn(5, '/');
        let (_terminator, service, region, _date) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self { access_key: parts.next()?, region, service })
    }
}

#[cfg(test)]
mod tests {
    use super::Scope;

    #[test]
    fn the_scope_gives_principal_region_and_service() {
        let scope = Scope::read(
            "AWS4-HMAC-SHA256 Credential=team/analyst/20261122/eu-west-1/kms/aws4_request, SignedHeaders=host, Signature=00",
        )
        .unwrap();
        assert_eq!((scope.access_key, scope.region, scope.service), ("team/analyst", "eu-west-1", "kms"));
    }
}
