//! Playing many stories on many fresh clusters, as many at once as the machine bears.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cluster::Clock;
use lab::apache::{Apache, ApacheSpec, Kafka, Network};
use lab::embedded::{Embedded, EmbeddedSpec};
use lab::{Backend, Lab};
use tokio::sync::{RwLock, Semaphore};

use super::calibrate::BrokerStart;
use super::cell::Seen;
use super::ground::{Ground, OFFSETS_PARTITIONS};
use super::story::{Shape, Story};
use crate::protocol::Subject;

/// How many embedded clusters there are at once: a story waits most of the time, but its clients are threads.
const EMBEDDED_LANES: usize = 12;

/// A story takes 45 s, the subjects two minutes, and a start up to a minute on a busy machine, after waiting for
/// another's heal; past this something hangs that must not.
const PLAY_WITHIN: Duration = Duration::from_secs(300);

/// How often a play is tried when its cluster does not start, or a fault is not carried out.
const TRIES: usize = 2;

/// What one fresh cluster is started for.
#[derive(Debug, Clone)]
pub enum Play {
    /// A story.
    Story(Story),
    /// The subjects that no fault touches, one after the other.
    Protocol(Vec<Subject>),
}

impl Play {
    fn name(&self) -> &'static str {
        match self {
            Self::Story(story) => story.name,
            Self::Protocol(_) => "protocol",
        }
    }

    /// The headings that its cells come under.
    #[must_use]
    pub fn headings(&self) -> Vec<&'static str> {
        match self {
            Self::Story(story) => vec![story.name],
            Self::Protocol(subjects) => subjects.iter().map(|subject| subject.name).collect(),
        }
    }
}

/// What is to be played.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Each on a cluster of its own.
    pub plays: Vec<Play>,
    /// How often each.
    pub runs: usize,
    /// How many clusters of Apache Kafka at once.
    pub lanes: usize,
    /// How long a broker of the embedded cluster takes to start.
    pub broker_start: BrokerStart,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Played {
    /// All answers.
    pub seen: Vec<Seen>,
    /// The plays without an answer, in words.
    pub failed: Vec<String>,
}

/// Plays a plan on a backend; `kafka` is needed for Apache's.
pub async fn play(plan: &Plan, backend: Backend, kafka: Option<&Kafka>) -> Played {
    let lanes = match backend {
        Backend::Embedded => EMBEDDED_LANES,
        Backend::Apache => plan.lanes,
    };
    let stage = Arc::new(Stage {
        backend,
        kafka: kafka.cloned(),
        lanes: Semaphore::new(lanes),
        broker_start: plan.broker_start.clone(),
        quiet: Arc::default(),
    });
    let all = plan.runs * plan.plays.len();
    let mut tasks = tokio::task::JoinSet::new();
    for run in 0..plan.runs {
        for play in &plan.plays {
            let (play, stage) = (play.clone(), Arc::clone(&stage));
            tasks.spawn(async move { (run, play.name(), stage.play(&play, run).await) });
        }
    }
    let mut played = Played::default();
    let mut done = 0;
    while let Some(task) = tasks.join_next().await {
        done += 1;
        let Ok((run, name, outcome)) = task else {
            played.failed.push(format!("{backend}: a play panicked"));
            continue;
        };
        let play = format!("{backend} {name}, run {}", run + 1);
        match outcome {
            Ok((seen, took)) => {
                eprintln!("[{done}/{all}] {play}: {} cells in {:.0} s", seen.len(), took.as_secs_f64());
                played.seen.extend(seen);
            }
            Err(error) => {
                eprintln!("[{done}/{all}] {play}: FAILED: {error:#}");
                played.failed.push(format!("{play}: {error:#}"));
            }
        }
    }
    // The runs end in any order; the table is in the order of the plan.
    let headings: Vec<_> = plan.plays.iter().flat_map(Play::headings).collect();
    let place = |seen: &Seen| headings.iter().position(|heading| *heading == seen.story);
    played.seen.sort_by_key(place);
    played
}

struct Stage {
    backend: Backend,
    kafka: Option<Kafka>,
    lanes: Semaphore,
    broker_start: BrokerStart,
    /// Starting is what takes the processor: one cluster at a time, and none while another one heals.
    quiet: Arc<RwLock<()>>,
}

impl Stage {
    async fn play(&self, play: &Play, run: usize) -> anyhow::Result<(Vec<Seen>, Duration)> {
        let _lane = self.lanes.acquire().await?;
        let mut tries = 1;
        loop {
            let begun = Instant::now();
            let once = tokio::time::timeout(PLAY_WITHIN, self.play_once(play, run)).await;
            match once.with_context(|| format!("not over after {PLAY_WITHIN:?}")).flatten() {
                Ok(seen) => return Ok((seen, begun.elapsed())),
                Err(error) if tries == TRIES => return Err(error),
                Err(error) => eprintln!("{} {}: once more, after: {error:#}", self.backend, play.name()),
            }
            tries += 1;
        }
    }

    async fn play_once(&self, play: &Play, run: usize) -> anyhow::Result<Vec<Seen>> {
        match play {
            Play::Story(story) => {
                let lab = self.start(story.shape, story.name, run).await?;
                let ground = Ground { story: story.name, lab, quiet: Arc::clone(&self.quiet) };
                let seen = story.play(&ground).await;
                ground.lab.shutdown().await;
                seen
            }
            Play::Protocol(subjects) => {
                let lab = self.start(Shape::PLAIN, "", run).await?;
                let seen = ask(subjects, lab.as_ref()).await;
                lab.shutdown().await;
                seen
            }
        }
    }

    async fn start(&self, shape: Shape, story: &str, run: usize) -> anyhow::Result<Box<dyn Lab>> {
        let cluster = cluster::Spec {
            clock: Clock { broker_start: self.broker_start.of(story), ..Clock::apache() },
            // What is chance on Apache Kafka shall be seen in more than one way on the embedded cluster too; the
            // placement on three brokers is the same with every ninth seed.
            seed: 9 * run as u64,
            offsets_partitions: OFFSETS_PARTITIONS,
            offsets_replication_factor: shape.offsets_replicas,
            ..cluster::Spec::new()
        };
        match self.backend {
            Backend::Embedded => {
                Ok(Box::new(Embedded::start(EmbeddedSpec { cluster, ..EmbeddedSpec::default() })?))
            }
            Backend::Apache => {
                let network = if shape.cuts_links { Network::Relayed } else { Network::Direct };
                let spec =
                    ApacheSpec { cluster, controllers: shape.controllers, network, ..ApacheSpec::default() };
                let kafka = self.kafka.as_ref().context("Kafka was not found")?;
                let _alone = self.quiet.write().await;
                Ok(Box::new(Apache::start(spec, kafka).await?))
            }
        }
    }
}

async fn ask(subjects: &[Subject], lab: &dyn Lab) -> anyhow::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    for subject in subjects {
        seen.extend(subject.ask(&lab.brokers()).await.with_context(|| subject.name)?);
    }
    Ok(seen)
}
