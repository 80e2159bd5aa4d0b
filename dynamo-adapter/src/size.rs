//! How large DynamoDB takes an item to be.

use privet_core::ErrorKind;
use privet_core::value::{Map, Value};

use crate::error::{Error, Result};

/// The most bytes that an item may have: 400 KiB
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
pub const MAX_ITEM_SIZE: usize = 400 * 1024;

/// The size of an item in bytes as DynamoDB counts it
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>): names and texts in
/// UTF-8, bytes as they are, a truth value or null 1, a list or map 3 and 1 for each element. Numbers are estimated from
/// above: 1 for each two significant digits, and 2.
#[must_use]
pub fn item_size(item: &Map) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

/// Refuses an item that DynamoDB would refuse, before it is sent.
pub(crate) fn check_size(clear: usize, sealed: &Map) -> Result<()> {
    let size = item_size(sealed);
    if size <= MAX_ITEM_SIZE {
        return Ok(());
    }
    let added = size.saturating_sub(clear);
    Err(Error::new(
        ErrorKind::Input,
        format!(
            "the sealed item has {size} bytes, of which sealing added {added}; DynamoDB takes {MAX_ITEM_SIZE} at most: \
             keep large values in S3"
        ),
    ))
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::S(text) => text.len(),
        Value::N(number) => number_size(number),
        Value::B(bytes) => bytes.len(),
        Value::Ss(texts) => texts.iter().map(String::len).sum(),
        Value::Ns(numbers) => numbers.iter().map(|number| number_size(number)).sum(),
        Value::Bs(blobs) => blobs.iter().map(Vec::len).sum(),
        Value::L(values) => 3 + values.iter().map(|value| 1 + value_size(value)).sum::<usize>(),
        Value::M(members) => 3 + members.len() + item_size(members),
        _ => 1,
    }
}

fn number_size(number: &str) -> usize {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_matches('0').len();
    significant.div_ceil(2) + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_documented() {
        let item = Map::from([
            ("id".to_owned(), Value::S("ü".into())),
            ("n".to_owned(), Value::N("-12.50".into())),
            ("b".to_owned(), Value::B(vec![0; 5])),
            ("l".to_owned(), Value::L(vec![Value::Bool(true), Value::Null])),
            ("m".to_owned(), Value::M(Map::from([("k".to_owned(), Value::S("v".into()))]))),
        ]);
        assert_eq!(item_size(&item), (2 + 2) + (1 + 4) + (1 + 5) + (1 + 3 + 4) + (1 + 3 + 1 + 2));
    }
}
