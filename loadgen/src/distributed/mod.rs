//! One run on several machines: one plan, its slices shared out, everything that is seen brought together.
//!
//! # Layout
//! - [`Worker`] listens, and does its slices of one run after the other; [`Fleet`] joins workers to a run.
//! - `frame`, `message`: what they say to each other, bounded; `auth`: who may; `clock`: how their clocks differ.
//!
//! # Invariants
//! - All work on the same plan, or none: versions, and the hash of the schedule that each side computed, are compared.
//! - Workers hand over what ended, request by request, and histograms are made of it in one place: nothing is averaged.
//! - A worker that is lost leaves its slice unaccounted for, and the run says so; a worker that loses the run stops.
//! - Not on loopback it takes a [`Token`]. It says who is there; it hides nothing: over foreign networks use a tunnel.
//!
//! Bounds: a message has at most 16 MB, before the token was shown 4 KB; a worker serves one run at a time, and who comes
//! meanwhile waits and gives up; silence of 5 s is a loss.

mod auth;
mod clock;
mod fleet;
mod frame;
mod message;
mod worker;

use std::net::SocketAddr;
use std::time::Duration;

pub use auth::{BadToken, Token};
pub use clock::ClockOffset;
pub use fleet::{Fleet, JoinError};
pub use worker::{ListenError, Worker};

/// The version of the protocol. Sides of different versions refuse each other.
const PROTOCOL: u32 = 2;

/// How long either side waits for a word of the other while they make acquaintance, and how long a worker may be silent
/// while it runs: it has something to say five times a second.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// How long it may take to compute a schedule and its hash.
const PLANNING_MAX: Duration = Duration::from_secs(60);

/// One worker's part in a run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its address as it was given.
    pub name: String,
    /// How its clock differed before the run.
    pub clock: ClockOffset,
    /// By how many nanoseconds its clock went ahead of ours during the run; `None` if it was lost.
    pub moved_ns: Option<i64>,
    /// How many requests of the run were its.
    pub intended: u64,
    /// How many of them are accounted for.
    pub accounted: u64,
    /// Why it was lost, if it was.
    pub lost: Option<String>,
}

/// Listening or connecting beyond this machine without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a loopback address: it takes a token, the same on both sides")]
pub struct NeedsToken(pub SocketAddr);

fn check_token(address: SocketAddr, token: Option<&Token>) -> Result<(), NeedsToken> {
    if address.ip().is_loopback() || token.is_some() { Ok(()) } else { Err(NeedsToken(address)) }
}
