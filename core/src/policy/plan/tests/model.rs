//! Records of models, with schemas written as the derive writes them.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::super::*;
use crate::policy::Policy;
use crate::schema::{
    ClassifiedSpec, Field, FieldRule, FieldSpec, Protect, SchemaFn, Shape, Tagging, VariantContent, VariantSpec,
};
use crate::value::Step;
use crate::value::to_record;
use crate::view::{Shown, View};

use Classification::{Confidential, Pii, Public, Sensitive};

const fn classed(name: &'static str, class: Classification) -> FieldSpec {
    masked(name, class, None)
}

const fn masked(name: &'static str, class: Classification, mask: Option<&'static str>) -> FieldSpec {
    let spec = ClassifiedSpec { class, categories: &["contact"], mask, searchable: false, holds_names: false };
    FieldSpec { name, flatten: false, rule: FieldRule::Classified(spec) }
}

const fn nested(name: &'static str, schema: SchemaFn) -> FieldSpec {
    FieldSpec { name, flatten: false, rule: FieldRule::Nested(schema) }
}

const fn flattened(field: FieldSpec) -> FieldSpec {
    FieldSpec { flatten: true, ..field }
}

const fn schema(name: &'static str, shape: Shape) -> Schema {
    Schema { name, resource: Some("customers"), key: &[], shape }
}

macro_rules! model {
    ($type:ty, $schema:expr) => {
        impl Protect for $type {
            const SCHEMA: &'static Schema = &$schema;
        }
    };
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Address {
    city: String,
    label: String,
}

model!(Address, schema("Address", Shape::Struct(&[classed("city", Pii), classed("label", Public)])));

#[derive(Serialize, Deserialize)]
struct Customer {
    id: String,
    email: String,
    api_key: String,
    health_records: Vec<String>,
    home: Address,
    work: Option<Address>,
    age: u8,
}

model!(
    Customer,
    Schema {
        name: "Customer",
        resource: Some("customers"),
        key: &["id"],
        shape: Shape::Struct(&[
            classed("id", Public),
            masked("email", Pii, Some("email")),
            classed("api_key", Sensitive),
            classed("health_records", Confidential),
            nested("home", Address::schema),
            nested("work", Option::<Address>::schema),
            masked("age", Pii, Some("null")),
        ]),
    }
);

fn customer() -> Customer {
    Customer {
        id: "c-1".into(),
        email: "ada@example.com".into(),
        api_key: "k".into(),
        health_records: vec!["A00".into()],
        home: Address { city: "Berlin".into(), label: "home".into() },
        work: None,
        age: 36,
    }
}

fn plan_of<M: Protect>(policy: &str) -> Result<Plan> {
    let policy = if policy.is_empty() { Policy::default() } else { Policy::from_toml(policy).unwrap() };
    Plan::for_model(M::schema(), &policy, &Masks::default())
}

fn sealed<M: Protect>(policy: &str, record: &Map) -> Vec<String> {
    let sealings = plan_of::<M>(policy).unwrap().sealings(record).unwrap();
    sealings.into_iter().map(|(path, class)| format!("{path}: {class}")).collect()
}

fn sealed_json<M: Protect>(json: Json) -> Vec<String> {
    let Value::M(record) = Value::from(json) else { panic!("not a record") };
    sealed::<M>("", &record)
}

fn shown<M: Protect>(policy: &str, role: &str, record: Map) -> Json {
    let viewed = plan_of::<M>(policy).unwrap().view(record, &Principal::new("u").role(role), &[], "");
    viewed.tree.into_json().unwrap()
}

#[test]
fn a_model_by_the_default_policy() {
    let record = to_record(&customer()).unwrap();
    assert_eq!(
        sealed::<Customer>("", &record),
        ["age: pii", "api_key: sensitive", "email: pii", "health_records: confidential", "home.city: pii"]
    );
    let home = |city: &str| json!({"city": city, "label": "home"});
    assert_eq!(
        shown::<Customer>("", "manager", record.clone()),
        json!({"id": "c-1", "email": "a***@e***.com", "api_key": "*", "health_records": "********",
               "home": home("Be**in"), "work": null, "age": null})
    );
    assert_eq!(
        shown::<Customer>("", "nobody", record.clone()),
        json!({"id": "c-1", "email": "********", "api_key": "*", "health_records": "********",
               "home": home("******"), "work": null, "age": null})
    );
    assert_eq!(
        shown::<Customer>("", "admin", record),
        json!({"id": "c-1", "email": "ada@example.com", "api_key": "*", "health_records": ["A00"],
               "home": home("Berlin"), "work": null, "age": 36})
    );
}

#[test]
fn a_view_has_the_models_types() {
    let plan = plan_of::<Customer>("").unwrap();
    let viewed = plan.view(to_record(&customer()).unwrap(), &Principal::new("u").role("admin"), &[], "");
    assert_eq!(
        viewed.revealed,
        [Reveal { path: Path::attribute("health_records"), class: Confidential, disclosure: Disclosure::Reveal }]
    );
    let view = View::<Customer>::new(viewed.tree);
    assert_eq!(view.get(Field::<Customer, u8>::new("age")).unwrap(), Shown::Clear(36));
    let home = view.get(Field::<Customer, Address>::new("home")).unwrap();
    assert_eq!(home, Shown::Clear(customer().home));
    assert_eq!(view.get(Field::<Customer, String>::new("api_key")).unwrap(), Shown::Masked("*".into()));
    assert!(view.get(Field::<Customer, u8>::new("email")).is_err());
    assert_eq!(view.at("home.city"), Shown::Clear(Value::S("Berlin".into())));
    assert_eq!(view.at("health_records[0]"), Shown::Clear(Value::S("A00".into())));
    assert_eq!(view.at("health_records[1]"), Shown::Withheld);

    let viewed = plan.view(to_record(&customer()).unwrap(), &Principal::new("u"), &[], "");
    assert!(viewed.revealed.is_empty());
    let view = View::<Customer>::new(viewed.tree);
    assert_eq!(view.get(Field::<Customer, Address>::new("home")).unwrap(), Shown::Masked("********".into()));
    assert_eq!(view.get(Field::<Customer, u8>::new("age")).unwrap(), Shown::Withheld);
    let debug = format!("{view:?}");
    assert!(debug.contains("Masked(..)") && !debug.contains("Berlin") && !debug.contains('*'), "{debug}");
}

#[test]
fn name_rules_only_tighten_a_model() {
    let rules = "version = 1\n[[rules]]\nclass = 'confidential'\nnames = ['home']\n\
                 [[rules]]\nclass = 'public'\nnames = ['api_key']";
    let record = to_record(&customer()).unwrap();
    assert_eq!(
        sealed::<Customer>(rules, &record),
        [
            "age: pii",
            "api_key: sensitive",
            "email: pii",
            "health_records: confidential",
            "home.city: confidential",
            "home.label: confidential"
        ]
    );
    assert_eq!(
        shown::<Customer>(rules, "manager", record).pointer("/home"),
        Some(&json!({"city": "******", "label": "****"}))
    );
}

#[test]
fn an_override_loosens_a_model_only_if_the_policy_says_so() {
    let text = |loosen: bool| {
        format!(
            "version = 1\nallow_loosen = {loosen}\n[[fields]]\npath = 'home.city'\nresource = 'customers'\nclass = 'public'"
        )
    };
    assert_eq!(
        plan_of::<Customer>(&text(false)).unwrap_err().to_string(),
        "`Customer`: policy:3:1: `home.city` is `pii` in the model and only `public` here; write `allow_loosen = true` \
         if that is what you want"
    );
    let record = to_record(&customer()).unwrap();
    assert!(!sealed::<Customer>(&text(true), &record).contains(&"home.city: pii".to_owned()));
    let tighter = "version = 1\n[[fields]]\npath = 'home.city'\nclass = 'sensitive'";
    assert!(sealed::<Customer>(tighter, &record).contains(&"home.city: sensitive".to_owned()));
    let elsewhere = "version = 1\n[[fields]]\npath = 'home.city'\nresource = 'orders'\nclass = 'public'";
    assert!(sealed::<Customer>(elsewhere, &record).contains(&"home.city: pii".to_owned()));
}

#[test]
fn cells_of_a_models_field() {
    let text = |loosen: bool| {
        format!(
            "version = 1\nallow_loosen = {loosen}\n[[fields]]\npath = 'email'\ndisclose = {{ support = 'reveal' }}\n\
             [[fields]]\npath = 'home'\ndisclose = {{ support = 'withhold' }}\n[roles.support]\nconfidential = 'partial'"
        )
    };
    let error = plan_of::<Customer>(&text(false)).unwrap_err().to_string();
    assert!(error.starts_with("`Customer`: policy:3:1: `email` is shown to `support` wider"), "{error}");
    let shown = shown::<Customer>(&text(true), "support", to_record(&customer()).unwrap());
    assert_eq!(shown["email"], "ada@example.com");
    assert_eq!(shown.get("home"), None, "narrower goes for all that is inside");
    assert_eq!(shown["health_records"], "********", "a list that is not revealed shows no length");
}

#[test]
fn an_override_around_a_field_or_inside_of_it_does_not_loosen_either() {
    let rule = "[[rules]]\nclass = 'pii'\nnames = ['home']\n[classes.pii]\naudit = true";
    let mut record = to_record(&customer()).unwrap();
    record.insert("health_records".into(), Value::M(Map::from([("note".into(), Value::S("n".into()))])));
    for (loosen, city) in [(false, "******"), (true, "Berlin")] {
        let policy = format!(
            "version = 1\nallow_loosen = {loosen}\n[[fields]]\npath = 'home'\ndisclose = {{ everyone = 'reveal' }}\n\
             audit = false\n[[fields]]\npath = 'health_records.note'\ndisclose = {{ everyone = 'reveal' }}\n{rule}"
        );
        let plan = plan_of::<Customer>(&policy).unwrap();
        let viewed = plan.view(record.clone(), &Principal::new("u"), &[], "").tree.into_json().unwrap();
        assert_eq!(viewed["home"]["city"], city);
        assert_eq!(viewed["health_records"], "********");
        let viewed = plan.view(record.clone(), &Principal::new("u").role("admin"), &[], "");
        let is_audited = viewed.revealed.iter().any(|reveal| reveal.path.to_string() == "home.city");
        assert_eq!(is_audited, !loosen);
    }
}

#[test]
fn keys_and_unsigned_attributes_are_public() {
    for policy in [
        "version = 1\n[[rules]]\nclass = 'pii'\nnames = ['id']",
        "version = 1\nunsigned = ['age']",
        "version = 1\n[[fields]]\npath = 'id'\nclass = 'pii'",
    ] {
        let error = plan_of::<Customer>(policy).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Config);
        assert!(error.to_string().contains("are stored in clear and must be `public`"), "{error}");
    }
    let error = plan_of::<Customer>("version = 1\nunsigned = ['id']").unwrap_err().to_string();
    assert!(error.starts_with("a key of `Customer` is `unsigned`"), "{error}");
    let error = plan_of::<Customer>("version = 1\n[resources.customers]\nkey = ['pk']").unwrap_err().to_string();
    assert_eq!(
        error,
        "the key of `Customer` is `id` in the model and `pk` in the policy; write the same in both, or only in one"
    );
    assert_eq!(plan_of::<Customer>("").unwrap().key(), ["id"]);
}

#[test]
fn what_the_model_does_not_name_goes_by_the_name_rules() {
    let mut record = to_record(&customer()).unwrap();
    record.insert("nickname".into(), Value::S("countess".into()));
    record.insert("phone".into(), Value::S("030 1234567".into()));
    record.insert("created_at".into(), Value::N("1".into()));
    let sealed = sealed::<Customer>("", &record);
    assert!(sealed.contains(&"nickname: confidential".to_owned()));
    assert!(sealed.contains(&"phone: pii".to_owned()));
    assert!(!sealed.iter().any(|line| line.starts_with("created_at")));
    let shown = shown::<Customer>("", "manager", record);
    assert_eq!(shown["nickname"], "********");
    assert_eq!(shown["phone"], "03****67");
    assert_eq!(shown["created_at"], 1);
}

#[test]
fn what_does_not_fit_the_model_is_never_in_clear() {
    let mut record = to_record(&customer()).unwrap();
    record.insert("home".into(), Value::S("Berlin".into()));
    assert!(sealed::<Customer>("", &record).contains(&"home: confidential".to_owned()));
    assert_eq!(shown::<Customer>("", "manager", record.clone())["home"], "******");
    // Even where the default class is public: what the type may hold counts.
    assert!(sealed::<Customer>("version = 1\ndefault_class = 'public'", &record).contains(&"home: pii".to_owned()));
}

#[test]
fn a_public_field_is_asked_for_names_inside() {
    struct Tagged;
    model!(Tagged, schema("Tagged", Shape::Struct(&[classed("tags", Public), classed("data", Pii)])));
    let json = json!({"tags": {"color": "red", "email": "a@b.com"}, "data": {"password": "hunter2", "x": 1}});
    let record = to_record(&json).unwrap();
    assert_eq!(sealed::<Tagged>("", &record), ["data: pii", "tags.email: pii"]);
    assert_eq!(
        shown::<Tagged>("", "admin", record),
        json!({"tags": {"color": "red", "email": "a@b.com"}, "data": {"password": "*******", "x": 1}})
    );
}

#[test]
fn what_may_hold_names_is_never_clear_throughout() {
    struct Tagged;
    const ANY: FieldSpec = {
        let spec = ClassifiedSpec { class: Public, categories: &[], mask: None, searchable: false, holds_names: true };
        FieldSpec { name: "any", flatten: false, rule: FieldRule::Classified(spec) }
    };
    model!(Label, schema("Label", Shape::Struct(&[classed("text", Public)])));
    struct Label;
    const FIELDS: &[FieldSpec] = &[
        classed("id", Public),
        classed("note", Pii),
        ANY,
        nested("label", Label::schema),
        nested("labels", Vec::<Label>::schema),
        nested("by_name", std::collections::BTreeMap::<String, Label>::schema),
        nested("home", Address::schema),
    ];
    model!(Tagged, schema("Tagged", Shape::Struct(FIELDS)));
    let plan = plan_of::<Tagged>("version = 1\nunsigned = ['ttl']").unwrap();
    let path = |text: &str| Path::from(text.split('.').map(|name| Step::Key(name.into())).collect::<Vec<_>>());
    for clear in ["id", "label", "label.text", "labels", "home.label", "ttl", "ttl.x"] {
        assert!(plan.is_all_clear(&path(clear)), "{clear}");
    }
    for other in ["note", "any", "any.x", "by_name", "by_name.x", "home", "unknown"] {
        assert!(!plan.is_all_clear(&path(other)), "{other}");
    }
    let element = Path::from(vec![Step::Key("labels".into()), Step::Index(3)]);
    assert!(plan.is_all_clear(&element));
}

#[test]
fn what_the_policy_names_within_a_type_that_contains_itself_is_not_clear() {
    struct Tree;
    model!(Tree, schema("Tree", Shape::Struct(&[classed("v", Public), nested("children", Vec::<Tree>::schema)])));
    struct Forest;
    model!(Forest, schema("Forest", Shape::Struct(&[nested("tree", Tree::schema), nested("other", Tree::schema)])));
    let is_clear = |plan: &Plan, name: &str| plan.is_all_clear(&Path::attribute(name));
    let plan = plan_of::<Forest>("version = 1").unwrap();
    assert!(is_clear(&plan, "tree") && is_clear(&plan, "other"));
    let policy = "version = 1\n[[fields]]\npath = 'tree.children.v'\nclass = 'pii'";
    let plan = plan_of::<Forest>(policy).unwrap();
    assert!(!is_clear(&plan, "tree") && is_clear(&plan, "other"));
}

macro_rules! contents {
    () => {
        &[
            VariantSpec { name: "Unit", content: VariantContent::Unit },
            VariantSpec { name: "New", content: VariantContent::Newtype(nested("0", Address::schema)) },
            VariantSpec {
                name: "Named",
                content: VariantContent::Struct(&[classed("iban", Pii), classed("currency", Public)]),
            },
            VariantSpec {
                name: "Pair",
                content: VariantContent::Tuple(&[classed("0", Sensitive), classed("1", Public)]),
            },
        ]
    };
}

macro_rules! holder {
    ($holder:ident, $enum:ident, $tagging:expr) => {
        struct $enum;
        model!($enum, schema("Enum", Shape::Enum($tagging, contents!())));
        struct $holder;
        model!($holder, schema("Holder", Shape::Struct(&[nested("pay", $enum::schema)])));
    };
}

#[test]
fn externally_tagged() {
    holder!(Holder, External, Tagging::External);
    assert_eq!(sealed_json::<Holder>(json!({"pay": "Unit"})), Vec::<String>::new());
    assert_eq!(sealed_json::<Holder>(json!({"pay": "Other"})), ["pay: confidential"]);
    assert_eq!(sealed_json::<Holder>(json!({"pay": {"New": {"city": "x", "label": "y"}}})), ["pay.New.city: pii"]);
    assert_eq!(
        sealed_json::<Holder>(json!({"pay": {"Named": {"iban": "x", "currency": "y"}}})),
        ["pay.Named.iban: pii"]
    );
    assert_eq!(sealed_json::<Holder>(json!({"pay": {"Pair": ["x", "y"]}})), ["pay.Pair[0]: sensitive"]);
    assert_eq!(sealed_json::<Holder>(json!({"pay": {"Pair": ["x"]}})), ["pay.Pair: confidential"]);
    assert_eq!(sealed_json::<Holder>(json!({"pay": {"id": "x"}})), ["pay.id: confidential"]);
}

#[test]
fn internally_tagged() {
    holder!(Holder, Internal, Tagging::Internal { tag: "kind" });
    let sealed = |pay: Json| sealed_json::<Holder>(json!({ "pay": pay }));
    assert_eq!(sealed(json!({"kind": "Unit"})), Vec::<String>::new());
    assert_eq!(sealed(json!({"kind": "New", "city": "x", "label": "y"})), ["pay.city: pii"]);
    assert_eq!(sealed(json!({"kind": "Named", "iban": "x", "currency": "y"})), ["pay.iban: pii"]);
    assert_eq!(sealed(json!({"kind": "Other", "id": "x"})), ["pay: confidential"]);
    assert_eq!(sealed(json!({"id": "x"})), ["pay: confidential"]);
    assert_eq!(sealed(json!("Unit")), ["pay: confidential"]);
}

#[test]
fn adjacently_tagged() {
    holder!(Holder, Adjacent, Tagging::Adjacent { tag: "t", content: "c" });
    let sealed = |pay: Json| sealed_json::<Holder>(json!({ "pay": pay }));
    assert_eq!(sealed(json!({"t": "Unit"})), Vec::<String>::new());
    assert_eq!(sealed(json!({"t": "New", "c": {"city": "x", "label": "y"}})), ["pay.c.city: pii"]);
    assert_eq!(sealed(json!({"t": "Named", "c": {"iban": "x", "currency": "y"}})), ["pay.c.iban: pii"]);
    assert_eq!(sealed(json!({"t": "Pair", "c": ["x", "y"]})), ["pay.c[0]: sensitive"]);
    assert_eq!(sealed(json!({"t": "Other", "c": {"label": "y"}})), ["pay: confidential"]);
}

#[test]
fn a_record_that_is_an_enum() {
    struct Event;
    model!(Event, schema("Event", Shape::Enum(Tagging::Internal { tag: "kind" }, contents!())));
    assert_eq!(sealed_json::<Event>(json!({"kind": "Named", "iban": "x", "currency": "y"})), ["iban: pii"]);
    assert_eq!(sealed_json::<Event>(json!({"kind": "Other", "id": "x"})), ["id: confidential", "kind: confidential"]);
    let record = to_record(&json!({"kind": "Other", "id": "secret"})).unwrap();
    assert_eq!(shown::<Event>("", "nobody", record), json!({"kind": "*****", "id": "******"}));
}

#[test]
fn flattened_fields() {
    struct Kind;
    model!(Kind, schema("Kind", Shape::Enum(Tagging::Internal { tag: "kind" }, contents!())));
    struct Flat;
    model!(
        Flat,
        schema(
            "Flat",
            Shape::Struct(&[
                classed("note", Public),
                flattened(nested("address", Address::schema)),
                flattened(nested("which", Kind::schema)),
                flattened(classed("rest", Sensitive)),
            ])
        )
    );
    let json =
        json!({"note": "n", "city": "x", "label": "y", "kind": "Named", "iban": "i", "currency": "c", "more": 1});
    assert_eq!(sealed_json::<Flat>(json), ["city: pii", "iban: pii", "more: sensitive"]);

    struct Open;
    model!(Open, schema("Open", Shape::Struct(&[classed("note", Public), flattened(nested("which", Kind::schema))])));
    assert_eq!(sealed_json::<Open>(json!({"note": "n", "kind": "New", "city": "x", "id": 1})), ["city: pii"]);
    // Nobody knows what the others are when the variant is not known.
    assert_eq!(
        sealed_json::<Open>(json!({"note": "n", "kind": "Gone", "id": 1})),
        ["id: confidential", "kind: confidential"]
    );

    struct Maps;
    type Addresses = std::collections::HashMap<String, Address>;
    model!(
        Maps,
        schema("Maps", Shape::Struct(&[classed("note", Public), flattened(nested("all", Addresses::schema))]))
    );
    assert_eq!(sealed_json::<Maps>(json!({"note": "n", "a": {"city": "x", "label": "y"}})), ["a.city: pii"]);
}

#[test]
fn a_name_that_is_stored_for_two_fields_of_different_classes_is_refused() {
    struct Note;
    model!(Note, schema("Note", Shape::Struct(&[classed("note", Confidential)])));
    struct Beside;
    model!(Beside, schema("Beside", Shape::Struct(&[classed("note", Public), flattened(nested("n", Note::schema))])));
    struct Between;
    model!(
        Between,
        schema(
            "Between",
            Shape::Struct(&[
                flattened(nested("address", Address::schema)),
                flattened(nested("beside", Beside::schema))
            ])
        )
    );
    struct Tagged;
    const NEW: VariantSpec =
        VariantSpec { name: "New", content: VariantContent::Newtype(flattened(nested("0", Note::schema))) };
    model!(Tagged, schema("Tagged", Shape::Enum(Tagging::Internal { tag: "note" }, &[NEW])));
    for refused in [plan_of::<Beside>(""), plan_of::<Between>(""), plan_of::<Tagged>("")] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("two fields of different classes are stored as `note`"), "{error}");
    }
}

#[test]
fn maps_lists_and_tuples_of_models() {
    struct Many;
    type Addresses = std::collections::BTreeMap<String, Vec<Address>>;
    struct Pair;
    model!(Pair, schema("Pair", Shape::Tuple(&[classed("0", Pii), nested("1", Address::schema)])));
    model!(Many, schema("Many", Shape::Struct(&[nested("by", Addresses::schema), nested("pair", Pair::schema)])));
    let address = json!({"city": "x", "label": "y"});
    let json = json!({"by": {"old": [address, address], "token": [address], "none": []}, "pair": ["p", address]});
    assert_eq!(
        sealed_json::<Many>(json.clone()),
        [
            "by.old[0].city: pii",
            "by.old[1].city: pii",
            // The key of a map is a name on the path too.
            "by.token[0].city: sensitive",
            "by.token[0].label: sensitive",
            "pair[0]: pii",
            "pair[1].city: pii"
        ]
    );
    let dotted = "version = 1\n[[rules]]\nclass = 'confidential'\nnames = ['by.*.label', 'by.token.city']";
    let sealed = sealed::<Many>(dotted, &to_record(&json).unwrap());
    assert!(sealed.contains(&"by.old[0].label: confidential".to_owned()), "{sealed:?}");
    assert!(sealed.contains(&"by.old[0].city: pii".to_owned()), "{sealed:?}");
    assert!(sealed.contains(&"by.token[0].city: confidential".to_owned()), "{sealed:?}");
}

#[test]
fn types_within_themselves() {
    struct Comment;
    model!(
        Comment,
        schema(
            "Comment",
            Shape::Struct(&[classed("text", Pii), classed("at", Public), nested("answers", Vec::<Comment>::schema),])
        )
    );
    let leaf = json!({"text": "x", "at": 1, "answers": []});
    let json = json!({"text": "x", "at": 1, "answers": [{"text": "y", "at": 2, "answers": [leaf]}]});
    assert_eq!(
        sealed_json::<Comment>(json.clone()),
        ["answers[0].answers[0].text: pii", "answers[0].text: pii", "text: pii"]
    );
    // A rule for one depth goes for that depth alone.
    let rule = "version = 1\n[[rules]]\nclass = 'sensitive'\nnames = ['answers.text']";
    assert_eq!(
        sealed::<Comment>(rule, &to_record(&json).unwrap()),
        ["answers[0].answers[0].text: pii", "answers[0].text: sensitive", "text: pii"]
    );
}

#[test]
fn a_value_has_its_place_without_the_rest_of_the_record() {
    let place = |plan: &Plan, steps: &[Step]| {
        let path = Path::from([&[Step::Key("pay".into())], steps].concat());
        match plan.place(&path, &Value::S("x".into())).unwrap() {
            Placement::Own(sealings) if sealings.is_empty() => "clear".to_owned(),
            Placement::Own(sealings) => {
                let all: Vec<_> = sealings.iter().map(|(path, class)| format!("{path}: {class}")).collect();
                all.join(", ")
            }
            Placement::Within(path, class) => format!("within {path}: {class}"),
            Placement::Depends(path) => format!("depends on {path}"),
        }
    };
    let key = |name: &str| Step::Key(name.into());
    {
        holder!(Holder, External, Tagging::External);
        let plan = plan_of::<Holder>("").unwrap();
        assert_eq!(place(&plan, &[key("New"), key("city")]), "pay.New.city: pii");
        assert_eq!(place(&plan, &[key("New"), key("label")]), "clear");
        assert_eq!(place(&plan, &[key("New"), key("city"), key("more")]), "within pay.New.city: pii");
        assert_eq!(place(&plan, &[key("Pair"), Step::Index(0)]), "pay.Pair[0]: sensitive");
        assert_eq!(place(&plan, &[key("Pair"), Step::Index(7)]), "depends on pay.Pair");
    }
    // Only with the tag at hand it is known what the other members are.
    holder!(Holder, Internal, Tagging::Internal { tag: "kind" });
    let plan = plan_of::<Holder>("").unwrap();
    assert_eq!(place(&plan, &[key("iban")]), "depends on pay");
    assert_eq!(place(&plan, &[key("kind")]), "depends on pay");
    assert_eq!(place(&plan, &[]), "pay: confidential");
}

#[test]
fn the_inventory_has_the_policy_applied() {
    let policy = "version = 1\n[classes.pii]\nmask = 'last4'\n[[fields]]\npath = 'home.city'\nclass = 'confidential'\n\
                  categories = ['geo']\nmask = 'full'";
    let inventory = plan_of::<Customer>(policy).unwrap().inventory();
    let line = |path: &str| inventory.iter().find(|entry| entry.path == path).unwrap().clone();
    assert_eq!(
        line("home.city"),
        PlanEntry {
            path: "home.city".into(),
            classes: vec![Pii, Confidential],
            categories: vec!["contact".into(), "geo".into()],
            mask: "full".into(),
            searchable: false,
            key: false,
            at_rest: "encrypt",
            audit: true,
            holds_names: false,
        }
    );
    assert_eq!((line("id").key, line("id").at_rest), (true, "sign"));
    assert_eq!(line("email").mask, "email");
    assert_eq!(line("work.city").mask, "last4");
}
