//! The load generator against servers with a scripted truth.
#![allow(clippy::unwrap_used, reason = "clippy exempts test functions, but not the helpers of a test crate")]

mod accounts;
mod certificates;
mod conservation;
mod distributed;
mod files;
mod hangs;
mod mixes;
mod mock;
mod mock_http2;
mod plans;
mod program;
mod scripted;
mod wires;
