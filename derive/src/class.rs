//! The four classes as words of the attribute.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// The class of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Public,
    Pii,
    Sensitive,
    Confidential,
}

impl Class {
    pub(crate) const ALL: [Self; 4] = [Self::Public, Self::Pii, Self::Sensitive, Self::Confidential];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Pii => "pii",
            Self::Sensitive => "sensitive",
            Self::Confidential => "confidential",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }

    /// The path of the variant of `Classification`.
    pub(crate) fn path(self) -> TokenStream {
        let variant = match self {
            Self::Public => "Public",
            Self::Pii => "Pii",
            Self::Sensitive => "Sensitive",
            Self::Confidential => "Confidential",
        };
        let variant = Ident::new(variant, Span::mixed_site());
        quote!(::privet::__private::Classification::#variant)
    }
}
