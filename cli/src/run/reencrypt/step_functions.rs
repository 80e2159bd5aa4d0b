//! The engine of Step Functions: starts the state machine of `deploy/reencrypt/` and follows it.

use crate::exit::{Failure, Outcome};
use crate::opt::Reencrypt;
use crate::session::Session;

#[expect(clippy::unused_async, reason = "starting a state machine is a call")]
pub(super) async fn run(_session: &Session, _args: &Reencrypt) -> Outcome {
    Err(Failure::usage("this engine is started by hand for now: see `deploy/reencrypt/`"))
}
