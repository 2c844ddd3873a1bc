//! The conformance table: one observation of one cluster is a [`cell::Seen`].

pub mod agree;
pub mod calibrate;
pub mod cell;
pub mod command;
pub mod expected;
pub mod ground;
pub mod head;
pub mod known;
pub mod probes;
pub mod run;
pub mod stories;
pub mod story;
pub mod table;
