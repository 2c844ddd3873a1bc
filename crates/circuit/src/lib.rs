//! Circuits that see what never finishes.
//!
//! A breaker that is fed by completions is blind to a dependency that stops answering: with two hundred hung calls it
//! stays closed, with nothing recorded. A circuit of this crate trips on the *age of the oldest call in flight*, on an
//! overdue heartbeat and on what the client's statistics say (completions are the last but one of its eight signals),
//! and it is closed again by heartbeats only, never by a customer's call.
//!
//! # Layout
//! - [`inflight`]: how old the oldest call is, without a clock read or a lock per call;
//! - [`signal`]: what was seen, and the rule by which it becomes a verdict;
//! - [`heartbeat`]: synthetic round trips, each with a deadline and a generation;
//! - [`machine`]: the states of one circuit, in one `match`;
//! - [`switch`]: the one atomic that a call reads;
//! - [`circuits`]: all of the above for each partition of one service;
//! - [`settings`]: every number, with its default and its bounds.
//!
//! # Invariants
//! - Pure: there is no clock, no thread, no I/O. `now` is the time since the process's start, and it is an argument.
//! - The electrical sense of the words: a closed circuit admits, an open one does not.
//! - Only [`Circuits::watch`](circuits::Circuits::watch) and the operator change a state.
//!
//! # Models
//! What calls and the watchdog share (the ring of epoch buckets, the bits that wake a circuit, the outcomes, the switch) is
//! run by loom through every order of events that the memory model allows, in seconds:
//! ```console
//! $ RUSTFLAGS="--cfg loom" cargo test -p circuit --test loom --release --target-dir target/loom
//! ```
#![warn(missing_docs)]

pub mod circuits;
pub mod heartbeat;
pub mod inflight;
pub mod machine;
pub mod settings;
pub mod signal;
pub mod switch;

mod sync;
mod time;
mod wake;
mod window;

pub use circuits::{
    Calls, CircuitView, Circuits, ModeChange, ORDER_MAX, Outcomes, ScopeChange, ScopeKind, ScopeView,
    UnknownPartition, Words,
};
pub use heartbeat::Beat;
pub use inflight::{Guard, InFlight};
pub use machine::{Force, Machine, State};
pub use settings::{BadSetting, LOOK_EVERY, Settings, within};
pub use signal::Reason;
pub use signal::acks::AckReport;
pub use signal::consumer::ConsumerReport;
pub use switch::{Decision, SwitchBoard};
