//! Changes of mode for whoever runs the service inside itself.
//!
//! Bound: a listener that lags by more than [`NOTICES_MAX`] changes loses the oldest ones, and is told how many.

use std::time::Instant;

use circuit::ModeChange;
use tokio::sync::broadcast;
use trading::time::Timestamp;

/// The most changes that wait for a listener.
pub const NOTICES_MAX: usize = 4_096;

/// A change of mode, and when.
#[derive(Debug, Clone)]
pub struct ModeNotice {
    /// The kind of service.
    pub service: String,
    /// Which partition changed, from what, to what and why.
    pub change: ModeChange,
    /// When, on the clock of this process.
    pub at: Instant,
    /// When, on the wall.
    pub at_wall: Timestamp,
}

/// Where changes of mode are told. Clones are the same place.
#[derive(Debug, Clone)]
pub struct ModeNotices(broadcast::Sender<ModeNotice>);

impl Default for ModeNotices {
    fn default() -> Self {
        Self(broadcast::Sender::new(NOTICES_MAX))
    }
}

impl ModeNotices {
    /// Listens from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<ModeNotice> {
        self.0.subscribe()
    }

    pub(super) fn tell(&self, notice: ModeNotice) {
        // Nobody listens in a service that runs alone.
        let _ = self.0.send(notice);
    }
}
