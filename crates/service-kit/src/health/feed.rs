//! What librdkafka's statistics say, told to the circuits.
//!
//! | told | from | of several topics or readers at one index |
//! |---|---|---|
//! | leader | the producer of heartbeats, which sends to every partition of the path | missing if one is missing |
//! | acks | the customers' producer | the one with most in flight: what is stuck piles up |
//! | consumer | the readers that the service follows, as far as they read now | the one that is furthest behind |
//!
//! The leader is not taken from the customers' producer: one that was not asked for a while holds old metadata, and
//! would trip a circuit again that heartbeats have just closed.
//!
//! What the heartbeats found out first, the customers' producer is told: it would learn of a new leader only from the
//! refusal of a customer's record, topic by topic of a path, and each of those calls would wait for a retry. It is told to
//! ask about all of its topics, since no heartbeat of this service goes to those in which it answers others.
//!
//! Bound: [`READERS_MAX`] readers are followed; each newest sample is told once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bus::{PartitionSignal, Signals, SignalsWatch};
use circuit::{AckReport, Circuits, ConsumerReport};

/// The most readers of one service that are followed; there are two at most.
const READERS_MAX: usize = 8;

/// The clients of one service.
#[derive(Debug)]
pub(super) struct Feed {
    path: &'static [&'static str],
    leaders: Option<SignalsWatch>,
    /// The newest leader that the heartbeats told of each partition of the path.
    led: BTreeMap<(String, i32), i32>,
    customers: SignalsWatch,
    readers: Vec<SignalsWatch>,
}

impl Feed {
    pub(super) fn new(path: &'static [&'static str], customers: SignalsWatch) -> Self {
        Self { path, leaders: None, led: BTreeMap::new(), customers, readers: Vec::new() }
    }

    /// Follows the producer of heartbeats.
    pub(super) fn follow_leaders(&mut self, heartbeats: SignalsWatch) {
        self.leaders = Some(heartbeats);
    }

    /// Follows a reader of the path.
    pub(super) fn follow(&mut self, reader: SignalsWatch) {
        if self.readers.len() < READERS_MAX {
            self.readers.push(reader);
        } else {
            tracing::error!(
                readers = READERS_MAX,
                "one reader more than can be followed: its progress is not watched"
            );
        }
    }

    /// Tells what came since the last time. All topics of the customers' producer, if either producer has just told and the
    /// one of heartbeats knows of another leader than that one, or than itself the last time.
    pub(super) fn tell(
        &mut self,
        circuits: &mut Circuits,
        partitions: usize,
        now: Duration,
    ) -> BTreeSet<String> {
        let path = self.path;
        let changed = |watch: &SignalsWatch| watch.has_changed().unwrap_or(false);
        let told = self.leaders.as_ref().is_some_and(changed) || changed(&self.customers);
        if let Some(signals) = self.leaders.as_mut().and_then(news) {
            for (partition, known) in by_index(path, &signals, partitions, leader, |known| !known) {
                circuits.leader_told(partition, known, now);
            }
        }
        if let Some(signals) = news(&mut self.customers) {
            for (partition, report) in by_index(path, &signals, partitions, acks, |report| report.in_flight) {
                circuits.acks_told(partition, report, now);
            }
        }
        let readers = self.readers.iter_mut().filter_map(news);
        let mut furthest: Vec<Option<ConsumerReport>> = vec![None; 0];
        for signals in readers {
            furthest.resize(partitions, None);
            for (partition, report) in by_index(path, &signals, partitions, consumer, |report| report.lag()) {
                let before = furthest[partition].map_or(0, ConsumerReport::lag);
                if report.lag() >= before {
                    furthest[partition] = Some(report);
                }
            }
        }
        for (partition, report) in furthest.into_iter().enumerate() {
            report.into_iter().for_each(|report| circuits.consumer_told(partition, report, now));
        }
        if told && self.moved() { self.topics_of_customers() } else { BTreeSet::new() }
    }

    /// A leader that is not known is no news: it is found out by who needs it.
    fn moved(&mut self) -> bool {
        let Some(leaders) = self.leaders.as_ref().map(|watch| watch.borrow().clone()) else { return false };
        let customers = self.customers.borrow();
        let mut moved = false;
        for (partition, signal) in &leaders.partitions {
            let Some(leader) = signal.leader.filter(|_| self.path.contains(&partition.0.as_str())) else {
                continue;
            };
            let theirs = customers.partitions.get(partition);
            let before = self.led.insert(partition.clone(), leader);
            moved |= theirs.is_some_and(|theirs| theirs.leader != Some(leader));
            moved |= before.is_some_and(|before| before != leader);
        }
        moved
    }

    fn topics_of_customers(&self) -> BTreeSet<String> {
        self.customers.borrow().partitions.keys().map(|(topic, _)| topic.clone()).collect()
    }
}

/// The newest sample, if it was not looked at yet.
fn news(watch: &mut SignalsWatch) -> Option<std::sync::Arc<Signals>> {
    // A client that is gone has no news.
    let news = watch.has_changed().unwrap_or(false);
    news.then(|| watch.borrow_and_update().clone()).filter(|signals| signals.samples > 0)
}

fn leader(partition: &PartitionSignal) -> Option<bool> {
    Some(partition.leader.is_some())
}

/// Records that were given up count as unacknowledged in the client, so these are only those that it still holds.
fn acks(partition: &PartitionSignal) -> Option<AckReport> {
    let in_flight = partition.queued + partition.in_flight;
    Some(AckReport { in_flight, acked_total: partition.acked })
}

fn consumer(partition: &PartitionSignal) -> Option<ConsumerReport> {
    let report = ConsumerReport { position: partition.position?, end: partition.end? };
    partition.fetching.then_some(report)
}

/// Of each index the worst that one topic of the path says, by this measure.
fn by_index<T: Copy, W: Ord>(
    path: &[&str],
    signals: &Signals,
    partitions: usize,
    said: impl Fn(&PartitionSignal) -> Option<T>,
    worse: impl Fn(T) -> W,
) -> Vec<(usize, T)> {
    let mut worst: Vec<Option<T>> = vec![None; partitions];
    for ((topic, partition), signal) in &signals.partitions {
        let index = usize::try_from(*partition).ok().filter(|index| *index < partitions);
        if let (Some(index), true, Some(said)) = (index, path.contains(&topic.as_str()), said(signal)) {
            let slot = &mut worst[index];
            *slot = Some(slot.filter(|before| worse(*before) > worse(said)).unwrap_or(said));
        }
    }
    worst.into_iter().enumerate().filter_map(|(index, said)| Some((index, said?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuit::{Decision, Settings, Words};
    use std::sync::Arc;
    use tokio::sync::watch;

    const WORDS: Words = Words { degraded: "down", restored: "up" };
    const PATH: &[&str] = &["fees", "quotes"];

    fn signals(samples: u64, partitions: &[(&str, i32, PartitionSignal)]) -> Arc<Signals> {
        let partitions =
            partitions.iter().map(|(topic, index, signal)| (((*topic).to_owned(), *index), *signal));
        Arc::new(Signals { samples, partitions: partitions.collect(), ..Signals::default() })
    }

    /// Clients that say the same in each of seven samples, a quarter of a second apart: which of four circuits open?
    fn opened(
        producer: impl Fn(u64) -> Vec<(&'static str, i32, PartitionSignal)>,
        reader: impl Fn(u64) -> Vec<(&'static str, i32, PartitionSignal)>,
    ) -> Vec<usize> {
        let mut circuits = Circuits::new(["0", "1", "2", "3"], WORDS, Settings::default(), 1).unwrap();
        let (tell, heard) = watch::channel(Arc::default());
        let (tell_reader, heard_reader) = watch::channel(Arc::default());
        let mut feed = Feed::new(PATH, heard.clone());
        feed.follow_leaders(heard);
        feed.follow(heard_reader);
        let (unacked, switches) = (circuits.unacked(), circuits.switches());
        let mut opened = Vec::new();
        for tick in 0..150_u32 {
            let now = Duration::from_millis(10) * tick;
            if tick % 25 == 0 {
                tell.send_replace(signals(u64::from(tick / 25) + 1, &producer(u64::from(tick / 25))));
                tell_reader.send_replace(signals(u64::from(tick / 25) + 1, &reader(u64::from(tick / 25))));
            }
            // Demand everywhere, and every call is answered at once.
            (0..4).for_each(|partition| drop(unacked.begin(partition)));
            let _calls: Vec<_> = (0..4).map(|partition| unacked.begin(partition)).collect();
            let _same = feed.tell(&mut circuits, 4, now);
            circuits.watch(now);
            opened.extend((0..4).filter(|p| switches.decide(*p) == Decision::Fallback));
        }
        opened.sort_unstable();
        opened.dedup();
        opened
    }

    fn led(queued: u64, acked: u64) -> PartitionSignal {
        PartitionSignal { leader: Some(1), queued, acked, ..PartitionSignal::default() }
    }

    fn read(position: u64, end: u64, fetching: bool) -> PartitionSignal {
        let known = |offset| i64::try_from(offset).ok();
        PartitionSignal { position: known(position), end: known(end), fetching, ..PartitionSignal::default() }
    }

    #[test]
    fn one_topic_without_a_leader_is_enough_and_a_topic_off_the_path_is_not() {
        let lost = PartitionSignal { leader: None, ..led(0, 0) };
        let producer = |_| vec![("fees", 1, led(0, 0)), ("quotes", 1, lost), ("trades", 2, lost)];
        assert_eq!(opened(producer, |_| vec![]), [1]);
    }

    #[test]
    fn when_heartbeats_find_another_leader_all_topics_of_the_customers_are_named_once_for_each_report() {
        let (tell_heartbeats, heartbeats) = watch::channel(Arc::default());
        let (tell_customers, customers) = watch::channel(Arc::default());
        let mut circuits = Circuits::new(["0", "1"], WORDS, Settings::default(), 1).unwrap();
        let mut feed = Feed::new(PATH, customers);
        feed.follow_leaders(heartbeats);
        let by = |leader| PartitionSignal { leader, ..PartitionSignal::default() };
        let mut moved = |heartbeats, customers| {
            tell_heartbeats.send_replace(signals(1, &[("fees", 0, by(Some(1))), ("quotes", 1, heartbeats)]));
            let answers = ("answers", 1, by(Some(1)));
            tell_customers.send_replace(signals(1, &[("quotes", 1, customers), answers]));
            let named = feed.tell(&mut circuits, 2, Duration::ZERO);
            assert!(feed.tell(&mut circuits, 2, Duration::ZERO).is_empty(), "nobody told anything since");
            named.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(moved(by(Some(2)), by(Some(1))), ["answers", "quotes"]);
        assert_eq!(moved(by(Some(2)), by(None)), ["answers", "quotes"]);
        assert!(moved(by(Some(2)), by(Some(2))).is_empty());
        assert!(moved(by(None), by(Some(2))).is_empty(), "that there is none is no news");
        assert_eq!(
            moved(by(Some(3)), by(Some(3))),
            ["answers", "quotes"],
            "the customers found out themselves"
        );
    }

    #[test]
    fn records_in_flight_without_an_ack_open_and_slow_ones_do_not() {
        let producer = |sample| {
            vec![("fees", 0, led(9, 7)), ("quotes", 0, led(3, sample)), ("fees", 1, led(90, sample))]
        };
        assert_eq!(opened(producer, |_| vec![]), [0]);
    }

    #[test]
    fn a_reader_that_stands_still_before_the_end_opens_and_one_that_a_group_took_away_does_not() {
        let reader = |sample| {
            vec![
                ("fees", 0, read(5, 9 + sample, true)),
                ("fees", 1, read(5, 9 + sample, false)),
                ("fees", 2, read(5 + sample, 90, true)),
                ("fees", 3, read(5, 5, true)),
            ]
        };
        assert_eq!(opened(|_| vec![], reader), [0]);
    }
}
