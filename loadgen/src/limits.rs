//! The bounds of a run, and what happens at each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The bounds of a run. Defaults suit a service on this machine at up to a few thousand requests a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests in flight; an arrival beyond it is not sent and ends as `unsent_cap`.
    pub in_flight_max: usize,
    /// From the intended start; a request without an answer by then ends as `timeout`, and its connection is closed.
    pub deadline: Duration,
    /// How long the run goes on after its last arrival; what is open then ends as `unfinished`.
    pub drain_max: Duration,
    /// Connections per target, open or being opened. Beyond it requests wait in line for one, and the wait counts as
    /// latency: keep it at `in_flight_max` unless the clients that you stand for queue likewise.
    pub connections_max: usize,
    /// Requests on one HTTP/2 connection at a time; HTTP/1.1 has one.
    pub streams_max: usize,
    /// Connections per target to open before the first arrival; one that fails is counted and not missed.
    pub connections_preopened: usize,
    /// Openings per second and target; beyond it they wait for their turn.
    pub connections_per_s_max: u32,
    /// The generator's own lateness at p99 over the whole run; beyond it the run is invalid.
    pub lag_p99_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Below the usual 1,024 descriptors of a process, with room for the rest of it.
            in_flight_max: 512,
            deadline: Duration::from_secs(1),
            // Past the deadline, so that the last requests can still end by it.
            drain_max: Duration::from_secs(2),
            connections_max: 512,
            // What every server should allow (RFC 9113, 6.5.2).
            streams_max: 100,
            connections_preopened: 32,
            // A burst beyond the listen queue costs a SYN retransmission, one second; 2,000/s is two per tick of a 1 ms
            // timer.
            connections_per_s_max: 2_000,
            // On two cores shared with what is measured a thread may wait for several scheduler slices of its
            // neighbours; a machine of its own keeps 1 ms.
            lag_p99_max: Duration::from_millis(50),
        }
    }
}
