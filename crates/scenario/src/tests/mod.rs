//! Tests that need a whole file, and what they share.

mod catalogue;
mod errors;
mod round_trip;

use crate::{ArgKind, ArgSpec, FaultKind, Scenario};

const BROKER: &[ArgSpec] =
    &[ArgSpec { name: "broker", kind: ArgKind::Broker, required: true, help: "the broker's id" }];
const LEADERS: &[ArgSpec] = &[
    ArgSpec { name: "topic", kind: ArgKind::Topic, required: true, help: "a topic's name or `*`" },
    ArgSpec { name: "partitions", kind: ArgKind::Partitions, required: false, help: "indices" },
    ArgSpec { name: "share", kind: ArgKind::Share, required: false, help: "above 0, at most 1" },
];
const DELAY: &[ArgSpec] = &[
    ArgSpec { name: "broker", kind: ArgKind::Broker, required: true, help: "the broker's id" },
    ArgSpec {
        name: "delay_ms",
        kind: ArgKind::DurationMs,
        required: true,
        help: "added to every answer, in ms",
    },
];

/// A vocabulary of faults with every kind of argument that the shipped scenarios and these tests use.
const KINDS: [FaultKind; 8] = [
    kind("freeze_controller", Some("thaw_controller"), &[]),
    kind("thaw_controller", None, &[]),
    kind("kill_broker", Some("start_broker"), BROKER),
    kind("start_broker", None, BROKER),
    kind("strip_leader", Some("restore_leader"), LEADERS),
    kind("restore_leader", None, LEADERS),
    kind("slow_broker", Some("restore_broker_speed"), DELAY),
    kind("restore_broker_speed", None, BROKER),
];

const fn kind(name: &'static str, healed_by: Option<&'static str>, args: &'static [ArgSpec]) -> FaultKind {
    FaultKind { name, healed_by, help: "for tests", args }
}

/// The least that a scenario needs, without its arms.
const INCIDENT: &str = r#"
[incident]
title = "A test"
sources = ["nobody"]
reported = ["nothing"]
modelled = ["everything"]
"#;

/// A scenario with `rest` after its incident and with one arm before it.
fn scenario(rest: &str) -> Scenario {
    parse(rest).unwrap_or_else(|error| panic!("{error}"))
}

fn parse(rest: &str) -> Result<Scenario, crate::ScenarioError> {
    Scenario::parse("test.toml", &format!("{INCIDENT}[arms.hang]\nstrategy = \"hang\"\n{rest}"), &KINDS)
}
