//! Proof against the real thing: what the embedded cluster does is held against Apache Kafka.
//!
//! # Layout
//! - [`conformance`]: the stuck states E0-E8, played on both clusters and compared cell by cell.
#![warn(missing_docs)]

pub mod conformance;
pub mod differential;
