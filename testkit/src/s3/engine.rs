//! The engine: s3s's file system, and what that lacks and privet needs.
//!
//! Added: conditions of reads, tags, locks, storage classes and encryption as they were asked for, the uploads under way, and
//! ETags in lists.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;

pub(super) struct Engine {
    files: FileSystem,
    state: Mutex<State>,
    /// One write at a time, and nobody reads meanwhile: the engine looks at conditions, writes the body and writes what is
    /// known of it in steps, where the service has one.
    turns: tokio::sync::RwLock<()>,
}

/// By bucket and key.
#[derive(Default)]
struct State {
    tags: HashMap<Place, Vec<Tag>>,
    storage: HashMap<Place, Storage>,
    uploads: BTreeMap<String, Upload>,
    /// What was uploaded in parts: the engine goes on giving the checksums of what was there before.
    composite: HashSet<Place>,
}

type Place = (String, String);

struct Upload {
    place: Place,
    tags: Vec<Tag>,
    storage: Storage,
}

/// How an object is to be stored, as it was asked for: nothing is encrypted or locked.
#[derive(Clone, Default)]
struct Storage {
    class: Option<StorageClass>,
    encryption: Option<ServerSideEncryption>,
    kms_key: Option<SSEKMSKeyId>,
    bucket_key: Option<BucketKeyEnabled>,
    lock_mode: Option<ObjectLockMode>,
    retain_until: Option<ObjectLockRetainUntilDate>,
    legal_hold: Option<ObjectLockLegalHoldStatus>,
}

macro_rules! storage_of {
    ($input:expr) => {
        Storage {
            class: $input.storage_class.clone(),
            encryption: $input.server_side_encryption.clone(),
            kms_key: $input.ssekms_key_id.clone(),
            bucket_key: $input.bucket_key_enabled,
            lock_mode: $input.object_lock_mode.clone(),
            retain_until: $input.object_lock_retain_until_date.clone(),
            legal_hold: $input.object_lock_legal_hold_status.clone(),
        }
    };
}

macro_rules! say_storage {
    ($output:expr, $storage:expr) => {
        if let Some(storage) = $storage {
            $output.storage_class = storage.class;
            $output.server_side_encryption = storage.encryption;
            $output.ssekms_key_id = storage.kms_key;
            $output.bucket_key_enabled = storage.bucket_key;
            $output.object_lock_mode = storage.lock_mode;
            $output.object_lock_retain_until_date = storage.retain_until;
            $output.object_lock_legal_hold_status = storage.legal_hold;
        }
    };
}

impl Storage {
    /// What the service refuses.
    #[expect(clippy::disallowed_methods, reason = "the service has a clock of its own")]
    fn checked(self) -> S3Result<Self> {
        let is_over = |until: &Timestamp| *until <= Timestamp::from(SystemTime::now());
        if self.retain_until.as_ref().is_some_and(is_over) {
            return Err(s3_error!(InvalidArgument, "The retain until date must be in the future!"));
        }
        if self.lock_mode.is_some() != self.retain_until.is_some() {
            return Err(s3_error!(InvalidArgument, "mode and date must both be there"));
        }
        Ok(self)
    }
}

impl Engine {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            files: FileSystem::new(folder).expect("the folder can be used"),
            state: Mutex::default(),
            turns: tokio::sync::RwLock::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tag(&self, place: Place, tags: Vec<Tag>) {
        let mut state = self.state();
        if tags.is_empty() {
            state.tags.remove(&place);
        } else {
            state.tags.insert(place, tags);
        }
    }

    fn keep(&self, place: Place, storage: Storage) {
        self.state().storage.insert(place, storage);
    }

    fn find_upload(&self, id: &str) -> S3Result<()> {
        if self.state().uploads.contains_key(id) { Ok(()) } else { Err(s3_error!(NoSuchUpload)) }
    }

    /// What the service checks before it reads: the engine has the conditions of writes only.
    async fn check(&self, place: &Place, matches: Option<&ETagCondition>, not: Option<&ETagCondition>) -> S3Result<()> {
        if matches.is_none() && not.is_none() {
            return Ok(());
        }
        let Some(found) = self.etag(place).await? else { return Ok(()) };
        let is = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(etag) => etag.value() == found.value(),
        };
        if matches.is_some_and(|condition| !is(condition)) {
            return Err(s3_error!(PreconditionFailed));
        }
        if not.is_some_and(is) {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }

    /// The ETag of an object, if there is one.
    async fn etag(&self, (bucket, key): &Place) -> S3Result<Option<ETag>> {
        let input = HeadObjectInput { bucket: bucket.clone(), key: key.clone(), ..HeadObjectInput::default() };
        match self.files.head_object(own(input)).await {
            Ok(found) => Ok(found.output.e_tag),
            Err(_) => Ok(None),
        }
    }
}

/// A request that nobody sent.
fn own<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: Default::default(),
        uri: Default::default(),
        headers: Default::default(),
        extensions: Default::default(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

/// `a=b&c=d`, percent-encoded where needed.
fn parse_tags(header: Option<String>) -> Vec<Tag> {
    let header = header.unwrap_or_default();
    let pairs = header.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| Tag { key: Some(decoded(key)), value: Some(decoded(value)) }).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let digits = |bytes: &mut std::str::Bytes<'_>| -> Option<u8> {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()
        };
        out.push(if byte == b'%' { digits(&mut bytes).unwrap_or(b'%') } else { byte });
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[async_trait::async_trait]
impl S3 for Engine {
    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = &request.input;
        let place = (input.bucket.clone(), input.key.clone());
        let _turn = self.turns.read().await;
        self.check(&place, input.if_match.as_ref(), input.if_none_match.as_ref()).await?;
        let count = self.state().tags.get(&place).map(|tags| tags.len() as i32);
        let mut response = self.files.get_object(request).await?;
        response.output.tag_count = count;
        say_storage!(response.output, self.state().storage.get(&place).cloned());
        if self.state().composite.contains(&place) {
            let output = &mut response.output;
            output.checksum_crc32 = None;
            output.checksum_crc32c = None;
            output.checksum_crc64nvme = None;
            output.checksum_sha1 = None;
            output.checksum_sha256 = None;
        }
        Ok(response)
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = &request.input;
        let place = (input.bucket.clone(), input.key.clone());
        let _turn = self.turns.read().await;
        self.check(&place, input.if_match.as_ref(), input.if_none_match.as_ref()).await?;
        let mut response = self.files.head_object(request).await?;
        say_storage!(response.output, self.state().storage.get(&place).cloned());
        Ok(response)
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let place = (request.input.bucket.clone(), request.input.key.clone());
        let tags = parse_tags(request.input.tagging.clone());
        let storage = storage_of!(request.input).checked()?;
        let _turn = self.turns.write().await;
        let response = self.files.put_object(request).await?;
        self.state().composite.remove(&place);
        self.keep(place.clone(), storage);
        self.tag(place, tags);
        Ok(response)
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = &request.input;
        let place = (input.bucket.clone(), input.key.clone());
        let replaces = input.tagging_directive.as_ref().is_some_and(|word| word.as_str() == TaggingDirective::REPLACE);
        let tags = match &input.copy_source {
            _ if replaces => parse_tags(input.tagging.clone()),
            CopySource::Bucket { bucket, key, .. } => {
                let from = (bucket.to_string(), key.to_string());
                self.state().tags.get(&from).cloned().unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let is_composite = match &input.copy_source {
            CopySource::Bucket { bucket, key, .. } => {
                self.state().composite.contains(&(bucket.to_string(), key.to_string()))
            }
            _ => false,
        };
        let storage = storage_of!(input).checked()?;
        let _turn = self.turns.write().await;
        let response = self.files.copy_object(request).await?;
        self.keep(place.clone(), storage);
        if is_composite {
            self.state().composite.insert(place.clone());
        } else {
            self.state().composite.remove(&place);
        }
        self.tag(place, tags);
        Ok(response)
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let place = (request.input.bucket.clone(), request.input.key.clone());
        let _turn = self.turns.write().await;
        self.check(&place, request.input.if_match.as_ref(), None).await?;
        let response = self.files.delete_object(request).await?;
        self.state().storage.remove(&place);
        self.tag(place, Vec::new());
        Ok(response)
    }

    async fn get_object_tagging(
        &self,
        request: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        let place = (request.input.bucket, request.input.key);
        let tag_set = self.state().tags.get(&place).cloned().unwrap_or_default();
        Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id: None }))
    }

    async fn put_object_tagging(
        &self,
        request: S3Request<PutObjectTaggingInput>,
    ) -> S3Result<S3Response<PutObjectTaggingOutput>> {
        self.tag((request.input.bucket, request.input.key), request.input.tagging.tag_set);
        Ok(S3Response::new(PutObjectTaggingOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let bucket = request.input.bucket.clone();
        let mut response = self.files.list_objects_v2(request).await?;
        for object in response.output.contents.iter_mut().flatten() {
            let key = object.key.clone().unwrap_or_default();
            object.e_tag = self.etag(&(bucket.clone(), key)).await?;
        }
        Ok(response)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let place = (request.input.bucket.clone(), request.input.key.clone());
        let tags = parse_tags(request.input.tagging.clone());
        let storage = storage_of!(request.input).checked()?;
        let response = self.files.create_multipart_upload(request).await?;
        let id = response.output.upload_id.clone().unwrap_or_default();
        self.state().uploads.insert(id, Upload { place, tags, storage });
        Ok(response)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let id = request.input.upload_id.clone();
        let _turn = self.turns.write().await;
        self.find_upload(&id)?;
        let response = self.files.complete_multipart_upload(request).await?;
        let upload = self.state().uploads.remove(&id);
        if let Some(upload) = upload {
            self.state().composite.insert(upload.place.clone());
            self.keep(upload.place.clone(), upload.storage);
            self.tag(upload.place, upload.tags);
        }
        Ok(response)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let id = request.input.upload_id.clone();
        self.find_upload(&id)?;
        let response = self.files.abort_multipart_upload(request).await?;
        self.state().uploads.remove(&id);
        Ok(response)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let state = self.state();
        let here = state.uploads.iter().filter(|(_, upload)| upload.place.0 == request.input.bucket);
        let uploads = here.map(|(id, upload)| MultipartUpload {
            key: Some(upload.place.1.clone()),
            upload_id: Some(id.clone()),
            ..MultipartUpload::default()
        });
        let uploads = Some(uploads.collect());
        Ok(S3Response::new(ListMultipartUploadsOutput { uploads, ..ListMultipartUploadsOutput::default() }))
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.files.create_bucket(request).await
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.files.delete_bucket(request).await
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.files.head_bucket(request).await
    }

    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        self.files.list_buckets(request).await
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.files.delete_objects(request).await
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        self.files.list_objects(request).await
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.find_upload(&request.input.upload_id)?;
        self.files.list_parts(request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.find_upload(&request.input.upload_id)?;
        self.files.upload_part(request).await
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        self.files.upload_part_copy(request).await
    }
}
