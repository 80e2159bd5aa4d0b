//! The derive macro of privet.
