//! Pages of a query or scan as a stream.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::stream::{self, Stream, TryStreamExt as _};
use privet_core::ErrorKind;
use privet_core::protector::Protector;

use super::SendProtected;
use crate::error::{Error, Item, Result};

/// `.into_paginator().send()` becomes `.into_protected_pages(&privet)`.
///
/// The streams are to be pinned: `let mut pages = std::pin::pin!(scan.into_protected_pages(&privet));`.
pub trait IntoProtectedPages: SendProtected + Sized {
    /// One page after the other, opened, until there are no more. A page that fails is the last.
    fn into_protected_pages(self, privet: &Protector) -> impl Stream<Item = Result<Self::Output>> + Send;

    /// One item after the other.
    fn into_protected_items(self, privet: &Protector) -> impl Stream<Item = Result<Item>> + Send;
}

macro_rules! pages {
    ($($builder:ty => $output:ty),+) => {$(
        impl IntoProtectedPages for $builder {
            fn into_protected_pages(self, privet: &Protector) -> impl Stream<Item = Result<$output>> + Send {
                let privet = privet.clone();
                stream::try_unfold(Some(self), move |next| {
                    let privet = privet.clone();
                    async move {
                        let Some(request) = next else { return Ok(None) };
                        let page = request.clone().send_protected(&privet).await?;
                        let last = page.last_evaluated_key.clone().filter(|key| !key.is_empty());
                        check_progress(request.get_exclusive_start_key().as_ref(), last.as_ref())?;
                        let next = last.map(|key| request.set_exclusive_start_key(Some(key)));
                        Ok(Some((page, next)))
                    }
                })
            }

            fn into_protected_items(self, privet: &Protector) -> impl Stream<Item = Result<Item>> + Send {
                self.into_protected_pages(privet)
                    .map_ok(|page| stream::iter(page.items.unwrap_or_default().into_iter().map(Ok)))
                    .try_flatten()
            }
        }
    )+};
}

pages!(QueryFluentBuilder => QueryOutput, ScanFluentBuilder => ScanOutput);

/// A page that ends where it started would be asked for for ever.
pub(crate) fn check_progress(
    start: Option<&HashMap<String, AttributeValue>>,
    last: Option<&HashMap<String, AttributeValue>>,
) -> Result<()> {
    if last.is_some() && start == last {
        return Err(Error::new(ErrorKind::Io, "DynamoDB gave the same place for the next page as for this one"));
    }
    Ok(())
}
