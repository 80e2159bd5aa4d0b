//! The SDK's own builders, sealed on the way in and opened on the way out.

use std::ops::Range;
use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use privet_core::ErrorKind;
use privet_core::protector::Protector;

use crate::bucket::Bucket;
use crate::error::{Error, Result};
use crate::fetch::{Kind, split};
use crate::format::Writing;
use crate::get::open_whole;
use crate::metadata::of_application;
use crate::put::{check, put_whole, with_metadata};
use crate::range::ObjectReader;
use crate::settings::Settings;

/// `.send()` becomes `.send_protected(&privet)`, with a [`Protector`] or a [`Bucket`].
///
/// With a protector, objects are framed, their resource is the policy's one whose `table` is the bucket (or has the bucket's
/// name), and their class is that resource's, or the policy's default class. For S3EC objects and all else that can be said
/// of a bucket, take a [`Bucket`].
///
/// All that the request says passes through: conditions, metadata, tags, storage class, encryption by S3. Metadata whose names
/// the formats have for themselves are refused.
pub trait SendProtected {
    /// What the call answers, with its content opened.
    type Output;

    /// Sends the request with its content sealed.
    ///
    /// # Errors
    ///
    /// `Input` if the request says what cannot be kept of a sealed object, or the content is larger than is held in memory;
    /// `Config` if the request is for another bucket; the protector's and S3's errors.
    fn send_protected<P: Protects>(self, privet: &P) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// What can say how the objects of a bucket are protected: a [`Protector`] or a [`Bucket`].
pub trait Protects: sealed::Sealed + Sync {}

impl Protects for Protector {}
impl Protects for Bucket {}

mod sealed {
    use super::{Arc, Bucket, Protector, Result, Settings};

    #[allow(private_interfaces, reason = "nobody else can name it")]
    pub trait Sealed {
        fn settings(&self, bucket: Option<&str>) -> Result<Arc<Settings>>;
        fn bucket(&self) -> Option<&Bucket>;
    }

    #[allow(private_interfaces, reason = "nobody else can name it")]
    impl Sealed for Protector {
        fn settings(&self, bucket: Option<&str>) -> Result<Arc<Settings>> {
            Ok(Arc::new(Settings::new(self, bucket.unwrap_or_default())))
        }

        fn bucket(&self) -> Option<&Bucket> {
            None
        }
    }

    #[allow(private_interfaces, reason = "nobody else can name it")]
    impl Sealed for Bucket {
        fn settings(&self, bucket: Option<&str>) -> Result<Arc<Settings>> {
            super::check_name(self, bucket)?;
            Ok(Arc::clone(&self.settings))
        }

        fn bucket(&self) -> Option<&Bucket> {
            Some(self)
        }
    }
}

impl SendProtected for PutObjectFluentBuilder {
    type Output = PutObjectOutput;

    /// The body must be one in memory: the SDK gives no other back. Others are for [`Bucket::put_stream_as`].
    async fn send_protected<P: Protects>(self, privet: &P) -> Result<PutObjectOutput> {
        check(&self)?;
        let settings = privet.settings(self.get_bucket().as_deref())?;
        let content = match self.get_body() {
            None => Vec::new(),
            Some(body) => body.bytes().map(<[u8]>::to_vec).ok_or_else(|| {
                Error::new(
                    ErrorKind::Unsupported,
                    "the body is a stream, which the SDK does not give back: take `Bucket::put_stream_as`",
                )
            })?,
        };
        let length = content.len() as u64;
        if let Some(bucket) = privet.bucket() {
            return bucket.write_whole(self.set_body(None), content).await;
        }
        let key = self.get_key().clone().unwrap_or_default();
        let (writing, beside) = Writing::begin(&settings, &key, Some(length)).await?;
        put_whole(with_metadata(self, beside.metadata), writing.whole(content)?).await
    }
}

impl SendProtected for GetObjectFluentBuilder {
    type Output = GetObjectOutput;

    /// The body that comes out is verified as a whole, so it is one in memory. With a `range` it is those bytes of the content,
    /// and only the frames that are needed are fetched.
    async fn send_protected<P: Protects>(self, privet: &P) -> Result<GetObjectOutput> {
        let settings = privet.settings(self.get_bucket().as_deref())?;
        let client = privet.bucket().map(|bucket| &bucket.client);
        let key = self.get_key().clone().unwrap_or_default();
        if self.get_part_number().is_some() {
            let message = "parts of an upload are none of the content: ask for a `range`";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        if let Some(range) = self.get_range().clone() {
            return get_range(&settings, client, &key, &range, self).await;
        }
        let mut output = self.send().await.map_err(|error| Error::from_sdk("GetObject", &error))?;
        let metadata = output.metadata.take().unwrap_or_default();
        let kind = Kind::of(&settings, client, &key, &metadata).await?;
        let (mut output, body) = split(output);
        let content = open_whole(&settings, &key, kind, body).await?;
        output.metadata = Some(of_application(&metadata));
        Ok(with_content(output, content))
    }
}

async fn get_range(
    settings: &Arc<Settings>,
    client: Option<&Client>,
    key: &str,
    range: &str,
    request: GetObjectFluentBuilder,
) -> Result<GetObjectOutput> {
    let opened = ObjectReader::open(settings, client, key, request).await?;
    let (reader, mut output) = opened.ok_or_else(|| Error::new(ErrorKind::Input, "there is no such object"))?;
    let length = reader.plaintext_length();
    let range = parse_range(range, length).ok_or_else(|| {
        Error::new(ErrorKind::Input, "the range is not one of the content: `bytes=<first>-<last>`, `bytes=<first>-`")
    })?;
    let place = format!("bytes {}-{}/{length}", range.start, range.end - 1);
    let content = reader.read(range).await?;
    output.metadata = Some(of_application(&output.metadata.unwrap_or_default()));
    output.content_range = Some(place);
    Ok(with_content(output, content))
}

fn with_content(mut output: GetObjectOutput, content: Vec<u8>) -> GetObjectOutput {
    output.content_length = i64::try_from(content.len()).ok();
    output.body = ByteStream::from(content);
    output
}

/// The bytes that a header `Range` means (RFC 9110, section 14.1.2), which are some.
fn parse_range(header: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let range = match (first, last) {
        ("", last) => length.saturating_sub(number(last)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return None;
            }
            first..last.saturating_add(1).min(length)
        }
    };
    (range.start < range.end).then_some(range)
}

fn check_name(bucket: &Bucket, asked: Option<&str>) -> Result<()> {
    if asked.is_none_or(|asked| asked == bucket.name()) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, "the request is for another bucket than the one that protects it"))
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_are_those_of_http() {
        for (header, range) in [
            ("bytes=0-0", Some(0..1)),
            ("bytes=3-", Some(3..10)),
            ("bytes=3-5", Some(3..6)),
            ("bytes=3-100", Some(3..10)),
            ("bytes=-4", Some(6..10)),
            ("bytes=-100", Some(0..10)),
            ("bytes=10-", None),
            ("bytes=5-3", None),
            ("bytes=-0", None),
            ("bytes=+1-2", None),
            ("bytes=0-1,3-4", None),
            ("bytes=18446744073709551615-18446744073709551615", None),
            ("lines=0-1", None),
            ("bytes=", None),
        ] {
            assert_eq!(parse_range(header, 10), range, "{header}");
        }
        assert_eq!(parse_range("bytes=0-", 0), None);
    }
}
