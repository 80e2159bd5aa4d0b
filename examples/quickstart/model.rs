//! The typed way: a model says itself how its fields are classified, and a field without a class does not compile.

use aws_sdk_dynamodb::Client;
use privet::dynamodb::Tables as _;
use privet::view::Shown;
use privet::{Principal, Protect, Protector};
use serde::{Deserialize, Serialize};

use crate::Result;

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "customers", key = "id")]
struct Customer {
    #[protect(public)]
    id: String,
    #[protect(public)]
    name: String,
    #[protect(pii)]
    nickname: Option<String>,
    #[protect(pii, mask = "email", category = "contact")]
    email: Option<String>,
    #[protect(pii, mask = "phone", category = "contact")]
    phone: Option<String>,
    #[protect(pii, mask = "last4")]
    ssn: Option<String>,
    #[protect(pii, mask = "date")]
    birth_date: Option<String>,
    #[protect(pii)]
    address: Option<Address>,
    #[protect(sensitive, category = "credential")]
    api_key: Option<String>,
    #[protect(confidential)]
    financial_data: Option<FinancialData>,
    #[protect(confidential, category = "phi")]
    health_records: Option<Vec<HealthRecord>>,
    #[protect(public)]
    plan: String,
    #[protect(public)]
    loyalty_points: i64,
    #[protect(public)]
    newsletter: bool,
    #[protect(confidential)]
    remarks: Option<String>,
    #[protect(public)]
    created_at: String,
}

// What is inside a classified field needs no classes of its own.
#[derive(Serialize, Deserialize)]
struct Address {
    street: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    street2: Option<String>,
    city: String,
    postal_code: String,
    country: String,
}

#[derive(Serialize, Deserialize)]
struct FinancialData {
    iban: String,
    card_number: String,
    balance: f64,
}

#[derive(Serialize, Deserialize)]
struct HealthRecord {
    date: String,
    code: String,
    note: String,
}

/// The customer of this key: as the service has it, as a log has it, as a manager has it.
pub(crate) async fn try_out(dynamodb: &Client, privet: &Protector, id: &str) -> Result<String> {
    let customers = privet.table::<Customer>(dynamodb)?;

    let customer = customers.get(id).await?.ok_or("the customer is not in the table")?; // opened, for the service
    customers.put(&customer).await?; // and sealed again

    let view = customers.get_as(id, &Principal::new("u-17").role("manager")).await?.ok_or("the customer is gone")?;
    let email = match view.get(Customer::email())? {
        Shown::Clear(email) => format!("{email:?}"),
        Shown::Masked(email) => email,
        Shown::Withheld => "nothing".to_owned(),
    };

    // `Debug` of a model prints no classified value, so it may go into a log.
    Ok(format!("As a model, printed with Debug: {customer:?}\nIts e-mail address, for a manager: {email}"))
}
