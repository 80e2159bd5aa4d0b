//! Changes of items as DynamoDB streams tell them to Lambda functions.

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use privet_core::ErrorKind;
use privet_core::dbesdk;
use privet_core::protector::Protector;
use privet_core::value::{Map, Value};

use crate::error::{Error, Result};
use crate::image::Image;
use crate::send::Scope;

/// Gives a [`Protector`] the streams of its tables.
///
/// ```
/// # use aws_lambda_events::event::dynamodb::Event;
/// # use aws_lambda_events::event::streams::DynamoDbEventResponse;
/// # use privet_core::Protector;
/// # use privet_dynamodb::{Error, Image, Streams};
/// async fn handler(privet: &Protector, event: Event) -> DynamoDbEventResponse {
///     privet
///         .consume(event, async |change| {
///             if change.is_rewrite() {
///                 return Ok(()); // sealed anew, and nothing else
///             }
///             if let Image::Opened(new) = change.new {
///                 println!("{} attributes", new.record().len());
///             }
///             Ok::<_, Error>(())
///         })
///         .await
/// }
/// ```
pub trait Streams {
    /// Opens the images of a change.
    ///
    /// # Errors
    ///
    /// `Input` if the record names no table or no known operation; `Config` if the protector does not know the table;
    /// `Integrity` if an image does not authenticate; the keyring's.
    fn open_change(&self, record: EventRecord) -> impl Future<Output = Result<Change>> + Send;

    /// Hands the changes of a batch to `handler`, one after the other, and tells Lambda where it stopped: at the first that
    /// could not be opened or handled. Lambda gives that one and all that follow again, so their order is kept. The event
    /// source must be set to `ReportBatchItemFailures`.
    ///
    /// What could not be opened is logged by kind. A handler's error is not shown, since it may hold what it is about: the
    /// handler is to log what may be seen of it. Give the event source a destination for records that fail for good, or they hold up
    /// their shard until they expire.
    fn consume<E>(
        &self,
        event: Event,
        handler: impl AsyncFnMut(Change) -> Result<(), E>,
    ) -> impl Future<Output = DynamoDbEventResponse>;
}

impl Streams for Protector {
    async fn open_change(&self, record: EventRecord) -> Result<Change> {
        let kind = ChangeKind::parse(&record.event_name).ok_or_else(|| {
            input(
                "the stream record is of an operation other than `INSERT`, `MODIFY` and `REMOVE`: update this release",
            )
        })?;
        let resource = Scope::new(self).resource(record.event_source_arn.as_deref().and_then(table_of))?;
        let is_expiry = record.user_identity.is_some_and(|who| who.principal_id == DYNAMODB);
        let change = record.change;
        let (new, old) = (record_of(change.new_image.into_inner()), record_of(change.old_image.into_inner()));
        let header =
            |image: &Map| [resource.item_layout().header.as_str(), dbesdk::HEADER].map(|name| image.get(name).cloned());
        let headers_differ = header(&new) != header(&old);
        let new = Image::open(self, &resource, new).await?;
        let in_other_format = new.opened().is_some_and(|new| !new.was_plaintext() && new.format() != resource.format());
        Ok(Change {
            kind,
            resource: resource.name().to_owned(),
            keys: record_of(change.keys.into_inner()),
            new,
            old: Image::open(self, &resource, old).await?,
            sequence_number: change.sequence_number,
            is_expiry,
            headers_differ,
            in_other_format,
        })
    }

    async fn consume<E>(
        &self,
        event: Event,
        mut handler: impl AsyncFnMut(Change) -> Result<(), E>,
    ) -> DynamoDbEventResponse {
        for record in event.records {
            let sequence_number = record.change.sequence_number.clone();
            let done = match self.open_change(record).await {
                Ok(change) => handler(change).await.map_err(|_| tracing::error!("a change was not handled")),
                Err(error) => {
                    tracing::error!(%error, kind = %error.kind(), "a change could not be opened");
                    Err(())
                }
            };
            if done.is_err() {
                // Without a number, the empty one makes Lambda give the whole batch again.
                return stopped_at(sequence_number.unwrap_or_default());
            }
        }
        DynamoDbEventResponse::default()
    }
}

/// A change of an item.
#[derive(Debug)]
#[non_exhaustive]
pub struct Change {
    /// What happened to the item.
    pub kind: ChangeKind,
    /// The resource that the item belongs to.
    pub resource: String,
    /// The item's key attributes.
    pub keys: Map,
    /// The item after the change, if the stream carries it.
    pub new: Image,
    /// The item before the change, if the stream carries it.
    pub old: Image,
    /// The number by which Lambda knows the change.
    pub sequence_number: Option<String>,
    /// Whether DynamoDB removed the item because its time to live was over.
    pub is_expiry: bool,
    headers_differ: bool,
    in_other_format: bool,
}

impl Change {
    /// Whether the item was sealed anew and nothing else: both images were opened whole, have other headers, and hold the
    /// same. Whoever follows the content of items can skip it.
    #[must_use]
    pub fn is_rewrite(&self) -> bool {
        let (Image::Opened(new), Image::Opened(old)) = (&self.new, &self.old) else { return false };
        self.kind == ChangeKind::Modify
            && self.headers_differ
            && new.withheld().is_empty()
            && old.withheld().is_empty()
            && new.record() == old.record()
    }

    /// Whether the new image is in clear, in another format than its table's, or sealed under other classes than the policy
    /// gives it now. A consumer that
    /// [upgrades](crate::Migrate::upgrade) such items meets its own writes as changes that need nothing any more.
    #[must_use]
    pub fn needs_upgrade(&self) -> bool {
        self.in_other_format || self.new.opened().is_some_and(|new| new.was_plaintext() || !new.drift().is_empty())
    }
}

/// What happened to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It was new.
    Insert,
    /// It was changed.
    Modify,
    /// It was removed.
    Remove,
}

impl ChangeKind {
    fn parse(event_name: &str) -> Option<Self> {
        match event_name {
            "INSERT" => Some(Self::Insert),
            "MODIFY" => Some(Self::Modify),
            "REMOVE" => Some(Self::Remove),
            _ => None,
        }
    }
}

fn record_of<A: Into<Value>>(image: std::collections::HashMap<String, A>) -> Map {
    image.into_iter().map(|(name, attribute)| (name, attribute.into())).collect()
}

/// The table of `arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>`.
fn table_of(arn: &str) -> Option<&str> {
    arn.split_once(":table/")?.1.split('/').next()
}

fn stopped_at(sequence_number: String) -> DynamoDbEventResponse {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence_number);
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures.push(failure);
    response
}

fn input(message: &str) -> Error {
    Error::new(ErrorKind::Input, message)
}

/// Who removes items whose time to live is over
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html>).
const DYNAMODB: &str = "dynamodb.amazonaws.com";
