//! The sandbox of a pod that is yet to be made: brought up and kept like any other, and nobody is told.

use super::{
    decide::{bring_up_sandbox, tidy},
    draft::Draft,
    view::{View, spec_of},
};
use crate::{schedule, set::Reserved};

/// Keeps the sandbox that the reserved pod will have.
pub(super) fn keep(reserved: &Reserved, draft: &mut Draft<'_>) {
    let spec = spec_of(&reserved.pod);
    let view = View::new(draft.input(), &reserved.pod, &spec, &[]);
    // A pod that would not run here needs no sandbox. One that is there takes nothing, and goes with the reservation.
    if view.sandbox.is_none() && schedule::would_fit(&reserved.pod, &spec, view.input.place).is_err() {
        return;
    }
    if bring_up_sandbox(&view, draft).is_some() {
        tidy(&view, draft);
    }
    // There is no pod yet to which a user could look for them.
    draft.say_nothing();
}
