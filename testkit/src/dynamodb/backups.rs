//! Whether tables have point-in-time recovery: dynoxide makes no backups, so that is all there is to know.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::answer::Answer;

/// The tables with point-in-time recovery, by region and name.
#[derive(Default)]
pub(crate) struct Backups(Mutex<HashSet<(String, String)>>);

impl Backups {
    /// Turns recovery of an existing table on or off, if the request says so, and tells how it is.
    pub(crate) fn answer(&self, region: &str, table: &str, body: &[u8]) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let wanted = body.pointer("/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled");
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (region.to_owned(), table.to_owned());
        match wanted.and_then(Value::as_bool) {
            Some(true) => drop(tables.insert(name.clone())),
            Some(false) => drop(tables.remove(&name)),
            None => {}
        }
        let status = if tables.contains(&name) { "ENABLED" } else { "DISABLED" };
        let description = json!({
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": status },
        });
        Answer::success(json!({ "ContinuousBackupsDescription": description }).to_string())
    }

    /// A table of this name that is created later starts without.
    pub(crate) fn forget(&self, region: &str, table: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(region.to_owned(), table.to_owned()));
    }
}
