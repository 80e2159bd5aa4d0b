//! What an order is, and how secret each part of it.

use privet::Protect;
use serde::{Deserialize, Serialize};

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "orders", key = "id")]
pub(crate) struct Order {
    #[protect(public)]
    pub(crate) id: String,
    #[protect(public)]
    pub(crate) status: String,
    #[protect(pii, mask = "email")]
    pub(crate) email: String,
    #[protect(nested)]
    pub(crate) delivery: Address,
    #[protect(confidential, category = "pci")]
    pub(crate) card: String,
    #[protect(public)]
    pub(crate) items: Vec<Item>,
}

#[derive(Protect, Serialize, Deserialize)]
pub(crate) struct Address {
    #[protect(pii)]
    pub(crate) street: String,
    #[protect(pii)]
    pub(crate) city: String,
}

#[derive(Serialize, Deserialize, Debug)]
pub(crate) struct Item {
    pub(crate) article: String,
    pub(crate) count: u32,
}

/// The order that is in the table when the example runs here.
pub(crate) fn sample() -> Order {
    Order {
        id: "o-1".to_owned(),
        status: "paid".to_owned(),
        email: "ada@example.com".to_owned(),
        delivery: Address { street: "12 Analytical Row".to_owned(), city: "London".to_owned() },
        card: "4000 0000 0000 0002".to_owned(),
        items: vec![Item { article: "punched cards".to_owned(), count: 100 }],
    }
}

/// The KMS key for DynamoDB's own encryption; the embedded one takes its word for it.
pub(crate) const KEY_OF_TABLE: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
