//! Controller frozen, nothing else: nothing is to be noticed but that nothing can be administered.

use crate::conformance::story::{Shape, Step, Story};

pub(super) const STORY: Story = Story {
    name: "E0",
    title: "controller frozen, nothing else",
    shape: Shape::PLAIN,
    before: &[],
    fault: &[Step::Do("freeze_controller")],
    heal: &[Step::Do("thaw_controller")],
};
