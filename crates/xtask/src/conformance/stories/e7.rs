//! Quorum loss: two of three controllers stop, then a broker dies.

use crate::conformance::ground::BROKEN;
use crate::conformance::story::{Shape, Step, Story};

pub(super) const STORY: Story = Story {
    name: "E7",
    title: "controllers without a quorum, then broker 2 killed",
    shape: Shape { controllers: 3, ..Shape::PLAIN },
    before: &[],
    fault: &[Step::Do("lose_quorum"), Step::To("kill_broker", BROKEN)],
    heal: &[
        Step::Do("restore_quorum"),
        // As in E1: the elections first, then the lost replicas.
        Step::WaitMs(6_000),
        Step::To("start_broker", BROKEN),
    ],
};
