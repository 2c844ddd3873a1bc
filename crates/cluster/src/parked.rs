//! Requests that wait: for in-sync replicas, for records, for the controller.
//!
//! A parked request is named in the partitions it waits for; it leaves all of them when it is answered, when its time
//! is over, or when its connection is gone.

use crate::api::{BrokerId, DeletedTopic, Fetch, OffsetFetch, ProducePart, Request, Response, Token};
use crate::cluster::Cluster;
use crate::error::ErrorCode;
use crate::partition::{AckWaiter, Pid};
use crate::timers::Timer;
use crate::topics::OFFSETS_TOPIC;

#[derive(Debug)]
pub(crate) enum Parked {
    Produce { broker: BrokerId, parts: Vec<ProducePart>, waits: Vec<Option<(Pid, i64)>> },
    Fetch { broker: BrokerId, fetch: Fetch, pids: Vec<Pid> },
    Topics { broker: BrokerId, request: Request },
    Offsets { broker: BrokerId, asked: Vec<OffsetFetch>, waits: Vec<(Pid, i64)> },
}

impl Parked {
    fn broker(&self) -> BrokerId {
        match self {
            Self::Produce { broker, .. }
            | Self::Fetch { broker, .. }
            | Self::Topics { broker, .. }
            | Self::Offsets { broker, .. } => *broker,
        }
    }
}

impl Cluster {
    /// Parks a request until `wait` is over. When too many wait already, its wait is over at once.
    pub(crate) fn park(&mut self, token: Token, parked: Parked, wait: std::time::Duration) {
        match &parked {
            Parked::Produce { waits, .. } => {
                for (part, (pid, required)) in waits.iter().enumerate().filter_map(|(i, w)| Some((i, (*w)?)))
                {
                    if let Some(partition) = self.partitions.get_mut(&pid) {
                        partition.ack_waiters.insert((required, AckWaiter::Produce(token, part)));
                    }
                }
            }
            Parked::Fetch { pids, .. } => {
                for pid in pids {
                    if let Some(partition) = self.partitions.get_mut(pid) {
                        partition.fetchers.insert(token);
                    }
                }
            }
            Parked::Offsets { waits, .. } => {
                for (pid, required) in waits {
                    if let Some(partition) = self.partitions.get_mut(pid) {
                        partition.ack_waiters.insert((*required, AckWaiter::Offsets(token)));
                    }
                }
            }
            Parked::Topics { .. } => {}
        }
        let timer = self.timers.set(self.now.saturating_add(wait), Timer::Parked(token));
        self.parked.insert(token, (parked, timer));
        if self.parked.len() > self.spec.parked_max {
            self.wait_is_over(token);
        }
    }

    /// Whether this request is the controller's now.
    pub(crate) fn is_forwarded(&self, token: Token) -> bool {
        matches!(self.parked.get(&token), Some((Parked::Topics { .. }, _)))
    }

    /// Takes a request back, and its name out of the partitions.
    pub(crate) fn unpark(&mut self, token: Token) -> Option<Parked> {
        let (parked, timer) = self.parked.remove(&token)?;
        self.timers.cancel(timer);
        match &parked {
            Parked::Produce { waits, .. } => {
                for (part, (pid, required)) in waits.iter().enumerate().filter_map(|(i, w)| Some((i, (*w)?)))
                {
                    if let Some(partition) = self.partitions.get_mut(&pid) {
                        partition.ack_waiters.remove(&(required, AckWaiter::Produce(token, part)));
                    }
                }
            }
            Parked::Fetch { pids, .. } => {
                for pid in pids {
                    if let Some(partition) = self.partitions.get_mut(pid) {
                        partition.fetchers.remove(&token);
                    }
                }
            }
            Parked::Offsets { waits, .. } => {
                for (pid, required) in waits {
                    if let Some(partition) = self.partitions.get_mut(pid) {
                        partition.ack_waiters.remove(&(*required, AckWaiter::Offsets(token)));
                    }
                }
            }
            Parked::Topics { .. } => {}
        }
        Some(parked)
    }

    pub(crate) fn wait_is_over(&mut self, token: Token) {
        match self.unpark(token) {
            Some(Parked::Produce { mut parts, waits, .. }) => {
                for (part, _) in parts.iter_mut().zip(waits).filter(|(_, wait)| wait.is_some()) {
                    part.error = ErrorCode::RequestTimedOut;
                }
                self.reply(token, Response::Produce(parts));
            }
            Some(Parked::Fetch { broker, fetch, .. }) => {
                let parts = self.read(broker, &fetch);
                self.reply(token, Response::Fetch(parts));
            }
            Some(Parked::Topics { request, .. }) => {
                let response = timed_out(request);
                self.reply(token, response);
            }
            Some(Parked::Offsets { broker, asked, waits }) => {
                let unsettled: Vec<Pid> = waits.into_iter().map(|(pid, _)| pid).collect();
                let response = self.fetch_offsets(broker, asked, &unsettled);
                self.reply(token, response);
            }
            None => {}
        }
    }

    /// Part `index` of a parked produce request is settled; the request is answered with its last part.
    pub(crate) fn part_done(&mut self, token: Token, index: usize, result: Result<(), ErrorCode>) {
        let Some((Parked::Produce { parts, waits, .. }, _)) = self.parked.get_mut(&token) else { return };
        waits[index] = None;
        if let Err(error) = result {
            // It lies in the log all the same, and its offset is told.
            parts[index].error = error;
        }
        if waits.iter().all(Option::is_none)
            && let Some(Parked::Produce { parts, .. }) = self.unpark(token)
        {
            self.reply(token, Response::Produce(parts));
        }
    }

    /// A partition that a parked OffsetFetch waits for has committed what it asked for, or has another leader.
    pub(crate) fn offsets_settled(&mut self, token: Token, pid: Pid) {
        let Some((Parked::Offsets { waits, .. }, _)) = self.parked.get_mut(&token) else { return };
        waits.retain(|(waited, _)| *waited != pid);
        if waits.is_empty() {
            self.wait_is_over(token);
        }
    }

    /// The connections of a dead broker are gone, and with them whatever waited there.
    pub(crate) fn drop_parked_of(&mut self, broker: BrokerId) {
        let gone: Vec<Token> = self
            .parked
            .iter()
            .filter(|(_, (parked, _))| parked.broker() == broker)
            .map(|(token, _)| *token)
            .collect();
        for token in gone {
            self.unpark(token);
        }
    }

    /// Everybody who waits at a partition is told that its leader is another one, or none.
    pub(crate) fn leader_changed(&mut self, pid: Pid) {
        self.turn_away(pid, ErrorCode::NotLeaderOrFollower);
        let name = self.partitions.get(&pid).map(|partition| &partition.name);
        if let Some(index) = name.filter(|name| &*name.topic == OFFSETS_TOPIC).map(|name| name.partition) {
            self.turn_groups_away(index);
            self.coordinators_moved();
        }
    }

    pub(crate) fn turn_away(&mut self, pid: Pid, error: ErrorCode) {
        let Some(partition) = self.partitions.get_mut(&pid) else { return };
        let acks = std::mem::take(&mut partition.ack_waiters);
        let fetchers: Vec<Token> = partition.fetchers.iter().copied().collect();
        for (_, waiter) in acks {
            match waiter {
                AckWaiter::Produce(token, part) => self.part_done(token, part, Err(error)),
                AckWaiter::Group(id) => self.group_record_done(id, Err(error)),
                AckWaiter::Offsets(token) => self.offsets_settled(token, pid),
            }
        }
        for token in fetchers {
            self.wake_fetch(token);
        }
    }
}

fn timed_out(request: Request) -> Response {
    const ERROR: ErrorCode = ErrorCode::RequestTimedOut;
    let message = || Some("the controller did not answer in time".to_owned());
    match request {
        Request::CreatePartitions(asked) => Response::CreatePartitions(
            asked.topics.into_iter().map(|(topic, ..)| (topic, ERROR, message())).collect(),
        ),
        Request::DeleteTopics(topics, _) => {
            let refused = topics.into_iter().map(|topic| DeletedTopic::refused(topic, ERROR));
            Response::DeleteTopics(refused.collect())
        }
        Request::CreateTopics(asked) => Response::CreateTopics(
            asked
                .topics
                .into_iter()
                .map(|topic| crate::topics::refused(topic.name, ERROR, message()))
                .collect(),
        ),
        _ => Response::CreateTopics(Vec::new()),
    }
}
