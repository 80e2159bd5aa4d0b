//! The macro's messages: one mistake, one message, at the place of the mistake.
//!
//! They stand in this package, not beside the facade's tests, so that they build neither an SDK nor the testkit.

#[test]
fn mistakes() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
