//! Leader change under load: a broker stops in order, comes back, and gets its leaders back by a preferred election.
//! Nothing is lost and nothing is written twice; who produces waits for as long as a client needs to learn of it.

use crate::conformance::ground::BROKEN;
use crate::conformance::story::{Shape, Step, Story};

pub(super) const STORY: Story = Story {
    name: "E9",
    title: "broker 2 stops in order, comes back, and is elected again, under load",
    shape: Shape::PLAIN,
    before: &[],
    fault: &[Step::To("stop_broker", BROKEN)],
    heal: &[
        Step::To("start_broker", BROKEN),
        // In sync again long before, also on a busy machine.
        Step::WaitMs(10_000),
        Step::ElectPreferred,
    ],
    changes_leaders: true,
};
