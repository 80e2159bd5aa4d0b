//! Vectors of AWS's beacons: each item gets the beacons it was stored with, each scan finds what it found.

use privet::Secret;
use privet::beacon::{
    BeaconKeys, BeaconLength, Beacons, BeaconsBuilder, Comparison, CompoundBeacon, Constructor, Protection,
    StandardBeacon, Style, Transform, VirtualField, VirtualPart,
};
use privet::value::{Map, Value, from_dynamodb_json};
use serde_json::Value as Json;

/// Whether the file is of this kind.
pub(crate) fn knows(vectors: &Json) -> bool {
    vectors["beacon_key_hex"].is_string()
}

/// Name and result of a vector.
type Checked = (String, Result<(), String>);

/// Checks each vector.
pub(crate) fn check(vectors: &Json) -> Result<Vec<Checked>, String> {
    let (beacons, keys) = configured(vectors, &vectors["config"])?;
    let mut results = Vec::new();
    let mut stored = Vec::new();
    for vector in list(vectors, "items")? {
        let name = format!("item {}", text(&vector["item"]["pk"], "S"));
        let must_fail = vector["result"] == "put-must-fail";
        let result = match (attributes(&beacons, &keys, vector, 0), must_fail) {
            (Ok(_), true) => Err("has beacons although it must have none".to_owned()),
            (Err(_), true) => Ok(()),
            (Err(why), false) => Err(why),
            (Ok(found), false) => compare(&found, vector),
        };
        if !must_fail {
            stored.push(item(&vector["stored"])?);
        }
        results.push((name, result));
    }
    for vector in list(vectors, "queries")? {
        let name = format!("scan `{}`", text(&vector["query"], "filter"));
        results.push((name, scan(&beacons, &keys, &stored, vector)));
    }
    let (beacons, keys) = configured(vectors, &vectors["partitioned"]["config"])?;
    for vector in list(&vectors["partitioned"], "items")? {
        let partition = vector["partition"].as_u64().and_then(|partition| u8::try_from(partition).ok());
        let partition = partition.ok_or("an item without a partition")?;
        let found = attributes(&beacons, &keys, vector, partition);
        let name = format!("partitioned item {}", text(&vector["item"]["pk"], "S"));
        results.push((name, found.and_then(|found| compare(&found, vector))));
    }
    Ok(results)
}

fn attributes(beacons: &Beacons, keys: &BeaconKeys, vector: &Json, partition: u8) -> Result<Map, String> {
    let mut found = beacons.attributes(&item(&vector["item"])?, keys, partition).map_err(|error| error.to_string())?;
    found.beacons.append(&mut found.signed);
    Ok(found.beacons)
}

fn compare(found: &Map, vector: &Json) -> Result<(), String> {
    let expected = item(&vector["beacons"])?;
    if let Some(name) = expected.keys().chain(found.keys()).find(|name| found.get(*name) != expected.get(*name)) {
        return Err(format!("another `{name}` than stored"));
    }
    Ok(())
}

/// Asks the stored items what the filter asks in clear.
fn scan(beacons: &Beacons, keys: &BeaconKeys, stored: &[Map], vector: &Json) -> Result<(), String> {
    let query = &vector["query"];
    let filter = text(query, "filter");
    let (comparison, name, value) = match filter.split_once('(') {
        Some(("begins_with", inside)) => (Comparison::BeginsWith, inside, ", "),
        Some(("contains", inside)) => (Comparison::Contains, inside, ", "),
        _ if filter.contains(" < ") => (Comparison::Order, filter, " < "),
        _ => (Comparison::Equals, filter, " = "),
    };
    let (name, value) = name.trim_end_matches(')').split_once(value).ok_or("a filter of another kind")?;
    let name = query["names"][name].as_str().unwrap_or(name);
    let values = item(&query["values"])?;
    let value = values.get(value).ok_or("a filter without its value")?;
    let term = match (beacons.term(name, comparison, value, keys, 0), vector["error"].is_null()) {
        (Ok(term), true) => term,
        (Err(_), false) => return Ok(()),
        (Ok(_), false) => return Err("is asked although it cannot be answered".to_owned()),
        (Err(why), true) => return Err(why.to_string()),
    };
    let matches = |item: &&Map| match (item.get(&term.attribute), &term.value) {
        (Some(Value::S(stored)), Value::S(asked)) if comparison == Comparison::BeginsWith => stored.starts_with(asked),
        (Some(Value::Ss(stored)), Value::S(asked)) if comparison == Comparison::Contains => stored.contains(asked),
        (Some(stored), asked) => stored == asked,
        (None, _) => false,
    };
    let found: Vec<_> = stored.iter().filter(matches).filter_map(|item| item.get("pk")?.as_text()).collect();
    let expected: Vec<_> = list(vector, "found_pks")?.iter().map(|key| text(key, "S")).collect();
    if found == expected { Ok(()) } else { Err("finds other items".to_owned()) }
}

fn configured(vectors: &Json, config: &Json) -> Result<(Beacons, BeaconKeys), String> {
    let beacon_key: Option<Vec<u8>> = text(vectors, "beacon_key_hex")
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let beacon_key = Secret::copy_of(&beacon_key.ok_or("malformed beacon key")?);
    let protection = |attribute: &str| match config["actions"][attribute].as_str()? {
        "ENCRYPT_AND_SIGN" => Some(Protection::Encrypted),
        "DO_NOTHING" => Some(Protection::Unsigned),
        _ => Some(Protection::Signed),
    };
    let built = builder(&config["search"])?.build(protection).map_err(|error| error.to_string())?;
    let keys = built.keys(&beacon_key).map_err(|error| error.to_string())?;
    Ok((built, keys))
}

fn builder(search: &Json) -> Result<BeaconsBuilder, String> {
    let mut builder = Beacons::builder();
    if let Some(partitions) = small(&search["max_partitions"])? {
        builder = builder.max_partitions(partitions);
    }
    for beacon in every(search, "standard") {
        let length = small(&beacon["length"])?.ok_or("a beacon without a length")?;
        let length = BeaconLength::new(length).map_err(|error| error.to_string())?;
        let mut standard = StandardBeacon::new(text(beacon, "name"), length);
        if let Some(location) = location(beacon)? {
            standard = standard.at(location);
        }
        if let Some(partitions) = small(&beacon["partitions"])? {
            standard = standard.partitions(partitions);
        }
        let other = || text(beacon, "other").to_owned();
        builder = builder.standard(standard.style(match text(beacon, "style") {
            "" => Style::Plain,
            "PartOnly" => Style::PartOnly,
            "AsSet" => Style::AsSet,
            "Shared" => Style::Shared(other()),
            "SharedSet" => Style::SharedSet(other()),
            style => return Err(format!("unknown style `{style}`")),
        }));
    }
    for beacon in every(search, "compound") {
        let split = text(beacon, "split").chars().next().ok_or("no split character")?;
        let mut compound = CompoundBeacon::new(text(beacon, "name"), split);
        for part in every(beacon, "encrypted") {
            compound = compound.encrypted(text(part, "name"), text(part, "prefix"));
        }
        for part in every(beacon, "signed") {
            let (name, prefix) = (text(part, "name"), text(part, "prefix"));
            compound = match location(part)? {
                Some(location) => compound.signed_at(name, prefix, location),
                None => compound.signed(name, prefix),
            };
        }
        for parts in every(beacon, "constructors") {
            let parts = parts.as_array().into_iter().flatten();
            compound = compound.constructor(parts.fold(Constructor::new(), |constructor, part| {
                let name = text(part, "name");
                if part["required"] == true { constructor.required(name) } else { constructor.optional(name) }
            }));
        }
        builder = builder.compound(compound);
    }
    for field in every(search, "virtual") {
        let parts = every(field, "parts").map(|part| {
            let location = location(part)?.ok_or("a part without a location")?;
            every(part, "trans").try_fold(VirtualPart::new(location), |part, json| Ok(part.transform(transform(json)?)))
        });
        builder =
            builder.virtual_field(VirtualField::new(text(field, "name"), parts.collect::<Result<Vec<_>, String>>()?));
    }
    Ok(builder)
}

fn transform(json: &Json) -> Result<Transform, String> {
    let (name, value) = json.as_object().and_then(|object| object.iter().next()).ok_or("an empty transform")?;
    let number = |json: &Json| json.as_i64().and_then(|number| i32::try_from(number).ok()).ok_or("no number");
    let split = || text(value, "split").chars().next().ok_or("no split character");
    Ok(match name.as_str() {
        "upper" => Transform::Upper,
        "lower" => Transform::Lower,
        "insert" => Transform::Insert(value.as_str().unwrap_or_default().to_owned()),
        "prefix" => Transform::Prefix(number(value)?),
        "suffix" => Transform::Suffix(number(value)?),
        "substring" => Transform::Substring { low: number(&value["low"])?, high: number(&value["high"])? },
        "segment" => Transform::Segment { split: split()?, index: number(&value["index"])? },
        "segments" => {
            Transform::Segments { split: split()?, low: number(&value["low"])?, high: number(&value["high"])? }
        }
        name => return Err(format!("unknown transform `{name}`")),
    })
}

fn location(json: &Json) -> Result<Option<privet::beacon::Location>, String> {
    json["loc"].as_str().map(|location| location.parse().map_err(|error: privet::Error| error.to_string())).transpose()
}

fn small(json: &Json) -> Result<Option<u8>, String> {
    json.as_u64().map(|number| u8::try_from(number).map_err(|error| error.to_string())).transpose()
}

fn item(json: &Json) -> Result<Map, String> {
    from_dynamodb_json(json.as_object().cloned().ok_or("no item")?).map_err(|error| error.to_string())
}

fn list<'a>(json: &'a Json, name: &str) -> Result<&'a Vec<Json>, String> {
    json[name].as_array().ok_or(format!("no list `{name}`"))
}

fn every<'a>(json: &'a Json, name: &str) -> impl Iterator<Item = &'a Json> + use<'a> {
    json[name].as_array().into_iter().flatten()
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}
