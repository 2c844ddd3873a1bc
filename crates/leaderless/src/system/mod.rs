//! The whole system to break: a cluster, its topics, a price feed and the three services, each on a thread of its own.

mod clock;
mod cluster;
pub(crate) mod feed;
mod http;
mod settings;
mod thread;
mod topics;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bus::{Admin, Preset, Settings};
use lab::Lab;
use quote_service::{FallbackCounts, FallbackUse};
use scenario::ClusterPlan;
use service_kit::health::{ModeNotice, ModeNotices};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

pub use cluster::ClusterKind;
pub use settings::Design;
pub use thread::OwnThread;
pub(crate) use topics::ORDER_PATH_TOPICS;
pub use topics::order_paths_touched;

/// How long each part may take to end; services drain for less.
const STOP: Duration = Duration::from_millis(1_500);

/// A running system. Call [`System::stop`]; dropping it asks everything to stop and does not wait.
#[derive(Debug)]
pub struct System {
    /// In the order in which they stop: customers' services first, then what they depend on.
    threads: Vec<OwnThread>,
    lab: Arc<dyn Lab>,
    notices: ModeNotices,
    fallback: FallbackUse,
    quote: SocketAddr,
    trade: SocketAddr,
    fee: SocketAddr,
}

impl System {
    /// Starts everything; when this returns, the services are ready.
    ///
    /// # Errors
    /// Says which part did not come up, and why.
    pub async fn start(
        kind: &ClusterKind,
        plan: &ClusterPlan,
        design: impl Into<Design>,
        products: &[String],
        seed: u64,
    ) -> anyhow::Result<Self> {
        let lab = kind.start(plan, seed).await?;
        let patience = kind.patience();
        create_topics(&lab.bootstrap(), plan, patience).await?;
        let feed = feed::start(&lab.bootstrap(), products, i32::from(plan.partitions), seed)?;
        let (fee_at, fee) = listen()?;
        let (quote_at, quote) = listen()?;
        let (trade_at, trade) = listen()?;
        let notices = ModeNotices::default();
        let services = settings::Services::new(&design.into(), &lab.bootstrap(), fee_at, &notices, patience);
        let fallback = services.fallback_use();
        let threads = vec![
            spawn("trade-service", trade, services.trade, trade_service::run)?,
            spawn("quote-service", quote, services.quote, quote_service::run)?,
            spawn("fee-service", fee, services.fee, fee_service::run)?,
            feed,
        ];
        let system = Self { threads, lab, notices, fallback, quote: quote_at, trade: trade_at, fee: fee_at };
        match system.wait_until_ready(products, patience).await {
            Ok(()) => Ok(system),
            // A part that has ended by itself knows why.
            Err(error) => Err(match system.stop().await {
                Ok(()) => error,
                Err(cause) => cause.context(error),
            }),
        }
    }

    /// The cluster to break.
    #[must_use]
    pub fn lab(&self) -> &dyn Lab {
        self.lab.as_ref()
    }

    /// Where the fee service listens.
    #[must_use]
    pub const fn fee_address(&self) -> SocketAddr {
        self.fee
    }

    /// Where the quote service listens.
    #[must_use]
    pub const fn quote_address(&self) -> SocketAddr {
        self.quote
    }

    /// Where the trade service listens.
    #[must_use]
    pub const fn trade_address(&self) -> SocketAddr {
        self.trade
    }

    /// Changes of mode from now on.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<ModeNotice> {
        self.notices.subscribe()
    }

    /// What the fallback of quotes did so far.
    #[must_use]
    pub fn fallback(&self) -> FallbackCounts {
        self.fallback.counts()
    }

    /// The settings of a client of our own, such as an auditor.
    #[must_use]
    pub fn client(&self, client_id: &str) -> Settings {
        Settings::new(self.lab.bootstrap(), client_id, Preset::FailFast)
    }

    /// Whether everything still runs.
    ///
    /// # Errors
    /// Names the part that ended by itself.
    pub fn check(&self) -> anyhow::Result<()> {
        match self.threads.iter().find(|thread| thread.has_ended()) {
            None => Ok(()),
            Some(ended) => anyhow::bail!("{} has ended by itself", ended.name()),
        }
    }

    /// Whether no circuit of any service is open: all that is asked for goes over Kafka.
    pub async fn admits_everything(&self) -> bool {
        for address in [self.fee, self.quote, self.trade] {
            if !http::admits_everything(address).await.unwrap_or(false) {
                return false;
            }
        }
        true
    }

    async fn wait_until_ready(&self, products: &[String], patience: Duration) -> anyhow::Result<()> {
        let until = tokio::time::Instant::now() + patience;
        for (name, address) in [("fee", self.fee), ("quote", self.quote), ("trade", self.trade)] {
            let ready = tokio::time::timeout_at(until, http::until_ready(address, || self.check())).await;
            ready.with_context(|| format!("the {name} service is not ready after {patience:?}"))??;
        }
        for product in products {
            let open =
                tokio::time::timeout_at(until, http::until_quoted(self.quote, product, || self.check()))
                    .await;
            open.with_context(|| format!("{product} has no price after {patience:?}"))??;
        }
        Ok(())
    }

    /// Stops everything, the services first.
    ///
    /// # Errors
    /// The first part that did not end well; the others were stopped all the same.
    pub async fn stop(self) -> anyhow::Result<()> {
        for thread in &self.threads {
            thread.stop();
        }
        let mut first = Ok(());
        for thread in self.threads {
            first = first.and(thread.join(STOP).await);
        }
        self.lab.shutdown().await;
        first
    }
}

async fn create_topics(bootstrap: &str, plan: &ClusterPlan, patience: Duration) -> anyhow::Result<()> {
    let admin = Admin::new(&Settings::new(bootstrap, "game-day", Preset::FailFast))?;
    let topics = topics::placed(plan);
    admin.create_topics(&topics, patience).await.context("the topics cannot be created")?;
    let wanted: Vec<_> = topics.iter().map(|topic| (topic.name(), usize::from(plan.partitions))).collect();
    admin.wait_for(&wanted, patience).await.context("the topics have no leaders")?;
    Ok(())
}

fn listen() -> anyhow::Result<(SocketAddr, TcpListener)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on loopback")?;
    listener.set_nonblocking(true)?;
    Ok((listener.local_addr()?, listener))
}

fn spawn<S, F, R, E>(
    name: &'static str,
    listener: TcpListener,
    settings: S,
    run: F,
) -> anyhow::Result<OwnThread>
where
    S: Send + 'static,
    F: FnOnce(tokio::net::TcpListener, S, CancellationToken) -> R + Send + 'static,
    R: Future<Output = Result<(), E>>,
    E: Into<anyhow::Error>,
{
    OwnThread::spawn(name, move |stop| async move {
        run(tokio::net::TcpListener::from_std(listener)?, settings, stop).await.map_err(Into::into)
    })
}
