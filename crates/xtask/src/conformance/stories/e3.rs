//! Black-holed leader: as E1, but the broker's packets are dropped and it goes on by itself.

use crate::conformance::ground::BROKEN;
use crate::conformance::story::{Shape, Step, Story};

pub(super) const STORY: Story = Story {
    name: "E3",
    title: "controller frozen, then broker 2 black-holed",
    shape: Shape { cuts_links: true, ..Shape::PLAIN },
    before: &[],
    fault: &[Step::Do("freeze_controller"), Step::To("black_hole_broker", BROKEN)],
    heal: &[Step::Do("thaw_controller"), Step::To("restore_broker", BROKEN)],
};
