//! The canonical path of an attribute, which is also its place among the others.

use super::table::Table;

/// A name in the order of canonical paths: shorter ones first, counted in UTF-16 code units, then by their bytes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    units: u64,
    name: String,
}

impl Order {
    pub(super) fn of(name: String) -> Self {
        let units = if name.is_ascii() { name.len() } else { name.encode_utf16().count() };
        Self { units: units as u64, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn into_name(self) -> String {
        self.name
    }
}

/// The paths of one table's attributes.
pub(super) struct Paths(Vec<u8>);

impl Paths {
    pub(super) fn of(table: &Table) -> Self {
        Self([table.name().as_bytes(), &DEPTH.to_be_bytes(), b"$"].concat())
    }

    /// Appends logical table name, u64 depth, `$`, u64 length of the name in UTF-16 code units, name (DB-ESDK item format,
    /// section 3).
    pub(super) fn write(&self, order: &Order, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
        out.extend_from_slice(&order.units.to_be_bytes());
        out.extend_from_slice(order.name.as_bytes());
    }
}

/// Only top-level attributes are told apart.
const DEPTH: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(table: &str, name: &str) -> String {
        let mut out = Vec::new();
        Paths::of(&Table::new(table, "pk").unwrap()).write(&Order::of(name.into()), &mut out);
        out.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn known_paths() {
        assert_eq!(
            path("Orders", "größe"),
            "4f7264657273000000000000000124000000000000000".to_owned() + "56772c3b6c39f65"
        );
        assert_eq!(path("T", "𐀂x"), "54000000000000000124000000000000000".to_owned() + "3f090808278");
    }

    #[test]
    fn order_is_by_length_in_code_units_then_by_bytes() {
        let mut names = ["aa", "ｚ", "𐀂", "b", "ab", "größe", "B"].map(|name| Order::of(name.into()));
        names.sort();
        assert_eq!(names.map(Order::into_name), ["B", "b", "ｚ", "aa", "ab", "𐀂", "größe"]);
    }
}
