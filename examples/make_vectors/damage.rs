//! The damaged vectors: good ones with one change that a reader must notice.

use std::error::Error;

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use privet::record::Header;
use serde_json::{Value as Json, json};

use super::records::set;

mod cases;

type Changed = Result<(), Box<dyn Error>>;

/// Every damaged vector.
pub(super) fn all(good: &[Json]) -> Result<Vec<Json>, Box<dyn Error>> {
    let mut damaged = Damaged { good, vectors: Vec::new() };
    cases::headers(&mut damaged)?;
    cases::fields(&mut damaged)?;
    cases::records(&mut damaged)?;
    cases::readers(&mut damaged)?;
    cases::documents(&mut damaged)?;
    Ok(damaged.vectors)
}

struct Damaged<'a> {
    good: &'a [Json],
    vectors: Vec<Json>,
}

impl Damaged<'_> {
    fn good(&self, name: &str) -> Result<Json, Box<dyn Error>> {
        let found = self.good.iter().find(|vector| vector["name"] == name);
        found.cloned().ok_or_else(|| format!("no good record `{name}`").into())
    }

    /// One damaged vector: `of` after `change`.
    fn add(&mut self, of: &str, why: &str, change: impl FnOnce(&mut Json) -> Changed) -> Changed {
        let good = self.good(of)?;
        let mut vector = good.clone();
        change(&mut vector).map_err(|error| format!("{of}, {why}: {error}"))?;
        if vector == good {
            return Err(format!("{of}, {why}: nothing has changed").into());
        }
        let number = self.vectors.iter().filter(|vector| vector["of"] == of && vector["why"] == why).count();
        set(&mut vector, "name", json!(format!("{of}-{why}-{number}")));
        set(&mut vector, "of", json!(of));
        set(&mut vector, "why", json!(why));
        if let Json::Object(members) = &mut vector {
            members.remove("expected");
        }
        self.vectors.push(vector);
        Ok(())
    }

    /// One damaged vector: `of` with other bytes in its header.
    fn header(&mut self, of: &str, why: &str, change: impl FnOnce(&mut Vec<u8>)) -> Changed {
        self.add(of, why, |vector| {
            let place = header_place(vector);
            bytes(vector, &place, change)
        })
    }

    /// One damaged vector: `of` with other content in a header that is well formed.
    fn parsed_header(&mut self, of: &str, why: &str, change: impl FnOnce(&mut Header)) -> Changed {
        self.add(of, why, |vector| {
            let place = header_place(vector);
            let mut header = Header::parse(&read(vector, &place)?)?;
            change(&mut header);
            write(vector, &place, &header.serialise()?)
        })
    }

    /// One damaged vector: `of` with other bytes at this place.
    fn bytes(&mut self, of: &str, why: &str, place: &str, change: impl FnOnce(&mut Vec<u8>)) -> Changed {
        self.add(of, why, |vector| bytes(vector, place, change))
    }

    /// One damaged vector: `of` with another value at this place.
    fn value(&mut self, of: &str, why: &str, place: &str, value: Json) -> Changed {
        self.add(of, why, |vector| put(vector, place, value))
    }
}

fn header_place(vector: &Json) -> String {
    let name = vector["header_name"].as_str().unwrap_or_default();
    if vector["form"] == "json" { format!("/document/{name}") } else { format!("/item/{name}/B") }
}

fn bytes(vector: &mut Json, place: &str, change: impl FnOnce(&mut Vec<u8>)) -> Changed {
    let mut bytes = read(vector, place)?;
    change(&mut bytes);
    write(vector, place, &bytes)
}

fn read(vector: &Json, place: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let text = vector.pointer(place).and_then(Json::as_str).ok_or_else(|| format!("no bytes at {place}"))?;
    Ok(base64_of(vector).decode(text)?)
}

fn write(vector: &mut Json, place: &str, bytes: &[u8]) -> Changed {
    let text = base64_of(vector).encode(bytes);
    put(vector, place, Json::String(text))
}

fn put(vector: &mut Json, place: &str, value: Json) -> Changed {
    *vector.pointer_mut(place).ok_or_else(|| format!("nothing at {place}"))? = value;
    Ok(())
}

/// Takes a member out of an object.
fn remove(vector: &mut Json, object: &str, member: &str) -> Changed {
    let members = vector.pointer_mut(object).and_then(Json::as_object_mut);
    members.and_then(|members| members.remove(member)).map(|_| ()).ok_or_else(|| format!("no {member}").into())
}

/// Puts each of two values into the other's place.
fn swap(vector: &mut Json, one: &str, other: &str) -> Changed {
    let at = |place: &str| vector.pointer(place).cloned().ok_or_else(|| format!("nothing at {place}"));
    let (first, second) = (at(one)?, at(other)?);
    put(vector, one, second)?;
    put(vector, other, first)
}

fn base64_of(vector: &Json) -> GeneralPurpose {
    if vector["form"] == "json" { BASE64_URL_SAFE_NO_PAD } else { BASE64_STANDARD }
}
