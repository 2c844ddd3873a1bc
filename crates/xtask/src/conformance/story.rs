//! A story, and how it is played: a whole cluster, the fault, the questions, the heal, what comes after.
//!
//! Every story is played by the same score, so that the same cell means the same in each:
//! ```text
//! s  -        0          0.5 ............ 13   11 ........... 20     20 .................. 38
//!    clients  the fault  account of records    the questions         the heal; pulses, alarms, sets
//! ```
//! The questions come after a broker's session (9 s) is over: what they find is there to stay.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;

use super::cell::{Class, Seen};
use super::ground::Ground;
use super::probes::account::{self, Account};
use super::probes::consume::{self, Reader};
use super::probes::groups::{self, Groups};
use super::probes::produce::Producers;
use super::probes::pulse::Pulse;
use super::probes::series::Series;
use super::probes::{admin, metrics, raw, raw_groups};

/// From the fault to the account, to the questions, and to the heal.
const ACCOUNT_AT: Duration = Duration::from_millis(500);
const QUESTIONS_AT: Duration = Duration::from_secs(11);
const METRICS_AT: Duration = Duration::from_secs(18);
const HEAL_AT: Duration = Duration::from_secs(20);

/// From the beginning of the heal to the end of the story.
const HEALING: Duration = Duration::from_secs(18);

/// How long a newcomer reads in the outage.
const NEWCOMER: Duration = Duration::from_secs(6);

/// A story.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    /// Its name in the facts, e.g. `E1`.
    pub name: &'static str,
    /// What happens in it, in a line.
    pub title: &'static str,
    /// What its cluster is like.
    pub shape: Shape,
    /// What is done before the clock starts.
    pub before: &'static [Step],
    /// The fault.
    pub fault: &'static [Step],
    /// The heal.
    pub heal: &'static [Step],
}

/// What a cluster of three brokers is like.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// How many controllers it has, where they are processes.
    pub controllers: u32,
    /// Replicas of `__consumer_offsets`.
    pub offsets_replicas: i16,
    /// Whether its links can be cut.
    pub cuts_links: bool,
}

impl Shape {
    /// One controller, everything replicated, links that hold.
    pub const PLAIN: Self = Self { controllers: 1, offsets_replicas: 3, cuts_links: false };
}

/// A step of a story.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// A fault or a heal of the whole cluster.
    Do(&'static str),
    /// A fault or a heal of a broker.
    To(&'static str, i32),
    /// Nothing, for so many milliseconds.
    WaitMs(u64),
}

impl Story {
    /// Plays the story on a fresh cluster.
    ///
    /// # Errors
    /// When the whole cluster does not work, or a fault is not carried out; what it does under a fault is never an
    /// error but an answer.
    pub async fn play(&self, ground: &Ground) -> anyhow::Result<Vec<Seen>> {
        ground.lay_out(self.shape.offsets_replicas as usize).await?;
        let cast = Cast::gather(ground).await.context("before the fault")?;
        take(ground, self.before).await?;
        let series = Series::begin(ground, &groups::watched())?;
        // A first sample of everything.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let fault = Instant::now();
        cast.forget();
        take(ground, self.fault).await?;
        let (mut seen, timed_out) = cast.outage(ground, fault).await?;
        tokio::time::sleep_until((fault + HEAL_AT).into()).await;
        let _nothing_starts = ground.quiet.read().await;
        seen.extend(cast.said(ground));
        let heal = Instant::now();
        let (healed, after) = tokio::join!(take(ground, self.heal), cast.healing(ground, heal));
        healed?;
        seen.extend(after);
        seen.extend(metrics::at(ground, "in the end").await);
        seen.extend(account::settle(ground, &timed_out, &cast.reader.read()));
        seen.extend(series.seen(ground, fault, heal, heal + HEALING));
        Ok(seen)
    }
}

async fn take(ground: &Ground, steps: &[Step]) -> anyhow::Result<()> {
    for step in steps {
        let call = match step {
            Step::WaitMs(ms) => {
                tokio::time::sleep(Duration::from_millis(*ms)).await;
                continue;
            }
            Step::Do(kind) => json!({ "kind": kind }),
            Step::To(kind, broker) => json!({ "kind": kind, "broker": broker }),
        };
        let call = lab::faults::call_from_json(call.as_object().expect("an object was made"))?;
        ground.lab.inject(&call).await.with_context(|| format!("{step:?}"))?;
    }
    Ok(())
}

/// The clients that are there from the beginning to the end.
struct Cast {
    producers: Producers,
    account: Account,
    pulse: Pulse,
    groups: Groups,
    reader: Reader,
}

impl Cast {
    async fn gather(ground: &Ground) -> anyhow::Result<Self> {
        Ok(Self {
            producers: Producers::warm(ground).await?,
            account: Account::warm(ground).await?,
            pulse: Pulse::warm(ground).await?,
            groups: Groups::form(ground).await?,
            reader: Reader::begin(ground)?,
        })
    }

    /// From here on what the clients say counts.
    fn forget(&self) {
        self.producers.heard().forget();
        self.reader.heard().forget();
    }

    async fn outage(
        &self,
        ground: &Ground,
        fault: Instant,
    ) -> anyhow::Result<(Vec<Seen>, Vec<account::TimedOut>)> {
        let at = |after: Duration| tokio::time::sleep_until((fault + after).into());
        let account = async {
            at(ACCOUNT_AT).await;
            self.account.send().await
        };
        let questions = async {
            at(QUESTIONS_AT).await;
            let (produced, raw, raw_groups, read, grouped, created) = tokio::join!(
                self.producers.ask(ground),
                raw::produce_all(ground),
                raw_groups::ask(ground),
                consume::ask_newcomer(ground, NEWCOMER),
                self.groups.ask(ground),
                admin::create_topic(ground),
            );
            anyhow::Ok([produced, raw, raw_groups, read?, grouped, created?].concat())
        };
        let measures = async {
            at(METRICS_AT).await;
            metrics::at(ground, "in the outage").await
        };
        let (timed_out, seen, measured) = tokio::join!(account, questions, measures);
        Ok(([seen?, measured].concat(), timed_out))
    }

    /// What the clients said of themselves in the outage.
    fn said(&self, ground: &Ground) -> Vec<Seen> {
        let (producer, reader) = (self.producers.heard(), self.reader.heard());
        let queue = if producer.records_waited() { "records wait" } else { "records pass" };
        vec![
            ground.seen("producers' error callback", producer.errors()),
            ground.seen("producers' statistics: leader -1", producer.leaderless()),
            ground.seen("producers' statistics: queue", Class::word(queue)),
            ground.seen("reader's error callback", reader.errors()),
            ground.seen("reader's statistics: leader -1", reader.leaderless()),
        ]
    }

    async fn healing(&self, ground: &Ground, heal: Instant) -> Vec<Seen> {
        let until = heal + HEALING;
        let (pulses, groups, alarms) = tokio::join!(
            self.pulse.run(ground, &self.reader, heal, until),
            self.groups.heal(ground, HEALING),
            metrics::alarms(ground, until),
        );
        [pulses, groups, alarms].concat()
    }
}
