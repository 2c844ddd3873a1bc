//! Live replica, no leader: the follower had left the in-sync set when the leader died.

use crate::conformance::ground::BROKEN;
use crate::conformance::story::{Shape, Step, Story};

/// The follower of `pair-1`, which broker 2 leads.
const LEFT_BEHIND: i32 = 3;

pub(super) const STORY: Story = Story {
    name: "E6",
    title: "broker 3 out of the in-sync sets, broker 2 killed, broker 3 back",
    shape: Shape::PLAIN,
    before: &[
        Step::To("freeze_broker", LEFT_BEHIND),
        // Its session (9 s) ends, and with it its place in the in-sync sets.
        Step::WaitMs(12_000),
    ],
    fault: &[Step::To("kill_broker", BROKEN), Step::To("thaw_broker", LEFT_BEHIND)],
    heal: &[Step::To("start_broker", BROKEN)],
};
