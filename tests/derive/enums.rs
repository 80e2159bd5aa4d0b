//! Enums: serde's taggings, every kind of variant, names of variants and of their fields.

use privet::Protect;
use serde::{Deserialize, Serialize};

use crate::walk::{classes, inventory};

#[derive(Protect, Serialize, Deserialize, Default)]
struct Card {
    #[protect(confidential)]
    number: String,
    #[protect(public)]
    brand: String,
}

#[derive(Protect, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase")]
enum External {
    NotYet,
    BankTransfer(#[protect(pii)] String),
    CreditCard(#[protect(nested)] Card),
    Both(#[protect(public)] u8, #[serde(skip)] u8, #[protect(nested)] Card),
    #[serde(rename = "Paid By")]
    Voucher {
        #[protect(sensitive)]
        redeem_code: String,
        #[protect(public)]
        #[serde(rename = "issued")]
        issued_at: String,
    },
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    Cash {
        #[protect(public)]
        paid_in: u8,
    },
    Nothing(#[serde(skip)] u8),
}

#[test]
fn external_tags() {
    assert_eq!(
        inventory::<External>(),
        [
            "bank_transfer: pii",
            "credit_card.number: confidential",
            "credit_card.brand: public",
            "both.0: public",
            "both.1.number: confidential",
            "both.1.brand: public",
            "Paid By.redeemCode: sensitive",
            "Paid By.issued: public",
            "cash.PAID_IN: public",
        ]
    );
    for (value, expected) in [
        (External::NotYet, vec![]),
        (External::BankTransfer(String::new()), vec!["bank_transfer: pii"]),
        (External::CreditCard(Card::default()), vec!["credit_card.brand: public", "credit_card.number: confidential"]),
        (
            External::Both(1, 2, Card::default()),
            vec!["both.0: public", "both.1.brand: public", "both.1.number: confidential"],
        ),
        (
            External::Voucher { redeem_code: String::new(), issued_at: String::new() },
            vec!["Paid By.issued: public", "Paid By.redeemCode: sensitive"],
        ),
        (External::Cash { paid_in: 1 }, vec!["cash.PAID_IN: public"]),
        (External::Nothing(1), vec![]),
    ] {
        assert_eq!(classes(&value), expected);
    }
}

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "app", key = "pk, kind")]
#[serde(tag = "kind")]
enum Internal {
    Customer {
        #[protect(public)]
        pk: String,
        #[protect(pii)]
        email: String,
    },
    Order {
        #[protect(public)]
        pk: String,
        #[protect(nested)]
        card: Card,
    },
}

#[derive(Protect, Serialize, Deserialize)]
#[protect(resource = "app", key = "pk")]
#[serde(tag = "kind")]
enum Table {
    Customer(#[protect(nested)] Customer),
    Order {
        #[protect(nested)]
        #[serde(flatten)]
        keys: Keys,
        #[protect(public)]
        at: u8,
    },
}

#[derive(Protect, Serialize, Deserialize, Default)]
struct Customer {
    #[protect(public)]
    pk: String,
    #[protect(pii)]
    email: String,
}

#[derive(Protect, Serialize, Deserialize, Default)]
struct Keys {
    #[protect(public)]
    pk: String,
}

#[test]
fn the_key_of_a_table_of_several_kinds_may_be_in_the_kinds() {
    assert_eq!(classes(&Table::Customer(Customer::default())), ["email: pii", "pk: public"]);
    assert_eq!(classes(&Table::Order { keys: Keys::default(), at: 1 }), ["at: public", "pk: public"]);
    let keys: Vec<_> = Table::schema().inventory().into_iter().filter(|entry| entry.key).collect();
    assert_eq!(keys.len(), 2);
}

#[derive(Protect, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum InternalContent {
    Unit,
    Nested(#[protect(nested)] Card),
    Whole(#[protect(sensitive)] Card),
}

#[test]
fn internal_tags() {
    assert_eq!(Internal::schema().key, ["pk", "kind"]);
    let customer = Internal::Customer { pk: "1".to_owned(), email: String::new() };
    assert_eq!(classes(&customer), ["email: pii", "pk: public"]);
    let order = Internal::Order { pk: "1".to_owned(), card: Card::default() };
    assert_eq!(classes(&order), ["card.brand: public", "card.number: confidential", "pk: public"]);

    assert_eq!(classes(&InternalContent::Unit), [""; 0]);
    assert_eq!(classes(&InternalContent::Nested(Card::default())), ["brand: public", "number: confidential"]);
    assert_eq!(classes(&InternalContent::Whole(Card::default())), ["brand: sensitive", "number: sensitive"]);
    assert_eq!(inventory::<InternalContent>(), ["number: confidential", "brand: public", "*: sensitive"]);
}

#[derive(Protect, Serialize, Deserialize)]
#[serde(tag = "t", content = "c", rename_all_fields = "kebab-case")]
enum Adjacent {
    Unit,
    Whole(#[protect(pii)] String),
    Nested(#[protect(nested)] Card),
    Tuple(#[protect(pii)] u8, #[protect(public)] u8),
    Struct {
        #[protect(pii)]
        first_name: String,
    },
}

#[test]
fn adjacent_tags() {
    for (value, expected) in [
        (Adjacent::Unit, vec![]),
        (Adjacent::Whole(String::new()), vec!["c: pii"]),
        (Adjacent::Nested(Card::default()), vec!["c.brand: public", "c.number: confidential"]),
        (Adjacent::Tuple(1, 2), vec!["c.0: pii", "c.1: public"]),
        (Adjacent::Struct { first_name: String::new() }, vec!["c.first-name: pii"]),
    ] {
        assert_eq!(classes(&value), expected);
    }
}

macro_rules! every_case {
    ($($module:ident $case:literal: $name:literal;)+) => {$(
        #[test]
        fn $module() {
            #[derive(Protect, Serialize)]
            #[serde(rename_all = $case)]
            enum Model {
                CardNo(#[protect(pii)] u8),
            }
            assert_eq!(inventory::<Model>(), [concat!($name, ": pii")]);
            assert_eq!(classes(&Model::CardNo(1)), [concat!($name, ": pii")]);
        }
    )+};
}

every_case! {
    lowercase "lowercase": "cardno";
    uppercase "UPPERCASE": "CARDNO";
    pascal "PascalCase": "CardNo";
    camel "camelCase": "cardNo";
    snake "snake_case": "card_no";
    screaming_snake "SCREAMING_SNAKE_CASE": "CARD_NO";
    kebab "kebab-case": "card-no";
    screaming_kebab "SCREAMING-KEBAB-CASE": "CARD-NO";
}

#[derive(Protect, Serialize)]
enum Partly {
    Stored(#[protect(pii)] u8),
    #[serde(skip)]
    Passing {
        secret: String,
    },
}

#[test]
fn a_skipped_variant_needs_no_class() {
    assert_eq!(inventory::<Partly>(), ["Stored: pii"]);
    assert_eq!(classes(&Partly::Stored(1)), ["Stored: pii"]);
    let passing = Partly::Passing { secret: "planted".to_owned() };
    assert_eq!(format!("{passing:?}"), "Passing { secret: <skipped> }");
    assert!(matches!(passing, Partly::Passing { secret } if secret == "planted"));
}

#[derive(Protect)]
enum Never {}

#[test]
fn an_enum_may_be_empty() {
    assert!(Never::schema().inventory().is_empty());
    assert_eq!(format!("{:?}", None::<Never>), "None");
}
