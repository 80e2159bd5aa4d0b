//! Who asks: the id, roles, security level and purpose of a caller, as an authorizer vouches for them.

use std::fmt;

use serde_json::Value as Json;

use crate::error::{Error, Result};

/// Who asks to see data, and in which roles.
///
/// ```
/// use privet_core::principal::Principal;
///
/// let principal = Principal::new("u-1").role("manager").security_level(2).purpose("support");
/// assert_eq!(principal.roles().collect::<Vec<_>>(), ["manager"]);
/// ```
///
/// # Security
///
/// A principal is believed: build it only from what an authorizer has verified, never from what the caller sent.
/// `Debug` prints how many roles there are and neither id nor role.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    id: String,
    roles: Vec<String>,
    security_level: u32,
    purpose: Option<String>,
}

impl Principal {
    /// A caller without roles, at security level 0, with no purpose: the least that can be.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), roles: Vec::new(), security_level: 0, purpose: None }
    }

    /// Adds a role. Names of roles compare exactly.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Sets the security level.
    #[must_use]
    pub fn security_level(mut self, level: u32) -> Self {
        self.security_level = level;
        self
    }

    /// Sets what the data is wanted for.
    #[must_use]
    pub fn purpose(mut self, purpose: impl Into<String>) -> Self {
        self.purpose = Some(purpose.into());
        self
    }

    /// The caller of a Lambda behind API Gateway: from the context map that its authorizer made, or from the whole
    /// event that carries it at `requestContext.authorizer` (REST) or `requestContext.authorizer.lambda` (HTTP).
    ///
    /// Read are `userId`, `userRoles` (separated by commas), `securityLevel` (a number or its text), `purpose`.
    ///
    /// ```
    /// # use privet_core::principal::Principal;
    /// let event = serde_json::json!({"requestContext": {"authorizer": {"userId": "u-1", "userRoles": "admin, auditor"}}});
    /// let principal = Principal::from_authorizer(&event)?;
    /// assert_eq!(principal.roles().collect::<Vec<_>>(), ["admin", "auditor"]);
    /// # Ok::<(), privet_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Input` if `userId` is missing or empty, or an entry has another type than it should.
    ///
    /// # Security
    ///
    /// An event that carries a `requestContext` is only read there: what a caller puts into the event's body or at
    /// its top does not make a principal. Anything else is taken for the authorizer's map itself, so never hand over a
    /// payload that a caller wrote.
    pub fn from_authorizer(context: &Json) -> Result<Self> {
        let context = authorizer_context(context)?;
        let id = text(context, "userId")?
            .filter(|id| !id.is_empty())
            .ok_or_else(|| Error::input("the authorizer context has no `userId`; let the authorizer set it"))?;
        let roles = text(context, "userRoles")?.unwrap_or_default();
        Ok(Self {
            id: id.to_owned(),
            roles: roles.split(',').map(str::trim).filter(|role| !role.is_empty()).map(str::to_owned).collect(),
            security_level: level(context)?,
            purpose: text(context, "purpose")?.filter(|purpose| !purpose.is_empty()).map(str::to_owned),
        })
    }

    /// The caller's id, for the audit log.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The caller's roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(String::as_str)
    }

    /// The caller's security level; 0 if nobody set one.
    #[must_use]
    pub fn level(&self) -> u32 {
        self.security_level
    }

    /// What the data is wanted for, if it was said.
    #[must_use]
    pub fn stated_purpose(&self) -> Option<&str> {
        self.purpose.as_deref()
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal").field("roles", &self.roles.len()).finish_non_exhaustive()
    }
}

fn authorizer_context(given: &Json) -> Result<&Json> {
    let context = match given.get("requestContext") {
        Some(request) => request.get("authorizer").ok_or_else(|| {
            Error::input("the event has no `requestContext.authorizer`; put an authorizer before the function")
        })?,
        None => given,
    };
    Ok(context.get("lambda").filter(|inner| inner.is_object()).unwrap_or(context))
}

fn text<'a>(context: &'a Json, name: &str) -> Result<Option<&'a str>> {
    match context.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::input(format!("`{name}` in the authorizer context must be text"))),
    }
}

fn level(context: &Json) -> Result<u32> {
    let level = match context.get("securityLevel") {
        None | Some(Json::Null) => Some(0),
        Some(Json::Number(number)) => number.as_u64().and_then(|level| u32::try_from(level).ok()),
        Some(Json::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    level.ok_or_else(|| Error::input("`securityLevel` in the authorizer context must be a whole number from 0"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn reads_a_bare_context_and_both_events() {
        let context =
            json!({"userId": "u-1", "userRoles": "admin, auditor,,", "securityLevel": "3", "purpose": "care"});
        let wanted = Principal::new("u-1").role("admin").role("auditor").security_level(3).purpose("care");
        for given in [
            context.clone(),
            json!({"requestContext": {"authorizer": context.clone()}, "userId": "mallory"}),
            json!({"requestContext": {"authorizer": {"lambda": context}}}),
        ] {
            assert_eq!(Principal::from_authorizer(&given).unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_missing_is_the_least() {
        let principal = Principal::from_authorizer(&json!({"userId": "u", "securityLevel": 7})).unwrap();
        assert_eq!(principal, Principal::new("u").security_level(7));
        assert_eq!(principal.stated_purpose(), None);
    }

    #[test]
    fn refused() {
        for given in [
            json!({}),
            json!(null),
            json!({"userId": ""}),
            json!({"userId": 1}),
            json!({"userId": "u", "userRoles": 1}),
            json!({"userId": "u", "securityLevel": "high"}),
            json!({"userId": "u", "securityLevel": -1}),
            json!({"userId": "u", "securityLevel": 1.5}),
            json!({"userId": "mallory", "requestContext": {}}),
        ] {
            assert_eq!(Principal::from_authorizer(&given).unwrap_err().kind(), ErrorKind::Input, "{given}");
        }
    }

    #[test]
    fn debug_names_nobody() {
        let shown = format!("{:?}", Principal::new("u-17").role("admin").purpose("care"));
        assert_eq!(shown, "Principal { roles: 1, .. }");
    }
}
