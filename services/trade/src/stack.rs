//! The layers around the executor, outermost first.
//!
//! 1. Deadline: one budget for the whole order. When it is over, the flow decides what that means.
//! 2. Degrade: an open circuit refuses *before* anything was produced. An order is never executed without Kafka.
//! 3. Track: an order that waits ages in the circuit of its partition.
//!
//! Under the strategy that hangs there is the executor alone, as on the day of the case.

use std::convert::Infallible;

use circuit::{Calls, SwitchBoard};
use degrade::{ByPartition, DeadlineLayer, DegradeLayer, Reject, TrackLayer};
use tokio::time::Instant;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

use crate::executor::{Attempt, Executor};

/// Why an order is in doubt when its deadline has passed.
pub(crate) const TOO_LATE: &str = "no answer before the deadline";

/// Takes an order as far as it goes; afterwards its flow has an answer.
pub(crate) type Stack = BoxCloneSyncService<Attempt, (), Infallible>;

/// No protection: an order waits as long as it takes.
pub(crate) fn bare(executor: Executor) -> Stack {
    BoxCloneSyncService::new(service_fn(move |attempt| executor.clone().execute(attempt)))
}

/// Deadline, circuit, tracking.
pub(crate) fn protected(executor: Executor, switches: SwitchBoard, unanswered: Calls) -> Stack {
    let partition = |attempt: &Attempt| attempt.partition;
    let execute = service_fn(move |attempt| executor.clone().execute(attempt));
    let primary = TrackLayer::new(unanswered, partition).layer(execute);
    let refuse = Reject::new(refuse);
    let degrade = DegradeLayer::new(refuse, ByPartition::new(switches, partition)).layer(primary);
    let budget = |attempt: &Attempt| attempt.deadline.saturating_duration_since(Instant::now());
    let deadline = DeadlineLayer::new(budget).layer(degrade);
    let ended = service_fn(move |attempt: Attempt| {
        let (entry, deadline) = (attempt.entry.clone(), deadline.clone());
        async move {
            if deadline.oneshot(attempt).await.is_err() {
                entry.with(|flow| flow.lose_sight(TOO_LATE));
            }
            Ok(())
        }
    });
    BoxCloneSyncService::new(ended)
}

fn refuse(attempt: Attempt) -> Result<(), Infallible> {
    let partition = attempt.partition;
    attempt.entry.with(|flow| flow.fail(format!("partition {partition} of the trading path is stuck")));
    Ok(())
}
