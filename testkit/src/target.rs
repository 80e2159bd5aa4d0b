//! What a request to S3 says outside of its body: operation, bucket and key.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

use crate::request::{Access, Subject};

/// Which operation on which object.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) operation: String,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
}

impl Target {
    pub(crate) fn read(http: &HttpRequest) -> Self {
        let uri = http.uri();
        let (_, rest) = uri.split_once("://").unwrap_or_default();
        let (host, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = percent_decoded(path.trim_start_matches('/'));
        let (bucket, key) = match bucket_of(host) {
            Some(bucket) => (bucket.to_owned(), path),
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
                (bucket.to_owned(), key.to_owned())
            }
        };
        let [bucket, key] = [bucket, key].map(|name| Some(name).filter(|name| !name.is_empty()));
        let asks = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
        let copies = http.headers().get("x-amz-copy-source").is_some();
        let operation = match (http.method(), key.is_some()) {
            ("GET", true) if asks("tagging") => "GetObjectTagging",
            ("GET", true) if asks("uploadId") => "ListParts",
            ("GET", true) => "GetObject",
            ("GET", false) if bucket.is_none() => "ListBuckets",
            ("GET", false) if asks("uploads") => "ListMultipartUploads",
            ("GET", false) if asks("list-type") => "ListObjectsV2",
            ("GET", false) => "ListObjects",
            ("HEAD", true) => "HeadObject",
            ("HEAD", false) => "HeadBucket",
            ("PUT", true) if asks("tagging") => "PutObjectTagging",
            ("PUT", true) if asks("partNumber") && copies => "UploadPartCopy",
            ("PUT", true) if asks("partNumber") => "UploadPart",
            ("PUT", true) if copies => "CopyObject",
            ("PUT", true) => "PutObject",
            ("PUT", false) => "CreateBucket",
            ("POST", true) if asks("uploads") => "CreateMultipartUpload",
            ("POST", true) => "CompleteMultipartUpload",
            ("POST", false) => "DeleteObjects",
            ("DELETE", true) if asks("uploadId") => "AbortMultipartUpload",
            ("DELETE", true) => "DeleteObject",
            ("DELETE", false) => "DeleteBucket",
            _ => "Unknown",
        };
        Self { operation: operation.to_owned(), bucket, key }
    }

    pub(crate) fn subject(&self) -> Subject {
        let resource = |suffix: &str| format!("arn:aws:s3:::{suffix}");
        let names: Vec<String> = match (&self.bucket, &self.key) {
            (Some(bucket), Some(key)) => {
                let object = format!("{bucket}/{key}");
                vec![resource(&object), object, bucket.clone()]
            }
            (Some(bucket), None) => vec![resource(bucket), bucket.clone()],
            _ => Vec::new(),
        };
        let access =
            Access { action: self.operation.clone(), resource: names.first().cloned(), names, ..Access::default() };
        Subject {
            accesses: vec![access],
            bucket: self.bucket.clone(),
            object_key: self.key.clone(),
            ..Subject::default()
        }
    }
}

pub(crate) fn bucket_of(host: &str) -> Option<&str> {
    host.split_once(".s3.").map(|(bucket, _)| bucket)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let digits = tail.get(..2).filter(|_| *byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, uri: &str) -> (String, Option<String>, Option<String>) {
        let mut http = HttpRequest::empty();
        http.set_method(method).unwrap();
        http.set_uri(uri).unwrap();
        let target = Target::read(&http);
        (target.operation, target.bucket, target.key)
    }

    #[test]
    fn operations_buckets_and_keys_are_told_by_method_host_path_and_query() {
        let some = |text: &str| Some(text.to_owned());
        let host = "https://b.s3.eu-west-1.amazonaws.com";
        assert_eq!(
            read("GET", &format!("{host}/a%20b/c?x-id=GetObject")),
            ("GetObject".into(), some("b"), some("a b/c"))
        );
        assert_eq!(
            read("PUT", &format!("{host}/a?partNumber=1&uploadId=x")),
            ("UploadPart".into(), some("b"), some("a"))
        );
        assert_eq!(read("POST", &format!("{host}/a?uploads")).0, "CreateMultipartUpload");
        assert_eq!(read("GET", &format!("{host}/?list-type=2&prefix=a")), ("ListObjectsV2".into(), some("b"), None));
        let plain = "https://s3.eu-west-1.amazonaws.com";
        assert_eq!(
            read("DELETE", &format!("{plain}/my.bucket/k")),
            ("DeleteObject".into(), some("my.bucket"), some("k"))
        );
        assert_eq!(read("GET", &format!("{plain}/")), ("ListBuckets".into(), None, None));
    }
}
