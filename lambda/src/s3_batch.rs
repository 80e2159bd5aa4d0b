//! S3 Batch Operations: its events in both schemas, its replies, and one object at a time in between.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html>

use std::collections::BTreeMap;
use std::time::Duration;

use privet_bulk::Error;
use privet_core::ErrorKind;
use privet_s3::bulk::decode_key;
use serde::{Deserialize, Serialize};

/// An invocation, of schema 1.0 or 2.0.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `1.0` or `2.0`.
    pub invocation_schema_version: String,
    /// Names the invocation.
    pub invocation_id: String,
    /// The job.
    pub job: BatchJob,
    /// Objects; so far one an invocation.
    pub tasks: Vec<Task>,
}

/// The job of an invocation.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchJob {
    /// Names the job.
    pub id: String,
    /// What the job was created with; schema 2.0.
    #[serde(default)]
    pub user_arguments: Option<BTreeMap<String, String>>,
}

/// One object.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Names the task.
    pub task_id: String,
    /// The object's key, URL-encoded.
    pub s3_key: String,
    /// Its version, if the manifest says one; `null` is that of a bucket without versions.
    #[serde(default)]
    pub s3_version_id: Option<String>,
    /// The ARN of its bucket; schema 1.0.
    #[serde(default)]
    pub s3_bucket_arn: Option<String>,
    /// Its bucket; schema 2.0.
    #[serde(default)]
    pub s3_bucket: Option<String>,
}

/// What S3 is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    invocation_schema_version: String,
    treat_missing_keys_as: ResultCode,
    invocation_id: String,
    results: Vec<TaskResult>,
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskResult {
    /// The task.
    pub task_id: String,
    /// Whether it is done, or to be tried again.
    pub result_code: ResultCode,
    /// Ends in the job's report, in clear: nothing of an object.
    pub result_string: String,
}

/// What became of a task, in S3's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ResultCode {
    /// It is done.
    Succeeded,
    /// S3 is to try it again.
    TemporaryFailure,
    /// Trying it again is of no use.
    PermanentFailure,
}

/// An object, as a task names it.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version, if the task names one.
    pub version: Option<String>,
}

/// What came of an object, in words that are fit for a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The task is done.
    Done(&'static str),
    /// The task cannot be done, now or later.
    Refused(&'static str),
}

/// Rewrites one object.
pub trait ObjectWorker: Send + Sync {
    /// Rewrites the object if it is not on target, on the condition that it still is what was read.
    fn rewrite(&self, object: &Object, deadline: Duration) -> impl Future<Output = Result<Outcome, Error>> + Send;
}

/// Works on the tasks of an event. Every failure is an answer: one that is thrown would count as permanent.
pub async fn handle(worker: &impl ObjectWorker, event: &Event, deadline: Duration) -> Reply {
    let mut results = Vec::with_capacity(event.tasks.len());
    for task in &event.tasks {
        let outcome = match task.object() {
            Ok(object) => worker.rewrite(&object, deadline).await,
            Err(error) => Err(error),
        };
        let (result_code, result_string) = match outcome {
            Ok(Outcome::Done(said)) => (ResultCode::Succeeded, said.to_owned()),
            Ok(Outcome::Refused(said)) => (ResultCode::PermanentFailure, said.to_owned()),
            // What changed meanwhile is read again when it is tried again.
            Err(error) if error.is_retryable() || error.kind() == ErrorKind::Conflict => {
                (ResultCode::TemporaryFailure, error.kind().to_string())
            }
            Err(error) => (ResultCode::PermanentFailure, error.kind().to_string()),
        };
        results.push(TaskResult { task_id: task.task_id.clone(), result_code, result_string });
    }
    Reply {
        invocation_schema_version: event.invocation_schema_version.clone(),
        treat_missing_keys_as: ResultCode::PermanentFailure,
        invocation_id: event.invocation_id.clone(),
        results,
    }
}

impl Task {
    /// The object that the task names.
    ///
    /// # Errors
    ///
    /// `Input` if it names no bucket, or its key is not URL-encoded text.
    pub fn object(&self) -> Result<Object, Error> {
        let of_arn = |arn: &String| arn.rsplit_once(":::").map(|(_, bucket)| bucket.to_owned());
        let bucket = self.s3_bucket.clone().or_else(|| self.s3_bucket_arn.as_ref().and_then(of_arn));
        let bucket = bucket.filter(|bucket| !bucket.is_empty());
        let bucket = bucket.ok_or_else(|| Error::new(ErrorKind::Input, "the task names no bucket"))?;
        let key = decode_key(&self.s3_key).filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| Error::new(ErrorKind::Input, "the task's key is not URL-encoded text"))?;
        Ok(Object { bucket, key, version: self.s3_version_id.clone() })
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}
