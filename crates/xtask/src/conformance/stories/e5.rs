//! Leader -1: a broker dies under a healthy controller, and with it the only replica of some partitions.

use crate::conformance::ground::BROKEN;
use crate::conformance::story::{Shape, Step, Story};

pub(super) const STORY: Story = Story {
    name: "E5",
    title: "broker 2 killed",
    shape: Shape::PLAIN,
    before: &[],
    fault: &[Step::To("kill_broker", BROKEN)],
    heal: &[Step::To("start_broker", BROKEN)],
};
