//! What a raw key may be called: namespace and name are all that readers have to find it by.

use crate::error::{Error, Result};

/// Namespace and name, if both can be stored and mean no one else's key.
pub(super) fn checked(namespace: impl Into<String>, name: impl Into<String>) -> Result<(String, String)> {
    let (namespace, name) = (namespace.into(), name.into());
    if namespace.starts_with("aws-kms") || namespace == "privet" {
        return Err(Error::config("`aws-kms` and `privet` are no namespaces for raw keys: choose another one"));
    }
    if namespace.is_empty() || name.is_empty() || namespace.len() > 255 || name.len() > 1024 {
        return Err(Error::config("a raw key needs a namespace of up to 255 bytes and a name of up to 1,024"));
    }
    Ok((namespace, name))
}
