//! Checkpoints as objects of a bucket, each written on the condition of the one before.

use std::fmt;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use privet_bulk::checkpoint::CheckpointFuture;
use privet_bulk::{Checkpoint, Checkpoints, Error, Result};
use privet_core::ErrorKind;

use crate::error::{Error as S3Error, is_absent};
use crate::fetch::collect;

/// Checkpoints as objects under a prefix of a bucket. Keep it apart from what the job rewrites.
///
/// Each is put on the condition of the ETag of the one before: the bucket must know conditional writes, as S3 does.
#[derive(Clone)]
pub struct BucketCheckpoints {
    client: Client,
    bucket: String,
    prefix: String,
}

impl BucketCheckpoints {
    /// Checkpoints in this bucket, under keys that begin with this prefix.
    pub fn new(client: Client, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into(), prefix: prefix.into() }
    }

    fn key(&self, job: &str, shard: u32) -> String {
        format!("{}{job}.{shard:06}.json", self.prefix)
    }

    /// The checkpoint and its ETag.
    async fn get(&self, job: &str, shard: u32) -> Result<Option<(Checkpoint, String)>> {
        let got = match self.client.get_object().bucket(&self.bucket).key(self.key(job, shard)).send().await {
            Ok(got) => got,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(S3Error::from_sdk("GetObject", &error).into()),
        };
        let foreign = || Error::new(ErrorKind::Unsupported, "an object under the prefix of checkpoints is none");
        let e_tag = got.e_tag.clone().ok_or_else(foreign)?;
        let text = collect(got, MOST).await?;
        let checkpoint: Checkpoint = serde_json::from_slice(&text).map_err(|_| foreign())?;
        if checkpoint.job != job || checkpoint.shard != shard {
            return Err(foreign());
        }
        Ok(Some((checkpoint, e_tag)))
    }

    async fn put(&self, checkpoint: &Checkpoint) -> Result<bool> {
        let unwritable = |_| Error::new(ErrorKind::Config, "a checkpoint cannot be written");
        let text = serde_json::to_vec(checkpoint).map_err(unwritable)?;
        let before = self.get(&checkpoint.job, checkpoint.shard).await?;
        if !checkpoint.follows(before.as_ref().map(|(before, _)| before)) {
            return Ok(false);
        }
        let put = self.client.put_object().bucket(&self.bucket).key(self.key(&checkpoint.job, checkpoint.shard));
        let put = match before {
            Some((_, e_tag)) => put.if_match(e_tag),
            None => put.if_none_match("*"),
        };
        match put.content_type("application/json").body(ByteStream::from(text)).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let is_gone = is_absent(&error);
                let error = S3Error::from_sdk("PutObject", &error);
                if is_gone || error.kind() == ErrorKind::Conflict { Ok(false) } else { Err(error.into()) }
            }
        }
    }
}

impl Checkpoints for BucketCheckpoints {
    fn load<'a>(&'a self, job: &'a str, shard: u32) -> CheckpointFuture<'a, Option<Checkpoint>> {
        Box::pin(async move { Ok(self.get(job, shard).await?.map(|(checkpoint, _)| checkpoint)) })
    }

    fn swap<'a>(&'a self, checkpoint: &'a Checkpoint) -> CheckpointFuture<'a, bool> {
        Box::pin(self.put(checkpoint))
    }
}

impl fmt::Debug for BucketCheckpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketCheckpoints").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// Bytes of the longest checkpoint: far more than a hundred records of poison take.
const MOST: u64 = 1 << 20;
