//! A service's connection to its cluster: who it is, how the topics lie, and the one producer of its customers.

use std::sync::Arc;
use std::time::Duration;

use bus::{Admin, Producer, Reader, StartAt};
use tokio::net::TcpListener;
use trading::ids::{InstanceId, ServiceId};
use uuid::Uuid;

use crate::kafka_settings::{KafkaSettings, KafkaSettingsError};
use crate::layout::{Layout, LayoutError, Topics};

/// Taking the admin client down is not worth waiting for longer; it ends by itself.
const ADMIN_CLOSE: Duration = Duration::from_millis(100);

/// Why a service could not connect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] KafkaSettingsError),
    /// The topics are not as they must be.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A reader did not start.
    #[error(transparent)]
    Reader(#[from] bus::ReaderError),
}

impl From<bus::SettingsError> for ConnectError {
    fn from(error: bus::SettingsError) -> Self {
        Self::Settings(error.into())
    }
}

/// A connected service. Clones share everything.
#[derive(Debug, Clone)]
pub struct Connection {
    settings: KafkaSettings,
    service: ServiceId,
    instance: InstanceId,
    layout: Arc<Layout>,
    producer: Producer,
}

impl Connection {
    /// Connects: checks the settings, waits for the topics, starts the producer.
    ///
    /// # Errors
    /// [`ConnectError`]; the service must not open its port.
    ///
    /// # Panics
    /// `service` is not an id: it is a constant of the service.
    pub async fn open(
        settings: &KafkaSettings,
        service: &str,
        topics: &Topics,
    ) -> Result<Self, ConnectError> {
        settings.check()?;
        let name = settings.instance_name(service)?;
        let random = Uuid::new_v4().simple().to_string();
        let instance = InstanceId::new(format!("{name}-{}", &random[..8]))
            .expect("a checked name and eight hexadecimal digits");
        let service = ServiceId::new(service).expect("a service's name is an id");
        let client = |purpose: &str| settings.client(&format!("{instance}-{purpose}"));
        let admin = Admin::new(&client("admin"))?;
        let layout = Layout::discover(&admin, topics, settings.startup()).await;
        // Left to end by itself if it is slow; the clock of the start is the user's.
        let _ = admin.close(ADMIN_CLOSE).await;
        let producer = Producer::new(&client("producer"))?;
        Ok(Self { settings: settings.clone(), service, instance, layout: Arc::new(layout?), producer })
    }

    /// The settings it was opened with.
    #[must_use]
    pub const fn settings(&self) -> &KafkaSettings {
        &self.settings
    }

    /// The kind of service.
    #[must_use]
    pub const fn service(&self) -> &ServiceId {
        &self.service
    }

    /// This very instance: no two processes share it.
    #[must_use]
    pub const fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// How the topics lie.
    #[must_use]
    pub const fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The producer of everything that the service says.
    #[must_use]
    pub const fn producer(&self) -> &Producer {
        &self.producer
    }

    /// The settings of another client of this instance, named after its purpose.
    #[must_use]
    pub fn client(&self, purpose: &str) -> bus::Settings {
        self.settings.client(&format!("{}-{purpose}", self.instance))
    }

    /// A reader of every partition of `topics`, by assignment; ready when this returns.
    ///
    /// # Errors
    /// As [`Reader::assigned`]: a partition that has no leader cannot be read, and is named.
    pub async fn reader(
        &self,
        purpose: &str,
        topics: &[&'static str],
        start: StartAt,
    ) -> Result<Reader, bus::ReaderError> {
        let partitions = self.layout.all_partitions(topics);
        Reader::assigned(&self.client(purpose), &partitions, start, self.settings.startup()).await
    }

    /// The one log line of a service that has started.
    pub fn log_ready(&self, listener: &TcpListener) {
        tracing::info!(
            instance = %self.instance,
            address = listener.local_addr().ok().map(tracing::field::display),
            partitions = self.layout.partitions(),
            strategy = self.settings.strategy.name(),
            "{} service ready",
            self.service
        );
    }

    /// Closes the producer; what is stuck in it is purged. Never longer than `timeout`.
    pub async fn close(self, timeout: Duration) {
        if let Err(error) = self.producer.close(timeout).await {
            tracing::debug!(%error, "the producer was left to close by itself");
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::settings::Strategy;
    use contracts::topics::{DEAD_LETTERS, FEE_REQUESTS, FEES, MODES, QUOTES};

    /// A connection to a cluster that is not there, whose topics of accounts have so many partitions.
    pub(crate) fn offline(strategy: Strategy, partitions: i32) -> Connection {
        let topics = Topics { by_account: &[FEES, FEE_REQUESTS, QUOTES], others: &[MODES, DEAD_LETTERS] };
        // Port 1 is reserved, and nobody listens there.
        let settings =
            KafkaSettings { bootstrap: "127.0.0.1:1".to_owned(), strategy, ..KafkaSettings::default() };
        Connection {
            service: ServiceId::new("test").unwrap(),
            instance: InstanceId::new("test-1").unwrap(),
            layout: Arc::new(Layout::read(&topics, |_| Some(partitions)).unwrap()),
            producer: Producer::new(&settings.client("test")).unwrap(),
            settings,
        }
    }

    #[tokio::test]
    async fn a_service_without_a_cluster_does_not_start_and_says_where_it_looked() {
        let topics = Topics { by_account: &[FEES], others: &[] };
        let bootstrap = "127.0.0.1:1".to_owned();
        let settings = KafkaSettings { bootstrap, startup_ms: 100, ..KafkaSettings::default() };
        let error = Connection::open(&settings, "test", &topics).await.unwrap_err();
        assert!(error.to_string().contains("--bootstrap"), "{error}");
    }
}
