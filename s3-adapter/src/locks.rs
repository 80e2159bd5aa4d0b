//! What keeps an object from being changed or removed, and goes on to the object that takes its place.

use std::time::SystemTime;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockEventHold, ObjectLockLegalHoldStatus, ObjectLockMode};

/// The locks of an object that are in force. `HEAD` tells them to who may read them, and to nobody else.
#[derive(Default)]
pub(crate) struct Locks {
    pub(crate) mode: Option<ObjectLockMode>,
    pub(crate) retain_until: Option<DateTime>,
    pub(crate) legal_hold: Option<ObjectLockLegalHoldStatus>,
    pub(crate) event_hold: Option<ObjectLockEventHold>,
    pub(crate) event_hold_days: Option<i32>,
    pub(crate) event_hold_years: Option<i32>,
}

impl Locks {
    /// The locks that an object has at this time. S3 still tells a retention that is over, and refuses a request with one;
    /// and to say that there is no hold takes the right to set one.
    pub(crate) fn of(head: &HeadObjectOutput, now: SystemTime) -> Self {
        let retain_until = head.object_lock_retain_until_date.filter(|until| *until > DateTime::from(now));
        let event_hold = head.object_lock_event_hold.clone().filter(|hold| *hold == ObjectLockEventHold::On);
        let is_held = event_hold.is_some();
        let legal_hold = head.object_lock_legal_hold_status.clone();
        Self {
            mode: head.object_lock_mode.clone().filter(|_| retain_until.is_some() || is_held),
            retain_until,
            legal_hold: legal_hold.filter(|hold| *hold == ObjectLockLegalHoldStatus::On),
            event_hold,
            event_hold_days: head.object_lock_event_hold_duration_days.filter(|_| is_held),
            event_hold_years: head.object_lock_event_hold_duration_years.filter(|_| is_held),
        }
    }
}

/// A request that writes an object, with these locks.
macro_rules! with_locks {
    ($request:expr, $locks:expr) => {{
        let locks = $locks;
        $request
            .set_object_lock_mode(locks.mode)
            .set_object_lock_retain_until_date(locks.retain_until)
            .set_object_lock_legal_hold_status(locks.legal_hold)
            .set_object_lock_event_hold(locks.event_hold)
            .set_object_lock_event_hold_duration_days(locks.event_hold_days)
            .set_object_lock_event_hold_duration_years(locks.event_hold_years)
    }};
}
pub(crate) use with_locks;
