//! Clusters to break, and the faults that break them.
#![warn(missing_docs)]

pub mod control;
pub mod embedded;
pub mod faults;
pub mod feed;
mod lab;
pub mod timeline;

pub use lab::{Broker, Lab};
