//! Social security numbers, payment cards and bank accounts, and what looks like them.

use privet_core::detect::Kind::{Card, Iban, Ssn};

use super::{Shape, is, not};
use crate::random::Random;

pub(super) fn shapes() -> Vec<Shape> {
    vec![
        is(Ssn, "social security number with hyphens", &["ssn", "value", "col_2"], |r| hyphened(r, "-")),
        is(Ssn, "social security number with spaces", &["ssn", "social_security_number"], |r| hyphened(r, " "))
            .by_name(),
        is(Ssn, "social security number, nine digits", &["ssn", "taxpayer"], |r| hyphened(r, "")).by_name(),
        is(Ssn, "social security number with its word", &["identity", "value"], |r| {
            format!("{} {}", r.pick(&["SSN", "SSN:", "Social Security No."]), hyphened(r, "-"))
        }),
        is(Ssn, "social security number of advertisements", &["ssn", "value"], |r| r.fill("987-65-432#")),
        is(Ssn, "social security number with dots", &["ssn", "tin"], |r| hyphened(r, ".")).by_name(),
        is(Ssn, "taxpayer number", &["itin", "value"], |r| {
            format!("9{}-7{}-{}", r.fill("##"), r.number(0, 9), serial(r))
        }),
        not("number no office gives out, area", &["value", "ref"], |r| {
            format!("{}-{}-{}", r.pick(&["000", "666"]), r.number(10, 99), serial(r))
        }),
        not("number no office gives out, group", &["value", "code"], |r| {
            format!("{}-00-{}", r.number(100, 665), serial(r))
        }),
        not("number no office gives out, serial", &["value", "code"], |r| {
            format!("{}-{}-0000", r.number(100, 665), r.number(10, 99))
        }),
        not("nine digits", &["order_id", "building_code", "count"], |r| r.fill("8########")),
        not("part number in 3-2-4", &["part_number", "sku"], |r| hyphened(r, "-")).by_name(),
        not("postcode with four", &["delivery_code", "value"], |r| r.fill("#####-####")),
        not("serial number that holds one", &["serial", "value"], |r| format!("SN-{}-X", hyphened(r, "-"))),
        not("company number", &["ein", "company_no"], |r| r.fill("1#-#######")),
        is(Card, "card number", &["card", "value", "pan"], |r| card(r, PREFIXES)),
        is(Card, "card number in groups", &["card_number", "value"], |r| grouped(r, ' ')),
        is(Card, "card number with hyphens", &["cc_number", "value"], |r| grouped(r, '-')),
        is(Card, "card number, fifteen digits in groups", &["card", "value"], |r| {
            let number = card(r, &["378282"]);
            format!("{} {} {}", &number[..4], &number[4..10], &number[10..])
        }),
        is(Card, "card number, fourteen digits", &["card", "payment"], |r| card(r, &["305693"])),
        is(Card, "card number with its word", &["payment", "value"], |r| format!("VISA {}", card(r, &["411111"]))),
        is(Card, "card number and expiry", &["payment", "value"], |r| {
            format!("{} {:02}/{}", card(r, &["555555"]), r.number(1, 12), r.number(27, 32))
        }),
        is(Card, "card number, Maestro", &["card", "card_number"], |r| luhn(r, "676770", 16)),
        is(Card, "card number with dots", &["card", "value"], |r| grouped(r, '.')),
        not("sixteen digits that do not check", &["value", "payment_ref"], |r| {
            let number = card(r, &["411111", "555555"]);
            let (rest, last) = number.split_at(15);
            format!("{rest}{}", (last.parse::<u8>().unwrap() + 1) % 10)
        }),
        not("checked digits of no network", &["value", "loyalty_no"], |r| luhn(r, "1234", 16)),
        not("IMEI", &["imei", "device"], |r| luhn(r, "490154", 15)),
        not("ICCID", &["iccid", "sim"], |r| luhn(r, "894101", 19)),
        not("order number of sixteen digits", &["order_id", "transaction_id"], |r| r.fill("40##############"))
            .by_name(),
        not("snowflake", &["id", "tweet_id", "message_id"], |r| r.fill("1##################")),
        not("card number as it is shown", &["card", "value"], |r| {
            r.fill("**** **** **** ####").replace("####", "4242")
        })
        .by_name(),
        not("digits within a longer name", &["object", "value"], |r| format!("img_{}_v2", card(r, &["411111"]))),
        is(Iban, "IBAN", &["iban", "value", "account"], iban),
        is(Iban, "IBAN in groups", &["iban", "value"], |r| in_fours(&iban(r))),
        is(Iban, "IBAN in lower case", &["bank_account", "value"], |r| iban(r).to_lowercase()),
        is(Iban, "IBAN with its word", &["payment", "value"], |r| format!("IBAN: {}", in_fours(&iban(r)))),
        is(Iban, "IBAN with hyphens", &["iban", "value"], |r| in_fours(&iban(r)).replace(' ', "-")),
        is(Iban, "IBAN with BIC", &["payee", "value"], |r| format!("{} FAKEDEFF500", iban(r))),
        not("IBAN that does not check", &["value", "ref"], |r| {
            let number = iban(r);
            let last = number.as_bytes()[number.len() - 1] - b'0';
            format!("{}{}", &number[..number.len() - 1], (last + 1) % 10)
        }),
        not("IBAN that is cut off", &["value", "ref"], |r| iban(r)[..14].to_owned()),
        not("VAT number", &["vat", "value"], |r| {
            let number = r.pick(&["DE#########", "ATU########", "FR###########", "NL#########B01"]);
            r.fill(number)
        }),
        not("BIC", &["bic", "value"], |r| format!("{}DEFF{}", r.fill("^^^^"), r.pick(&["", "500"]))),
        not("ISIN", &["isin", "value"], |r| r.fill("DE000##########")[..12].to_owned()),
        not("creditor identifier", &["creditor_id", "value"], |r| r.fill("DE98ZZZ########999")),
        not("container number", &["container", "value"], |r| r.fill("FAKU#######")),
    ]
}

pub(super) fn hyphened(r: &mut Random, separator: &str) -> String {
    format!("{}{separator}{:02}{separator}{}", r.number(773, 899), r.number(1, 99), serial(r))
}

fn serial(r: &mut Random) -> String {
    format!("{:04}", r.number(1, 9999))
}

/// A number of so many digits whose last checks the others.
pub(super) fn luhn(r: &mut Random, prefix: &str, length: usize) -> String {
    let mut number = format!("{prefix}{}", r.text("0123456789", length - 1 - prefix.len()));
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(position, byte)| {
            let digit = u32::from(byte - b'0') * if position % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    number.push(char::from(b'0' + u8::try_from((10 - sum % 10) % 10).unwrap()));
    number
}

fn card(r: &mut Random, prefixes: &[&str]) -> String {
    let prefix = r.pick(prefixes);
    luhn(
        r,
        prefix,
        if prefix.starts_with("37") {
            15
        } else if prefix.starts_with("30") {
            14
        } else {
            16
        },
    )
}

fn grouped(r: &mut Random, separator: char) -> String {
    in_fours(&card(r, &["411111", "555555", "601111", "356600"])).replace(' ', &separator.to_string())
}

pub(super) fn in_fours(text: &str) -> String {
    text.as_bytes().chunks(4).map(|chunk| str::from_utf8(chunk).unwrap()).collect::<Vec<_>>().join(" ")
}

/// A number that checks, at a bank that does not exist.
pub(super) fn iban(r: &mut Random) -> String {
    let (country, rest) = match r.number(0, 7) {
        0 => ("DE", "00000000##########"),
        1 => ("GB", "FAKE00000#########"),
        2 => ("FR", "0000000000###########00"),
        3 => ("CH", "00000############"),
        4 => ("NL", "FAKE##########"),
        5 => ("ES", "00000000############"),
        6 => ("AT", "00000###########"),
        _ => ("NO", "0000#######"),
    };
    let account = r.fill(if country == "GB" { "FAKE000000########" } else { rest });
    let digits = |text: &str| -> String { text.chars().map(|c| c.to_digit(36).unwrap().to_string()).collect() };
    let number = digits(&format!("{account}{country}00"));
    let remainder = number.bytes().fold(0_u32, |remainder, byte| (remainder * 10 + u32::from(byte - b'0')) % 97);
    format!("{country}{:02}{account}", 98 - remainder)
}

const PREFIXES: &[&str] = &["411111", "400000", "555555", "222300", "378282", "601111", "356600", "620000"];
