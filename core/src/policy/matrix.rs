//! Who may see a class: the role matrix.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::classification::Classification;
use crate::principal::Principal;

/// How much of a value a caller may see; the wider is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Disclosure {
    /// Nothing, not even that there is a value.
    Withhold,
    /// A full mask.
    Mask,
    /// What the field's mask leaves of it.
    Partial,
    /// The value.
    Reveal,
}

impl Disclosure {
    /// The word as policies and audit events write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Withhold => "withhold",
            Self::Mask => "mask",
            Self::Partial => "partial",
            Self::Reveal => "reveal",
        }
    }
}

impl fmt::Display for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A cell of the role matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cell {
    /// Like `withhold`, and whatever other role the caller has does not help.
    Forbid,
    /// Nothing is shown.
    Withhold,
    /// A full mask is shown.
    Mask,
    /// What the field's mask leaves is shown.
    Partial,
    /// The value is shown.
    Reveal,
}

/// The cells of one role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// How values of class `public` are shown.
    pub(super) public: Option<Cell>,
    /// How values of class `pii` are shown.
    pub(super) pii: Option<Cell>,
    /// How values of class `sensitive` are shown.
    pub(super) sensitive: Option<Cell>,
    /// How values of class `confidential` are shown.
    pub(super) confidential: Option<Cell>,
}

/// The role matrix. INVARIANT: `everyone` has all cells.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) everyone: Row,
    pub(super) roles: BTreeMap<String, Row>,
}

/// Cells that one field has in place of its classes' cells, by role; `everyone` is a role here.
pub(super) type FieldCells = BTreeMap<String, Cell>;

impl Matrix {
    /// How much of a value of this class, in a field with these cells, the principal may see.
    pub(super) fn disclosure(
        &self,
        class: Classification,
        cells: Option<&FieldCells>,
        principal: &Principal,
    ) -> Disclosure {
        let mut known = principal.roles().filter(|role| self.roles.contains_key(*role)).peekable();
        if known.peek().is_none() {
            return self.cell(EVERYONE, class, cells).alone();
        }
        let cells = known.map(|role| self.cell(role, class, cells));
        cells.reduce(Cell::or).map_or(Disclosure::Withhold, Cell::alone)
    }

    /// The cell of a role, which is its row's, or everyone's if the row has none.
    pub(super) fn cell(&self, role: &str, class: Classification, cells: Option<&FieldCells>) -> Cell {
        let own = cells.and_then(|cells| cells.get(role).copied());
        own.or_else(|| self.roles.get(role)?.get(class))
            .or_else(|| cells?.get(EVERYONE).copied())
            .or_else(|| self.everyone.get(class))
            .unwrap_or(Cell::Withhold)
    }
}

impl Row {
    pub(super) fn get(&self, class: Classification) -> Option<Cell> {
        match class {
            Classification::Public => self.public,
            Classification::Pii => self.pii,
            Classification::Sensitive => self.sensitive,
            Classification::Confidential => self.confidential,
        }
    }

    /// This row, with the other's cells where it has none.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            public: self.public.or(other.public),
            pii: self.pii.or(other.pii),
            sensitive: self.sensitive.or(other.sensitive),
            confidential: self.confidential.or(other.confidential),
        }
    }

    /// A row with all cells.
    pub(super) const fn full(public: Cell, pii: Cell, sensitive: Cell, confidential: Cell) -> Self {
        Self { public: Some(public), pii: Some(pii), sensitive: Some(sensitive), confidential: Some(confidential) }
    }
}

impl Cell {
    /// What two roles together may see: the wider, unless one forbids.
    fn or(self, other: Self) -> Self {
        if self == Self::Forbid || other == Self::Forbid { Self::Forbid } else { self.max(other) }
    }

    pub(super) fn alone(self) -> Disclosure {
        match self {
            Self::Forbid | Self::Withhold => Disclosure::Withhold,
            Self::Mask => Disclosure::Mask,
            Self::Partial => Disclosure::Partial,
            Self::Reveal => Disclosure::Reveal,
        }
    }
}

/// The row of callers none of whose roles has one.
pub(super) const EVERYONE: &str = "everyone";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matrix(cells: &[Cell]) -> Matrix {
        let row = |cell: &Cell| Row { pii: Some(*cell), ..Row::default() };
        Matrix {
            everyone: Row::full(Cell::Reveal, Cell::Mask, Cell::Mask, Cell::Mask),
            roles: cells.iter().enumerate().map(|(index, cell)| (index.to_string(), row(cell))).collect(),
        }
    }

    fn any_cell() -> impl Strategy<Value = Cell> {
        prop::sample::select(vec![Cell::Forbid, Cell::Withhold, Cell::Mask, Cell::Partial, Cell::Reveal])
    }

    proptest! {
        #[test]
        fn another_role_never_narrows_unless_it_forbids(cells in prop::collection::vec(any_cell(), 1..5), more in any_cell()) {
            let all: Vec<_> = cells.iter().copied().chain([more]).collect();
            let matrix = matrix(&all);
            let with = |count: usize| {
                let principal = (0..count).fold(Principal::new("u"), |principal, index| principal.role(index.to_string()));
                matrix.disclosure(Classification::Pii, None, &principal)
            };
            let (before, after) = (with(cells.len()), with(all.len()));
            if all.contains(&Cell::Forbid) {
                prop_assert_eq!(after, Disclosure::Withhold);
            } else {
                prop_assert!(after >= before);
                prop_assert_eq!(after, all.iter().map(|cell| cell.alone()).max().unwrap());
            }
        }
    }

    #[test]
    fn what_a_row_lacks_is_everyones() {
        let matrix = matrix(&[Cell::Reveal]);
        let principal = Principal::new("u").role("0");
        assert_eq!(matrix.disclosure(Classification::Pii, None, &principal), Disclosure::Reveal);
        assert_eq!(matrix.disclosure(Classification::Confidential, None, &principal), Disclosure::Mask);
        let stranger = Principal::new("u").role("9");
        assert_eq!(matrix.disclosure(Classification::Pii, None, &stranger), Disclosure::Mask);
    }

    #[test]
    fn a_fields_cells_come_first() {
        let matrix = matrix(&[Cell::Partial, Cell::Mask]);
        let cells = FieldCells::from([("1".into(), Cell::Reveal), ("everyone".into(), Cell::Withhold)]);
        let seen = |role: &str| matrix.disclosure(Classification::Pii, Some(&cells), &Principal::new("u").role(role));
        assert_eq!(seen("0"), Disclosure::Partial);
        assert_eq!(seen("1"), Disclosure::Reveal);
        assert_eq!(seen("stranger"), Disclosure::Withhold);
    }
}
