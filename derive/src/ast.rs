//! A model as the macro sees it: each field with its serialised name and what was said of its value.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Fields, Ident, Index, LitStr, Member, Type};

use crate::attr::{ContainerAttrs, FieldAttrs, Serde, VariantAttrs};
use crate::case::Case;
use crate::class::Class;
use crate::error::{Errors, list};

/// The type that derives.
pub(crate) struct Input<'a> {
    pub(crate) original: &'a DeriveInput,
    /// The name without `r#`.
    pub(crate) label: String,
    pub(crate) attrs: ContainerAttrs,
    pub(crate) serde: Serde,
    pub(crate) data: Data<'a>,
}

/// What kind of type it is.
pub(crate) enum Data<'a> {
    Struct(Body<'a>),
    Enum(Tagging, Vec<Variant<'a>>),
}

/// How serde tells the variants of an enum apart.
#[derive(Clone)]
pub(crate) enum Tagging {
    External,
    Internal(LitStr),
    Adjacent(LitStr, LitStr),
}

/// One variant of an enum.
pub(crate) struct Variant<'a> {
    pub(crate) original: &'a syn::Variant,
    /// The name without `r#`.
    pub(crate) label: String,
    /// The serialised name.
    pub(crate) name: String,
    pub(crate) serde: Serde,
    pub(crate) body: Body<'a>,
}

/// The fields of a struct or of a variant.
pub(crate) struct Body<'a> {
    pub(crate) style: Style,
    pub(crate) fields: Vec<Field<'a>>,
}

/// How the fields stand together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Unit,
    Newtype,
    Tuple,
    Named,
}

/// One field.
pub(crate) struct Field<'a> {
    pub(crate) original: &'a syn::Field,
    pub(crate) member: Member,
    /// The name without `r#`, or the position.
    pub(crate) label: String,
    /// The serialised name. For a field without a name its position among those that are written.
    pub(crate) name: String,
    pub(crate) attrs: FieldAttrs,
    pub(crate) serde: Serde,
    pub(crate) rule: Rule,
}

/// What becomes of a field's value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// It is not stored.
    Skipped,
    Classified(Class),
    Nested,
}

impl<'a> Input<'a> {
    pub(crate) fn parse(original: &'a DeriveInput, errors: &mut Errors) -> Self {
        let attrs = ContainerAttrs::parse(&original.attrs, errors);
        let serde = Serde::parse(&original.attrs);
        let case = serde.rename_all.case(errors);
        let scope = Scope { case, default: attrs.default, skipped: false };
        let data = match &original.data {
            syn::Data::Struct(data) => Data::Struct(Body::parse(&data.fields, scope, true, errors)),
            syn::Data::Enum(data) => {
                let scope = Scope { case: serde.rename_all_fields.case(errors), ..scope };
                let variants = data.variants.iter();
                let variants = variants.map(|variant| Variant::parse(variant, case, scope, errors));
                Data::Enum(Tagging::of(&serde), variants.collect())
            }
            syn::Data::Union(data) => {
                let message = "a union does not say which of its fields is there: derive `Protect` on a struct or an \
                               enum";
                errors.push(data.union_token.span(), message);
                Data::Struct(Body { style: Style::Unit, fields: Vec::new() })
            }
        };
        Self { original, label: original.ident.unraw().to_string(), attrs, serde, data }
    }

    /// All fields of all variants.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field<'a>> {
        let (body, variants) = match &self.data {
            Data::Struct(body) => (Some(body), [].as_slice()),
            Data::Enum(_, variants) => (None, variants.as_slice()),
        };
        body.into_iter().chain(variants.iter().map(|variant| &variant.body)).flat_map(|body| &body.fields)
    }
}

impl Tagging {
    fn of(serde: &Serde) -> Self {
        match (&serde.tag, &serde.content) {
            (Some(tag), Some(content)) => Self::Adjacent(tag.clone(), content.clone()),
            (Some(tag), None) => Self::Internal(tag.clone()),
            (None, _) => Self::External,
        }
    }
}

/// What a field inherits from what is around it.
#[derive(Clone, Copy)]
struct Scope {
    case: Case,
    default: Option<Class>,
    /// Whether the variant around it is never stored.
    skipped: bool,
}

impl<'a> Variant<'a> {
    fn parse(original: &'a syn::Variant, case: Case, scope: Scope, errors: &mut Errors) -> Self {
        let attrs = VariantAttrs::parse(&original.attrs, errors);
        let serde = Serde::parse(&original.attrs);
        let label = original.ident.unraw().to_string();
        let name = serialised(&label, &case.variant(&label), &serde, attrs.rename.as_ref(), errors);
        let scope = Scope {
            case: serde.rename_all.case(errors).or(scope.case),
            skipped: serde.skip_serializing.is_some(),
            ..scope
        };
        let body = Body::parse(&original.fields, scope, false, errors);
        Self { original, label, name, serde, body }
    }

    /// Whether it is never stored.
    pub(crate) fn skipped(&self) -> bool {
        self.serde.skip_serializing.is_some()
    }
}

impl<'a> Body<'a> {
    fn parse(fields: &'a Fields, scope: Scope, of_struct: bool, errors: &mut Errors) -> Self {
        let style = match fields {
            Fields::Named(_) => Style::Named,
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Style::Newtype,
            Fields::Unnamed(_) => Style::Tuple,
            Fields::Unit => Style::Unit,
        };
        // A newtype struct is written as what is in it, and serde does so even where the field says `skip`.
        let skips = !(of_struct && style == Style::Newtype);
        let mut stored = 0;
        let mut parsed = Vec::with_capacity(fields.len());
        for (position, field) in fields.iter().enumerate() {
            let field = Field::parse(field, position, stored, scope, skips, errors);
            stored += usize::from(field.rule != Rule::Skipped);
            parsed.push(field);
        }
        Self { style, fields: parsed }
    }

    /// The fields that are written.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(|field| field.rule != Rule::Skipped)
    }
}

impl<'a> Field<'a> {
    fn parse(
        original: &'a syn::Field,
        position: usize,
        stored: usize,
        scope: Scope,
        skips: bool,
        errors: &mut Errors,
    ) -> Self {
        let serde = Serde::parse(&original.attrs);
        let (label, member) = match &original.ident {
            // The identifier keeps its place but is the macro's own, so that lints on the user's code leave it alone.
            Some(ident) => (ident.unraw().to_string(), Member::Named(macro_ident(ident))),
            None => (position.to_string(), Member::Unnamed(Index::from(position))),
        };
        let attrs = FieldAttrs::parse(&original.attrs, &label, errors);
        let skipped = attrs.skip.is_some() || scope.skipped || (skips && serde.skip_serializing.is_some());
        let name = match (&original.ident, skipped) {
            (Some(_), false) => serialised(&label, &scope.case.field(&label), &serde, attrs.rename.as_ref(), errors),
            (Some(_), true) => label.clone(),
            (None, _) => stored.to_string(),
        };
        let rule = match (&attrs.class, attrs.nested) {
            _ if skipped => Rule::Skipped,
            (None, Some(_)) => Rule::Nested,
            (Some((class, _)), _) => Rule::Classified(*class),
            (None, None) => {
                if scope.default.is_none() {
                    let span = original.ident.as_ref().map_or_else(|| original.ty.span(), Spanned::span);
                    errors.push(span, unclassified(&label));
                }
                Rule::Classified(scope.default.unwrap_or(Class::Confidential))
            }
        };
        Self { original, member, label, name, attrs, serde, rule }
    }

    /// Where the field stands: its name, or its type if it has none.
    pub(crate) fn span(&self) -> Span {
        self.original.ident.as_ref().map_or_else(|| self.original.ty.span(), Spanned::span)
    }

    /// The type, spelled by the user.
    pub(crate) fn ty(&self) -> &'a Type {
        &self.original.ty
    }

    /// Where the type stands, for code that fails if the type is the wrong one.
    pub(crate) fn ty_span(&self) -> Span {
        Span::call_site().located_at(self.original.ty.span())
    }

    /// Whether its type is `PhantomData`, which serde leaves out of `transparent`.
    pub(crate) fn is_phantom(&self) -> bool {
        let Type::Path(path) = self.ty() else { return false };
        path.path.segments.last().is_some_and(|segment| segment.ident == "PhantomData")
    }
}

/// The same name at the same place, resolved where it stands but known as written by a macro.
pub(crate) fn macro_ident(ident: &Ident) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(Span::call_site().located_at(ident.span()));
    ident
}

/// The serialised name of a field or a variant, which must be the same for writing and for reading.
fn serialised(label: &str, plain: &str, serde: &Serde, own: Option<&LitStr>, errors: &mut Errors) -> String {
    let value = |name: &Option<LitStr>| name.as_ref().map_or_else(|| plain.to_owned(), LitStr::value);
    let (written, read) = (value(&serde.rename.serialize), value(&serde.rename.deserialize));
    let is_read = written == read || serde.aliases.contains(&written) || serde.skip_deserializing.is_some();
    if let (false, Some(span)) = (is_read, serde.rename.span()) {
        let message = format!(
            "`{label}` is written as `{written}` and read as `{read}`, but a sealed record is read under the names it \
             was written with: write `#[serde(rename = {written:?})]`"
        );
        errors.push(span, message);
    }
    let Some(own) = own else { return written };
    if serde.rename.span().is_some() && own.value() != written {
        let message = format!("serde writes `{label}` as `{written}`: leave out this `rename` or make it {written:?}");
        errors.push(own.span(), message);
    }
    own.value()
}

fn unclassified(label: &str) -> String {
    let words = Class::ALL.map(|class| format!("#[protect({})]", class.word()));
    let words = list(words.iter().map(String::as_str));
    format!("`{label}` has no class: write {words}, or `#[protect(nested)]` if its type derives `Protect`")
}

/// Whether the tokens name the type parameter: `T` or `T::Item`, but not `other::T`.
pub(crate) fn mentions_param(tokens: &impl ToTokens, param: &Ident) -> bool {
    mentions(tokens.to_token_stream(), &mut |ident, qualified| !qualified && ident == param)
}

/// Whether the tokens name the type itself, by whatever path.
pub(crate) fn mentions_type(tokens: &impl ToTokens, name: &Ident) -> bool {
    mentions(tokens.to_token_stream(), &mut |ident, _| ident == name || ident == "Self")
}

fn mentions(tokens: TokenStream, is_meant: &mut dyn FnMut(&Ident, bool) -> bool) -> bool {
    let mut qualified = false;
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => is_meant(&ident, std::mem::take(&mut qualified)),
        TokenTree::Group(group) => mentions(group.stream(), is_meant),
        TokenTree::Punct(punct) => {
            qualified = punct.as_char() == ':';
            false
        }
        TokenTree::Literal(_) => false,
    })
}
