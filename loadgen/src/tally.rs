//! The books of a run: one record per intended request, written by its guard.
//!
//! Invariant: a request that was entered ends in exactly one outcome. Its [`Flight`] writes it when dropped, be it at
//! the end of an exchange, by a panic in it, or because the run ended around it; nobody else writes.
//!
//! One thread only, so cells and no locks. The bound: records are entered at most once per scheduled request (a closed
//! loop stops at as many as a schedule may have), and recent response times are a ring.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use recorder::{LATENCY_MAX, Latencies, Outcome};
use tokio::sync::Notify;

use crate::classify::Executed;
use crate::pool::Connections;
use crate::progress::Look;

/// How many response times the live percentiles look back on, and how far.
const RECENT_MAX: usize = 1024;
const RECENT_WINDOW: Duration = Duration::from_secs(1);

/// One intended request, compact: there may be millions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    response_us: u32,
    /// [`UNSENT`] when it was never sent.
    service_us: u32,
    /// The HTTP status; 0 without an answer.
    status: u16,
    pub(crate) kind: u8,
    /// `None` while it is in flight.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) executed: Executed,
}

const UNSENT: u32 = u32::MAX;

impl Record {
    pub(crate) fn response(&self) -> Duration {
        Duration::from_micros(u64::from(self.response_us))
    }

    pub(crate) fn service(&self) -> Option<Duration> {
        (self.service_us != UNSENT).then(|| Duration::from_micros(u64::from(self.service_us)))
    }

    pub(crate) fn status(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.status).ok()
    }
}

/// Whole microseconds, up to the recorder's bound.
fn us(time: Duration) -> u32 {
    u32::try_from(time.min(LATENCY_MAX).as_micros()).expect("an hour in microseconds fits into 32 bits")
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) executed: Executed,
    pub(crate) status: Option<StatusCode>,
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, executed: Executed::NotSaid, status: None }
    }
}

/// The books.
#[derive(Debug)]
pub(crate) struct Tally {
    records: RefCell<Vec<Record>>,
    /// When each request was intended, in nanoseconds after the start; kept only where no schedule says so.
    intended_ns: RefCell<Vec<u64>>,
    counts: Cell<[u64; Outcome::COUNT]>,
    lag: RefCell<Latencies>,
    recent: RefCell<VecDeque<(Instant, u32)>>,
    in_flight: Cell<usize>,
    landed: Notify,
}

impl Tally {
    pub(crate) fn new(requests_max: usize) -> Rc<Self> {
        Rc::new(Self {
            records: RefCell::new(Vec::with_capacity(requests_max)),
            intended_ns: RefCell::default(),
            counts: Cell::new([0; Outcome::COUNT]),
            lag: RefCell::new(Latencies::new()),
            recent: RefCell::new(VecDeque::with_capacity(RECENT_MAX)),
            in_flight: Cell::new(0),
            landed: Notify::new(),
        })
    }

    /// Enters the next request of the schedule; it is in flight until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>, kind: u8, due: Instant) -> Flight {
        let open = Record {
            response_us: 0,
            service_us: UNSENT,
            status: 0,
            kind,
            outcome: None,
            executed: Executed::NotSaid,
        };
        let mut records = self.records.borrow_mut();
        records.push(open);
        self.in_flight.set(self.in_flight.get() + 1);
        Flight {
            tally: self.clone(),
            k: records.len() - 1,
            due,
            sent: None,
            ending: Outcome::Unfinished.into(),
        }
    }

    /// Notes when the request that is entered next was intended, where no schedule says so.
    pub(crate) fn intend(&self, offset: Duration) {
        self.intended_ns.borrow_mut().push(u64::try_from(offset.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many requests were entered, which is also the number of the next one.
    pub(crate) fn entered(&self) -> usize {
        self.records.borrow().len()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.get()
    }

    /// Returns when nothing is in flight.
    pub(crate) async fn all_landed(&self) {
        while self.in_flight() > 0 {
            self.landed.notified().await;
        }
    }

    /// A look at the books for the live view.
    pub(crate) fn look(&self, now: Instant) -> Look {
        let is_recent = |at: Instant| now.saturating_duration_since(at) <= RECENT_WINDOW;
        let recent = self.recent.borrow();
        Look {
            entered: self.entered() as u64,
            in_flight: self.in_flight() as u64,
            counts: self.counts.get(),
            recent_us: recent.iter().filter(|(at, _)| is_recent(*at)).map(|(_, us)| *us).collect(),
            lag: self.lag.borrow().clone(),
        }
    }

    /// Everything, once nothing is in flight any more.
    pub(crate) fn close(
        &self,
        connections: Connections,
        started: (Instant, SystemTime),
        is_cut_off: bool,
    ) -> Books {
        let (records, intended_ns) = (self.records.take(), self.intended_ns.take());
        Books { records, intended_ns, lag: self.lag.take(), connections, started, is_cut_off }
    }

    fn land(&self, flight: &Flight) {
        let now = Instant::now();
        let response_us = us(now.saturating_duration_since(flight.due));
        let Ending { outcome, executed, status } = flight.ending;
        if let Some(record) = self.records.borrow_mut().get_mut(flight.k) {
            record.response_us = response_us;
            record.service_us = flight.sent.map_or(UNSENT, |sent| us(now.saturating_duration_since(sent)));
            record.status = status.map_or(0, |status| status.as_u16());
            record.outcome = Some(outcome);
            record.executed = executed;
        }
        let mut counts = self.counts.get();
        counts[outcome.index()] += 1;
        self.counts.set(counts);
        if outcome != Outcome::UnsentCap {
            self.remember(now, response_us);
        }
        self.in_flight.set(self.in_flight.get() - 1);
        if self.in_flight.get() == 0 {
            self.landed.notify_one();
        }
    }

    fn remember(&self, now: Instant, response_us: u32) {
        let mut recent = self.recent.borrow_mut();
        if recent.len() == RECENT_MAX {
            recent.pop_front();
        }
        recent.push_back((now, response_us));
    }
}

/// What one worker leaves.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) records: Vec<Record>,
    /// Empty where a schedule says when requests were intended.
    pub(crate) intended_ns: Vec<u64>,
    pub(crate) lag: Latencies,
    pub(crate) connections: Connections,
    /// When the schedule began, the same for all workers.
    pub(crate) started: (Instant, SystemTime),
    /// Whether it did not come to its end.
    pub(crate) is_cut_off: bool,
}

/// A request in flight. Dropped without an ending it is `unfinished`, as old as it is then.
#[derive(Debug)]
pub(crate) struct Flight {
    tally: Rc<Tally>,
    k: usize,
    due: Instant,
    sent: Option<Instant>,
    ending: Ending,
}

impl Flight {
    /// The intended start.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// The generator got to it now: what it is late by is its own lag.
    pub(crate) fn begun(&self) {
        self.tally.lag.borrow_mut().record(self.due.elapsed());
    }

    /// It is handed to a connection now.
    pub(crate) fn sent(&mut self) {
        self.sent = Some(Instant::now());
    }

    /// It ended so.
    pub(crate) fn end(mut self, ending: impl Into<Ending>) {
        self.ending = ending.into();
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.tally.land(self);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn only_record(tally: &Tally) -> Record {
        let started = (Instant::now(), SystemTime::now());
        tally.close(Connections::default(), started, false).records[0]
    }

    #[test]
    fn a_record_stays_compact() {
        assert!(size_of::<Record>() <= 16, "{} bytes", size_of::<Record>());
    }

    #[test]
    fn a_panic_releases_the_flight_and_leaves_it_unfinished() {
        let tally = Tally::new(1);
        let flight = tally.enter(0, Instant::now());
        assert_eq!(tally.in_flight(), 1);
        let panicked = catch_unwind(AssertUnwindSafe(move || {
            let _flight = flight;
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(tally.in_flight(), 0);
        assert_eq!(only_record(&tally).outcome, Some(Outcome::Unfinished));
    }

    #[test]
    fn an_unfinished_request_is_at_least_as_old_as_it_is() {
        let tally = Tally::new(1);
        let due = Instant::now().checked_sub(Duration::from_secs(3)).expect("the machine is up for 3 s");
        drop(tally.enter(0, due));
        let record = only_record(&tally);
        assert!(record.response() >= Duration::from_secs(3));
        assert_eq!(record.service(), None, "it was never sent");
    }

    #[test]
    fn the_live_view_forgets_what_is_older_than_the_ring() {
        let tally = Tally::new(0);
        let now = Instant::now();
        (0..2 * RECENT_MAX as u32).for_each(|us| tally.remember(now, us));
        let recent_us = tally.look(now).recent_us;
        assert_eq!((recent_us.len(), recent_us[0]), (RECENT_MAX, RECENT_MAX as u32));
    }
}
