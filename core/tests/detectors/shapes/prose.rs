//! Prose that holds personal data, and prose that holds none.

use privet_core::detect::Kind::{self, ApiKey, BirthDate, Card, Email, FreeText, Iban, Ipv4, Phone, Ssn, UrlPassword};

use super::{Shape, not};
use crate::random::Random;

pub(super) fn shapes() -> Vec<Shape> {
    vec![
        text(&[Email], "prose with an e-mail address", |r| {
            let before = r.pick(&["Please send the invoice to", "He can be reached under", "The new address is", "cc"]);
            format!(
                "{before} {}@example.com{}",
                r.word(),
                r.pick(&[" and not to the office.", ", thanks a lot", " until the end of May!"])
            )
        }),
        text(&[Phone], "prose with a phone number", |r| {
            let number = r.pick(&["+1 206 555 01##", "(415) 555-01##", "+44 20 7946 0###", "212-555-01##"]);
            format!(
                "Customer asks that we ring {} after {} because of the {}",
                r.fill(number),
                r.pick(&["six", "noon"]),
                r.word()
            )
        }),
        text(&[Ssn], "prose with a social security number", |r| {
            format!(
                "Her number is {}-{}-{}, she said on the phone today",
                r.number(773, 899),
                r.number(10, 99),
                r.number(1000, 9999)
            )
        }),
        text(&[Card], "prose with a card number", |r| {
            format!(
                "Card {} was declined twice, {} wants a refund",
                r.pick(&["4111 1111 1111 1111", "5555555555554444", "4242-4242-4242-4242"]),
                r.first_name()
            )
        }),
        text(&[Iban], "prose with an IBAN", |r| {
            let iban = r.pick(&["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"]);
            format!("Please pay back the {} to {iban} as we said", r.word())
        }),
        text(&[BirthDate], "prose with a date of birth", |r| {
            format!(
                "The patient, born {:02}.{:02}.{}, came in with {} complaints",
                r.number(1, 28),
                r.number(1, 12),
                r.number(1930, 2015),
                r.word()
            )
        }),
        text(&[Ipv4], "prose with an address of a host", |r| {
            format!("Blocked the login from 203.0.113.{} after {} failed attempts", r.number(1, 254), r.number(3, 9))
        }),
        text(&[UrlPassword], "prose with a connection string", |r| {
            format!("use postgres://app:fake{}@db.example.com/shop for the import, please", r.mixed(8))
        }),
        text(&[ApiKey], "prose with a key", |r| {
            format!("the old key sk_live_Fake0{} still works, please revoke it", r.mixed(19))
        }),
        text(&[Email, Phone], "prose with two of them", |r| {
            format!("Reach me at {}@example.org or +44 20 7946 0{}, any day but Monday", r.word(), r.fill("###"))
        }),
        text(&[Email], "prose in German", |r| {
            format!("Bitte die Unterlagen an {}@example.com schicken, nicht an das Büro", r.word())
        }),
        text(&[Phone], "prose in French", |r| {
            format!("Merci de rappeler le client au {} avant midi s'il vous plaît", r.fill("06 39 98 ## ##"))
        }),
        text(&[Email], "signature", |r| {
            format!(
                "Kind regards,\n{} {}\nHead of {}\n{}@example.com",
                r.first_name(),
                r.last_name(),
                r.word(),
                r.word()
            )
        }),
        text(&[Phone], "prose with ten digits and their word", |r| {
            format!("New mobile {}55501{} since last week, old one is gone", r.pick(&["206", "415"]), r.fill("##"))
        }),
        text(&[Email], "long prose with an e-mail address at its end", |r| {
            let sentence = "The parcel was late again and the box was damaged on one side. ";
            format!("{}Write to {}@example.net", sentence.repeat(20), r.word())
        }),
        Shape {
            names: &["notes", "comment", "value"],
            ..text(&[], "prose about a person, without any number", |r| {
                format!(
                    "{} {} from {} has diabetes and moved in with her sister",
                    r.first_name(),
                    r.last_name(),
                    r.pick(&["Zürich", "Leeds", "Lyon"])
                )
            })
        },
        not("prose without any number", NAMES, |r| {
            format!("The {} arrived late and the {} was damaged on one side", r.word(), r.word())
        }),
        not("prose with an order number", NAMES, |r| {
            format!("Where is my order {}? It should have come on Monday", r.fill("40########"))
        }),
        not("prose with an amount and a day", NAMES, |r| {
            format!(
                "We charged {}.{} on {}-{:02}-{:02} by mistake",
                r.fill("1##"),
                r.fill("##"),
                2024,
                r.number(1, 12),
                r.number(1, 28)
            )
        }),
        not("prose with a version", NAMES, |r| {
            format!(
                "After the upgrade to version {}.{}.{}.{} the screen stays black",
                r.number(1, 20),
                r.number(0, 9),
                r.number(0, 9),
                r.number(0, 9)
            )
        }),
        not("prose with a time", NAMES, |r| {
            format!("Shop opens at {:02}:{:02} and closes at 18:30 on weekdays", r.number(7, 10), r.number(10, 59))
        }),
        not("prose with an article number", NAMES, |r| {
            format!("Article {} is sold out, please choose another colour", r.fill("###-####-##"))
        }),
        not("prose with a link", NAMES, |r| {
            format!("See https://www.example.com/{}/{} for how to return it", r.word(), r.fill("####"))
        }),
        not("prose with a commit", NAMES, |r| format!("Fixed by commit {} on the main branch this morning", r.hex(40))),
        not("prose with a handle", NAMES, |r| {
            format!("Thanks to @{} for the report on the {} page", r.word(), r.word())
        }),
        not("prose with a measure", NAMES, |r| {
            format!(
                "The table is {} x {} x {} cm and weighs {} kg without its box",
                r.fill("1##"),
                r.fill("##"),
                r.fill("##"),
                r.fill("##")
            )
        }),
        not("prose with a tracking number", NAMES, |r| {
            format!("The carrier says that parcel {} was delivered", r.fill("1Z999AA1##########"))
        }),
    ]
}

fn text(holds: &'static [Kind], what: &'static str, make: fn(&mut Random) -> String) -> Shape {
    Shape { holds, ..super::is(FreeText, what, NAMES, make) }
}

const NAMES: &[&str] = &["notes", "comment", "message", "value"];
