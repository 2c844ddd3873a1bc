//! A consumer that is ready when it says so, outlives poison, and can always be closed.
//!
//! Invariants:
//! - [`Reader::assigned`] at the end has *resolved* the end of every partition before it returns. A consumer that
//!   leaves that to its first fetch loses whatever is produced in between, which for a reader of replies is the
//!   first reply.
//! - An error of the client never ends the reader and never reaches the caller: it is counted in the signals. Only
//!   a fatal one ends it.
//! - What is prefetched is bounded by the client's queue (fail-fast: 4 MiB).
//! - Closing happens on a thread of its own and is waited for with a bound. Measured on a frozen cluster: a reader by
//!   assignment is gone after 1 ms; a member of a group with an unanswered commit is not let go by librdkafka 2.12
//!   until its coordinator answers (90 s and counting), so its threads linger. One more reason to read by assignment
//!   whatever has to work in an outage.
//!
//! Statistics and errors are served while somebody is inside [`recv`](Reader::recv).

mod start;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError;

use crate::code::Code;
use crate::context::Context;
use crate::record::Incoming;
use crate::settings::{Settings, SettingsError, Side};
use crate::signals::SignalsWatch;
use crate::teardown::{Ended, TimedOut, drop_apart};

type Native = StreamConsumer<Context>;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

/// Where a reader by assignment starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// At the oldest record that is still there.
    Beginning,
    /// After the newest record at the time of the call.
    End,
}

/// A reader could not start, or can not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReaderError {
    /// The settings name what to change.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The end of a partition could not be found out in time; it may be leaderless. Try again later.
    #[error("the end of {topic}/{partition} is unknown: {code}")]
    NotReady {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Why the last try failed.
        code: Code,
    },
    /// The client refused the assignment or the subscription.
    #[error("the client refused to read: {0}")]
    Refused(String),
    /// The client is broken for good; start another reader.
    #[error("the reader has failed for good: {0}")]
    Fatal(Code),
}

/// A consumer. Dropping it closes it without waiting.
pub struct Reader {
    // `Some` until closed or dropped.
    native: Option<Arc<Native>>,
    client_id: String,
    signals: SignalsWatch,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads `partitions` by assignment: no group, no coordinator, no commits.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ReaderError::NotReady`] names the first partition whose end was not known after `timeout`.
    pub async fn assigned(
        settings: &Settings,
        partitions: &[TopicPartition],
        start: StartAt,
        timeout: Duration,
    ) -> Result<Self, ReaderError> {
        let mut config = settings.config(Side::Reader)?;
        // librdkafka insists on a group's name even without a group.
        config.set("group.id", format!("{}-unused", settings.client_id));
        config.set("enable.auto.commit", "false");
        config.set("auto.offset.reset", start.policy());
        let reader = Self::create(settings, &config)?;
        let native = Arc::clone(reader.native());
        let partitions = partitions.to_vec();
        let blocking =
            tokio::task::spawn_blocking(move || start::assign(&native, &partitions, start, timeout));
        blocking.await.map_err(|error| ReaderError::Refused(error.to_string()))??;
        Ok(reader)
    }

    /// Reads `topics` as a member of `group`, from the last committed offset or else from the beginning. What was
    /// marked as [`processed`](Self::processed) is committed once a second and on closing.
    ///
    /// Must be called within a tokio runtime. Partitions are assigned while somebody is inside
    /// [`recv`](Self::recv); the signals tell how many.
    ///
    /// # Errors
    /// The settings or the group's name are wrong.
    pub fn group(settings: &Settings, group: &str, topics: &[&str]) -> Result<Self, ReaderError> {
        let mut config = settings.config(Side::Reader)?;
        config.set("group.id", group);
        config.set("enable.auto.commit", "true");
        config.set("auto.commit.interval.ms", "1000");
        config.set("enable.auto.offset.store", "false");
        config.set("auto.offset.reset", StartAt::Beginning.policy());
        let reader = Self::create(settings, &config)?;
        reader.native().subscribe(topics).map_err(|error| ReaderError::Refused(error.to_string()))?;
        Ok(reader)
    }

    fn create(settings: &Settings, config: &ClientConfig) -> Result<Self, ReaderError> {
        let (context, signals) = Context::new(&settings.client_id);
        let native: Native =
            config.create_with_context(context).map_err(|error| settings.contradiction(&error))?;
        let native = Some(Arc::new(native));
        Ok(Self { native, client_id: settings.client_id.clone(), signals })
    }

    fn native(&self) -> &Arc<Native> {
        self.native.as_ref().expect("only closing and dropping take the client, and both consume the reader")
    }

    /// The next record, whenever it comes: a stuck partition raises no error here, it just stays silent. Safe to
    /// cancel: no record is lost.
    ///
    /// # Errors
    /// [`ReaderError::Fatal`], after which nothing more will come.
    pub async fn recv(&self) -> Result<Incoming, ReaderError> {
        loop {
            match self.native().recv().await {
                Ok(message) => return Ok(Incoming::copied_from(&message)),
                Err(KafkaError::MessageConsumptionFatal(code)) => return Err(ReaderError::Fatal(Code(code))),
                // Counted by the client's context; librdkafka goes on by itself.
                Err(_) => {}
            }
        }
    }

    /// Marks `record` and everything before it in its partition as processed. Does nothing when the partition has
    /// meanwhile moved to another member of the group, who will see the record again.
    pub fn processed(&self, record: &Incoming) {
        let (topic, partition, offset) = (record.topic.as_str(), record.partition, record.offset);
        if let Err(error) = self.native().store_offset(topic, partition, offset) {
            tracing::debug!(%error, topic, partition, offset, "not marked as processed");
        }
    }

    /// What the client reports about its partitions and brokers.
    #[must_use]
    pub fn signals(&self) -> SignalsWatch {
        self.signals.clone()
    }

    /// Commits, leaves the group and takes the client down.
    ///
    /// # Errors
    /// That has not ended after `timeout`, because a commit waits for a frozen coordinator; it goes on ending without
    /// anybody waiting, for as long as the coordinator takes. What was not committed will be read again.
    pub async fn close(mut self, timeout: Duration) -> Result<(), TimedOut> {
        match self.take_down() {
            Some(ended) => ended.within(timeout).await,
            None => Ok(()),
        }
    }

    fn take_down(&mut self) -> Option<Ended> {
        let native = self.native.take()?;
        Some(drop_apart(&format!("bus-{}-close", self.client_id), native))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Nobody waits for this end.
        drop(self.take_down());
    }
}

impl StartAt {
    /// What to do when a position is not there any more.
    fn policy(self) -> &'static str {
        match self {
            Self::Beginning => "earliest",
            Self::End => "latest",
        }
    }
}
