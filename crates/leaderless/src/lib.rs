//! Rehearse the day Kafka stops electing leaders.
//!
//! # Layout
//! - [`cli`], [`commands`]: what may be asked of the program, and what it then does.
//! - [`game_day`]: arms, phases, faults at their times, measurements, the audit.
//! - [`output`]: who is told what, and what happens if nobody listens.
//! - [`system`]: a cluster, its topics, a price feed and the three services, up and down as one.
#![warn(missing_docs)]

pub mod cli;
pub mod commands;
pub mod game_day;
pub mod output;
pub mod system;
