//! The crypto room against the vectors of project Wycheproof, with RustCrypto's crates as a second opinion.
//!
//! Each test states how many vectors it has looked at, so that none is skipped unnoticed.

use serde_json::Value;

mod aead;
mod derivation;
mod rsa;
mod signature;

/// A vector: members of its group and its own, bytes decoded.
struct Vector {
    group: Value,
    test: Value,
}

impl Vector {
    fn bytes(&self, member: &str) -> Vec<u8> {
        let digits = self.test[member].as_str().or_else(|| self.group[member].as_str()).unwrap();
        hex(digits)
    }

    fn number(&self, member: &str) -> usize {
        let number = self.test[member].as_u64().or_else(|| self.group[member].as_u64());
        usize::try_from(number.unwrap()).unwrap()
    }

    /// Whether an implementation must accept it.
    fn is_valid(&self) -> bool {
        match self.test["result"].as_str().unwrap() {
            "valid" => true,
            "invalid" => false,
            other => panic!("a result of its own kind: {other}"),
        }
    }

    fn name(&self) -> String {
        format!("vector {}: {}", self.test["tcId"], self.test["comment"])
    }
}

/// The vectors of a file. Their number is the file's own.
fn vectors(file: &str) -> Vec<Vector> {
    let path = format!("{}/../tests/vectors/wycheproof/{file}_test.json", env!("CARGO_MANIFEST_DIR"));
    let mut content: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut vectors = Vec::new();
    for group in content["testGroups"].as_array_mut().unwrap() {
        let Value::Array(tests) = group["tests"].take() else { panic!("a group without tests") };
        vectors.extend(tests.into_iter().map(|test| Vector { group: group.clone(), test }));
    }
    assert_eq!(vectors.len() as u64, content["numberOfTests"].as_u64().unwrap());
    vectors
}

fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2));
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
