//! The names that the derive macro writes. They are no part of the interface and may change with any version.

pub use core::option::Option;
pub use core::{assert, fmt};

pub use privet_core::Classification;
pub use privet_core::schema::{
    ByDefault, ClassifiedSpec, Field, FieldRule, FieldSpec, MayHoldNames, Protect, Redacted, Schema, Shape, Tagging,
    VariantContent, VariantSpec,
};
