//! What a model says of its fields: the static tree that `#[derive(Protect)]` writes, and the data inventory read from it.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use crate::classification::Classification;

mod inventory;
mod nameless;
mod redacted;

pub use inventory::InventoryEntry;
#[doc(hidden)]
pub use nameless::{ByDefault, MayHoldNames};
pub use redacted::Redacted;

/// A type whose fields are classified. Written by `#[derive(Protect)]`.
///
/// Containers of a classified type are classified through it: `&T`, `Option<T>`, `Box<T>`, `Vec<T>`, `HashMap<String, T>`,
/// `BTreeMap<String, T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how its fields are classified",
    label = "not classified",
    note = "write `#[derive(Protect)]` on `{Self}`, or give the field a class of its own instead of `nested`"
)]
pub trait Protect {
    /// The schema as a constant.
    const SCHEMA: &'static Schema;

    /// How the fields of this type are classified.
    #[must_use]
    fn schema() -> &'static Schema {
        Self::SCHEMA
    }
}

/// How one type's fields are classified.
#[derive(Debug)]
pub struct Schema {
    /// The Rust name of the type, for messages.
    pub name: &'static str,
    /// The logical table or collection that records of this type live in.
    pub resource: Option<&'static str>,
    /// The serialised names of the key attributes, partition key first. They are stored in clear and bound to every
    /// sealed field.
    pub key: &'static [&'static str],
    /// What the type looks like when serialised.
    pub shape: Shape,
}

impl Schema {
    /// Whether this is a struct with a public field of this name. The derive asks while compiling, when it cannot
    /// follow a [`SchemaFn`]: a field that is behind a container or flattened is not found.
    #[doc(hidden)]
    #[must_use]
    pub const fn has_public_field(&self, name: &str) -> bool {
        let Shape::Struct(mut fields) = self.shape else { return false };
        while let [field, rest @ ..] = fields {
            if let FieldRule::Classified(spec) = &field.rule
                && !field.flatten
                && matches!(spec.class, Classification::Public)
                && same_text(field.name, name)
            {
                return true;
            }
            fields = rest;
        }
        false
    }
}

/// What a type looks like when serialised.
#[derive(Debug)]
pub enum Shape {
    /// A map with these fields.
    Struct(&'static [FieldSpec]),
    /// A list with one element per field, in order.
    Tuple(&'static [FieldSpec]),
    /// One of several variants.
    Enum(Tagging, &'static [VariantSpec]),
    /// The same as the type behind it: `Option<T>`, `Box<T>`, a newtype.
    Same(SchemaFn),
    /// One value with one class: a newtype around a classified value.
    Value(ClassifiedSpec),
    /// A list whose elements are of one type.
    List(SchemaFn),
    /// A map from any text to values of one type.
    Map(SchemaFn),
}

/// A schema that is looked up when it is needed, so that types may contain themselves.
pub type SchemaFn = fn() -> &'static Schema;

/// How serde writes the variant of an enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagging {
    /// A text for a unit variant, otherwise a map whose one key is the variant: serde's default.
    External,
    /// A member of the map holds the variant: `#[serde(tag = "...")]`.
    Internal {
        /// The name of that member.
        tag: &'static str,
    },
    /// One member holds the variant, another its content: `#[serde(tag = "...", content = "...")]`.
    Adjacent {
        /// The name of the member with the variant.
        tag: &'static str,
        /// The name of the member with the content.
        content: &'static str,
    },
}

/// One variant of an enum.
#[derive(Debug)]
pub struct VariantSpec {
    /// The serialised name.
    pub name: &'static str,
    /// What it carries.
    pub content: VariantContent,
}

/// What a variant of an enum carries.
#[derive(Debug)]
pub enum VariantContent {
    /// Nothing.
    Unit,
    /// One unnamed field.
    Newtype(FieldSpec),
    /// Several unnamed fields, serialised as a list.
    Tuple(&'static [FieldSpec]),
    /// Named fields.
    Struct(&'static [FieldSpec]),
}

/// One field.
#[derive(Debug)]
pub struct FieldSpec {
    /// The name as serialised; for a field without a name its index (`0`, `1`, ...).
    pub name: &'static str,
    /// Whether its members are written into the parent's map (`#[serde(flatten)]`, or a newtype variant beside an
    /// internal tag). A flattened field with a class of its own classifies every member that no other field names.
    pub flatten: bool,
    /// The class, or the schema it is nested with.
    pub rule: FieldRule,
}

/// What a field says of its value.
#[derive(Debug)]
pub enum FieldRule {
    /// The whole value has one class.
    Classified(ClassifiedSpec),
    /// The value's own fields are classified.
    Nested(SchemaFn),
}

/// The class of a field and what goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassifiedSpec {
    /// The class.
    pub class: Classification,
    /// Free category tags: `phi`, `pci`, `contact`, ...
    pub categories: &'static [&'static str],
    /// The mask that a partial disclosure uses, instead of `partial`.
    pub mask: Option<&'static str>,
    /// Whether equality search over the sealed field is wanted.
    pub searchable: bool,
    /// Whether the value may be a map, or have maps in it, whose names the model does not know. If the field is public, the
    /// policy's rules decide what of it is sealed.
    pub holds_names: bool,
}

/// A typed name of a model's field, as the derive makes it: `Customer::email()`.
pub struct Field<M, T> {
    name: &'static str,
    types: PhantomData<fn() -> (M, T)>,
}

impl<M, T> Field<M, T> {
    /// The field with this serialised name. The derive calls this; a wrong name makes a field that is never found.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// The serialised name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<M, T> Clone for Field<M, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, T> Copy for Field<M, T> {}

impl<M, T> std::fmt::Debug for Field<M, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Field").field(&self.name).finish()
    }
}

/// `==`, while compiling.
const fn same_text(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([first, rest_of_a @ ..], [second, rest_of_b @ ..]) = (a, b) {
        if *first != *second {
            return false;
        }
        (a, b) = (rest_of_a, rest_of_b);
    }
    a.is_empty() && b.is_empty()
}

const fn container(shape: Shape) -> Schema {
    Schema { name: "container", resource: None, key: &[], shape }
}

macro_rules! container {
    ($($shape:ident: $([$($generics:tt)*] $type:ty),+;)+) => {$($(
        impl<$($generics)*> Protect for $type {
            const SCHEMA: &'static Schema = &container(Shape::$shape(T::schema));
        }
    )+)+};
}

container! {
    Same: ['a, T: Protect] &'a T, [T: Protect] Option<T>, [T: Protect] Box<T>, [T: Protect] std::sync::Arc<T>, [T: Protect] std::rc::Rc<T>;
    List: [T: Protect] Vec<T>, [T: Protect] std::collections::VecDeque<T>;
    Map: [T: Protect, S] HashMap<String, T, S>, [T: Protect] BTreeMap<String, T>;
}
