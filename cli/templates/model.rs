//! An example of a model whose fields are classified. A field without a class does not compile.

use privet::Protect;
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "customers", key = "id")]
pub struct Customer {
    #[protect(public)]
    pub id: String,
    #[protect(public)]
    pub name: String,
    #[protect(pii, mask = "email", category = "contact")]
    pub email: String,
    #[protect(pii, mask = "date")]
    pub birth_date: String,
    #[protect(sensitive)]
    pub api_key: String,
    #[protect(confidential, category = "phi")]
    pub health_records: Vec<String>,
    #[protect(public)]
    pub created_at: String,
}
