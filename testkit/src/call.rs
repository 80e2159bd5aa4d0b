//! What was asked of the embedded services and how it ended, as a test reads it.

use std::collections::BTreeMap;

/// One request that reached an embedded service. A retry of the SDK is a call of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// `kms`, `dynamodb` or `s3`.
    pub service: String,
    /// The operation as the service names it, such as `GenerateDataKey`.
    pub operation: String,
    /// The principal given to [`EmbeddedAws::config_as`](crate::EmbeddedAws::config_as).
    pub principal: String,
    /// The region the request was signed for.
    pub region: String,
    /// KMS: the key as the caller named it (id, ARN or alias); for `ReEncrypt` the source key.
    pub key_id: Option<String>,
    /// KMS: the ARN of the key, where there is one; for `Decrypt` without a key id, the one the ciphertext names.
    pub key_arn: Option<String>,
    /// KMS: the encryption context; for `ReEncrypt` the source context.
    pub context: BTreeMap<String, String>,
    /// KMS: the destination context of a `ReEncrypt`.
    pub destination_context: BTreeMap<String, String>,
    /// DynamoDB: the tables named by the request; batches and transactions name several.
    pub tables: Vec<String>,
    /// S3: the bucket.
    pub bucket: Option<String>,
    /// S3: the key of the object.
    pub object_key: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Call {
    /// The table of a DynamoDB request; the first one if it names several.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        self.tables.first().map(String::as_str)
    }

    /// Whether the service did what was asked and said so.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.outcome == Outcome::Success
    }
}

/// How a [`Call`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Answered with success.
    Success,
    /// Answered with this error code, by the service, a denial or a fault. An answer without a code shows its status.
    Error(String),
    /// Connection reset before the service saw the request.
    Reset,
    /// No answer in time; the service did not see the request.
    Timeout,
    /// The service did what was asked, the answer got lost.
    AnswerLost,
}
