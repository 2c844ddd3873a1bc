//! Frozen leader: as E1, but the broker's sockets stay open.

use crate::conformance::ground::BROKEN;
use crate::conformance::story::{Shape, Step, Story};

pub(super) const STORY: Story = Story {
    name: "E2",
    title: "controller frozen, then broker 2 frozen",
    shape: Shape::PLAIN,
    before: &[],
    fault: &[Step::Do("freeze_controller"), Step::To("freeze_broker", BROKEN)],
    heal: &[Step::Do("thaw_controller"), Step::To("thaw_broker", BROKEN)],
};
