//! The default policy cell by cell, and what a wrong document is told.

use super::*;
use crate::classification::Classification::{Confidential, Pii, Public, Sensitive};

fn refusal(toml: &str) -> String {
    let error = Policy::from_toml(toml).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

fn json_refusal(json: &str) -> String {
    let error = Policy::from_json(json).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

fn of(class: Classification) -> ClassificationSet {
    ClassificationSet::of(class)
}

#[test]
fn the_default_table() {
    use Disclosure::{Mask, Partial, Reveal};
    let policy = Policy::default();
    for (class, at_rest, admin, manager, everyone, audit) in [
        (Pii, AtRest::Encrypt, Reveal, Partial, Mask, false),
        (Sensitive, AtRest::Encrypt, Mask, Mask, Mask, false),
        (Confidential, AtRest::Encrypt, Reveal, Mask, Mask, true),
        (Public, AtRest::Sign, Reveal, Reveal, Reveal, false),
    ] {
        let seen = |role: &str| policy.disclosure(of(class), &Principal::new("u").role(role));
        assert_eq!(policy.at_rest(class), at_rest, "{class}");
        assert_eq!(seen("admin"), admin, "{class}");
        assert_eq!(seen("manager"), manager, "{class}");
        assert_eq!(seen("support"), everyone, "{class}");
        assert_eq!(seen("Admin"), everyone, "{class}: roles compare exactly");
        assert_eq!(policy.disclosure(of(class), &Principal::new("u")), everyone, "{class}");
        assert_eq!(policy.is_audited(of(class)), audit, "{class}");
    }
    assert_eq!(policy.default_class(), Confidential);
    for (name, class) in [
        ("email", Pii),
        ("phone", Pii),
        ("ssn", Pii),
        ("address", Pii),
        ("password", Sensitive),
        ("api_key", Sensitive),
        ("token", Sensitive),
        ("financial_data", Confidential),
        ("health_records", Confidential),
        ("name", Public),
        ("id", Public),
        ("created_at", Public),
    ] {
        assert_eq!(policy.0.rules.step(&policy.0.rules.start(), name).0, of(class), "{name}");
    }
}

#[test]
fn a_set_is_shown_as_its_least() {
    let policy = Policy::default();
    let admin = Principal::new("u").role("admin");
    assert_eq!(policy.disclosure(of(Pii).with(Sensitive), &admin), Disclosure::Mask);
    assert_eq!(policy.disclosure(of(Pii).with(Confidential), &admin), Disclosure::Reveal);
    assert_eq!(policy.disclosure(ClassificationSet::EMPTY, &Principal::new("u")), Disclosure::Mask);
    assert_eq!(policy.sealed_under(of(Pii).with(Public)), Some(Pii));
    assert_eq!(policy.sealed_under(of(Public)), None);
}

#[test]
fn levels_and_purposes_cap_what_is_shown() {
    let policy = Policy::from_toml(
        "version = 1\n[classes.confidential]\nmin_security_level = 3\npurposes = ['treatment', 'billing']",
    )
    .unwrap();
    let admin = Principal::new("u").role("admin");
    let seen = |principal: &Principal| policy.disclosure(of(Confidential), principal);
    assert_eq!(seen(&admin), Disclosure::Mask);
    assert_eq!(seen(&admin.clone().security_level(3)), Disclosure::Mask);
    assert_eq!(seen(&admin.clone().purpose("billing")), Disclosure::Mask);
    assert_eq!(seen(&admin.clone().security_level(9).purpose("research")), Disclosure::Mask);
    assert_eq!(seen(&admin.clone().security_level(3).purpose("billing")), Disclosure::Reveal);
    assert_eq!(policy.disclosure(of(Pii), &admin), Disclosure::Reveal);
    assert!(policy.is_audited(of(Confidential)), "what the document does not say is as before");
}

#[test]
fn roles_of_a_document_replace_the_default_ones() {
    let policy =
        Policy::from_toml("version = 1\n[roles.auditor]\npii = 'forbid'\n[roles.everyone]\npii = 'withhold'").unwrap();
    let seen = |class, role: &str| policy.disclosure(of(class), &Principal::new("u").role(role).role("x"));
    assert_eq!(seen(Pii, "admin"), Disclosure::Withhold);
    assert_eq!(seen(Confidential, "admin"), Disclosure::Mask);
    assert_eq!(seen(Pii, "auditor"), Disclosure::Withhold);
    assert_eq!(seen(Public, "auditor"), Disclosure::Reveal);
}

#[test]
fn resources() {
    let policy = Policy::from_toml(
        "version = 1\nunsigned = ['ttl']\n[resources.orders]\ntable = 'prod-orders'\nkey = ['id']\nintegrity = 'field'\n\
         unsigned = ['stamp']\nplaintext_reads = 'count'\n[resources.users]",
    )
    .unwrap();
    let orders = policy.resource("orders").unwrap();
    assert_eq!((orders.table.as_str(), orders.key.as_slice()), ("prod-orders", ["id".to_owned()].as_slice()));
    assert_eq!((orders.integrity, orders.plaintext_reads), (Integrity::Field, PlaintextReads::Count));
    assert_eq!(policy.unsigned(Some("orders")).collect::<Vec<_>>(), ["stamp", "ttl"]);
    assert_eq!(policy.unsigned(None).collect::<Vec<_>>(), ["ttl"]);
    let users = policy.resource("users").unwrap();
    assert_eq!((users.table.as_str(), users.integrity), ("users", Integrity::Record));
    assert_eq!(users.plaintext_reads, PlaintextReads::Refuse);
    assert_eq!(policy.resources().count(), 2);
    assert!(policy.resource("others").is_none());
}

#[test]
fn wrong_words_are_told_with_their_place() {
    for (toml, message) in [
        (
            "version = 1\n\n[[rules]]\nclass = \"secret\"\nnames = []",
            "policy:4:9: unknown class `secret`; allowed: `public`, `pii`, `sensitive`, `confidential`",
        ),
        (
            "version = 1\n[roles.admin]\npii = 'show'",
            "policy:3:7: unknown disclosure `show`; allowed: `forbid`, `withhold`, `mask`, `partial`, `reveal`",
        ),
        (
            "version = 1\n[classes.pii]\nat_rest = 'hash'",
            "policy:3:11: unknown action at rest `hash`; allowed: `encrypt`, `sign`",
        ),
        (
            "version = 1\n[resources.a]\nintegrity = 'none'",
            "policy:3:13: unknown integrity `none`; allowed: `record`, `field`",
        ),
        (
            "version = 1\n[resources.a]\nplaintext_reads = 'yes'",
            "policy:3:19: unknown state of plaintext reads `yes`; allowed: `refuse`, `count`, `allow`",
        ),
        (
            "version = 1\n[roles.admin]\nsecret = 'mask'",
            "policy:3:1: unknown entry `secret`; allowed: `public`, `pii`, `sensitive`, `confidential`",
        ),
        ("version = 1\n[[fields]]\nclass = 'pii'", "policy:2:1: missing entry `path`"),
        ("default_class = 'pii'", "policy:1:1: missing entry `version`"),
        ("version = 2", "policy:1:11: unknown version; allowed: 1"),
        ("version = 'one'", "policy:1:11: invalid type: string \"one\", expected u32"),
    ] {
        assert_eq!(refusal(toml), message);
    }
}

#[test]
fn contradictions_are_told_with_their_place() {
    let rules =
        |more: &str| format!("version = 1\n[[rules]]\nclass = 'pii'\nnames = ['email', 'card_*']\n[[rules]]\n{more}");
    for (toml, message) in [
        (
            rules("class = 'sensitive'\nnames = ['e', 'Email']"),
            "policy:7:15: `Email` is `sensitive` here and `pii` at policy:4:10; keep one",
        ),
        (
            rules("class = 'pii'\nnames = ['cardNumber']"),
            "policy:7:10: `cardNumber` is covered by `card_*` at policy:4:19; leave it out",
        ),
        (
            rules("class = 'pii'\nnames = ['work.email']"),
            "policy:7:10: `work.email` is covered by `email` at policy:4:10; leave it out",
        ),
        (
            rules("class = 'pii'\nnames = ['a..b']"),
            "policy:7:10: `a..b` is no pattern; allowed: `name`, `na*`, `path.to.name`, `path.**.name`",
        ),
        (rules("class = 'pii'\nnames = []"), "policy:7:9: the rule names nothing; add a name, or leave the rule out"),
        ("version = 1\n[roles.admin]\n[roles.admin]".to_owned(), "policy:3:8: duplicate key"),
        (
            "version = 1\n[[fields]]\npath = 'a.b'\nmask = 'full'\n[[fields]]\npath = 'a.b'\nclass = 'pii'".to_owned(),
            "policy:6:8: `a.b` is at policy:2:1 already; join the two",
        ),
        (
            "version = 1\n[[fields]]\npath = 'a.*'\nclass = 'pii'".to_owned(),
            "policy:3:8: `a.*` is no path of one field, like `address.city`; patterns go into `rules`",
        ),
        (
            "version = 1\n[[fields]]\npath = 'a'".to_owned(),
            "policy:2:1: the field is given nothing; allowed: `class`, `mask`, `categories`, `disclose`, `audit`, `searchable`, `beacon`",
        ),
        (
            "version = 1\n[[fields]]\npath = 'a'\ndisclose = { suport = 'mask' }".to_owned(),
            "policy:4:12: unknown role `suport`; add a row `[roles.suport]`, it may be empty",
        ),
        (
            "version = 1\n[classes.pii]\nat_rest = 'sign'".to_owned(),
            "policy:3:11: `sign` would store `pii` values in clear; encrypt them, or write `allow_loosen = true`",
        ),
        (
            "version = 1\n[classes.pii]\npurposes = []".to_owned(),
            "policy:3:12: no purpose is named; name one, or leave `purposes` out",
        ),
        ("version = 1\nunsigned = ['ttl', 'ttl']".to_owned(), "policy:2:20: `ttl` is here twice; keep one"),
        (
            "version = 1\nunsigned = ['id']\n[resources.a]\nkey = ['id']".to_owned(),
            "policy:2:13: `id` is a key of `a`, and keys are signed; leave it out here",
        ),
        (
            "version = 1\n[resources.a]\nkey = ['id', 'email']".to_owned(),
            "policy:3:14: `email` is `pii`, but keys and unsigned attributes are stored in clear and must be `public`; \
             choose another attribute, or mend its class in the model, in `rules` or in `fields`",
        ),
        (
            "version = 1\n[resources.a]\nunsigned = ['ttl']\n[[fields]]\npath = 'ttl'\nresource = 'a'\nclass = 'pii'"
                .to_owned(),
            "policy:3:13: `ttl` is `pii`, but keys and unsigned attributes are stored in clear and must be `public`; \
             choose another attribute, or mend its class in the model, in `rules` or in `fields`",
        ),
    ] {
        assert_eq!(refusal(&toml), message);
    }
}

#[test]
fn json_is_told_the_same_with_its_own_places() {
    for (json, message) in [
        (
            "{\n  \"version\": 1,\n  \"rules\": [{\"class\": \"secret\", \"names\": []}]\n}",
            "policy:3:23: unknown class `secret`; allowed: `public`, `pii`, `sensitive`, `confidential`",
        ),
        (
            r#"{"version": 1, "rules": [{"class": "pii", "names": ["ä", "e"]}, {"class": "public", "names": ["e"]}]}"#,
            "policy:1:95: `e` is `public` here and `pii` at policy:1:58; keep one",
        ),
        (r#"{"version": 1, "roles": {"admin": {}, "admin": {}}}"#, "policy:1:39: `admin` is here twice; keep one"),
        (r#"{"version": 1, "allow_loosen": null}"#, "policy:1:32: `null` says nothing here; leave the entry out"),
        (
            r#"{"version": 1, "unsinged": []}"#,
            "policy:1:16: unknown entry `unsinged`; allowed: `version`, `default_class`, `allow_loosen`, `unsigned`, \
             `rules`, `classes`, `roles`, `fields`, `resources`",
        ),
        ("{\n \"version\": 1,\n}", "policy:3:1: key must be a string"),
        (r#"{"version": 1.5}"#, "policy:1:13: invalid type: floating point `1.5`, expected u32"),
        ("[]", "policy:1:1: a policy is an object"),
        ("", "policy:1:1: EOF while parsing a value"),
    ] {
        assert_eq!(json_refusal(json), message);
    }
    let deep = format!("{{\"version\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(json_refusal(&deep).ends_with("nothing in a policy nests this deep"));
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = Policy::from_toml(
        "version = 1\ndefault_class = 'pii'\n[[rules]]\nclass = 'sensitive'\nnames = ['pin']\n[classes.pii]\n\
         min_security_level = 2\n[roles.admin]\npii = 'reveal'\n[resources.a]\nkey = []",
    );
    let json = Policy::from_json(
        r#"{"version": 1, "default_class": "pii", "rules": [{"class": "sensitive", "names": ["pin"]}],
            "classes": {"pii": {"min_security_level": 2}}, "roles": {"admin": {"pii": "reveal"}},
            "resources": {"a": {"key": []}}}"#,
    );
    assert_eq!(format!("{:?}", toml.unwrap()), format!("{:?}", json.unwrap()));
}

#[test]
fn files_are_named() {
    let folder = std::env::temp_dir().join(format!("privet-policy-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text, place) in [("policy.toml", "version = 3", ":1:11:"), ("policy.json", "{\"version\": 3}", ":1:13:")]
    {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        let error = Policy::from_file(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{}{place} unknown version; allowed: 1", path.display()));
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(Policy::from_file(folder.join("policy.toml")).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn the_checked_in_schema_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.schema.json");
    let generated = serde_json::to_string_pretty(&Policy::json_schema()).unwrap() + "\n";
    if std::env::var_os("PRIVET_UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    assert!(!generated.contains("null"), "null is refused, so the schema must not allow it");
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "docs/policy.schema.json is not what the code generates: run this test with PRIVET_UPDATE_SCHEMA=1"
    );
}

#[test]
fn the_documented_examples_are_read() {
    let text = include_str!("../../../docs/POLICY.md");
    let blocks = |language: &str| -> Vec<String> {
        let open = format!("```{language}\n");
        text.split(&open).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
    };
    assert!(!blocks("toml").is_empty() && !blocks("json").is_empty());
    for toml in blocks("toml") {
        Policy::from_toml(&toml).unwrap();
    }
    for json in blocks("json") {
        Policy::from_json(&json).unwrap();
    }
    let written_out = Policy::from_toml(blocks("toml").last().unwrap()).unwrap();
    assert_eq!(format!("{written_out:?}"), format!("{:?}", Policy::default()), "the default policy, written out");
}
