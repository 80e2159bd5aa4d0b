//! What a handler does: read the policy, see who asks, answer with what that caller may see.

use std::error::Error;

use privet_core::mask::Masks;
use privet_core::policy::Policy;
use privet_core::policy::plan::Plan;
use privet_core::principal::Principal;
use privet_core::value::to_record;
use privet_core::view::View;
use serde_json::json;

const POLICY: &str = r#"
version = 1

[[rules]]
class = "pii"
names = ["email", "card_*"]

[[rules]]
class = "public"
names = ["id", "*_at"]

[[fields]]
resource = "orders"
path = "payment.cardNumber"
mask = "card"

[roles.support]
pii = "partial"

[roles.intern]
pii = "forbid"

[resources.orders]
key = ["id"]
"#;

#[test]
fn each_role_sees_its_own() -> Result<(), Box<dyn Error>> {
    let plan = Plan::for_resource("orders", &Policy::from_toml(POLICY)?, &Masks::default())?;
    let order = to_record(&json!({
        "id": "o-1",
        "createdAt": 1700000000,
        "payment": {"cardNumber": "4111 1111 1111 1111", "note": "call first"},
        "email": "ada@example.com",
    }))?;
    // Of a payment of which nothing may be seen, not even its members' names are.
    let hidden = json!("********");
    let in_part = json!({"cardNumber": "**** **** **** 1111", "note": "********"});
    for (roles, email, payment) in [("support", "ad****om", in_part), ("somebody", "********", hidden)] {
        let event = json!({"requestContext": {"authorizer": {"userId": "u-1", "userRoles": roles}}});
        let viewed = plan.view(order.clone(), &Principal::from_authorizer(&event)?, &[], "");
        let answer = serde_json::to_value(View::<()>::new(viewed.tree))?;
        assert_eq!(answer, json!({"id": "o-1", "createdAt": 1700000000, "payment": payment, "email": email}));
    }
    let intern = Principal::new("u-2").role("support").role("intern");
    let answer = View::<()>::new(plan.view(order, &intern, &[], "").tree).into_json();
    assert_eq!(answer, json!({"id": "o-1", "createdAt": 1700000000, "payment": "********"}));
    Ok(())
}
