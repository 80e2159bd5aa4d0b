//! privet: field-level data protection for serverless applications on AWS.
