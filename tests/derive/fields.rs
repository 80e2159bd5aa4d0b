//! The typed names of fields.

use privet::{Field, Protect};
use serde::{Deserialize, Serialize};

mod elsewhere {
    use super::{Deserialize, Inner, Protect, Serialize};

    #[derive(Protect, Serialize, Deserialize, Default)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Model {
        #[protect(public)]
        pub(super) record_id: u64,
        #[protect(pii)]
        pub(super) r#type: Option<String>,
        #[protect(nested)]
        pub(in crate::fields) inner: Inner,
        #[protect(pii)]
        private: u8,
    }

    impl Model {
        pub(super) const PRIVATE: &'static str = Model::private().name();
    }
}

#[derive(Protect, Serialize, Deserialize, Default)]
struct Inner {
    #[protect(pii)]
    #[serde(rename = "n")]
    name: String,
}

/// A model whose own methods have the names of its fields.
#[derive(Protect)]
#[protect(fields = false)]
struct Getters {
    #[protect(pii)]
    name: String,
}

impl Getters {
    fn name(&self) -> &str {
        &self.name
    }
}

/// Flattened and skipped fields have no names, so these functions are free to have them.
#[derive(Protect, Serialize, Default)]
struct Partly {
    #[protect(nested)]
    #[serde(flatten)]
    inner: Inner,
    #[protect(skip)]
    cache: u8,
}

impl Partly {
    fn inner(&self) -> &Inner {
        &self.inner
    }

    fn cache(&self) -> u8 {
        self.cache
    }
}

#[test]
fn names_are_the_stored_ones_and_know_their_types() {
    let id: Field<elsewhere::Model, u64> = elsewhere::Model::record_id();
    assert_eq!(id.name(), "recordId");
    let kind: Field<elsewhere::Model, Option<String>> = elsewhere::Model::r#type();
    assert_eq!(kind.name(), "type");
    let inner: Field<elsewhere::Model, Inner> = elsewhere::Model::inner();
    assert_eq!(inner.name(), "inner");
    assert_eq!(Inner::name().name(), "n");
    assert_eq!(elsewhere::Model::PRIVATE, "private");
    let model = elsewhere::Model::default();
    assert!(model.record_id == 0 && model.r#type.is_none() && model.inner.name.is_empty());
}

#[test]
fn names_make_room_for_methods() {
    assert_eq!(Getters { name: "n".to_owned() }.name(), "n");
    let partly = Partly::default();
    assert_eq!(partly.inner().name, "");
    assert_eq!(partly.cache(), 0);
}
