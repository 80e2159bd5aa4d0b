//! The detectors on texts that show their edges. How well they do on many is in `tests/detectors.rs`.

use proptest::prelude::*;

use super::*;
use crate::classification::Classification;

/// The kinds that count, in order.
fn kinds(text: &str) -> Vec<Kind> {
    let counts = |finding: &Finding| finding.confidence() >= Confidence::COUNTS;
    scan(text).into_iter().filter(counts).map(|finding| finding.kind()).collect()
}

fn judged(name: &str, text: &str) -> Option<Kind> {
    judge(name, text).map(|finding| finding.kind())
}

#[test]
fn all_patterns_can_be_made() {
    let all = [
        &credential::patterns()[..],
        &date::patterns(),
        &email::patterns(),
        &internet::patterns(),
        &number::patterns(),
        &phone::patterns(),
    ];
    let made: Vec<bool> = all.into_iter().flatten().map(|pattern| pattern.is_made()).collect();
    assert_eq!(made, [true; 19]);
}

#[test]
fn email_addresses() {
    for address in ["a@b.co", "first.last+tag@sub.example.museum", "o'hara@example.ie", "x_y-z@xn--bcher-kva.example"] {
        assert_eq!(kinds(address), [Kind::Email], "{address}");
        assert_eq!(scan(address)[0].span(), 0..address.len(), "{address}");
    }
    for other in [
        "a@b",
        "@example.com",
        "icon@2x.png",
        "git@github.com:org/repo.git",
        "a..b@example.com",
        ".a@example.com",
        "postgres://ada@db.example.com:5432/x",
        "user@-example.com",
        "name@1.2.3",
        "a@b.c",
    ] {
        assert_eq!(kinds(other), [], "{other}");
    }
    assert_eq!(kinds("mail:ada@example.com, grace@example.org."), [Kind::Email, Kind::Email]);
}

#[test]
fn phone_numbers() {
    for number in
        ["+41 44 668 18 00", "+1 (206) 555-0100", "(206) 555-0100", "206-555-0100", "0171 123 45 67", "+442079460018"]
    {
        assert_eq!(kinds(number), [Kind::Phone], "{number}");
    }
    for other in
        ["2024-01-15", "1234567", "10.20.30.40", "+999 123 45 67 89", "123-456-7890-123", "1.234.567,89", "0000000000"]
    {
        assert_eq!(judged("x", other).filter(|kind| *kind == Kind::Phone), None, "{other}");
    }
    assert_eq!(judged("value", "2065550100"), None);
    assert_eq!(judged("phone", "2065550100"), Some(Kind::Phone));
    assert_eq!(judged("order_number", "206-555-0100"), None);
    assert_eq!(judged("x", "Tel. 2065550100"), Some(Kind::Phone));
}

#[test]
fn social_security_numbers() {
    for number in ["123-45-6789", "900-70-1234"] {
        assert_eq!(kinds(number), [Kind::Ssn], "{number}");
    }
    for other in [
        "000-12-3456",
        "666-12-3456",
        "123-00-4567",
        "123-45-0000",
        "078-05-1120",
        "950-12-3456",
        "1123-45-67890",
        "123-45-6789-1",
    ] {
        assert_eq!(kinds(other), [], "{other}");
    }
    assert_eq!((judged("value", "123456789"), judged("ssn", "123456789")), (None, Some(Kind::Ssn)));
}

#[test]
fn cards() {
    for number in
        ["4111111111111111", "4111 1111 1111 1111", "3782-822463-10005", "5555-5555-5555-4444", "6011111111111117"]
    {
        assert_eq!(kinds(number), [Kind::Card], "{number}");
    }
    for other in
        ["4111111111111112", "1234567812345670", "4111-1111 1111-1111", "41111111111111110", "a4111111111111111"]
    {
        assert_eq!(kinds(other), [], "{other}");
    }
}

#[test]
fn bank_accounts() {
    for number in ["GB82WEST12345698765432", "GB82 WEST 1234 5698 7654 32", "de89370400440532013000", "NO9386011117947"]
    {
        assert_eq!(kinds(number), [Kind::Iban], "{number}");
    }
    for other in
        ["GB82WEST12345698765433", "XX82WEST12345698765432", "GB82WEST123456987654321", "GB82  WEST 1234 5698 7654 32"]
    {
        assert_eq!(kinds(other), [], "{other}");
    }
    let found = &scan("to GB82 WEST 1234 5698 7654 32 by Friday")[0];
    assert_eq!(found.span(), 3..30);
}

#[test]
fn addresses_of_hosts() {
    for address in ["203.0.113.7", "192.168.1.20", "203.0.113.7/32"] {
        assert_eq!(kinds(address), [Kind::Ipv4], "{address}");
    }
    for other in [
        "127.0.0.1",
        "0.0.0.0",
        "255.255.255.0",
        "256.1.1.1",
        "1.2.3.4",
        "v10.4.2.1",
        "version 10.4.2.1",
        "10.0.0.0/8",
        "1.2.3.4.5",
        "01.2.3.4",
    ] {
        assert_eq!(kinds(other), [], "{other}");
    }
    for address in
        ["2001:db8::1", "fe80::1ff:fe23:4567:890a", "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "[2001:db8::1]:443"]
    {
        assert_eq!(kinds(address), [Kind::Ipv6], "{address}");
    }
    for other in ["::1", "12:34:56", "00:1a:2b:3c:4d:5e", "std::fmt", "dead::beef", "2001:db8::/32", "2001:db8::1::2"] {
        assert_eq!(kinds(other), [], "{other}");
    }
}

#[test]
fn passwords_in_urls() {
    assert_eq!(kinds("postgres://app:h7Gx9Qm2@db.internal:5432/shop"), [Kind::UrlPassword]);
    for other in [
        "postgres://app@db.internal",
        "https://example.com:8080/a@b",
        "mysql://app:${PASSWORD}@db",
        "amqp://user:password@mq",
    ] {
        assert_eq!(kinds(other), [], "{other}");
    }
}

#[test]
fn tokens_and_keys() {
    let join = |parts: &[&str]| parts.concat();
    for (key, kind) in [
        (join(&["eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxIn0", ".c2lnbmF0dXJl"]), Kind::Jwt),
        (
            join(&["AKIA", "2E0A8F3B7C6D5E4F".replace('0', "Q").replace(['8', '9', '1'], "7").as_str()]),
            Kind::AwsAccessKey,
        ),
        (join(&["ghp", "_", &"a1B2".repeat(9)]), Kind::ApiKey),
        (join(&["sk", "_live_", "4eC39HqLyjWDarjtT1zdp7dc"]), Kind::ApiKey),
        (
            join(&["-----BEGIN ", "PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\n-----END PRIVATE KEY-----"]),
            Kind::PrivateKey,
        ),
        (join(&["-----BEGIN OPENSSH ", "PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU"]), Kind::PrivateKey),
    ] {
        assert_eq!(kinds(&key), [kind], "{kind}");
    }
    for other in [
        "eyJub3QiOiJhIGhlYWRlciJ9.eyJzdWIiOiIxIn0.c2ln",
        "AKIA123",
        "AROA2E4A7F3B7C6D5E4F",
        "sk-your-api-key-goes-right-here",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZI\n-----END PUBLIC KEY-----",
        "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    ] {
        assert_eq!(kinds(other), [], "{other}");
    }
    let secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYzT9kLmQp3SvB";
    assert_eq!(judged("value", secret), None);
    assert_eq!(judged("aws_secret_access_key", secret), Some(Kind::AwsSecretKey));
    assert_eq!(kinds(&format!("aws_secret_access_key = {secret}")), [Kind::AwsSecretKey]);
}

#[test]
fn dates_of_birth() {
    for date in [
        "1984-02-29",
        "29.02.1984",
        "02/29/1984",
        "29/02/1984",
        "29 February 1984",
        "Feb 29, 1984",
        "19840229",
        "1984-02-29T00:00:00Z",
    ] {
        assert_eq!(judged("date_of_birth", date), Some(Kind::BirthDate), "{date}");
        assert_eq!(judged("value", date), None, "{date}");
    }
    for other in [
        "1983-02-29",
        "1984-13-01",
        "31.04.1984",
        "1850-01-01",
        "2084-01-01",
        "1984-02-29T10:15:00Z",
        "1984-02-29 10:15",
        "unknown",
    ] {
        assert_eq!(judged("date_of_birth", other), None, "{other}");
    }
    assert_eq!(judged("notes", "Patient, born 29.02.1984, came in on Monday"), Some(Kind::FreeText));
}

#[test]
fn prose_is_told_from_values() {
    assert_eq!(judged("x", "ada@example.com"), Some(Kind::Email));
    assert_eq!(judged("x", "Ada <ada@example.com>"), Some(Kind::Email));
    assert_eq!(judged("x", "please call +41 44 668 18 00 before noon"), Some(Kind::FreeText));
    assert_eq!(judged("x", "the parcel arrived late and the box was damaged"), None);
}

#[test]
fn a_survey_weighs_names_and_values() {
    let mut survey = Survey::new();
    for index in 0..100 {
        survey.text("email", &format!("user{index}@example.com"));
        survey.text(
            "note",
            if index == 7 { "card 4111 1111 1111 1111 was refused twice today" } else { "all is well with it" },
        );
        survey.text("order_id", &format!("{}", 4_000_000_000_u64 + index));
        survey.text("diagnosis", "Z88.0");
        survey.other("active");
    }
    let proposals = survey.proposals();
    let of = |path: &str| proposals.iter().find(|proposal| proposal.path == path).unwrap();
    assert_eq!((of("email").class, of("email").mask), (Some(Classification::Pii), Some("email")));
    assert!(of("email").confidence >= Confidence::percent(95));
    assert_eq!((of("note").class, of("note").evidence[0].in_text), (Some(Classification::Confidential), 1));
    assert_eq!((of("order_id").class, of("active").class), (None, None));
    assert_eq!((of("diagnosis").class, of("diagnosis").name), (Some(Classification::Confidential), Some(Kind::Health)));
    assert_eq!(of("active").seen, 100);
}

#[test]
fn a_survey_keeps_so_many_fields() {
    let mut survey = Survey::new();
    for index in 0..10_001 {
        survey.other(&index.to_string());
    }
    assert!(survey.is_truncated());
    assert_eq!(survey.proposals().len(), 10_000);
}

#[test]
fn a_long_text_takes_no_time() {
    for piece in ["1", "a@", "1-", "eyJ", "1.2.", "-----BEGIN ", "a:b@", "2001:", "DE89 "] {
        assert!(scan(&piece.repeat(1_000_000)).len() < 64 * 1024);
    }
}

#[test]
fn confidences_add_up() {
    let percent = Confidence::percent;
    assert_eq!(percent(30).or(percent(70)), percent(79));
    assert_eq!(percent(99).or(percent(99)), percent(99));
    assert_eq!(percent(0).or(percent(0)), percent(0));
    assert_eq!(percent(200), percent(99));
}

/// Pieces that detectors look for, so that random texts come near them.
fn near_misses() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "@",
        ".",
        "example.com",
        "ada",
        "+41",
        "44 668",
        "-",
        "123",
        "45",
        "6789",
        "4111",
        " ",
        "GB82",
        "WEST",
        "eyJ",
        "AKIA",
        "://",
        ":",
        "/",
        "2001:db8",
        "::",
        "-----BEGIN PRIVATE KEY-----",
        "1984",
        "born",
        "é",
        "日",
        "\u{1f98a}",
        "\u{0}",
        "\n",
        "(",
        ")",
        "ghp_",
        "0",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in prop_oneof![any::<String>(), near_misses()], name in any::<String>()) {
        let mut end = 0;
        for finding in scan(&text) {
            prop_assert!(text.get(finding.span()).is_some_and(|found| !found.is_empty()));
            prop_assert!(finding.span().start >= end);
            end = finding.span().end;
        }
        let verdict = judge(&name, &text);
        prop_assert!(verdict.is_none_or(|found| text.get(found.span()).is_some()));
        let mut survey = Survey::new();
        survey.text(&name, &text);
        prop_assert!(survey.proposals().len() == 1);
    }

    #[test]
    fn debug_shows_no_value(local in "[a-z]{12}") {
        let shown = format!("{:?}", scan(&format!("{local}@example.com")));
        prop_assert!(!shown.contains(&local));
    }
}
