//! Records that no model describes.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::*;
use crate::ClassificationSet;
use crate::policy::Policy;
use crate::value::Step;

fn record(json: Json) -> Map {
    match Value::from(json) {
        Value::M(record) => record,
        _ => panic!("not a record"),
    }
}

pub(super) fn plan(policy: &str) -> Plan {
    let policy = if policy.is_empty() { Policy::default() } else { Policy::from_toml(policy).unwrap() };
    Plan::for_resource("customers", &policy, &Masks::default()).unwrap()
}

fn sealed(policy: &str, json: Json) -> Vec<String> {
    let sealings = plan(policy).sealings(&record(json)).unwrap();
    sealings.into_iter().map(|(path, class)| format!("{path}: {class}")).collect()
}

fn shown(policy: &str, role: &str, json: Json) -> Json {
    let viewed = plan(policy).view(record(json), &Principal::new("u").role(role), &[], "");
    assert_eq!(serde_json::to_value(&viewed.tree).unwrap(), viewed.tree.clone().into_json().unwrap());
    viewed.tree.into_json().unwrap()
}

#[test]
fn nested_json_by_the_default_policy() {
    let json = json!({
        "id": "c-1",
        "name": "Ada",
        "customer": {"Email": "ada@example.com", "apiKey": "k-123456", "nick": "a", "created_at": "2024"},
        "address": {"city": "Berlin", "zip": "10115"},
        "health-records": [{"icd": "A00"}, {"icd": "B00"}],
        "phones": [],
    });
    assert_eq!(
        sealed("", json.clone()),
        [
            "address: pii",
            "customer.Email: pii",
            "customer.apiKey: sensitive",
            "customer.nick: confidential",
            "health-records: confidential",
            "phones: confidential",
        ]
    );
    assert_eq!(
        shown("", "manager", json.clone()),
        json!({
            "id": "c-1",
            "name": "Ada",
            "customer": {"Email": "ad****om", "apiKey": "********", "nick": "*", "created_at": "2024"},
            "address": "********",
            "health-records": "********",
            "phones": "********",
        })
    );
    let mut admin = json.clone();
    admin["customer"]["apiKey"] = "********".into();
    assert_eq!(shown("", "admin", json), admin);
}

#[test]
fn classes_of_all_names_on_the_path_count() {
    let json = json!({"health_records": {"email": "a@b.com", "password": "hunter2", "note": "x"}});
    assert_eq!(sealed("", json.clone()), ["health_records: confidential"]);
    let plan = plan("");
    let viewed = plan.view(record(json), &Principal::new("u").role("admin"), &[], "");
    let shown = json!({"health_records": {"email": "a@b.com", "password": "*******", "note": "x"}});
    assert_eq!(viewed.tree.into_json().unwrap(), shown);
    let revealed: Vec<_> = viewed.revealed.iter().map(|reveal| reveal.path.to_string()).collect();
    assert_eq!(revealed, ["health_records", "health_records.email"]);
}

#[test]
fn a_map_with_further_classes_is_sealed_in_parts() {
    let json = json!({"address": {"city": "Berlin", "token": "t", "geo": {"financial_data": [1, 2]}}});
    assert_eq!(
        sealed("", json),
        ["address.city: pii", "address.geo.financial_data: confidential", "address.token: sensitive"]
    );
}

#[test]
fn lists_are_sealed_whole_if_they_can() {
    assert_eq!(sealed("", json!({"x": [1, {"y": [2]}, []]})), ["x: confidential"]);
    assert_eq!(sealed("", json!({"x": [1, {"email": "e"}]})), ["x[0]: confidential", "x[1].email: pii"]);
    assert_eq!(sealed("", json!({"x": [{"id": 1}, {"id": 2}]})), Vec::<String>::new());
    assert_eq!(sealed("", json!({"name": {}, "x": {}})), ["x: confidential"]);
}

const SHOP: &str = r#"
    version = 1
    unsigned = ["ttl"]
    [[rules]]
    class = "pii"
    names = ["address", "email"]
    [[fields]]
    path = "address.country"
    class = "public"
    [[fields]]
    resource = "customers"
    path = "email"
    class = "sensitive"
    mask = "email"
    [[fields]]
    path = "email"
    class = "public"
    [roles.support]
    sensitive = "partial"
    [resources.customers]
    key = ["pk", "sk"]
"#;

#[test]
fn overrides_replace_name_rules_and_keys_stay_in_clear() {
    let json = json!({
        "pk": "c-1", "sk": 7, "ttl": 99,
        "address": {"country": "DE", "city": "Berlin"},
        "email": "ada@example.com",
        "nested": {"email": "x@y.z", "pk": "p"},
    });
    assert_eq!(
        sealed(SHOP, json.clone()),
        ["address.city: pii", "email: sensitive", "nested.email: pii", "nested.pk: confidential"]
    );
    assert_eq!(
        shown(SHOP, "support", json),
        json!({
            "pk": "c-1", "sk": 7, "ttl": 99,
            "address": {"country": "DE", "city": "******"},
            "email": "a***@e***.com",
            "nested": "********",
        })
    );
}

#[test]
fn a_field_may_be_shown_wider_only_if_the_policy_says_so() {
    let policy = |loosen: bool, cells: &str| {
        let text = format!(
            "version = 1\nallow_loosen = {loosen}\n[[fields]]\npath = 'email'\ndisclose = {{ {cells} }}\n[roles.support]\n"
        );
        Policy::from_toml(&text).unwrap()
    };
    let plan = |policy: &Policy| Plan::for_resource("customers", policy, &Masks::default());
    let error = plan(&policy(false, "support = 'partial'")).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "policy:3:1: `email` is shown to `support` wider than its class allows; write `allow_loosen = true` if that \
         is what you want"
    );
    assert!(plan(&policy(false, "support = 'withhold'")).is_ok());
    let support = Principal::new("u").role("support");
    let loose = plan(&policy(true, "support = 'partial'")).unwrap();
    let json = json!({"email": {"work": "ada@example.com", "token": "t-12345"}});
    assert_eq!(
        loose.view(record(json.clone()), &support, &[], "").tree.into_json(),
        Some(json!({"email": "********"}))
    );
    // What a deeper name brings in was not widened.
    let wide = plan(&policy(true, "support = 'reveal'")).unwrap();
    assert_eq!(
        wide.view(record(json), &support, &[], "").tree.into_json(),
        Some(json!({"email": {"work": "ada@example.com", "token": "*******"}}))
    );
    let flat = loose.view(record(json!({"email": "ada@example.com"})), &support, &[], "");
    assert_eq!(flat.tree.into_json(), Some(json!({"email": "ad****om"})));
}

#[test]
fn audit_of_a_field_may_be_asked_for_and_not_taken_away() {
    let audited = plan("version = 1\n[[fields]]\npath = 'note'\nclass = 'public'\naudit = true");
    let viewed = audited.view(record(json!({"note": "x"})), &Principal::new("u"), &[], "");
    let reveal = viewed.revealed.first().unwrap();
    assert_eq!((reveal.class, reveal.disclosure), (Classification::Public, Disclosure::Reveal));
    let policy = Policy::from_toml("version = 1\n[[fields]]\npath = 'health_records'\naudit = false").unwrap();
    let error = Plan::for_resource("customers", &policy, &Masks::default()).unwrap_err();
    assert!(error.to_string().starts_with("policy:2:1: `health_records` is of an audited class"), "{error}");
}

#[test]
fn a_part_is_audited_though_what_it_is_in_is_not() {
    let audited = "version = 1\n[[fields]]\npath = 'address.door'\naudit = true";
    let revealed = |json| {
        let viewed = plan(audited).view(record(json), &Principal::new("u").role("admin"), &[], "");
        viewed.revealed.iter().map(|reveal| reveal.path.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(revealed(json!({"address": {"door": "1234", "city": "x"}})), ["address.door"]);
    assert_eq!(revealed(json!({"address": {"door": {"code": "1234"}}})), ["address.door"]);
}

#[test]
fn an_audit_switched_off_stays_on_for_deeper_classes() {
    let quiet = plan(
        "version = 1\nallow_loosen = true\n[classes.pii]\naudit = true\n[[fields]]\npath = 'health_records'\naudit = false\n\
         [roles.admin]\npii = 'reveal'\nconfidential = 'reveal'",
    );
    let json = json!({"health_records": {"icd": "A00", "email": "a@b.com"}});
    let viewed = quiet.view(record(json), &Principal::new("u").role("admin"), &[], "");
    // The document has no rules of its own, so the default ones stand.
    let revealed: Vec<_> = viewed.revealed.iter().map(|reveal| reveal.path.to_string()).collect();
    assert_eq!(revealed, ["health_records.email"]);
}

#[test]
fn what_is_stored_in_clear_is_not_sealed_even_where_public_is() {
    let policy =
        "version = 1\nunsigned = ['ttl']\n[classes.public]\nat_rest = 'encrypt'\n[resources.customers]\nkey = ['id']";
    let json = json!({"id": "c-1", "ttl": {"email": "a@b.com"}, "name": "Ada"});
    assert_eq!(sealed(policy, json), ["name: public"]);
}

#[test]
fn what_could_not_be_opened_is_withheld() {
    let path = |name: &str| Path::attribute(name);
    let mut inner = path("x");
    inner.push(Step::Index(1));
    let json = json!({"id": "1", "health_records": "h", "x": [1, 2]});
    let withheld = [path("health_records"), path("gone"), inner];
    let viewed = plan("").view(record(json), &Principal::new("u").role("admin"), &withheld, "");
    let revealed: Vec<_> = viewed.revealed.iter().map(|reveal| reveal.path.to_string()).collect();
    assert_eq!(revealed, ["x[0]"]);
    let view = crate::view::View::<()>::new(viewed.tree);
    let paths: Vec<_> = view.withheld().iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["gone", "health_records", "x[1]"]);
    assert_eq!(view.into_json(), json!({"id": "1", "x": [1, null]}));
}

#[test]
fn masks_must_be_known() {
    let policy = Policy::from_toml("version = 1\n[[fields]]\npath = 'note'\nmask = 'plate'").unwrap();
    let error = Plan::for_resource("customers", &policy, &Masks::default()).unwrap_err().to_string();
    assert!(error.starts_with("policy:2:1: unknown mask `plate`; there are `partial`, `full`"), "{error}");
    let policy = Policy::from_toml("version = 1\n[classes.pii]\nmask = 'hash'").unwrap();
    let error = Plan::for_resource("customers", &policy, &Masks::default()).unwrap_err().to_string();
    assert!(error.contains("Masks::with_hash"), "{error}");
}

#[test]
fn too_deep_is_refused_and_not_shown() {
    let mut json = json!("leaf");
    for _ in 0..40 {
        json = json!({ "n": json });
    }
    let error = plan("").sealings(&record(json.clone())).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Input);
    assert!(
        !plan("")
            .view(record(json), &Principal::new("u").role("admin"), &[], "")
            .tree
            .into_json()
            .unwrap()
            .to_string()
            .contains("leaf")
    );
}

/// Any JSON whose names are some that the default policy knows and some that it does not. Texts are long enough for
/// every mask to hide some of them.
pub(super) fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![Just(json!(17)), "[a-f]{9,12}".prop_map(Json::String)];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            prop::collection::btree_map(names(), inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

pub(super) fn names() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["email", "apiKey", "Health-Records", "id", "other"]).prop_map(str::to_owned)
}

/// All leaves with their classes, found out without any of the code under test.
fn leaves(value: &Value, path: &mut Path, classes: ClassificationSet, found: &mut Vec<(Path, ClassificationSet)>) {
    let mut go = |step, value, classes| {
        path.push(step);
        leaves(value, path, classes, found);
        path.pop();
    };
    match value {
        Value::M(members) if !members.is_empty() => {
            for (name, value) in members {
                let class = match name.as_str() {
                    "email" => classes.with(Classification::Pii),
                    "apiKey" => classes.with(Classification::Sensitive),
                    "Health-Records" => classes.with(Classification::Confidential),
                    "id" => classes.with(Classification::Public),
                    _ => classes,
                };
                go(Step::Key(name.clone()), value, class);
            }
        }
        Value::L(values) if !values.is_empty() => {
            (0..).zip(values).for_each(|(index, value)| go(Step::Index(index), value, classes));
        }
        _ if classes.is_empty() => found.push((path.clone(), ClassificationSet::of(Classification::Confidential))),
        _ => found.push((path.clone(), classes)),
    }
}

proptest! {
    #[test]
    fn every_leaf_is_sealed_once_and_under_its_class(json in prop::collection::btree_map(names(), any_json(), 0..5)) {
        let record: Map = json.into_iter().map(|(name, json)| (name, Value::from(json))).collect();
        let sealings = plan("").sealings(&record).unwrap();
        let mut all = Vec::new();
        if !record.is_empty() {
            leaves(&Value::M(record), &mut Path::default(), ClassificationSet::EMPTY, &mut all);
        }
        for (path, classes) in all {
            let over: Vec<_> = sealings.iter().filter(|(sealed, _)| path.steps().starts_with(sealed.steps())).collect();
            let wanted = classes.greatest().filter(|class| *class != Classification::Public);
            prop_assert_eq!(over.len(), usize::from(wanted.is_some()), "{}", path);
            prop_assert_eq!(over.first().map(|(_, class)| *class), wanted, "{}", path);
        }
    }

    #[test]
    fn no_text_is_shown_that_a_class_on_its_path_hides(
        json in prop::collection::btree_map(names(), any_json(), 0..5),
        role in prop::sample::select(vec!["admin", "manager", "nobody"]),
    ) {
        let record: Map = json.into_iter().map(|(name, json)| (name, Value::from(json))).collect();
        let principal = Principal::new("u").role(role);
        let view = crate::view::View::<()>::new(plan("").view(record.clone(), &principal, &[], "").tree);
        let mut all = Vec::new();
        if !record.is_empty() {
            leaves(&Value::M(record.clone()), &mut Path::default(), ClassificationSet::EMPTY, &mut all);
        }
        let mut record = record;
        for (path, classes) in all {
            let clear = path.find_mut(&mut record).unwrap().clone();
            let may_see = Policy::default().disclosure(classes, &principal) == Disclosure::Reveal;
            prop_assert_eq!(view.at(&path.to_string()) == crate::view::Shown::Clear(clear), may_see, "{}", path);
        }
    }
}

#[test]
fn a_hash_looks_the_same_for_the_same_field() {
    #[derive(Debug)]
    struct Fields;
    impl crate::mask::KeyedHash for Fields {
        fn hash(&self, _tenant: &str, field: &str, _text: &str) -> String {
            format!("#{field}")
        }
    }
    let policy =
        Policy::from_toml("version = 1\n[classes.pii]\nmask = 'hash'\n[roles.support]\npii = 'partial'").unwrap();
    let masks = Masks::default().with_hash(Arc::new(Fields));
    let plan = Plan::for_resource("customers", &policy, &masks).unwrap();
    let json = json!({"people": [{"email": "a@b.com"}, {"email": "c@d.com"}]});
    let shown = plan.view(record(json), &Principal::new("u").role("support"), &[], "").tree.into_json().unwrap();
    assert_eq!(shown, json!({"people": [{"email": "#customers/people.email"}, {"email": "#customers/people.email"}]}));
}

#[test]
fn what_shows_nothing_shows_neither_names_nor_length() {
    let json = json!({
        "other": ["a", 1, {"x": null}],
        "mixed": {"id": "o-1", "secret_plan": "y"},
        "in_parts": {"contact": {"email": "ada@example.com"}},
    });
    let shown = |role: &str| {
        let view = plan("").view(record(json.clone()), &Principal::new("u").role(role), &[], "");
        view.tree.into_json().unwrap()
    };
    assert_eq!(
        shown("viewer"),
        json!({"other": "********", "mixed": {"id": "o-1", "secret_plan": "*"}, "in_parts": "********"})
    );
    assert_eq!(shown("manager")["in_parts"], json!({"contact": {"email": "ad****om"}}));
    assert_eq!(shown("admin"), json);
}
