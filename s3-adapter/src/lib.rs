//! The S3 adapter of privet.
