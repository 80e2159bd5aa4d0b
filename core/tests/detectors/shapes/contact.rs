//! E-mail addresses and telephone numbers, and what looks like them.

use privet_core::detect::Kind::{Email, Phone};

use super::{Shape, is, not};
use crate::random::Random;

pub(super) fn shapes() -> Vec<Shape> {
    let mut shapes = emails();
    shapes.extend(phones());
    shapes
}

fn emails() -> Vec<Shape> {
    vec![
        is(Email, "e-mail address", &["email", "contact", "value", "owner"], |r| format!("{}@{}", local(r), domain(r))),
        is(Email, "e-mail address with dots and a tag", &["mail", "login", "col_3"], |r| {
            format!("{}.{}+{}@{}", local(r), r.word(), r.word(), domain(r))
        }),
        is(Email, "e-mail address in upper case", &["EMAIL", "user"], |r| {
            format!("{}@{}", local(r), domain(r)).to_uppercase()
        }),
        is(Email, "e-mail address with a display name", &["from", "recipient"], |r| {
            format!("{} {} <{}@{}>", r.first_name(), r.last_name(), local(r), domain(r))
        }),
        is(Email, "mailto link", &["link", "href"], |r| format!("mailto:{}@{}", local(r), domain(r))),
        is(Email, "several e-mail addresses", &["cc", "recipients"], |r| {
            format!("{}@{}; {}@{}", local(r), domain(r), local(r), domain(r))
        }),
        is(Email, "e-mail address of an internationalised domain", &["email", "value"], |r| {
            format!("{}@{}.example", local(r), r.pick(&["bücher", "müller", "café", "東京"]))
        }),
        is(Email, "internationalised e-mail address", &["email", "value"], |r| {
            format!("{}.{}@example.org", r.pick(&["jürgen", "zoë", "amélie", "søren"]), r.word())
        }),
        is(Email, "e-mail address of a function", &["support", "value"], |r| {
            format!("{}@{}", r.pick(&["info", "billing", "noreply", "hr", "dpo"]), domain(r))
        }),
        is(Email, "e-mail address spelt out", &["contact", "value"], |r| {
            format!("{} at {} dot com", local(r), r.pick(&["example", "invalid"]))
        }),
        is(Email, "e-mail address in quotes", &["sender", "value"], |r| format!("\"{}@{}\"", local(r), domain(r))),
        is(Email, "e-mail address with an apostrophe", &["email", "value"], |r| {
            format!("o'{}@{}", r.word(), domain(r))
        }),
        not("handle", &["handle", "author", "value"], |r| format!("@{}_{}", r.word(), r.fill("##"))),
        not("repository by SSH", &["remote", "value"], |r| {
            format!("git@{}:{}/{}.git", r.pick(&["git.example.com", "code.example.org"]), r.word(), r.word())
        }),
        not("image for dense screens", &["icon", "value"], |r| {
            format!("{}@{}x.{}", r.word(), r.number(2, 3), r.pick(&["png", "jpg", "webp"]))
        }),
        not("package and version", &["dependency", "value"], |r| {
            format!("{}@{}.{}.{}", r.word(), r.number(0, 20), r.number(0, 20), r.number(0, 20))
        }),
        not("scoped package", &["dependency", "value"], |r| {
            format!("@{}/{}@^{}.{}.0", r.word(), r.word(), r.number(0, 9), r.number(0, 9))
        }),
        not("image by digest", &["image", "value"], |r| {
            format!("registry.example.com/{}@sha256:{}", r.word(), r.hex(64))
        }),
        not("account at a host", &["target", "value"], |r| format!("{}@localhost", r.pick(&["root", "app", "deploy"]))),
        not("identifier of a message", &["message_id", "references"], |r| {
            format!("<{}.{}@mail.example.com>", r.fill("########"), r.fill("######"))
        }),
        not("connection string without a password", &["dsn", "value"], |r| {
            format!("postgres://{}@db.example.com:5432/{}", r.word(), r.word())
        }),
        not("decorator", &["code", "value"], |r| format!("@{}.route('/{}')", r.word(), r.word())),
        not("price at a time", &["quote", "value"], |r| {
            format!("{} @ {}.{}", r.fill("###"), r.fill("##"), r.fill("##"))
        }),
    ]
}

fn phones() -> Vec<Shape> {
    vec![
        is(Phone, "phone number, E.164", &["phone", "value", "contact"], e164),
        is(Phone, "phone number, international with spaces", &["mobile", "value"], international),
        is(Phone, "phone number, North American with brackets", &["tel", "value"], |r| {
            format!("({}) 555-01{}", area(r), r.fill("##"))
        }),
        is(Phone, "phone number, North American with hyphens", &["phone", "cell"], |r| {
            format!("{}-555-01{}", area(r), r.fill("##"))
        }),
        is(Phone, "phone number, North American with dots", &["phone", "fax"], |r| {
            format!("{}.555.01{}", area(r), r.fill("##"))
        }),
        is(Phone, "phone number, North American with 1", &["phone", "value"], |r| {
            format!("1-{}-555-01{}", area(r), r.fill("##"))
        }),
        is(Phone, "phone number, ten digits", &["phone", "mobile_number"], |r| {
            format!("{}55501{}", area(r), r.fill("##"))
        })
        .by_name(),
        is(Phone, "phone number, British", &["phone", "value"], |r| {
            let number = r.pick(&["020 7946 0###", "0113 496 0###", "07700 900###", "(0131) 496 0###"]);
            r.fill(number)
        }),
        is(Phone, "phone number, German", &["telefon", "value"], |r| {
            let number = r.pick(&["030 23125 ###", "030/23125###", "089-99998###", "0171 39200##", "(040) 66969-###"]);
            r.fill(number)
        }),
        is(Phone, "phone number, French", &["telephone", "value"], |r| {
            let number = r.pick(&["01 99 00 ## ##", "06.39.98.##.##", "04-65-71-##-##"]);
            r.fill(number)
        }),
        is(Phone, "phone number, Swedish and Australian", &["phone", "value"], |r| {
            let number = r.pick(&["08-465 004 ##", "031-390 06 ##", "(02) 5550 ####", "0491 570 ###"]);
            r.fill(number)
        }),
        is(Phone, "phone number, international prefix 00", &["phone", "value"], |r| format!("00{}", &e164(r)[1..])),
        is(Phone, "phone number with an extension", &["phone", "value"], |r| {
            format!("+1 {} 555 01{} ext. {}", area(r), r.fill("##"), r.fill("##"))
        }),
        is(Phone, "phone number with the trunk prefix", &["phone", "value"], |r| {
            let number = r.pick(&["+44 (0)20 7946 0###", "+49 (0)30 23125 ###"]);
            r.fill(number)
        }),
        is(Phone, "telephone link", &["link", "value"], |r| format!("tel:{}", e164(r))),
        is(Phone, "phone number, national without spaces", &["phone", "mobile"], |r| {
            let number = r.pick(&["02079460###", "0302312####", "0639980###"]);
            r.fill(number)
        })
        .by_name(),
        is(Phone, "phone number with its word", &["contact", "value"], |r| {
            format!("{} {}", r.pick(&["Tel.", "Phone:", "Mobile", "Fax:"]), international(r))
        }),
        not("number of an order, ten digits", &["order_id", "order_number"], |r| r.fill("4#########")),
        not("number of an order, grouped", &["order_no", "order_ref"], |r| r.fill("###-#######-#######")),
        not("number of a ticket", &["ticket", "case_no"], |r| r.fill("2024-000###")),
        not("ISBN", &["isbn", "value"], |r| r.fill("978-3-####-####-#")),
        not("GTIN", &["ean", "gtin"], |r| r.fill("40########## #").replace(' ', "")),
        not("range of years", &["period", "value"], |r| format!("{}-{}", r.number(1950, 1999), r.number(2000, 2024))),
        not("seconds since 1970", &["created_at", "ts", "updated"], |r| r.fill("17########")),
        not("milliseconds since 1970", &["timestamp", "time_ms"], |r| r.fill("17###########")),
        not("amount with separators", &["amount", "revenue"], |r| {
            let amount = r.pick(&["# ### ###", "#,###,###.##", "###.###,##", "#'###'###"]);
            r.fill(amount)
        }),
        not("dimensions", &["size", "value"], |r| format!("{}x{}x{}", r.fill("1##"), r.fill("2##"), r.fill("3##"))),
        not("part number", &["part_no", "article"], |r| r.fill("###-####-##")),
        not("tracking number", &["tracking", "shipment"], |r| {
            let number = r.pick(&["1Z999AA1##########", "JD0146########", "9400 1000 0000 0000 #### ##"]);
            r.fill(number)
        }),
        not("duration", &["elapsed", "value"], |r| r.fill("0#:##:##.###")),
        not("decimal number", &["score", "value"], |r| r.fill("#.##########")),
        not("long number", &["counter", "bytes"], |r| r.fill("3##########")),
    ]
}

fn local(r: &mut Random) -> String {
    let first = r.pick(&["ada", "grace", "alan", "mary", "noor", "wei", "ivo"]);
    match r.number(0, 3) {
        0 => first.to_owned(),
        1 => format!("{first}.{}", r.word()),
        2 => format!("{}{}", first, r.fill("##")),
        _ => format!("{}_{}", r.word(), first),
    }
}

fn domain(r: &mut Random) -> &'static str {
    r.pick(&["example.com", "example.org", "mail.example.net", "shop.example", "a-b.example.com", "example.co.example"])
}

/// An area code of North America; 555-0100 to 555-0199 is kept for films in each.
fn area(r: &mut Random) -> &'static str {
    r.pick(&["206", "212", "312", "415", "617", "702", "813", "919"])
}

fn e164(r: &mut Random) -> String {
    let number = match r.number(0, 4) {
        0 => format!("+1{}55501##", area(r)),
        1 => "+44207946####".replace("6####", "60###"),
        2 => "+493023125###".to_owned(),
        3 => "+3319900####".to_owned(),
        _ => "+61491570###".to_owned(),
    };
    r.fill(&number)
}

fn international(r: &mut Random) -> String {
    let number = r.pick(&[
        "+1 206 555 01##",
        "+44 20 7946 0###",
        "+44 7700 900###",
        "+49 30 23125 ###",
        "+33 6 39 98 ## ##",
        "+46 8 465 004 ##",
        "+61 2 5550 ####",
        "+49-89-99998-###",
    ]);
    r.fill(number)
}
