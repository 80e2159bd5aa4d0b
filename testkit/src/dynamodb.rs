//! DynamoDB: requests handed to dynoxide, one database a region.

mod backups;
mod batch;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use dynoxide::{Database, DynoxideError};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};

use backups::Backups;

use crate::ACCOUNT;
use crate::answer::Answer;
use crate::request::{Access, Request, Subject};

/// The DynamoDB of every region.
#[derive(Default)]
pub(crate) struct DynamoDb {
    regions: Mutex<HashMap<String, Database>>,
    backups: Backups,
}

impl DynamoDb {
    pub(crate) fn subject(&self, request: &Request) -> Subject {
        let tables = tables_of(&request.body);
        let access = |table: Option<&String>| {
            let resource = table.map(|table| format!("arn:aws:dynamodb:{}:{ACCOUNT}:table/{table}", request.region));
            Access {
                action: request.operation.clone(),
                names: table.into_iter().chain(&resource).cloned().collect(),
                resource,
                context: BTreeMap::new(),
            }
        };
        let accesses = match tables.as_slice() {
            // Such as `ListTables`: an action on no table in particular.
            [] => vec![access(None)],
            tables => tables.iter().map(|table| access(Some(table))).collect(),
        };
        Subject { tables, accesses, ..Subject::default() }
    }

    /// Does what is asked. Of a batch, the last `unprocessed` entries are given back instead.
    pub(crate) fn answer(&self, request: &Request, unprocessed: usize) -> Answer {
        let held_back = (unprocessed > 0).then(|| batch::hold_back(&request.operation, &request.body, unprocessed));
        let Some((rest, held_back)) = held_back.flatten() else { return self.run(request, &request.body) };
        if rest.pointer("/RequestItems").and_then(Value::as_object).is_none_or(Map::is_empty) {
            // So does the service when it gets to nothing of a batch.
            let message = "The level of configured provisioned throughput for the table was exceeded.";
            return Answer::error(400, "ProvisionedThroughputExceededException", Some(message));
        }
        self.run(request, rest.to_string().as_bytes()).map(|mut answer| {
            batch::give_back(&request.operation, &mut answer, held_back);
            answer
        })
    }

    fn run(&self, request: &Request, body: &[u8]) -> Answer {
        let database = self.database(&request.region);
        let result = if carries_arns(&request.operation) {
            let here = format!("arn:aws:dynamodb:{}:{ACCOUNT}:", request.region);
            let body = String::from_utf8_lossy(body).replace(&here, FOREIGN_ARN);
            let done = dispatch(&database, &request.operation, body.as_bytes());
            done.map(|answer| answer.replace(FOREIGN_ARN, &here))
        } else {
            dispatch(&database, &request.operation, body)
        };
        let table = || tables_of(body).pop().unwrap_or_default();
        match result {
            // That the table is there has just been found out.
            Ok(_) if request.operation.ends_with("ContinuousBackups") => {
                self.backups.answer(&request.region, &table(), body)
            }
            Ok(answer) => {
                if request.operation == "DeleteTable" {
                    self.backups.forget(&request.region, &table());
                }
                Answer::success(answer)
            }
            Err(DynoxideError::ResourceNotFoundException(_)) if request.operation.ends_with("ContinuousBackups") => {
                Answer::error(400, "TableNotFoundException", Some(&format!("Table not found: {}", table())))
            }
            Err(error) => Answer::refusal(error.status_code(), error.error_type(), error.to_json()),
        }
    }

    fn database(&self, region: &str) -> Database {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions
            .entry(region.to_owned())
            .or_insert_with(|| Database::memory().expect("an in-memory database opens"))
            .clone()
    }
}

impl std::fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamoDb").finish_non_exhaustive()
    }
}

fn dispatch(database: &Database, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
    macro_rules! operations {
        ($($name:literal => $call:ident),* $(,)?) => {
            match operation {
                $($name => write(&database.$call(read(body)?)?),)*
                other => Err(DynoxideError::UnsupportedCapability(other.to_owned())),
            }
        };
    }
    operations! {
        "CreateTable" => create_table,
        "DeleteTable" => delete_table,
        "DescribeTable" => describe_table,
        "ListTables" => list_tables,
        // Kept here: dynoxide knows only whether there is such a table.
        "DescribeContinuousBackups" => describe_table,
        "UpdateContinuousBackups" => describe_table,
        "UpdateTable" => update_table,
        "PutItem" => put_item,
        "GetItem" => get_item,
        "DeleteItem" => delete_item,
        "UpdateItem" => update_item,
        "Query" => query,
        "Scan" => scan,
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "TransactWriteItems" => transact_write_items,
        "TransactGetItems" => transact_get_items,
        "ListStreams" => list_streams,
        "DescribeStream" => describe_stream,
        "GetShardIterator" => get_shard_iterator,
        "GetRecords" => get_records,
        "UpdateTimeToLive" => update_time_to_live,
        "DescribeTimeToLive" => describe_time_to_live,
        "ExecuteStatement" => execute_statement,
        "ExecuteTransaction" => execute_transaction,
        "BatchExecuteStatement" => batch_execute_statement,
        "TagResource" => tag_resource,
        "UntagResource" => untag_resource,
        "ListTagsOfResource" => list_tags_of_resource,
    }
}

/// Whether requests or answers of the operation name tables by ARN: those on items do not, and an item may hold any text.
fn carries_arns(operation: &str) -> bool {
    ["Table", "Stream", "Resource", "TimeToLive", "ShardIterator"].iter().any(|word| operation.contains(word))
}

/// Reads a request. dynoxide marks in its parse errors which error of the service they stand for; its HTTP server
/// resolves the marks, so here it is done for it.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body).map_err(|error| {
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        match message.split_once(':') {
            Some(("VALIDATION" | "VALIDATION_REQUEST" | "VALIDATION_AS_READ", rest)) => {
                DynoxideError::ValidationException(rest.to_owned())
            }
            Some(("SERIALIZATION" | "SERIALIZATION_AS_READ", rest)) => {
                DynoxideError::SerializationException(rest.to_owned())
            }
            _ if VALIDATION_FAILURES.iter().any(|failure| message.contains(failure)) => {
                DynoxideError::ValidationException(message.to_owned())
            }
            _ => DynoxideError::SerializationException(message.to_owned()),
        }
    })
}

fn write<T: serde::Serialize>(answer: &T) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The tables a request names, each once. Of the rest of the body nothing is kept: it may be megabytes.
fn tables_of(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Named {
        table_name: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tables {
        table_name: Option<String>,
        request_items: Option<BTreeMap<String, IgnoredAny>>,
        transact_items: Option<Vec<BTreeMap<String, Named>>>,
    }
    let Ok(Tables { table_name, request_items, transact_items }) = serde_json::from_slice(body) else {
        return Vec::new();
    };
    let transacted = transact_items.into_iter().flatten().flat_map(BTreeMap::into_values);
    let mut tables = Vec::new();
    for table in table_name
        .into_iter()
        .chain(request_items.into_iter().flat_map(BTreeMap::into_keys))
        .chain(transacted.filter_map(|named| named.table_name))
    {
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    tables
}

/// What the ARNs of dynoxide begin with, whatever the region.
const FOREIGN_ARN: &str = "arn:aws:dynamodb:dynoxide:000000000000:";

/// Parse failures that DynamoDB counts as a request that is read but not valid.
const VALIDATION_FAILURES: [&str; 5] =
    ["missing field", "unknown variant", "invalid type: null", "empty AttributeValue", "Supplied AttributeValue"];

#[cfg(test)]
mod tests {
    use super::tables_of;

    #[test]
    fn tables_are_found_in_every_kind_of_request() {
        assert_eq!(tables_of(br#"{"TableName":"a","Item":{"x":{"S":"y"}}}"#), ["a"]);
        assert_eq!(tables_of(br#"{"RequestItems":{"a":[],"b":[]}}"#), ["a", "b"]);
        let transaction = br#"{"TransactItems":[{"Put":{"TableName":"a"}},{"Delete":{"TableName":"a"}},{"Update":{"TableName":"c"}}]}"#;
        assert_eq!(tables_of(transaction), ["a", "c"]);
        assert!(tables_of(b"{}").is_empty());
    }
}
