//! Whether a cluster is up: by asking it.

use std::time::Duration;

use bus::Admin;
use tokio::time::Instant;

use super::spec::StartError;
use super::{Apache, Running};

/// One look at the metadata.
pub(super) const ASK: Duration = Duration::from_secs(2);
/// Between two looks.
const POLL: Duration = Duration::from_millis(50);
/// Four nodes take five seconds on two idle cores; on two that builds kept busy, 48 s were not enough.
const START: Duration = Duration::from_secs(60);
const START_PER_NODE: Duration = Duration::from_secs(10);

impl Apache {
    /// Waits until the metadata shows every broker.
    pub(super) async fn until_ready(&self) -> Result<(), StartError> {
        let wanted = self.nodes.len();
        let patience = START + START_PER_NODE * u32::try_from(wanted).unwrap_or(u32::MAX);
        let until = Instant::now() + patience;
        loop {
            if let Some(error) = self.all().find_map(|(role, one)| ended_early(role, one)) {
                return Err(error);
            }
            let there = brokers(&self.admin).await;
            if there == wanted {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(StartError::Late {
                    after: patience,
                    there,
                    wanted: u32::try_from(wanted).unwrap_or(u32::MAX),
                    last_words: self.nodes.first().map(|one| one.home.last_words()).unwrap_or_default(),
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

async fn brokers(admin: &Admin) -> usize {
    admin.cluster(ASK).await.map_or(0, |view| view.brokers.len())
}

fn ended_early(role: &str, one: &Running) -> Option<StartError> {
    let how = one.node.ended()?.to_string();
    Some(StartError::Ended { node: format!("{role} {}", one.id), how, last_words: one.home.last_words() })
}
