//! Which types hold no names that a model would not know: the derive asks while compiling.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

/// A type that serde writes as one text, number or truth value, or as a list of such.
#[doc(hidden)]
pub trait Nameless {}

/// Whether values of a type may be maps, or have maps in them, whose names no model knows. Of a type that is not
/// [`Nameless`] nothing is known, and so it is `true`.
#[doc(hidden)]
#[derive(Debug)]
pub struct MayHoldNames<T: ?Sized>(PhantomData<T>);

impl<T: Nameless + ?Sized> MayHoldNames<T> {
    /// It comes before the constant of the trait.
    pub const ANSWER: bool = false;
}

/// The answer for all other types.
#[doc(hidden)]
pub trait ByDefault {
    const ANSWER: bool = true;
}

impl<T: ?Sized> ByDefault for MayHoldNames<T> {}

macro_rules! nameless {
    ($([$($generics:tt)*] $type:ty),+ $(,)?) => {$(
        impl<$($generics)*> Nameless for $type {}
    )+};
}

nameless! {
    [] bool, [] char, [] str, [] String,
    [] i8, [] i16, [] i32, [] i64, [] i128, [] isize, [] u8, [] u16, [] u32, [] u64, [] u128, [] usize, [] f32, [] f64,
    [T: Nameless + ?Sized] &T, [T: Nameless + ?Sized] Box<T>, [T: Nameless + ?Sized] Arc<T>, [T: Nameless + ?Sized] Rc<T>,
    [T: Nameless + ToOwned + ?Sized] Cow<'_, T>,
    [T: Nameless] Option<T>,
    [T: Nameless] [T], [T: Nameless, const N: usize] [T; N], [T: Nameless] Vec<T>, [T: Nameless] VecDeque<T>,
    [T: Nameless] BTreeSet<T>, [T: Nameless, S] HashSet<T, S>,
}
