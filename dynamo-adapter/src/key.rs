//! What a caller may name a record with.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

/// A record's key: a text, a number or bytes; or a pair of them, partition key first.
///
/// ```
/// # use privet_dynamodb::Key;
/// fn takes(_: impl Into<Key>) {}
///
/// takes("c-1");
/// takes(42_u64);
/// takes(("acme", 7));
/// ```
#[derive(Clone)]
pub struct Key(Vec<AttributeValue>);

impl Key {
    /// The values in the order of the key attributes.
    pub(crate) fn into_values(self) -> Vec<AttributeValue> {
        self.0
    }
}

/// Prints how many attributes it has: a key may be an e-mail address.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({} attributes)", self.0.len())
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(vec![AttributeValue::S(text)])
    }
}

impl From<&String> for Key {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Self {
        Self(vec![AttributeValue::B(Blob::new(bytes))])
    }
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl From<$number> for Key {
            fn from(number: $number) -> Self {
                Self(vec![AttributeValue::N(number.to_string())])
            }
        }
    )+};
}

numbers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl<P: Into<Self>, S: Into<Self>> From<(P, S)> for Key {
    fn from((partition, sort): (P, S)) -> Self {
        let mut key = partition.into();
        key.0.extend(sort.into().0);
        key
    }
}
