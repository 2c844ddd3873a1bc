//! Topics, leaders and watermarks: what is asked of a cluster besides producing and reading.
//!
//! Invariants: every call has a bound; metadata is of all topics at once, because asking for one topic may create it.
//! Metadata comes from a broker and is as stale as that broker: with a stuck controller it shows the old leader.

mod error;
mod topic;
mod view;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use tokio::time::Instant;

use crate::code::Code;
use crate::settings::{Settings, SettingsError, Side};
use crate::teardown::{Ended, TimedOut, drop_apart};
pub use error::AdminError;
use error::failed;
pub use topic::{NewTopic, Placement};
pub use view::{ClusterView, PartitionView, TopicView};

type Native = AdminClient<DefaultClientContext>;

/// Between two looks at the metadata: an election takes about this long.
const POLL: Duration = Duration::from_millis(20);

/// The first and the next offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// The oldest record that is still there.
    pub low: i64,
    /// What the next record will get.
    pub high: i64,
}

/// An admin client; clones share it. Dropping the last one takes it down without waiting.
#[derive(Clone)]
pub struct Admin(Arc<Inner>);

struct Inner {
    // `Some` until dropped.
    native: Option<Arc<Native>>,
    client_id: String,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("client_id", &self.0.client_id).finish_non_exhaustive()
    }
}

impl Admin {
    /// An admin client. No broker needs to be there yet.
    ///
    /// # Errors
    /// The settings name what to change.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let mut config = settings.config(Side::Both)?;
        // Nobody polls an admin client's queue of log lines, so none may be put there.
        config.set_log_level(RDKafkaLogLevel::Emerg);
        let native: Native = config.create().map_err(|error| settings.contradiction(&error))?;
        let (native, client_id) = (Some(Arc::new(native)), settings.client_id.clone());
        Ok(Self(Arc::new(Inner { native, client_id })))
    }

    /// Creates topics; one that exists already is fine. The leaders may take a moment: see
    /// [`wait_for`](Self::wait_for).
    ///
    /// # Errors
    /// Names the first topic that was not created; others may have been. With a stuck controller this runs into
    /// `timeout`.
    pub async fn create_topics(&self, topics: &[NewTopic], timeout: Duration) -> Result<(), AdminError> {
        let replicas: Vec<Vec<&[i32]>> = topics.iter().map(NewTopic::replicas).collect();
        let native: Vec<_> = topics.iter().zip(&replicas).map(|(topic, at)| topic.native(at)).collect();
        let options = AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout));
        for result in self.native().create_topics(&native, &options).await.map_err(failed)? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code)) => return Err(AdminError::NotCreated { topic, code: Code(code) }),
            }
        }
        Ok(())
    }

    /// What the metadata says at this moment.
    ///
    /// # Errors
    /// No broker answered within `timeout`.
    pub async fn cluster(&self, timeout: Duration) -> Result<ClusterView, AdminError> {
        let metadata = self.blocking(move |native| native.inner().fetch_metadata(None, timeout)).await?;
        metadata.map(|metadata| ClusterView::from(&metadata)).map_err(failed)
    }

    /// How many partitions `topic` has; `None` when there is no such topic.
    ///
    /// # Errors
    /// As [`cluster`](Self::cluster).
    pub async fn partition_count(&self, topic: &str, timeout: Duration) -> Result<Option<usize>, AdminError> {
        Ok(self.cluster(timeout).await?.topic(topic).map(|topic| topic.partitions.len()))
    }

    /// Waits until each of the topics has so many partitions, and each of those a leader.
    ///
    /// # Errors
    /// [`AdminError::NotReady`] says how far the first topic got, or [`AdminError::Failed`] that no broker answered.
    pub async fn wait_for(&self, topics: &[(&str, usize)], timeout: Duration) -> Result<(), AdminError> {
        let until = Instant::now() + timeout;
        loop {
            let left = until.saturating_duration_since(Instant::now()).max(POLL);
            let missing = match self.cluster(left).await {
                Ok(view) => view.missing(topics, timeout),
                Err(error) => Some(error),
            };
            match missing {
                None => return Ok(()),
                Some(error) if Instant::now() + POLL >= until => return Err(error),
                Some(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// The watermarks of a partition, asked of its leader.
    ///
    /// # Errors
    /// [`AdminError::Leaderless`] at once when the metadata shows no leader; [`AdminError::Failed`] when the leader
    /// does not answer within `timeout`.
    pub async fn watermarks(
        &self,
        topic: &str,
        partition: i32,
        timeout: Duration,
    ) -> Result<Watermarks, AdminError> {
        let name = topic.to_owned();
        let asked = self.blocking(move |native| native.inner().fetch_watermarks(&name, partition, timeout));
        match asked.await? {
            Ok((low, high)) => Ok(Watermarks { low, high }),
            Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownPartition)) => {
                Err(AdminError::Leaderless { topic: topic.to_owned(), partition })
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Takes the client down.
    ///
    /// # Errors
    /// It has not ended after `timeout`, or clones of this handle still use it; it ends on its own.
    pub async fn close(self, timeout: Duration) -> Result<(), TimedOut> {
        match Arc::into_inner(self.0).and_then(|mut inner| inner.take_down()) {
            Some(ended) => ended.within(timeout).await,
            None => Err(TimedOut(Duration::ZERO)),
        }
    }

    fn native(&self) -> &Arc<Native> {
        self.0.native.as_ref().expect("only closing and dropping take the client, and both end the handle")
    }

    /// Runs a blocking question where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Native) -> KafkaResult<T> + Send + 'static,
    ) -> Result<KafkaResult<T>, AdminError> {
        let native = Arc::clone(self.native());
        let asked = tokio::task::spawn_blocking(move || ask(&native)).await;
        asked.map_err(|error| AdminError::Invalid(error.to_string()))
    }
}

impl Inner {
    fn take_down(&mut self) -> Option<Ended> {
        let native = self.native.take()?;
        Some(drop_apart(&format!("bus-{}-close", self.client_id), native))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Nobody waits for this end.
        drop(self.take_down());
    }
}
