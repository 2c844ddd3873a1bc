//! An open-loop load generator that accounts for every intended request.
//!
//! Requests are sent when the schedule says so, whether or not earlier ones were answered. Latency counts from the
//! *intended* start, so a target that hangs shows up as latency and not as silence; the service time, from the actual
//! send, stands beside it. It knows HTTP and nothing of what it measures.
//!
//! # Layout
//! - [`PlanSpec`] says what to send and becomes a checked [`Plan`]; request `k` is a pure function of its seed and `k`.
//! - [`Schedule`]: when each request is intended, precomputed from the seed; [`Mode::Closed`] does without.
//! - [`Mapping`]: what an answer counts as.
//! - [`spawn`] runs a plan on threads of its own; its [`Handle`] shows [`Progress`], stops and joins. Its [`RunResult`]
//!   has one outcome per intended request, and what can be asked of them.
//! - [`spawn_into`] hands each observation to a [`Sink`] instead and keeps none, so that memory does not grow with the
//!   length of a run; what remains is how it [`Ended`].
//! - [`Worker`] and [`Fleet`]: one run on several machines.
//!
//! # Invariants
//! - Every intended request ends in exactly one [`recorder::Outcome`]; [`RunResult::invalid`] says if not.
//! - Bounded: requests in a schedule, requests in flight, connections per target and the rate of opening them, what is
//!   kept of an answer's body, the time a run may go on after its last arrival.
//! - Workers slice the schedule and share nothing while they send.
//! - The generator's own lateness is measured and invalidates a run beyond its limit.
//! - A run leaves no thread, task or connection behind.
//!
//! # Sources
//! Latency from the intended start: Gil Tene's wrk2. Keeping the pacing apart from the sending: vegeta.

mod books;
mod check;
mod choices;
mod classify;
mod connect;
mod deadlines;
mod digest;
mod distributed;
mod ended;
mod engine;
mod flight;
mod handle;
mod landed;
mod limits;
mod outlet;
mod pacer;
mod plan;
mod pool;
mod portable;
mod progress;
mod rates;
mod ready;
mod result;
mod schedule;
mod sink;
mod slice;
mod spec;
mod tally;
mod template;
#[cfg(feature = "https")]
mod tls;
mod wire;

pub use check::PlanError;
pub use choices::{Choices, Product, Quantity};
pub use classify::{Executed, Mapping, Rule};
pub use distributed::{
    BadToken, ClockOffset, Fleet, JoinError, ListenError, Machine, NeedsToken, Token, Worker,
};
pub use ended::{Ended, Invalid};
pub use handle::{Crashed, Handle, spawn, spawn_into};
pub use http::Method;
pub use limits::Limits;
pub use plan::{Plan, Rendered};
pub use pool::Connections;
pub use progress::Progress;
pub use result::{Boundaries, Keep, Observation, RunResult, Stretch};
pub use schedule::{Arrivals, REQUESTS_MAX, Schedule, ScheduleError};
pub use sink::Sink;
pub use spec::{Mode, PlanSpec, RequestSpec, Target};
pub use template::UnknownPlaceholder;
pub use wire::{Tls, Trust, Wire};
