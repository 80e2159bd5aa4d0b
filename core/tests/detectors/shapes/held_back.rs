//! Shapes that nobody looks at to mend detectors: how well those do on what they were not made for. A shape that was looked
//! at moves to one of the other files, and new ones take its place.

use privet_core::detect::Kind::{
    ApiKey, AwsAccessKey, AwsSecretKey, BirthDate, Card, Email, FreeText, Iban, Ipv4, Ipv6, Jwt, Phone, PrivateKey,
    Ssn, UrlPassword,
};

use super::credential::{fake, jwt, pem, secret};
use super::internet::v4;
use super::number::{hyphened, iban, in_fours, luhn};
use super::{Label, Shape, is, not};
use crate::random::Random;

pub(super) fn shapes() -> Vec<Shape> {
    let mut shapes = personal();
    shapes.extend(credentials());
    shapes.extend(near_misses());
    shapes.into_iter().map(|shape| Shape { is_held_back: true, ..shape }).collect()
}

fn personal() -> Vec<Shape> {
    vec![
        is(Email, "e-mail addresses in a list of JSON", &["to", "value"], |r| {
            format!(r#"["{}@example.com","{}@example.org"]"#, r.word(), r.word())
        }),
        is(Email, "e-mail address with its word", &["contact", "value"], |r| {
            format!("E-Mail: {}.{}@example.net", r.word(), r.word())
        }),
        is(Email, "e-mail address as a query", &["url", "value"], |r| {
            format!("https://www.example.com/unsubscribe?mail={}%40example.org", r.word())
        }),
        is(Phone, "phone number of a contact card", &["vcard", "value"], |r| {
            format!("TEL;TYPE=cell:+1-206-555-01{}", r.fill("##"))
        }),
        is(Phone, "phone number, Irish", &["phone", "value"], |r| r.fill("+353 20 915 0###")),
        is(Phone, "phone number, prefix 00 and brackets", &["telefon", "value"], |r| r.fill("0049 (30) 23125-###")),
        is(Phone, "phone number in words", &["hotline", "value"], |r| format!("1-800-{}", r.word().to_uppercase())),
        is(Ssn, "social security number in a row", &["row", "value"], |r| {
            format!("{};{};{}", r.last_name(), r.first_name(), hyphened(r, "-"))
        }),
        is(Card, "card number in JSON", &["body", "value"], |r| {
            format!(r#"{{"pan":"{}","cvc":"000"}}"#, luhn(r, "411111", 16))
        }),
        is(Card, "card number with no-break spaces", &["card", "value"], |r| {
            in_fours(&luhn(r, "555555", 16)).replace(' ', "\u{a0}")
        }),
        is(Iban, "IBAN with no-break spaces", &["iban", "value"], |r| in_fours(&iban(r)).replace(' ', "\u{a0}")),
        is(Iban, "IBAN in a link", &["qr", "value"], |r| {
            format!("bank://singlepayment?name=Example&iban={}&amount=12", iban(r))
        }),
        is(Ipv4, "account at an IPv4 address", &["target", "value"], |r| format!("deploy@{}", v4(r))),
        is(Ipv4, "IPv4 address in JSON", &["body", "value"], |r| format!(r#"{{"ip":"{}","ok":true}}"#, v4(r))),
        is(Ipv6, "IPv6 address in a URL", &["link", "value"], |r| {
            format!("http://[2001:db8::{}]/{}", r.fill("$$$"), r.word())
        }),
        is(BirthDate, "date of birth with slashes, year first", &["dob", "birth_date"], |r| {
            let (year, month, day) = r.day(1930, 2015);
            format!("{year}/{month:02}/{day:02}")
        })
        .by_name(),
        is(BirthDate, "date of birth with an ordinal", &["birthday", "born"], |r| {
            format!("{}rd of May, {}", r.pick(&["3", "23"]), r.number(1930, 2015))
        })
        .by_name(),
        is(BirthDate, "date of birth in Spanish", &["birth_date", "dob"], |r| {
            format!("{} de {} de {}", r.number(1, 28), r.pick(&["enero", "abril", "agosto"]), r.number(1930, 2015))
        })
        .by_name(),
        text(&[Phone], "lines of a chat", |r| {
            format!("A: are you there?\nB: yes, ring me\nA: which number?\nB: {}", r.fill("+44 7700 900###"))
        }),
        text(&[Email], "prose in Spanish", |r| {
            format!("Por favor envíe la factura a {}@example.com antes del viernes", r.word())
        }),
        text(&[Ssn], "prose of an office", |r| {
            format!("Verified identity by SSN {} and a letter from the bank", hyphened(r, "-"))
        }),
        text(&[BirthDate], "prose of a clinic", |r| {
            format!(
                "Pt is a {} y/o male, DOB {}/{}/{}, presents with cough",
                r.fill("4#"),
                r.number(1, 12),
                r.number(1, 28),
                r.number(1970, 1980)
            )
        }),
        text(&[], "prose with a password", |r| {
            format!("my password is {}{} and it does not work any more", r.word(), r.fill("##"))
        }),
        Shape::new(Some(Label::Unseen("identity")), "personal number, Swedish", &["personnummer", "value"], |r| {
            format!("{}{:02}{:02}-{}", r.number(50, 99), r.number(1, 12), r.number(1, 28), r.fill("####"))
        }),
    ]
}

fn credentials() -> Vec<Shape> {
    vec![
        is(Jwt, "JSON Web Token in a cookie", &["cookie", "value"], |r| {
            format!("session={}; Path=/; HttpOnly", jwt(r, r#"{"alg":"HS256"}"#))
        }),
        is(Jwt, "JSON Web Token in a URL", &["url", "value"], |r| {
            format!("https://example.com/cb#id_token={}", jwt(r, r#"{"alg":"RS256"}"#))
        }),
        is(AwsAccessKey, "AWS access key in JSON", &["body", "value"], |r| {
            format!(
                r#"{{"AccessKeyId":"ASIAFAKE{}","Expiration":"2024-01-01"}}"#,
                r.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 12)
            )
        }),
        is(AwsSecretKey, "AWS secret key in YAML", &["file", "value"], |r| {
            format!("aws:\n  secret_key: {}", secret(r))
        }),
        is(ApiKey, "token of a sign-in service", &["token", "value"], |r| format!("ya29.{}", fake(r, 60))),
        is(ApiKey, "key of a storage account", &["connection", "value"], |r| {
            format!("DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={}==", fake(r, 86))
        }),
        is(ApiKey, "key of a model service, another", &["api_key", "value"], |r| {
            format!("sk-ant-api03-{}", fake(r, 80))
        }),
        is(ApiKey, "key that a name marks", &["dd_api_key", "auth_token"], |r| format!("facade{}", r.hex(34)))
            .by_name(),
        is(UrlPassword, "password of a database URL of Java", &["jdbc", "value"], |r| {
            format!("jdbc:postgresql://db.example.com/shop?user=app&password=fake{}", r.mixed(8))
        }),
        is(UrlPassword, "password of a file server", &["feed", "value"], |r| {
            format!("sftp://{}:fake{}@files.example.com/in", r.word(), r.mixed(8))
        }),
        is(PrivateKey, "private key with other line ends", &["key", "value"], |r| {
            pem(r, "EC PRIVATE KEY").replace('\n', "\r\n")
        }),
        is(PrivateKey, "private key in base64", &["key_b64", "value"], |r| {
            use base64::Engine as _;
            base64::prelude::BASE64_STANDARD.encode(pem(r, "PRIVATE KEY"))
        }),
    ]
}

fn near_misses() -> Vec<Shape> {
    vec![
        not("handle at a server", &["mastodon", "value"], |r| format!("@{}@social.example", r.word())),
        not("range of postcodes", &["area", "value"], |r| r.fill("101##-102##")),
        not("scores of sets", &["score", "value"], |r| r.fill("21-1#, 21-1#, 19-21")),
        not("social security number as it is shown", &["ssn", "value"], |r| r.fill("***-**-####")).by_name(),
        not("code of a gift", &["voucher", "value"], |r| r.fill("^^^^-####-^^^^-####")),
        not("package of four parts", &["package", "value"], |r| {
            format!("Example.Json/13.0.{}.{}", r.number(1, 9), r.fill("27###"))
        }),
        not("identifier of an image format", &["uid", "value"], |r| r.fill("1.2.840.10008.5.1.4.1.1.#")),
        not("name of a pod", &["pod", "value"], |r| {
            format!("{}-{}-{}", r.word(), r.fill("7d9c5b8f#"), r.fill("~~#~~"))
        }),
        not("weak tag", &["etag", "value"], |r| format!("W/\"{}\"", r.hex(32))),
        not("zone of time", &["zone", "value"], |r| {
            r.pick(&["Europe/Zurich", "America/New_York", "Asia/Tokyo"]).into()
        }),
        not("degrees and minutes", &["place", "value"], |r| r.fill("47°2#'1#\"N 8°3#'2#\"E")),
        not("number of a vehicle", &["vin", "value"], |r| r.fill("WAUZZZ8V#KA######")),
        not("flight", &["flight", "value"], |r| r.fill("LX####/1#NOV")),
        not("day of hiring", &["hire_date", "anniversary"], |r| {
            format!("{}-0{}-1{}", r.number(2000, 2024), r.number(1, 9), r.number(0, 9))
        })
        .by_name(),
        not("key of an object", &["object_key", "value"], |r| {
            format!("exports/2024/{}/{}-{}.json.gz", r.fill("1#"), r.word(), r.mixed(12))
        }),
        not("cursor", &["cursor", "value"], |r| r.mixed(40)),
        not("digest of an image", &["image_digest", "value"], |r| format!("sha256:{}", r.hex(64))),
        not("prose with sizes and years", &["notes", "value"], |r| {
            format!(
                "Model of {} with {} GB and a {} inch screen, see page {}",
                r.number(2015, 2024),
                r.fill("5##"),
                r.fill("1#"),
                r.fill("1##")
            )
        }),
        not("prose with a range of hours", &["notes", "value"], |r| {
            format!("Open from {}-{} h, closed on 24-26 Dec and 1-2 Jan", r.number(7, 9), r.number(17, 19))
        }),
        not("prose with scores", &["notes", "value"], |r| {
            format!(
                "They won {}-{} and {}-{} after extra time in the {}",
                r.fill("#"),
                r.fill("#"),
                r.fill("1#"),
                r.fill("1#"),
                r.word()
            )
        }),
    ]
}

fn text(holds: &'static [privet_core::detect::Kind], what: &'static str, make: fn(&mut Random) -> String) -> Shape {
    Shape { holds, ..is(FreeText, what, &["notes", "message", "value"], make) }
}
