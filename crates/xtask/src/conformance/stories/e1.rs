//! Election blocked: the controller is frozen, then a broker dies. Metadata is stale for ever, and the partitions
//! that healthy brokers lead stand still with it (E4), because no in-sync set can shrink.

use crate::conformance::ground::BROKEN;
use crate::conformance::story::{Shape, Step, Story};

pub(super) const STORY: Story = Story {
    name: "E1",
    title: "controller frozen, then broker 2 killed",
    shape: Shape::PLAIN,
    before: &[],
    fault: &[Step::Do("freeze_controller"), Step::To("kill_broker", BROKEN)],
    heal: &[
        Step::Do("thaw_controller"),
        // The elections come first, then the lost replicas: both are to be seen apart.
        Step::WaitMs(6_000),
        Step::To("start_broker", BROKEN),
    ],
};
