//! One good record for each thing that a reader may get wrong.

use privet::Classification::{Confidential, Pii, Public, Sensitive};
use serde_json::{Value as Json, json};

use super::Record;

/// Every good record.
pub(crate) fn all() -> Vec<Record> {
    [classes(), keyrings(), layouts(), values(), places(), escapes(), documents()].into_iter().flatten().collect()
}

fn customer() -> Json {
    json!({
        "id": {"S": "c-1"}, "name": {"S": "Ada"}, "email": {"S": "a@b.co"}, "ssn": {"S": "078-05-1120"},
        "api_key": {"S": "k-123"}, "diagnosis": {"L": [{"S": "flu"}, {"N": "38.5"}]}, "visits": {"N": "3"},
    })
}

fn of_each_class() -> Json {
    json!([[["name"], "public"], [["email"], "pii"], [["api_key"], "sensitive"], [["diagnosis"], "confidential"]])
}

fn classes() -> Vec<Record> {
    vec![
        Record::item("public", customer(), json!([[["name"], "public"]])),
        Record::item("pii", customer(), json!([[["email"], "pii"], [["ssn"], "pii"]])),
        Record::item("sensitive", customer(), json!([[["api_key"], "sensitive"]])),
        Record::item("confidential", customer(), json!([[["diagnosis"], "confidential"]])),
        Record::item("each-class", customer(), of_each_class()),
        Record::item("each-class-field", customer(), of_each_class()).field_integrity(),
        Record::item("nothing-sealed", customer(), json!([])),
        Record::item("nothing-sealed-field", customer(), json!([])).field_integrity(),
        Record::item("idle-sections", customer(), json!([[["email"], "pii"]]))
            .with(|record| record.idle = vec![Public, Sensitive, Confidential]),
    ]
}

fn keyrings() -> Vec<Record> {
    let pii = || json!([[["email"], "pii"], [["diagnosis"], "confidential"]]);
    let application = json!({"application": "billing", "purpose": "Übersicht", "": "empty name", "a": ""});
    vec![
        Record::item("raw-128", customer(), pii()).keyring("raw-128", &[]),
        Record::item("raw-192", customer(), pii()).keyring("raw-192", &[]),
        Record::item("raw-256", customer(), pii()).keyring("raw-256", &[]),
        Record::item("raw-not-ascii", customer(), pii()).keyring("raw-128-größe", &[]),
        Record::item("two-raw", customer(), pii()).keyring("two-raw", &["raw-256", "raw-192"]),
        Record::item("two-raw-field", customer(), pii()).field_integrity().keyring("two-raw", &["raw-256", "raw-192"]),
        Record::item("kms", customer(), pii()).keyring("kms", &[]),
        Record::item("kms-field", customer(), pii()).field_integrity().keyring("kms", &[]),
        Record::item("kms-context", customer(), pii()).keyring("kms", &[]).with(|record| {
            record.tenant = "t1";
            record.application = json!({"application": "billing", "purpose": "report"});
        }),
        Record::item("raw-and-kms", customer(), pii()).keyring("raw-and-kms", &["raw-128", "kms"]),
        Record::item("application-context", customer(), pii()).with(|record| record.application = application),
    ]
}

fn layouts() -> Vec<Record> {
    let pii = || json!([[["email"], "pii"]]);
    let versioned = |name, version| Record::item(name, customer(), pii()).with(|record| record.version = Some(version));
    let sorted = json!({"pk": {"N": "1.50"}, "sk": {"B": "4QI="}, "email": {"S": "a@b.co"}});
    vec![
        versioned("version-1", 1),
        versioned("version-7", 7),
        versioned("version-largest", u64::MAX),
        Record::item("tenant", customer(), pii()).with(|record| record.tenant = "t1"),
        Record::item("tenant-not-ascii", customer(), pii()).with(|record| record.tenant = "団队𐀂"),
        Record::item("resource-not-ascii", customer(), pii()).with(|record| record.resource = "größe"),
        Record::item("two-keys", sorted.clone(), pii()).key(["pk", "sk"]),
        Record::item("two-keys-other-order", sorted, pii()).key(["sk", "pk"]),
        Record::item("no-keys", customer(), pii()).key([]),
        Record::item("unsigned", customer(), pii())
            .with(|record| record.layout.unsigned = ["visits".to_owned(), "absent".to_owned()].into()),
        Record::item("unsigned-written-later", customer(), pii()).with(|record| {
            record.layout.unsigned = ["visits".to_owned(), "ttl".to_owned()].into();
            record.later = Some(("ttl", json!({"N": "1700000000"})));
        }),
        Record::item("field-written-later", customer(), pii())
            .field_integrity()
            .with(|record| record.later = Some(("visits", json!({"N": "4"})))),
        Record::item("unsigned-sealed", customer(), pii())
            .with(|record| record.layout.unsigned = ["email".to_owned()].into()),
        // The default name of the header is a name as any other then.
        Record::item("header-name", json!({"id": {"S": "1"}, "privet": {"S": "x"}}), json!([[["privet"], "pii"]]))
            .with(|record| record.layout.header = "_h".to_owned()),
    ]
}

fn values() -> Vec<Record> {
    let types = json!({
        "id": {"S": "1"}, "null": {"NULL": true}, "yes": {"BOOL": true}, "no": {"BOOL": false}, "n": {"N": "-12.5"},
        "s": {"S": "Größe 東京 𐀂\u{0}"}, "b": {"B": "AP/hAg=="}, "ss": {"SS": ["b", "\u{e000}", "𐀂", "ab"]},
        "ns": {"NS": ["10", "9", "-1", "100", "1.50"]}, "bs": {"BS": ["/w==", "AA==", "4QI="]},
        "l": {"L": [{"S": "x"}, {"NULL": true}, {"L": [{"BOOL": true}]}]},
        "m": {"M": {"b": {"N": "1.50"}, "\u{e000}": {"S": "after"}, "𐀂": {"S": "before"}, "a": {"SS": ["y", "x"]}}},
    });
    let empty = json!({
        "id": {"S": ""}, "s": {"S": ""}, "b": {"B": ""}, "ss": {"SS": []}, "ns": {"NS": []}, "bs": {"BS": []},
        "l": {"L": []}, "m": {"M": {}}, "in": {"L": [{"M": {}}, {"L": []}, {"S": ""}, {"B": ""}]},
    });
    let numbers = json!({
        "id": {"N": "12345678901234567890123456789012345678"},
        "a": {"N": "12345678901234567890123456789012345678"}, "b": {"N": "-0.12345678901234567890123456789012345678"},
        "c": {"N": "99999999999999999999999999999999999999"}, "d": {"N": "1E-130"},
        "e": {"N": "9.9999999999999999999999999999999999999E+125"}, "f": {"N": "1e3"}, "g": {"N": "+007.500"},
        "h": {"N": "-0"}, "i": {"N": ".5"}, "j": {"N": "5."},
        "k": {"NS": ["12345678901234567890123456789012345678", "12345678901234567890123456789012345677", "1e1"]},
    });
    let seal_all = |record: &Json, class: &str| -> Json {
        let names = record.as_object().into_iter().flatten().map(|(name, _)| name).filter(|name| *name != "id");
        names.map(|name| json!([[name], class])).collect()
    };
    let large = json!({"id": {"S": "1"}, "text": {"S": "ä".repeat(3000)}, "other": {"S": "x".repeat(3000)}});
    vec![
        Record::item("types-clear", types.clone(), json!([])),
        Record::item("types-sealed", types.clone(), seal_all(&types, "pii")),
        Record::item("types-sealed-field", types.clone(), seal_all(&types, "confidential")).field_integrity(),
        Record::item("empty-clear", empty.clone(), json!([])),
        Record::item("empty-sealed", empty.clone(), seal_all(&empty, "sensitive")),
        Record::item("numbers-clear", numbers.clone(), json!([])),
        Record::item("numbers-sealed", numbers.clone(), seal_all(&numbers, "pii")),
        Record::item("large", large, json!([[["text"], "confidential"]])),
    ]
}

fn places() -> Vec<Record> {
    let nested = json!({
        "id": {"S": "1"}, "a.b": {"S": "dotted"}, "list": {"L": [{"S": "x"}, {"M": {"y": {"S": "z"}}}, {"S": "x"}]},
        "a": {"M": {"b": {"S": "nested"}, "c": {"M": {"d": {"N": "1"}, "e": {"SS": ["q"]}}}}},
    });
    let leaves = json!([
        [["a.b"], "pii"],
        [["a", "b"], "pii"],
        [["a", "c", "d"], "sensitive"],
        [["list", 0], "pii"],
        [["list", 1, "y"], "confidential"]
    ]);
    let whole = json!([[["a"], "pii"], [["list"], "confidential"]]);
    let names = json!({
        "id": {"S": "1"}, "größe": {"S": "a"}, "gro\u{308}ße": {"S": "b"}, "𐀂x": {"S": "c"}, "\u{e000}": {"S": "d"},
        "$": {"S": "e"}, " ": {"M": {"𐀂": {"S": "f"}, "\u{ffff}": {"S": "g"}}},
    });
    let named = json!([
        [["größe"], "pii"],
        [["gro\u{308}ße"], "pii"],
        [["𐀂x"], "sensitive"],
        [["\u{e000}"], "pii"],
        [["$"], "pii"],
        [[" ", "𐀂"], "confidential"],
        [[" ", "\u{ffff}"], "confidential"]
    ]);
    // 31 containers around a leaf: 32 levels, 32 steps.
    let deep_maps = (0..31).fold(json!({"S": "leaf"}), |inner, _| json!({"M": {"m": inner}}));
    let deep_lists = (0..31).fold(json!({"S": "leaf"}), |inner, _| json!({ "L": [inner] }));
    let maps = json!({"id": {"S": "1"}, "m": deep_maps});
    let lists = json!({"id": {"S": "1"}, "l": deep_lists});
    let into_maps: Vec<Json> = std::iter::repeat_n(json!("m"), 32).collect();
    let into_lists: Vec<Json> = std::iter::once(json!("l")).chain(std::iter::repeat_n(json!(0), 31)).collect();
    vec![
        Record::item("leaves", nested.clone(), leaves.clone()),
        Record::item("leaves-field", nested.clone(), leaves).field_integrity(),
        Record::item("containers", nested, whole),
        Record::item("names", names.clone(), named.clone()),
        Record::item("names-field", names, named).field_integrity(),
        Record::item("deep-maps", maps.clone(), json!([[into_maps, "pii"]])),
        Record::item("deep-lists", lists.clone(), json!([[into_lists, "pii"]])),
        Record::item("deep-map-whole", maps, json!([[["m"], "pii"]])),
        Record::item("deep-list-clear", lists, json!([])),
    ]
}

fn escapes() -> Vec<Record> {
    // 4Q== is e1, 4QA= is e1 00, 4QI= is e1 02.
    let look_alikes = json!({
        "id": {"B": "4QI="}, "a": {"B": "4Q=="}, "b": {"B": "4QA="}, "c": {"B": "4QIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        "d": {"L": [{"B": "4QI="}, {"M": {"e": {"B": "4QkB"}}}]}, "f": {"BS": ["4QI=", "AA=="]}, "g": {"B": "4OE="},
    });
    let inside = json!([[["c"], "pii"], [["d", 1, "e"], "confidential"]]);
    vec![
        Record::item("escapes", look_alikes.clone(), json!([])),
        Record::item("escapes-field", look_alikes.clone(), json!([])).field_integrity(),
        Record::item("escapes-sealed", look_alikes.clone(), inside.clone()),
        Record::item("escapes-sealed-field", look_alikes, inside).field_integrity(),
    ]
}

fn documents() -> Vec<Record> {
    let plain = json!({
        "id": "c-1", "email": "a@b.co", "größe": 1.5, "𐀂": null, "yes": true, "n": [0, -1, 1e20, 0.1, 1234567890],
        "address": {"street": "x", "zip": "10115", "\u{e000}": [], "more": {}}, "": "empty name, root only",
    });
    let leaves = json!([[["email"], "pii"], [["n", 2], "sensitive"], [["address", "street"], "pii"], [["𐀂"], "pii"]]);
    let whole = json!([[["address"], "pii"], [["n"], "confidential"]]);
    let look_alikes = json!({
        "id": "c-1", "a": {"$sealed": "4QI"}, "b": {"$clear": {"$clear": {"$sealed": 1}}}, "g": {"$privet": "AQE"},
        "c": [{"$sealed": {"x": "y"}}, {"$clear": null}, {"$clear": {}}], "d": {"$sealed": "kept", "other": 1},
        "e": {"$sealed": null}, "f": {"$clear": "text"},
    });
    let inside = json!([
        [["a", "$sealed"], "pii"],
        [["b", "$clear", "$clear", "$sealed"], "sensitive"],
        [["c", 0, "$sealed", "x"], "confidential"],
        [["f"], "pii"]
    ]);
    vec![
        Record::document("json", plain.clone(), leaves.clone()),
        Record::document("json-field", plain.clone(), leaves).field_integrity(),
        Record::document("json-containers", plain.clone(), whole),
        Record::document("json-clear", plain.clone(), json!([])),
        Record::document("json-no-identity", plain.clone(), json!([[["email"], "pii"]])).key([]),
        Record::document("json-kms", plain.clone(), json!([[["email"], "pii"]])).keyring("kms", &[]),
        Record::document("json-version", plain, json!([[["email"], "pii"]])).with(|record| {
            record.version = Some(2);
            record.tenant = "t1";
            record.idle = vec![Pii, Confidential];
        }),
        Record::document("json-look-alikes", look_alikes.clone(), json!([])),
        Record::document("json-look-alikes-field", look_alikes.clone(), json!([])).field_integrity(),
        Record::document("json-look-alikes-sealed", look_alikes, inside),
    ]
}
