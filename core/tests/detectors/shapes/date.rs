//! Dates of birth, and other days.

use privet_core::detect::Kind::BirthDate;

use super::{Shape, is, not};
use crate::random::Random;

pub(super) fn shapes() -> Vec<Shape> {
    vec![
        is(BirthDate, "date of birth", &["date_of_birth", "dob", "birthday"], |r| iso(r, 1930, 2015)).by_name(),
        is(BirthDate, "date of birth, day first", &["geburtsdatum", "dateOfBirth"], |r| {
            let ((year, month, day), sign) = (r.day(1930, 2015), r.pick(&[".", "/", "-"]));
            format!("{day:02}{sign}{month:02}{sign}{year}")
        })
        .by_name(),
        is(BirthDate, "date of birth, month first", &["birth_date", "DOB"], |r| {
            let (year, month, day) = r.day(1930, 2015);
            format!("{month}/{day}/{year}")
        })
        .by_name(),
        is(BirthDate, "date of birth in words", &["born", "birthday"], written).by_name(),
        is(BirthDate, "date of birth as midnight", &["birth_date", "dob"], |r| {
            format!("{}T00:00:00.000Z", iso(r, 1930, 2015))
        })
        .by_name(),
        is(BirthDate, "date of birth, eight digits", &["birthdate", "dob"], |r| iso(r, 1930, 2015).replace('-', ""))
            .by_name(),
        is(BirthDate, "date of birth with its word", &["remark", "value"], |r| {
            format!("{} {}", r.pick(&["born", "DOB:", "geb.", "Date of birth:", "né le", "*"]), iso(r, 1930, 2015))
        }),
        is(BirthDate, "date of birth with a short year", &["dob", "date_of_birth"], |r| {
            let (year, month, day) = r.day(1930, 1999);
            format!("{day:02}.{month:02}.{:02}", year % 100)
        })
        .by_name(),
        is(BirthDate, "date of birth in French or German words", &["naissance", "geburtstag"], |r| {
            let month = r.pick(&["janvier", "février", "août", "décembre", "März", "Oktober", "Dezember"]);
            format!("{} {month} {}", r.number(1, 28), r.number(1930, 2015))
        })
        .by_name(),
        is(BirthDate, "date of birth as seconds since 1970", &["birth_date", "dob"], |r| {
            format!("{}", r.number(1_000_000, 999_999_999))
        })
        .by_name(),
        not("day of an invoice", &["invoice_date", "due", "paid_on"], |r| iso(r, 2018, 2026)).by_name(),
        not("day of expiry", &["expires", "valid_until"], |r| iso(r, 2025, 2035)).by_name(),
        not("day and time", &["created_at", "logged", "value"], |r| {
            format!("{}T{:02}:{:02}:{:02}Z", iso(r, 2015, 2026), r.number(1, 23), r.number(0, 59), r.number(0, 59))
        }),
        not("day and time of a log", &["time", "value"], |r| {
            format!(
                "{} {:02}:{:02}:{:02},{}",
                iso(r, 2015, 2026),
                r.number(1, 23),
                r.number(0, 59),
                r.number(0, 59),
                r.fill("###")
            )
        }),
        not("day that does not exist", &["value", "raw"], |r| {
            format!("{}-02-3{}", r.number(1950, 2010), r.number(0, 1))
        }),
        not("release named by its day", &["release", "tag"], |r| {
            let (year, month, day) = r.day(2019, 2026);
            format!("{year}.{month:02}.{day:02}-{}", r.fill("#"))
        }),
        not("name of a file with a day", &["file", "value"], |r| format!("{}-{}.csv", r.word(), iso(r, 2019, 2026))),
        not("month", &["month", "value"], |r| format!("{}-{:02}", r.number(1990, 2026), r.number(1, 12))),
        not("week", &["week", "value"], |r| format!("{}-W{:02}", r.number(1990, 2026), r.number(1, 52))),
        not("day of founding", &["founded", "established"], |r| iso(r, 1900, 2020)).by_name(),
        not("weekday and time, RFC 5322", &["date", "value"], |r| {
            format!("Tue, {} Nov 2024 {:02}:{:02}:00 +0000", r.number(1, 28), r.number(10, 23), r.number(10, 59))
        }),
    ]
}

fn iso(r: &mut Random, first: u64, last: u64) -> String {
    let (year, month, day) = r.day(first, last);
    format!("{year}-{month:02}-{day:02}")
}

fn written(r: &mut Random) -> String {
    let (year, _, day) = r.day(1930, 2015);
    let month = r.pick(&["January", "Feb", "March", "Apr", "June", "Sept", "October", "Dec"]);
    if r.number(0, 1) == 0 { format!("{day} {month} {year}") } else { format!("{month} {day}, {year}") }
}
