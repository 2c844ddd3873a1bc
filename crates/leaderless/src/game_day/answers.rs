//! What customers were told about their orders, in the auditor's words.

use loadgen::{Executed as Said, Observation, RunResult};
use recorder::Outcome;
use trading::ids::OrderKey;
use trading::order::Executed;

use super::load::order_key;

/// One answer per order that was sent, in the order of the schedule.
#[must_use]
pub(super) fn of(result: &RunResult) -> Vec<(OrderKey, Executed)> {
    let plan = result.plan();
    let answer = |seen: Observation<'_>| Some((order_key(plan, &seen)?, executed(&seen)?));
    result.observations().filter_map(answer).collect()
}

/// `None` if nothing was sent. A customer who gave up was told nothing, and so does not know.
fn executed(seen: &Observation<'_>) -> Option<Executed> {
    match (seen.outcome, seen.executed) {
        (Outcome::UnsentCap | Outcome::ErrorConnect, _) => None,
        (Outcome::OkKafka | Outcome::OkDegraded, _) => Some(Executed::Yes),
        (_, Said::No) => Some(Executed::No),
        (_, Said::Pending) => Some(Executed::Pending),
        (_, Said::Unknown | Said::NotSaid) => Some(Executed::Unknown),
    }
}
