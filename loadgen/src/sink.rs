//! Where the observations of a run go.

use std::time::{Duration, SystemTime};

use crate::Observation;

/// Takes what a run sees, on a thread that is none of its workers'. What it cannot keep up with makes the workers wait,
/// which their schedule lag shows.
pub trait Sink: Send + 'static {
    /// The schedule began.
    fn started(&mut self, at: SystemTime) {
        let _ = at;
    }

    /// A request ended. Called in the order in which they ended, whichever worker's they were.
    fn seen(&mut self, it: &Observation<'_>);

    /// Whatever was intended before this offset has been seen; [`Duration::MAX`] at the end of the run. It ascends.
    fn closed_before(&mut self, at: Duration) {
        let _ = at;
    }
}
