//! The type of a model's key field, learnt by asking serde what it would read there.

use aws_sdk_dynamodb::types::ScalarAttributeType;
use serde::de::value::{BorrowedStrDeserializer, Error};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// The type of the key attribute that this field is; `None` if serde does not say, or it can be none.
///
/// The model is offered a record with this one field. What it asks the field for is the answer; the record is never made.
pub(super) fn of_field<T: DeserializeOwned>(name: &'static str) -> Option<ScalarAttributeType> {
    let mut found = None;
    let _ = T::deserialize(Record { name, found: &mut found });
    found
}

/// A record that has one field.
struct Record<'a> {
    name: &'static str,
    found: &'a mut Option<ScalarAttributeType>,
}

impl<'de> Deserializer<'de> for Record<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(OneField { name: Some(self.name), found: self.found })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct OneField<'a> {
    name: Option<&'static str>,
    found: &'a mut Option<ScalarAttributeType>,
}

impl<'de> MapAccess<'de> for OneField<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.name.take().map(|name| seed.deserialize(BorrowedStrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Asked { found: &mut *self.found })
    }
}

/// A value that notes what it is asked for, and gives nothing.
struct Asked<'a> {
    found: &'a mut Option<ScalarAttributeType>,
}

impl Asked<'_> {
    fn note<T>(self, kind: Option<ScalarAttributeType>) -> Result<T, Error> {
        *self.found = kind;
        Err(Error::custom("this was only a question"))
    }
}

macro_rules! ask {
    ($($kind:expr => $($method:ident)+;)+) => {$($(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            self.note($kind)
        }
    )+)+};
}

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    ask! {
        Some(ScalarAttributeType::S) => deserialize_char deserialize_str deserialize_string deserialize_identifier;
        Some(ScalarAttributeType::N) => deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64;
        Some(ScalarAttributeType::B) => deserialize_bytes deserialize_byte_buf;
        None => deserialize_any deserialize_bool deserialize_unit deserialize_seq deserialize_map deserialize_ignored_any;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Unit variants are text; others could be no key.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.note(Some(ScalarAttributeType::S))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Error> {
        self.note(None)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        self.note(None)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, _: V) -> Result<V::Value, Error> {
        self.note(None)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.note(None)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only asked what it would be")]
    struct Model {
        text: String,
        #[serde(rename = "renamed")]
        other: Option<String>,
        number: u64,
        signed: i128,
        newtype: Newtype,
        kind: Kind,
        flag: bool,
        list: Vec<u8>,
        map: BTreeMap<String, u8>,
        #[serde(deserialize_with = "bytes")]
        bytes: Vec<u8>,
        json: serde_json::Value,
        #[serde(flatten)]
        rest: Flat,
    }

    #[derive(Deserialize)]
    struct Newtype(#[allow(dead_code, reason = "as above")] u32);

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "as above")]
    enum Kind {
        One,
        Two,
    }

    #[derive(Deserialize)]
    struct Flat {
        #[allow(dead_code, reason = "as above")]
        deep: String,
    }

    fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }

    #[test]
    fn what_serde_would_read() {
        use ScalarAttributeType::{B, N, S};
        for (name, kind) in [
            ("text", Some(S)),
            ("renamed", Some(S)),
            ("number", Some(N)),
            ("signed", Some(N)),
            ("newtype", Some(N)),
            ("kind", Some(S)),
            ("bytes", Some(B)),
            ("flag", None),
            ("list", None),
            ("map", None),
            ("json", None),
            ("deep", None),
            ("other", None),
        ] {
            assert_eq!(of_field::<Model>(name), kind, "{name}");
        }
    }
}
