//! What the layers have in common that refuse: they decide in `call`, and before the service inside hears of the request.
//!
//! # Invariants
//! - What was refused was certainly not executed: the service inside never saw it.
//! - A refusal is there at the first poll. It is never an error of `poll_ready`, which by tower's contract would mean
//!   that the service is finished.
//! - A permit lives from the call to the answer, or until the caller gives up; it is never cloned with a service.

mod error;
mod future;
mod places;

pub use self::error::Error;
pub use self::future::{Hold, ResponseFuture};
pub use self::places::Permit;
pub(crate) use self::places::Places;
