//! The words of `#[serde(...)]` that decide under which names and in which shape a value is stored.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, LitStr, Token};

use super::skip_value;
use crate::case::Case;
use crate::error::Errors;

/// What serde was told. One type for containers, variants and fields: each reads its own part.
#[derive(Default)]
pub(crate) struct Serde {
    pub(crate) rename: Renames,
    pub(crate) rename_all: Renames,
    pub(crate) rename_all_fields: Renames,
    pub(crate) aliases: Vec<String>,
    pub(crate) tag: Option<LitStr>,
    pub(crate) content: Option<LitStr>,
    pub(crate) untagged: Option<Span>,
    pub(crate) transparent: Option<Span>,
    pub(crate) flatten: Option<Span>,
    pub(crate) skip_serializing: Option<Span>,
    pub(crate) skip_deserializing: Option<Span>,
    pub(crate) skip_serializing_if: Option<Span>,
    /// `into`: another type is written.
    pub(crate) into: Option<Span>,
    /// `with` or `serialize_with`: a function writes it.
    pub(crate) with: Option<Span>,
}

/// A name for writing and a name for reading, where given.
#[derive(Default)]
pub(crate) struct Renames {
    pub(crate) serialize: Option<LitStr>,
    pub(crate) deserialize: Option<LitStr>,
}

impl Serde {
    /// Reads what it understands. What does not parse is serde's own derive to complain about, once.
    pub(crate) fn parse(attrs: &[Attribute]) -> Self {
        let mut found = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            let _ = attr.parse_nested_meta(|meta| found.word(&meta));
        }
        found
    }

    fn word(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let span = meta.path.span();
        let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match &*word {
            "rename" => return self.rename.read(meta),
            "rename_all" => return self.rename_all.read(meta),
            "rename_all_fields" => return self.rename_all_fields.read(meta),
            "alias" => {
                self.aliases.push(meta.value()?.parse::<LitStr>()?.value());
                return Ok(());
            }
            "tag" => {
                self.tag = Some(meta.value()?.parse()?);
                return Ok(());
            }
            "content" => {
                self.content = Some(meta.value()?.parse()?);
                return Ok(());
            }
            "untagged" => self.untagged = Some(span),
            "transparent" => self.transparent = Some(span),
            "flatten" => self.flatten = Some(span),
            "skip" => {
                self.skip_serializing = Some(span);
                self.skip_deserializing = Some(span);
            }
            "skip_serializing" => self.skip_serializing = Some(span),
            "skip_deserializing" => self.skip_deserializing = Some(span),
            "skip_serializing_if" => self.skip_serializing_if = Some(span),
            "into" => self.into = Some(span),
            "with" | "serialize_with" => self.with = Some(span),
            _ => {}
        }
        skip_value(meta)
    }
}

impl Renames {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.input.peek(Token![=]) {
            let name: LitStr = meta.value()?.parse()?;
            self.serialize = Some(name.clone());
            self.deserialize = Some(name);
            return Ok(());
        }
        meta.parse_nested_meta(|side| {
            if side.path.is_ident("serialize") {
                self.serialize = Some(side.value()?.parse()?);
            } else if side.path.is_ident("deserialize") {
                // Serde allows several names for reading; the first is enough to tell that they differ.
                self.deserialize = Some(side.value()?.parse()?);
            } else {
                skip_value(&side)?;
            }
            Ok(())
        })
    }

    /// Where it stands in the source.
    pub(crate) fn span(&self) -> Option<Span> {
        self.serialize.as_ref().or(self.deserialize.as_ref()).map(LitStr::span)
    }

    /// The case that `rename_all` asks for.
    pub(crate) fn case(&self, errors: &mut Errors) -> Case {
        let case = |name: &Option<LitStr>| name.as_ref().map(|name| Case::from_word(&name.value())).unwrap_or_default();
        let written = case(&self.serialize);
        if let (Some(span), true) = (self.span(), written != case(&self.deserialize)) {
            let message = "names are written in one case and read in another, but a sealed record is read under the \
                           names it was written with: write `rename_all = \"...\"` for both";
            errors.push(span, message);
        }
        written
    }
}
