//! Proof against the real thing: what the embedded cluster does is held against Apache Kafka.
//!
//! # Layout
//! - [`conformance`]: the stuck states E0-E8 and the protocol's subjects, on both clusters, compared cell by cell.
//! - [`protocol`]: the subjects: what no fault touches.
//! - [`differential`]: seeded sequences of calls and faults on both clusters, answers compared and shrunk.
#![warn(missing_docs)]

pub mod conformance;
pub mod differential;
pub mod protocol;
