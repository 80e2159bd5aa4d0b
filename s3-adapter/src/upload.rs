//! Uploads in parts: several under way at a time, and none left behind.

use std::error::Error as StdError;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadError;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt as _};
use privet_core::ErrorKind;

use crate::error::{Error, Result};
use crate::put::{Begun, PIECE};

/// An upload that is under way. Dropped before it is complete, it is aborted.
pub(crate) struct Upload<'a> {
    request: &'a PutObjectFluentBuilder,
    /// Parts that are held at a time.
    parallel: usize,
    part_size: usize,
    /// Whether parts grow, since nobody knows how many there will be.
    grows: bool,
    guard: Guard,
}

impl<'a> Upload<'a> {
    /// Begins the upload of what the request says. `length` is what will be uploaded at most, if that is known.
    pub(crate) async fn begin(
        client: &Client,
        request: &'a PutObjectFluentBuilder,
        part_size: usize,
        parallel: usize,
        length: Option<u64>,
    ) -> Result<Self> {
        let put = request.as_input();
        let created = client
            .create_multipart_upload()
            .set_acl(put.get_acl().clone())
            .set_bucket(put.get_bucket().clone())
            .set_cache_control(put.get_cache_control().clone())
            .set_content_disposition(put.get_content_disposition().clone())
            .set_content_encoding(put.get_content_encoding().clone())
            .set_content_language(put.get_content_language().clone())
            .set_content_type(put.get_content_type().clone())
            .set_expires(*put.get_expires())
            .set_grant_full_control(put.get_grant_full_control().clone())
            .set_grant_read(put.get_grant_read().clone())
            .set_grant_read_acp(put.get_grant_read_acp().clone())
            .set_grant_write_acp(put.get_grant_write_acp().clone())
            .set_key(put.get_key().clone())
            .set_metadata(put.get_metadata().clone())
            .set_server_side_encryption(put.get_server_side_encryption().clone())
            .set_storage_class(put.get_storage_class().clone())
            .set_website_redirect_location(put.get_website_redirect_location().clone())
            .set_sse_customer_algorithm(put.get_sse_customer_algorithm().clone())
            .set_sse_customer_key(put.get_sse_customer_key().clone())
            .set_sse_customer_key_md5(put.get_sse_customer_key_md5().clone())
            .set_ssekms_key_id(put.get_ssekms_key_id().clone())
            .set_ssekms_encryption_context(put.get_ssekms_encryption_context().clone())
            .set_bucket_key_enabled(*put.get_bucket_key_enabled())
            .set_request_payer(put.get_request_payer().clone())
            .set_tagging(put.get_tagging().clone())
            .set_object_lock_mode(put.get_object_lock_mode().clone())
            .set_object_lock_retain_until_date(*put.get_object_lock_retain_until_date())
            .set_object_lock_legal_hold_status(put.get_object_lock_legal_hold_status().clone())
            .set_object_lock_event_hold(put.get_object_lock_event_hold().clone())
            .set_object_lock_event_hold_duration_days(*put.get_object_lock_event_hold_duration_days())
            .set_object_lock_event_hold_duration_years(*put.get_object_lock_event_hold_duration_years())
            .set_expected_bucket_owner(put.get_expected_bucket_owner().clone())
            .set_checksum_algorithm(put.get_checksum_algorithm().clone())
            .send()
            .await
            .map_err(|error| Error::from_sdk("CreateMultipartUpload", &error))?;
        let id = created.upload_id.ok_or_else(|| Error::new(ErrorKind::Io, "S3 gave no id for the upload"))?;
        let least = length.map_or(0, |length| usize::try_from(length / MOST_PARTS).unwrap_or(usize::MAX));
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let guard = Guard {
            client: client.clone(),
            bucket: text(put.get_bucket()),
            key: text(put.get_key()),
            id,
            expected_bucket_owner: put.get_expected_bucket_owner().clone(),
            is_armed: true,
        };
        Ok(Self { request, parallel, part_size: part_size.max(least), grows: length.is_none(), guard })
    }

    /// Uploads all parts, and completes the upload; or leaves nothing; or says that it has left parts.
    pub(crate) async fn run<S, B, E>(mut self, begun: Begun<S, B>) -> Result<PutObjectOutput>
    where
        S: Stream<Item = Result<B, E>> + Send,
        B: AsRef<[u8]> + Send,
        E: StdError + Send + Sync + 'static,
    {
        let done = match self.parts(begun).await {
            Ok(parts) => self.complete(parts).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(output) => {
                self.guard.is_armed = false;
                Ok(output)
            }
            Err(error) => {
                let aborted = self.guard.abort().await;
                self.guard.is_armed = false;
                Err(match aborted {
                    Ok(()) => error,
                    Err(refused) => error.with_parts_left(&refused),
                })
            }
        }
    }

    async fn parts<S, B, E>(&self, begun: Begun<S, B>) -> Result<Vec<CompletedPart>>
    where
        S: Stream<Item = Result<B, E>> + Send,
        B: AsRef<[u8]> + Send,
        E: StdError + Send + Sync + 'static,
    {
        let Begun { part, mut writing, piece, mut content } = begun;
        let (mut under_way, mut done, mut number) = (FuturesUnordered::new(), Done::default(), 1);
        under_way.push(self.part(number, part));
        self.room(&mut under_way, &mut done).await?;
        let mut next = Some(piece);
        while let Some((piece, sealed)) = next {
            for piece in piece.as_ref().get(sealed..).unwrap_or_default().chunks(PIECE) {
                writing.push(piece)?;
                if let Some(part) = writing.take(self.size_of(number + 1)) {
                    number += 1;
                    under_way.push(self.part(number, part));
                    self.room(&mut under_way, &mut done).await?;
                    done.memory.pop().into_iter().for_each(|memory| writing.go_on_in(memory));
                }
            }
            // Parts are on their way while the content is waited for.
            next = loop {
                tokio::select! {
                    Some(part) = under_way.next() => done.push(part?),
                    piece = content.next() => break piece.transpose().map_err(Error::body)?.map(|piece| (piece, 0)),
                }
            };
        }
        under_way.push(self.part(number + 1, writing.finish()?));
        while let Some(part) = under_way.next().await {
            done.push(part?);
        }
        done.parts.sort_by_key(CompletedPart::part_number);
        Ok(done.parts)
    }

    /// Waits until one more part may be held, which is sealed next.
    async fn room(
        &self,
        under_way: &mut FuturesUnordered<impl Future<Output = Result<(CompletedPart, Bytes)>>>,
        done: &mut Done,
    ) -> Result<()> {
        while under_way.len() >= self.parallel
            && let Some(part) = under_way.next().await
        {
            done.push(part?);
        }
        Ok(())
    }

    /// Bytes of the part of this number.
    fn size_of(&self, number: i32) -> usize {
        let doublings = if self.grows { u32::try_from(number / GROWS_EVERY).unwrap_or(0) } else { 0 };
        self.part_size.checked_shl(doublings).unwrap_or(usize::MAX).max(self.part_size)
    }

    /// Sends a part. Returns its memory too.
    async fn part(&self, number: i32, body: Vec<u8>) -> Result<(CompletedPart, Bytes)> {
        let put = self.request.as_input();
        let body = Bytes::from(body);
        let sent = self
            .guard
            .client
            .upload_part()
            .bucket(&self.guard.bucket)
            .key(&self.guard.key)
            .upload_id(&self.guard.id)
            .part_number(number)
            .set_checksum_algorithm(put.get_checksum_algorithm().clone())
            .set_sse_customer_algorithm(put.get_sse_customer_algorithm().clone())
            .set_sse_customer_key(put.get_sse_customer_key().clone())
            .set_sse_customer_key_md5(put.get_sse_customer_key_md5().clone())
            .set_request_payer(put.get_request_payer().clone())
            .set_expected_bucket_owner(put.get_expected_bucket_owner().clone())
            .body(ByteStream::from(body.clone()))
            .send()
            .await
            .map_err(|error| Error::from_sdk("UploadPart", &error))?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32)
            .set_checksum_crc32_c(sent.checksum_crc32_c)
            .set_checksum_crc64_nvme(sent.checksum_crc64_nvme)
            .set_checksum_sha1(sent.checksum_sha1)
            .set_checksum_sha256(sent.checksum_sha256)
            .set_checksum_sha512(sent.checksum_sha512)
            .set_checksum_md5(sent.checksum_md5)
            .set_checksum_xxhash64(sent.checksum_xxhash64)
            .set_checksum_xxhash3(sent.checksum_xxhash3)
            .set_checksum_xxhash128(sent.checksum_xxhash128)
            .build();
        Ok((part, body))
    }

    async fn complete(&self, parts: Vec<CompletedPart>) -> Result<PutObjectOutput> {
        let put = self.request.as_input();
        let done = self
            .guard
            .client
            .complete_multipart_upload()
            .bucket(&self.guard.bucket)
            .key(&self.guard.key)
            .upload_id(&self.guard.id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .set_if_match(put.get_if_match().clone())
            .set_if_none_match(put.get_if_none_match().clone())
            .set_sse_customer_algorithm(put.get_sse_customer_algorithm().clone())
            .set_sse_customer_key(put.get_sse_customer_key().clone())
            .set_sse_customer_key_md5(put.get_sse_customer_key_md5().clone())
            .set_request_payer(put.get_request_payer().clone())
            .set_expected_bucket_owner(put.get_expected_bucket_owner().clone())
            .send()
            .await
            .map_err(|error| Error::from_sdk("CompleteMultipartUpload", &error))?;
        Ok(PutObjectOutput::builder()
            .set_e_tag(done.e_tag)
            .set_version_id(done.version_id)
            .set_expiration(done.expiration)
            .set_checksum_crc32(done.checksum_crc32)
            .set_checksum_crc32_c(done.checksum_crc32_c)
            .set_checksum_crc64_nvme(done.checksum_crc64_nvme)
            .set_checksum_sha1(done.checksum_sha1)
            .set_checksum_sha256(done.checksum_sha256)
            .set_checksum_sha512(done.checksum_sha512)
            .set_checksum_md5(done.checksum_md5)
            .set_checksum_xxhash64(done.checksum_xxhash64)
            .set_checksum_xxhash3(done.checksum_xxhash3)
            .set_checksum_xxhash128(done.checksum_xxhash128)
            .set_checksum_type(done.checksum_type)
            .set_server_side_encryption(done.server_side_encryption)
            .set_ssekms_key_id(done.ssekms_key_id)
            .set_bucket_key_enabled(done.bucket_key_enabled)
            .set_request_charged(done.request_charged)
            .build())
    }
}

/// The parts that were sent, and their memory.
#[derive(Default)]
struct Done {
    parts: Vec<CompletedPart>,
    memory: Vec<Vec<u8>>,
}

impl Done {
    fn push(&mut self, (part, body): (CompletedPart, Bytes)) {
        self.parts.push(part);
        // Unless the client has it still.
        if body.is_unique() {
            let mut memory = Vec::from(body);
            memory.clear();
            self.memory.push(memory);
        }
    }
}

/// Aborts an upload that nobody finishes: S3 would keep its parts, and charge for them.
struct Guard {
    client: Client,
    bucket: String,
    key: String,
    id: String,
    expected_bucket_owner: Option<String>,
    is_armed: bool,
}

impl Guard {
    fn abort(&self) -> impl Future<Output = Result<()>> + Send + 'static {
        let abort = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&self.id)
            .set_expected_bucket_owner(self.expected_bucket_owner.clone());
        async move {
            match abort.send().await {
                Ok(_) => Ok(()),
                // What came through is complete, whatever the answer was.
                Err(error) if error.as_service_error().is_some_and(AbortMultipartUploadError::is_no_such_upload) => {
                    Ok(())
                }
                Err(error) => {
                    let error = Error::from_sdk("AbortMultipartUpload", &error);
                    tracing::warn!(%error, "parts of an upload that failed may be left behind");
                    Err(error)
                }
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_armed {
            return;
        }
        // Dropped half-way: the one who waited has gone, so the runtime does it.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(self.abort())),
            Err(_) => tracing::warn!("parts of an upload that was given up may be left behind"),
        }
    }
}

/// What S3 takes: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
const MOST_PARTS: u64 = 10_000;
/// After so many parts of an upload of unknown length they are twice as large: with 8 MiB, 10,000 of them have 484 GiB,
/// and with 96 MiB more than the 5 TiB of the largest object.
const GROWS_EVERY: i32 = 2_000;
