//! The encoding of an encryption context as associated data. Two different contexts never encode alike.

use std::collections::BTreeMap;

/// The number of pairs, then each pair by name: length and bytes of the name, length and bytes of the value.
pub(crate) fn encode(context: &BTreeMap<String, String>) -> Vec<u8> {
    let mut encoded = length(context.len()).to_vec();
    for text in context.iter().flat_map(|(name, value)| [name, value]) {
        encoded.extend_from_slice(&length(text.len()));
        encoded.extend_from_slice(text.as_bytes());
    }
    encoded
}

fn length(length: usize) -> [u8; 8] {
    (length as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn context() -> impl Strategy<Value = BTreeMap<String, String>> {
        // Few letters and short texts: contexts that an ambiguous encoding would confuse are likely.
        prop::collection::btree_map("[ab:\u{0}]{0,3}", "[ab:\u{0}]{0,3}", 0..4)
    }

    proptest! {
        #[test]
        fn different_contexts_encode_differently(a in context(), b in context()) {
            prop_assert_eq!(encode(&a) == encode(&b), a == b);
        }
    }
}
