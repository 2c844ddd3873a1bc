//! A Kafka cluster as a state machine, with a controller that has a health of its own.
#![warn(missing_docs)]

mod api;
mod error;

pub use api::*;
pub use error::ErrorCode;
