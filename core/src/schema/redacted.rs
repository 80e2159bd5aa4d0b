//! What `Debug` of a model shows in the place of a value that it must not show.

use std::fmt;

/// A word in the place of a value: `<pii>`, `<skipped>`. It prints as it is, without quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Redacted(pub &'static str);

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
