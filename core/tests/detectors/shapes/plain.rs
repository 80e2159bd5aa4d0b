//! Plain values of every kind, and personal data that no detector sees by its value.

use super::{Label, Shape, not};
use crate::random::Random;

pub(super) fn shapes() -> Vec<Shape> {
    let mut shapes = plain();
    shapes.extend(unseen());
    shapes
}

fn plain() -> Vec<Shape> {
    vec![
        not("UUID", &["id", "uuid", "value"], |r| r.fill("$$$$$$$$-$$$$-4$$$-a$$$-$$$$$$$$$$$$")),
        not("UUID of digits mostly", &["request_id", "value"], |r| r.fill("########-####-4###-8###-############")),
        not("ULID", &["id", "value"], |r| format!("01H{}", r.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 23))),
        not("SHA-256", &["digest", "value"], |r| r.hex(64)),
        not("MD5", &["md5", "value"], |r| r.hex(32)),
        not("semantic version", &["version", "value"], |r| {
            format!("{}.{}.{}-rc.{}", r.number(0, 9), r.number(0, 20), r.number(0, 20), r.number(1, 5))
        }),
        not("coordinates", &["position", "value"], |r| {
            format!("{}.{}, {}.{}", r.number(0, 89), r.fill("######"), r.number(0, 179), r.fill("######"))
        }),
        not("product code", &["sku", "value"], |r| r.fill("^^-####-^##")),
        not("product code of digits", &["product", "article_no"], |r| r.fill("##.###.###")),
        not("order number", &["order", "value"], |r| r.fill("ORD-2024-######")),
        not("invoice number", &["invoice", "value"], |r| r.fill("RE-########/##")),
        not("price", &["price", "value"], |r| {
            format!("{} {}.{}", r.pick(&["EUR", "$", "CHF"]), r.fill("###"), r.fill("##"))
        }),
        not("percentage", &["share", "value"], |r| r.fill("##.## %")),
        not("count", &["count", "value"], |r| r.number(0, 99_999).to_string()),
        not("truth", &["active", "value"], |r| r.pick(&["true", "false", "yes", "no"]).into()),
        not("state", &["status", "value"], |r| r.pick(&["PENDING", "shipped", "cancelled", "IN_PROGRESS"]).into()),
        not("country", &["country", "value"], |r| r.pick(&["CH", "DE", "US", "GB", "FR"]).into()),
        not("locale", &["locale", "value"], |r| r.pick(&["de-CH", "en-GB", "sk-SK", "fr-FR"]).into()),
        not("colour", &["colour", "value"], |r| format!("#{}", r.hex(6))),
        not("name of a product", &["title", "value"], |r| {
            format!("{} lamp, {}, {} W", r.word(), r.word(), r.fill("##"))
        }),
        not("path of a file", &["path", "value"], |r| {
            format!("/var/lib/{}/{}.{}", r.word(), r.word(), r.pick(&["log", "db", "json"]))
        }),
        not("MIME type", &["content_type", "value"], |r| {
            r.pick(&["application/json", "image/png", "text/plain; charset=utf-8"]).into()
        }),
        not("user agent", &["user_agent", "value"], |r| {
            format!(
                "Mozilla/5.0 (X11; Linux x86_64; rv:1{}.0) Gecko/20100101 Firefox/1{}.0",
                r.fill("##"),
                r.fill("##")
            )
        }),
        not("user agent of a browser with four parts", &["user_agent", "value"], |r| {
            format!(
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1{}.0.0.{} Safari/537.36",
                r.fill("##"),
                r.number(1, 99)
            )
        }),
        not("account of a cloud", &["account_id", "value"], |r| r.fill("12##########")),
        not("ARN of a table", &["table_arn", "value"], |r| {
            format!("arn:aws:dynamodb:eu-west-1:123456789012:table/{}", r.word())
        }),
        not("name of a table", &["table", "value"], |r| format!("{}-{}-prod", r.word(), r.word())),
        not("cron", &["schedule", "value"], |r| format!("{} {} * * 1-5", r.number(0, 59), r.number(0, 23))),
        not("regular expression", &["pattern", "value"], |r| {
            format!("^[a-z]{{{},{}}}@[a-z]+$", r.number(1, 3), r.number(4, 9))
        }),
        not("formula", &["formula", "value"], |r| format!("=SUM(A{}:A{})", r.number(1, 9), r.number(10, 99))),
        not("JSON of settings", &["settings", "value"], |r| {
            format!(r#"{{"retries":{},"timeout":{},"mode":"{}"}}"#, r.number(1, 9), r.fill("3###"), r.word())
        }),
        not("ISO duration", &["ttl", "value"], |r| format!("P{}DT{}H", r.number(1, 30), r.number(1, 23))),
        not("dimensions of a screen", &["resolution", "value"], |r| {
            format!("{}x{}", r.number(800, 3840), r.number(600, 2160))
        }),
        not("licence plate of a machine", &["asset", "value"], |r| r.fill("MX-###-^^-##")),
        not("chemical number", &["cas", "value"], |r| r.fill("###-##-#")),
        not("DOI", &["doi", "value"], |r| format!("10.{}/{}.{}", r.fill("5###"), r.word(), r.fill("2024.####"))),
        not("lottery numbers", &["draw", "value"], |r| {
            (0..6).map(|_| r.number(1, 49).to_string()).collect::<Vec<_>>().join(" ")
        }),
        not("series of readings", &["samples", "value"], |r| {
            (0..5).map(|_| r.fill("1#.##")).collect::<Vec<_>>().join(",")
        }),
        not("sentence of a manual", &["help", "value"], |r| {
            format!("Turn the {} key twice, then press start", r.word())
        }),
        not("letters of base64", &["blob", "value"], |r| r.mixed(88)),
    ]
}

fn unseen() -> Vec<Shape> {
    let unseen = |label, what, names, make| Shape::new(Some(Label::Unseen(label)), what, names, make);
    vec![
        unseen("person_name", "name of a person", &["full_name", "value"], |r: &mut Random| {
            format!("{} {}", r.first_name(), r.last_name())
        }),
        unseen("address", "postal address", &["street", "value"], |r: &mut Random| {
            format!("{} Street {}, 8{} {}", r.word(), r.fill("##"), r.fill("###"), r.pick(&["Zürich", "Leeds", "Lyon"]))
        }),
        unseen("identity", "number of a passport", &["passport", "passport_no"], |r: &mut Random| r.fill("X########")),
        unseen("secret", "password", &["password", "pwd"], |r: &mut Random| {
            format!("{}-{}-{}", r.word(), r.word(), r.fill("##"))
        }),
        unseen("health", "diagnosis", &["diagnosis", "icd"], |r: &mut Random| r.fill("E1#.#")),
    ]
}
