//! The conformance table: one observation of one cluster is a [`cell::Seen`].

pub mod cell;
pub mod ground;
pub mod probes;
