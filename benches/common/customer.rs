//! The customer that the benches of records store: ten texts, four of them sealed, under three classes.

use privet::Protect;
use privet::value::{Map, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "customers", key = "id")]
pub struct Customer {
    #[protect(public)]
    pub id: String,
    #[protect(public)]
    pub name: String,
    #[protect(pii, mask = "email")]
    pub email: String,
    #[protect(pii, mask = "last4")]
    pub ssn: String,
    #[protect(sensitive)]
    pub api_key: String,
    #[protect(confidential)]
    pub health_records: String,
    #[protect(public)]
    pub country: String,
    #[protect(public)]
    pub language: String,
    #[protect(public)]
    pub tier: String,
    #[protect(public)]
    pub created_at: String,
}

pub fn model<T: DeserializeOwned>() -> T {
    let fields = [
        ("id", "c-000001"),
        ("name", "Ada Lovelace"),
        ("email", "ada.lovelace@example.com"),
        ("ssn", "900-12-3456"),
        ("api_key", "key_live_51H8xk2fictive0000"),
        ("health_records", "2026-01-02: check-up, nothing to report"),
        ("country", "GB"),
        ("language", "en"),
        ("tier", "gold"),
        ("created_at", "2026-11-23T08:00:00Z"),
    ];
    let record: Map = fields.into_iter().map(|(name, text)| (name.into(), Value::S(text.into()))).collect();
    privet::value::from_record(record).unwrap()
}
