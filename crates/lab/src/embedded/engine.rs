//! The state machine behind its lock, and the way of its effects.
//!
//! Connection tasks call straight in: an event goes under the lock, its effects are handed out under the same lock
//! (replies to the waiting connection, link changes to the brokers' tasks, changes to the timeline; none of these
//! blocks), so that effects are seen in the order in which the machine decided them. The lock is never held across
//! an await.
//!
//! Time is read under the lock too: the machine never sees it go back.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cluster::{BrokerId, Cluster, Effect, Event, Lever, Link, Process, Request, Response, Token};
use tokio::sync::{Notify, oneshot, watch};

use crate::faults::TopicShape;
use crate::timeline::{Timeline, What};

/// A broker's link, and how often its process has died: a connection of an earlier life is dead even if its task
/// never saw the broker dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) link: Link,
    pub(super) deaths: u64,
}

/// The one cluster, shared by all connections.
pub(super) struct Engine {
    inner: Mutex<Inner>,
    lines: BTreeMap<BrokerId, watch::Sender<Line>>,
    /// Somebody armed a timer that is due earlier than the one slept for.
    earlier: Notify,
    tokens: AtomicU64,
    timeline: Timeline,
}

struct Inner {
    cluster: Cluster,
    waiting: HashMap<Token, oneshot::Sender<Response>>,
    /// What the timer task sleeps for.
    armed: Option<Duration>,
}

/// A question on its way: dropped before it is answered, the cluster forgets it.
pub(super) struct Asked {
    engine: Arc<Engine>,
    token: Token,
    answer: oneshot::Receiver<Response>,
}

impl Engine {
    pub(super) fn new(
        cluster: Cluster,
        brokers: impl Iterator<Item = BrokerId>,
        timeline: Timeline,
    ) -> Arc<Self> {
        let link = Link { process: Process::Running, delay: Duration::ZERO };
        let line = |id| (id, watch::Sender::new(Line { link, deaths: 0 }));
        Arc::new(Self {
            inner: Mutex::new(Inner { cluster, waiting: HashMap::new(), armed: None }),
            lines: brokers.map(line).collect(),
            earlier: Notify::new(),
            tokens: AtomicU64::new(0),
            timeline,
        })
    }

    /// Follows the link of a broker; `None` if there is no such broker.
    pub(super) fn line(&self, broker: BrokerId) -> Option<watch::Receiver<Line>> {
        self.lines.get(&broker).map(watch::Sender::subscribe)
    }

    /// Asks the cluster; the answer may be there at once or much later.
    pub(super) fn ask(self: &Arc<Self>, broker: BrokerId, client_id: String, request: Request) -> Asked {
        let token = self.token();
        let (sender, answer) = oneshot::channel();
        let mut inner = self.lock();
        // The broker may have died since its connection looked; the dropped sender tells it so.
        if inner.cluster.link(broker).is_some_and(|link| link.process != Process::Dead) {
            inner.waiting.insert(token, sender);
            self.happen(&mut inner, Event::Request { broker, token, client_id, request });
        }
        drop(inner);
        Asked { engine: Arc::clone(self), token, answer }
    }

    /// Tells the cluster something that is answered at once and only if it failed; whether it did.
    pub(super) fn tell(self: &Arc<Self>, broker: BrokerId, client_id: String, request: Request) -> bool {
        let mut asked = self.ask(broker, client_id, request);
        asked.answer.try_recv().is_ok()
    }

    pub(super) fn pull(&self, lever: Lever) {
        self.happen(&mut self.lock(), Event::Lever(lever));
    }

    /// The state of a broker's process; `None` if there is no such broker.
    pub(super) fn process(&self, broker: BrokerId) -> Option<Process> {
        self.lock().cluster.link(broker).map(|link| link.process)
    }

    pub(super) fn state(&self) -> cluster::State {
        self.lock().cluster.state()
    }

    /// The topics there are.
    pub(super) fn topics(&self) -> Vec<TopicShape> {
        let shape = |topic: &cluster::TopicState| TopicShape {
            name: topic.topic.to_string(),
            internal: topic.topic.starts_with("__"),
            partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
        };
        self.state().topics.iter().map(shape).collect()
    }

    pub(super) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Ticks the cluster whenever it wants to be ticked; for ever.
    pub(super) async fn keep_time(&self) {
        loop {
            let due = {
                let mut inner = self.lock();
                inner.armed = inner.cluster.next_timer();
                inner.armed
            };
            let sleep = async {
                match due {
                    Some(due) => tokio::time::sleep_until((self.timeline.born() + due).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.earlier.notified() => {}
                () = sleep => self.happen(&mut self.lock(), Event::Tick),
            }
        }
    }

    fn happen(&self, inner: &mut Inner, event: Event) {
        let effects = inner.cluster.on(event, self.timeline.born().elapsed());
        for effect in effects {
            self.carry_out(inner, effect);
        }
        let next = inner.cluster.next_timer();
        if next.is_some_and(|next| inner.armed.is_none_or(|armed| next < armed)) {
            inner.armed = next;
            self.earlier.notify_one();
        }
    }

    fn carry_out(&self, inner: &mut Inner, effect: Effect) {
        match effect {
            Effect::Reply { token, response } => {
                if let Some(waiting) = inner.waiting.remove(&token) {
                    // A connection that has just gone does not want it any more.
                    drop(waiting.send(response));
                }
            }
            Effect::Link(broker, link) => {
                if let Some(line) = self.lines.get(&broker) {
                    line.send_modify(|line| {
                        line.deaths +=
                            u64::from(link.process == Process::Dead && line.link.process != Process::Dead);
                        line.link = link;
                    });
                }
            }
            Effect::Changed(change) => self.timeline.note(What::Cluster(change)),
        }
    }

    fn token(&self) -> Token {
        Token(self.tokens.fetch_add(1, Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic inside the state machine is a bug that its own tests look for; the others go on with what there is.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("brokers", &self.lines.len()).finish_non_exhaustive()
    }
}

impl Asked {
    /// The answer; `None` when the cluster dropped the question because its broker died.
    pub(super) async fn answer(&mut self) -> Option<Response> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut inner = self.engine.lock();
        if inner.waiting.remove(&self.token).is_some() {
            self.engine.happen(&mut inner, Event::Abandon(self.token));
        }
    }
}
