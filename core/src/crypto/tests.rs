//! The crypto room against vectors that others made.

mod wycheproof;
