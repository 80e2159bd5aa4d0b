//! What is changed: header, fields, the record around them, what the reader was told, and JSON's own marks.

use privet::Classification;
use privet::record::Section;
use serde_json::{Value as Json, json};

use super::super::records::set;
use super::{Changed, Damaged, remove, swap};

/// Changes to the header. `pii` has one section with one wrapped key, record integrity and no version.
pub(super) fn headers(damaged: &mut Damaged<'_>) -> Changed {
    let flips = [
        ("unknown-version", 0, 0xff),
        ("newer-version", 0, 0x03),
        ("unknown-suite", 1, 0xff),
        ("newer-suite", 1, 0x03),
        ("unknown-flag", 2, 0x04),
        ("unknown-flag", 2, 0x80),
        ("version-flag-flipped", 2, 0x02),
        ("integrity-flag-flipped", 2, 0x01),
        ("salt", 3, 0x01),
        ("salt", 18, 0x80),
        ("class-without-meaning", 20, 0x02),
        ("class-without-meaning", 20, 0x07),
        ("other-class", 20, 0x01),
        ("wrapped-key-count", 21, 0x01),
        ("wrapped-key-count", 21, 0x03),
        ("wrapped-key-count", 21, 0x10),
        ("provider-id", 23, 0x01),
        ("provider-info", 32, 0x01),
    ];
    for (why, place, bits) in flips {
        damaged.header("pii", why, |header| flip(header, place, bits))?;
    }
    for (why, count) in [("section-count", 0), ("section-count", 2), ("section-count", 17), ("section-count", 255)] {
        damaged.header("pii", why, |header| put(header, 19, count))?;
    }
    for of in ["pii", "each-class-field", "json"] {
        for keep in [0, 2, 18, 20, 60] {
            damaged.header(of, "truncated-header", |header| header.truncate(keep))?;
        }
        damaged.header(of, "truncated-header", |header| header.truncate(header.len() - 1))?;
        damaged.header(of, "trailing-header", |header| header.push(0))?;
    }
    damaged.header("pii", "long-header", |header| header.resize(8 * 1024 + 1, 0))?;
    for of in ["pii", "kms", "two-raw", "json"] {
        damaged.parsed_header(of, "wrapped-key", |header| each_edk(header, |edk| flip(edk, 5, 1)))?;
        damaged.parsed_header(of, "commitment", |header| flip(&mut first(header).commitment, 31, 0x80))?;
        damaged.parsed_header(of, "tag", |header| flip(&mut first(header).tag, 0, 1))?;
    }
    damaged.parsed_header("each-class", "tag-of-last-section", |header| {
        header.sections.iter_mut().rev().take(1).for_each(|section| flip(&mut section.tag, 31, 1));
    })?;
    damaged.parsed_header("each-class-field", "commitment", |header| flip(&mut first(header).commitment, 0, 1))?;
    damaged.parsed_header("each-class", "sections-out-of-order", |header| header.sections.reverse())?;
    damaged.parsed_header("each-class-field", "sections-out-of-order", |header| header.sections.swap(1, 2))?;
    damaged.parsed_header("each-class-field", "section-twice", |header| {
        let again = header.sections.first().cloned();
        header.sections.splice(0..0, again);
    })?;
    damaged.parsed_header("each-class", "section-dropped", |header| drop(header.sections.pop()))?;
    damaged.parsed_header("idle-sections", "idle-section-dropped", |header| drop(header.sections.pop()))?;
    damaged
        .parsed_header("each-class-field", "section-of-sealed-value-dropped", |header| drop(header.sections.pop()))?;
    damaged.parsed_header("each-class-field", "sections-exchanged", |header| {
        let classes: Vec<Classification> = header.sections.iter().map(|section| section.class).collect();
        header.sections.reverse();
        header.sections.iter_mut().zip(classes).for_each(|(section, class)| section.class = class);
    })?;
    damaged.parsed_header("two-raw", "wrapped-key-dropped", |header| drop(first(header).edks.pop()))?;
    damaged.parsed_header("two-raw", "wrapped-keys-exchanged", |header| first(header).edks.reverse())?;
    damaged.parsed_header("pii", "wrapped-key-added", |header| {
        let section = first(header);
        section.edks.extend(section.edks.clone());
    })?;
    damaged.parsed_header("version-7", "version-lowered", |header| header.version = Some(6))?;
    damaged.parsed_header("version-7", "version-dropped", |header| header.version = None)?;
    damaged.parsed_header("pii", "version-added", |header| header.version = Some(1))?;
    damaged.header("version-1", "version-zero", |header| put(header, 26, 0))?;
    for of in ["pii", "each-class", "nothing-sealed", "json"] {
        damaged.parsed_header(of, "tags-stripped", |header| header.integrity = false)?;
    }
    Ok(())
}

/// Changes to sealed values. `each-class-field` has no tags to notice them first.
pub(super) fn fields(damaged: &mut Damaged<'_>) -> Changed {
    let email = "/item/email/B";
    for of in ["pii", "each-class-field"] {
        let flips = [("nonce", 2, 1), ("nonce", 13, 0x80), ("ciphertext", 14, 1), ("ciphertext", 16, 1)];
        for (why, place, bits) in flips {
            damaged.bytes(of, why, email, |sealed| flip(sealed, place, bits))?;
        }
        damaged.bytes(of, "field-tag", email, |sealed| {
            let last = sealed.len() - 1;
            flip(sealed, last, 1);
        })?;
        damaged.bytes(of, "field-shortened", email, |sealed| sealed.truncate(sealed.len() - 1))?;
        damaged.bytes(of, "field-lengthened", email, |sealed| sealed.push(0))?;
        damaged.bytes(of, "field-cut", email, |sealed| sealed.truncate(31))?;
        damaged.bytes(of, "field-cut", email, |sealed| sealed.truncate(2))?;
        damaged.bytes(of, "marker-alone", email, |sealed| sealed.truncate(1))?;
        damaged.bytes(of, "field-class", email, |sealed| put(sealed, 1, 1))?;
        damaged.bytes(of, "field-class", email, |sealed| put(sealed, 1, 4))?;
        damaged.bytes(of, "field-class-without-meaning", email, |sealed| put(sealed, 1, 5))?;
    }
    damaged.bytes("raw-256", "field-class-without-section", email, |sealed| put(sealed, 1, 3))?;
    damaged.add("leaves-field", "moved-within-list", |vector| swap(vector, "/item/list/L/0", "/item/list/L/2"))?;
    damaged.add("leaves-field", "dotted-name-for-path", |vector| swap(vector, "/item/a.b", "/item/a/M/b"))?;
    damaged.add("names-field", "names-exchanged", |vector| swap(vector, "/item/größe", "/item/gro\u{308}ße"))?;
    damaged.add("leaves-field", "list-element-dropped", |vector| {
        let elements = vector.pointer_mut("/item/list/L").and_then(Json::as_array_mut).ok_or("no list")?;
        elements.remove(0);
        Ok(())
    })?;
    damaged.add("types-sealed-field", "fields-exchanged", |vector| swap(vector, "/item/yes", "/item/no"))
}

/// Changes to the record that only tags notice.
pub(super) fn records(damaged: &mut Damaged<'_>) -> Changed {
    for (place, value) in [
        ("/item/visits/N", json!("4")),
        ("/item/visits", json!({"S": "3"})),
        ("/item/visits", json!({"NULL": true})),
        ("/item/diagnosis/L/0/S", json!("flv")),
        ("/item/name/S", json!("Ada ")),
    ] {
        damaged.value("pii", "clear-value", place, value)?;
    }
    damaged.add("pii", "clear-dropped", |vector| remove(vector, "/item", "visits"))?;
    damaged.add("pii", "sealed-dropped", |vector| remove(vector, "/item", "ssn"))?;
    damaged.add("pii", "sealed-exchanged", |vector| swap(vector, "/item/ssn", "/item/email"))?;
    damaged.add("pii", "added", |vector| {
        set(vector.pointer_mut("/item").unwrap_or(&mut Json::Null), "more", json!({"S": ""}));
        Ok(())
    })?;
    damaged.add("pii", "renamed", |vector| {
        let value = vector["item"]["visits"].clone();
        set(vector.pointer_mut("/item").unwrap_or(&mut Json::Null), "visit", value);
        remove(vector, "/item", "visits")
    })?;
    damaged.add("header-name", "header-dropped", |vector| remove(vector, "/item", "_h"))?;
    // The digits from the 29th on are as exact as the first.
    let number = "12345678901234567890123456789012345679";
    damaged.value("numbers-clear", "last-digit", "/item/a/N", json!(number))?;
    damaged.value("numbers-clear", "last-digit", "/item/c/N", json!("99999999999999999999999999999999999998"))?;
    damaged.value("numbers-clear", "last-digit", "/item/d/N", json!("1.1E-130"))?;
    damaged.value("numbers-clear", "number-too-long", "/item/a/N", json!(format!("{number}.5")))?;
    damaged.value("numbers-clear", "no-number", "/item/f/N", json!("1000x"))?;
    damaged.value("types-clear", "set-member-twice", "/item/ss/SS", json!(["b", "\u{e000}", "𐀂", "ab", "b"]))?;
    damaged.value("types-clear", "set-member-dropped", "/item/ns/NS", json!(["10", "9", "-1", "100"]))?;
    damaged.value(
        "types-clear",
        "list-order",
        "/item/l/L",
        json!([{"NULL": true}, {"S": "x"}, {"L": [{"BOOL": true}]}]),
    )?;
    damaged.value("empty-clear", "empty-of-other-type", "/item/l", json!({"M": {}}))?;
    damaged.value("empty-clear", "empty-of-other-type", "/item/s", json!({"NULL": true}))?;
    damaged.value("escapes", "escape-dropped", "/item/a/B", json!("4Q=="))?;
    damaged.value("escapes-field", "escape-dropped", "/item/a/B", json!("4Q=="))?;
    let deep = (0..32).fold(json!({"S": "leaf"}), |inner, _| json!({ "L": [inner] }));
    damaged.value("deep-list-clear", "too-deep", "/item/l", deep)
}

/// The record is as it was, but read as another one.
pub(super) fn readers(damaged: &mut Damaged<'_>) -> Changed {
    for of in ["pii", "each-class-field", "kms", "json", "json-field"] {
        damaged.value(of, "other-resource", "/resource", json!("customer"))?;
        damaged.value(of, "other-tenant", "/tenant", json!("t2"))?;
        damaged.value(of, "other-application-context", "/application_context", json!({"a": "b"}))?;
        damaged.value(of, "other-key-attributes", "/key_attributes", json!([]))?;
    }
    damaged.value("tenant", "other-tenant", "/tenant", json!(""))?;
    for of in ["pii", "each-class-field"] {
        damaged.value(of, "other-key-value", "/item/id/S", json!("c-2"))?;
        damaged.value(of, "other-key-type", "/item/id", json!({"N": "1"}))?;
        damaged.value(of, "no-key-value", "/key_attributes", json!(["id", "absent"]))?;
        damaged.value(of, "other-keyring", "/keyring", json!("raw-192"))?;
        damaged.value(of, "other-keyring", "/keyring", json!("kms"))?;
    }
    damaged.value("kms", "other-keyring", "/keyring", json!("raw-256"))?;
    // The same key in the same namespace, and the provider info begins alike.
    damaged.value("raw-not-ascii", "other-keyring", "/keyring", json!("raw-128"))?;
    damaged.value("two-keys", "other-key-value", "/item/sk/B", json!("4QM="))?;
    damaged.value("unsigned", "unsigned-not-listed", "/unsigned", json!([]))?;
    damaged.value("pii", "signed-listed-as-unsigned", "/unsigned", json!(["visits"]))
}

/// Changes to JSON documents.
pub(super) fn documents(damaged: &mut Damaged<'_>) -> Changed {
    let email = "/document/email/$sealed";
    for of in ["json", "json-field"] {
        damaged.bytes(of, "ciphertext", email, |sealed| flip(sealed, 20, 1))?;
        damaged.value(of, "not-base64url", email, json!("4QI*"))?;
        damaged.value(of, "sealed-is-no-blob", email, json!("AAAA"))?;
        damaged.value(of, "sealed-is-an-escape", email, json!("4QBhYmM"))?;
        damaged.value(of, "sealed-is-empty", email, json!(""))?;
        damaged.value(of, "other-key-value", "/document/id", json!("c-2"))?;
        damaged.value(of, "other-key-type", "/document/id", json!(1))?;
        damaged.add(of, "padded", |vector| {
            let padded = vector.pointer(email).and_then(Json::as_str).map(|text| format!("{text}=="));
            super::put(vector, email, json!(padded))
        })?;
    }
    damaged.value("json", "clear-value", "/document/yes", json!(false))?;
    damaged.value("json", "clear-value", "/document/größe", json!(1.25))?;
    damaged.value("json", "clear-value", "/document/größe", json!("1.5"))?;
    damaged.value("json", "header-is-no-text", "/document/$privet", json!(null))?;
    damaged.add("json", "sealed-beside-another", |vector| {
        set(vector.pointer_mut("/document/email").unwrap_or(&mut Json::Null), "more", json!(1));
        Ok(())
    })?;
    damaged.value("json-look-alikes", "escape-dropped", "/document/a", json!({"$sealed": "4QI"}))?;
    damaged.value("json-look-alikes-field", "escape-dropped", "/document/a", json!({"$sealed": "4QI"}))?;
    damaged.value("json-look-alikes", "escape-twice", "/document/f", json!({"$clear": {"$clear": {"$clear": "text"}}}))
}

fn flip(bytes: &mut [u8], place: usize, bits: u8) {
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= bits;
    }
}

fn put(bytes: &mut [u8], place: usize, value: u8) {
    if let Some(byte) = bytes.get_mut(place) {
        *byte = value;
    }
}

fn first(header: &mut privet::record::Header) -> &mut Section {
    // INVARIANT: a header that was parsed has at least one section.
    header.sections.first_mut().unwrap_or_else(|| unreachable!())
}

fn each_edk(header: &mut privet::record::Header, change: impl Fn(&mut [u8])) {
    let edks = header.sections.iter_mut().flat_map(|section| &mut section.edks);
    edks.for_each(|edk| change(&mut edk.ciphertext));
}
