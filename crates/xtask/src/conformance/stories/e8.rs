//! Coordinator only: the groups of a lost offsets partition stand still; reading by assignment goes on.

use crate::conformance::ground::BROKEN;
use crate::conformance::story::{Shape, Step, Story};

pub(super) const STORY: Story = Story {
    name: "E8",
    title: "broker 2 killed, `__consumer_offsets` not replicated",
    shape: Shape { offsets_replicas: 1, ..Shape::PLAIN },
    before: &[],
    fault: &[Step::To("kill_broker", BROKEN)],
    heal: &[Step::To("start_broker", BROKEN)],
};
