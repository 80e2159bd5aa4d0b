//! Plans of models and of dynamic data: what is sealed, and what is shown.

mod dynamic;
mod model;
