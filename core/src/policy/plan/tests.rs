//! Plans of models and of dynamic data: what is sealed, and what is shown.

mod dynamic;
mod model;
mod place;

#[test]
fn a_plan_goes_to_every_thread() {
    fn goes<T: Send + Sync + Clone + 'static>() {}
    goes::<super::Plan>();
    goes::<crate::mask::Masks>();
    goes::<crate::view::View<std::rc::Rc<()>>>();
}
