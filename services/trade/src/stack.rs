//! The layers around the executor, by strategy.
//!
//! `degrade`, outermost first:
//!
//! 1. Rescue: what an error means to an order is said once, by its flow: refused before anything was sent, or in doubt.
//! 2. Early drop: an order that came too late is not begun.
//! 3. Deadline: one budget for the whole order. When it is over, the flow decides what that means.
//! 4. Degrade: an open circuit refuses *before* anything was produced. An order is never executed without Kafka.
//! 5. Track: an order that waits ages in the circuit of its partition.
//!
//! There is no shed here, because an order has its place at the desk: it keeps it for longer than its answer, until it is
//! resolved, and no layer can hold that. Cancellations take none. Nor is there anything beside the refusal that could
//! be proven or held to limits.
//!
//! `hang` has the executor alone, as on the day of the case; `timeout` a deadline around it; `breaker` the breaker that
//! people install, with its time limiter inside.

use std::convert::Infallible;
use std::time::Duration;

use circuit::{BadSetting, Calls, SwitchBoard};
use degrade::{
    ByPartition, DeadlineLayer, DegradeLayer, EarlyDropLayer, Problem, Reject, TrackLayer, rescue,
};
use service_kit::breaker::{self, BreakerChange, BreakerError, BreakerSettings};
use tokio::time::Instant;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::executor::{Attempt, Executor};
use crate::flow::{Answer, Flow};

/// Why an order is in doubt when its deadline has passed.
pub(crate) const TOO_LATE: &str = "no answer before the deadline";

/// What an order takes at least: eight records, one after the other, over a broker that answers at once.
const LEAST: Duration = Duration::from_millis(1);

/// Takes an order as far as it goes; afterwards its flow has an answer.
pub(crate) type Stack = BoxCloneSyncService<Attempt, (), Infallible>;

/// No protection: an order waits as long as it takes.
pub(crate) fn bare(executor: Executor) -> Stack {
    BoxCloneSyncService::new(service_fn(move |attempt| executor.clone().execute(attempt)))
}

/// A deadline, and nothing else.
pub(crate) fn with_deadline(executor: Executor) -> Stack {
    rescued(DeadlineLayer::new(budget).layer(bare(executor)), Problem::from)
}

/// The breaker that people install, around a time limiter.
///
/// # Errors
/// A setting of the breaker that is unknown or out of bounds.
pub(crate) fn with_breaker(
    executor: Executor,
    settings: &BreakerSettings,
    whose: (&'static str, usize, impl Fn(BreakerChange) + Clone + Send + Sync + 'static),
) -> Result<Stack, BadSetting> {
    let calls = breaker::Calls {
        partition: |attempt: &Attempt| attempt.partition,
        budget,
        failed: |_: &Failed| true,
    };
    Ok(rescued(breaker::guard(telling(executor), settings, whose, calls)?, problem_of))
}

/// Every layer.
pub(crate) fn protected(executor: Executor, switches: SwitchBoard, unanswered: Calls) -> Stack {
    let partition = |attempt: &Attempt| attempt.partition;
    let layers = ServiceBuilder::new()
        .layer(EarlyDropLayer::new(budget, LEAST))
        .layer(DeadlineLayer::new(budget))
        .layer(DegradeLayer::new(Reject::new(refuse), ByPartition::new(switches, partition)))
        .layer(TrackLayer::new(unanswered, partition))
        .service(bare(executor));
    rescued(layers, Problem::from)
}

fn budget(attempt: &Attempt) -> Duration {
    attempt.deadline.saturating_duration_since(Instant::now())
}

fn refuse(attempt: Attempt) -> Result<(), Infallible> {
    let partition = attempt.partition;
    attempt.entry.with(|flow| flow.fail(format!("partition {partition} of the trading path is stuck")));
    Ok(())
}

/// Tells the flow of each error that comes out of the layers; what the executor found out, it has told already.
fn rescued<S>(layers: S, problem: fn(S::Error) -> Problem) -> Stack
where
    S: Service<Attempt, Response = ()> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Send,
{
    let ended = service_fn(move |attempt: Attempt| {
        let (entry, layers) = (attempt.entry.clone(), layers.clone());
        async move {
            if let Err(error) = layers.oneshot(attempt).await {
                let problem = problem(error);
                entry.with(|flow| match problem.executed {
                    rescue::Executed::No => flow.fail(problem.detail),
                    rescue::Executed::Unknown => flow.lose_sight(TOO_LATE),
                });
            }
            Ok(())
        }
    });
    BoxCloneSyncService::new(ended)
}

/// Kafka failed an order; its flow knows how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failed;

/// The executor, with an error where the breaker is to learn of one.
fn telling(
    executor: Executor,
) -> impl Service<Attempt, Response = (), Error = Failed, Future: Send> + Clone + Send + Sync + 'static {
    service_fn(move |attempt: Attempt| {
        let (executor, entry) = (executor.clone(), attempt.entry.clone());
        async move {
            let Ok(()) = executor.execute(attempt).await;
            if entry.with(|flow| is_failure(flow)) { Err(Failed) } else { Ok(()) }
        }
    })
}

/// A rule of the house, and a customer who cancels, do not speak against Kafka.
fn is_failure(flow: &Flow) -> bool {
    matches!(flow.answer(), Some(Answer::NotPlaced(_) | Answer::Failed(_) | Answer::Unknown(_)))
}

fn problem_of(error: BreakerError<Failed>) -> Problem {
    match error {
        BreakerError::Open => {
            Problem::refused("/problems/breaker-open", "rejected", &"the circuit breaker is open", None)
        }
        // What the executor has told its flow stands; only silence is left to be told.
        BreakerError::Elapsed(_) | BreakerError::Inner(Failed) => Problem::unknown(&TOO_LATE),
    }
}
