//! Controller frozen, nothing else: nothing is to be noticed but that nothing can be administered.

use crate::conformance::story::{Step, Story};

pub(super) const STORY: Story = Story {
    name: "E0",
    title: "controller frozen, nothing else",
    controllers: 1,
    offsets_replicas: 3,
    cuts_links: false,
    before: &[],
    fault: &[Step::Do("freeze_controller")],
    heal: &[Step::Do("thaw_controller")],
};
