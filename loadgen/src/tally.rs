//! What one worker has open, and what ended at it.
//!
//! Invariant: a request that was entered ends in exactly one outcome. Its [`Flight`] writes it when dropped, be it at
//! the end of an exchange, by a panic in it, or because the run ended around it; nobody else writes.
//!
//! One thread only, so cells and no locks. What ended is written into a buffer that is handed over when it is full, and
//! five times a second; the buffers come back, so that a record allocates nothing. Bounds: a buffer, and a count for
//! each second in which something is open, which the deadline and the drain bound.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use http::StatusCode;
use recorder::Outcome;
use tokio::sync::Notify;

use crate::Connections;
use crate::classify::Executed;
use crate::landed::{Landed, UNSENT, us};
use crate::outlet::{CHUNK_LEN, Chunk, Outlet};

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

/// What a worker has open and what ended.
#[derive(Debug)]
pub(crate) struct Tally {
    started: Instant,
    outlet: Outlet,
    landed: RefCell<Vec<Landed>>,
    open: RefCell<OpenSeconds>,
    /// No request will be entered that is intended before this.
    next_ns: Cell<u64>,
    entered: Cell<u64>,
    in_flight: Cell<usize>,
    landed_last_ns: Cell<u64>,
    all_landed: Notify,
}

impl Tally {
    pub(crate) fn new(started: Instant, outlet: Outlet) -> Rc<Self> {
        let landed = RefCell::new(outlet.empty());
        Rc::new(Self {
            started,
            outlet,
            landed,
            open: RefCell::default(),
            next_ns: Cell::new(0),
            entered: Cell::new(0),
            in_flight: Cell::new(0),
            landed_last_ns: Cell::new(0),
            all_landed: Notify::new(),
        })
    }

    /// The next request to be entered is intended then.
    pub(crate) fn expect(&self, intended_ns: u64) {
        self.next_ns.set(intended_ns);
    }

    /// Enters request `k`, intended `intended_ns` after the start; it is in flight until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>, k: u32, kind: u8, intended_ns: u64) -> Flight {
        self.expect(intended_ns);
        self.open.borrow_mut().enter(second_of(intended_ns));
        self.entered.set(self.entered.get() + 1);
        self.in_flight.set(self.in_flight.get() + 1);
        let ending = Outcome::Unfinished.into();
        Flight { tally: self.clone(), k, kind, intended_ns, begun_ns: None, sent_ns: None, ending }
    }

    /// How many requests were entered, which is also the number of the next one.
    pub(crate) fn entered(&self) -> u64 {
        self.entered.get()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.get()
    }

    /// When the last one ended, after the start.
    pub(crate) fn landed_last_ns(&self) -> u64 {
        self.landed_last_ns.get()
    }

    /// Returns when nothing is in flight.
    pub(crate) async fn all_landed(&self) {
        while self.in_flight() > 0 {
            self.all_landed.notified().await;
        }
    }

    /// Hands over what ended so far.
    pub(crate) fn hand_over(&self) {
        // Response times are cut to whole microseconds, so what ends from now on may seen so much earlier.
        let now_ns = self.now_ns().saturating_sub(1_000);
        let chunk = Chunk {
            landed: self.landed.replace(self.outlet.empty()),
            entered: self.entered.get(),
            in_flight: self.in_flight.get() as u64,
            seen_until_ns: now_ns,
            ended_before_ns: self.open.borrow().first_ns().unwrap_or(u64::MAX).min(self.next_ns.get()),
        };
        self.outlet.hand_over(chunk);
    }

    /// Says that nothing more will come.
    pub(crate) fn done(&self, connections: Connections, is_cut_off: bool) {
        self.outlet.done(connections, is_cut_off);
    }

    /// Now, after the start.
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn land(&self, flight: &Flight) {
        let now_ns = self.now_ns();
        self.landed_last_ns.set(now_ns);
        let late = |at_ns: u64| us(at_ns.saturating_sub(flight.intended_ns));
        let Ending { outcome, executed, status } = flight.ending;
        let landed = Landed {
            intended_ns: flight.intended_ns,
            k: flight.k,
            response_us: late(now_ns),
            service_us: flight.sent_ns.map_or(UNSENT, |sent_ns| us(now_ns.saturating_sub(sent_ns))),
            lag_us: late(flight.begun_ns.unwrap_or(now_ns)),
            status: status.map_or(0, |status| status.as_u16()),
            kind: flight.kind,
            outcome,
            executed,
        };
        self.record(landed);
        self.in_flight.set(self.in_flight.get() - 1);
        if self.in_flight.get() == 0 {
            self.all_landed.notify_one();
        }
    }

    fn record(&self, landed: Landed) {
        self.open.borrow_mut().land(second_of(landed.intended_ns));
        let mut written = self.landed.borrow_mut();
        written.push(landed);
        let is_full = written.len() >= CHUNK_LEN;
        drop(written);
        if is_full {
            self.hand_over();
        }
    }
}

const SECOND_NS: u64 = 1_000_000_000;

fn second_of(intended_ns: u64) -> u64 {
    intended_ns / SECOND_NS
}

/// How many requests are open of each second of intended starts. Requests are entered in the order of time.
#[derive(Debug, Default)]
struct OpenSeconds {
    first: u64,
    counts: VecDeque<u32>,
}

impl OpenSeconds {
    fn enter(&mut self, second: u64) {
        if self.counts.is_empty() {
            self.first = second;
        }
        let index = second.saturating_sub(self.first) as usize;
        while self.counts.len() <= index {
            self.counts.push_back(0);
        }
        self.counts[index] += 1;
    }

    fn land(&mut self, second: u64) {
        if let Some(count) = self.counts.get_mut(second.saturating_sub(self.first) as usize) {
            *count -= 1;
        }
        while self.counts.front() == Some(&0) {
            self.counts.pop_front();
            self.first += 1;
        }
    }

    /// The beginning of the first second of which anything is open; `None` if nothing is.
    fn first_ns(&self) -> Option<u64> {
        (!self.counts.is_empty()).then(|| self.first * SECOND_NS)
    }
}

/// A request in flight. Dropped without an ending it is `unfinished`, as old as it is then.
#[derive(Debug)]
pub(crate) struct Flight {
    tally: Rc<Tally>,
    k: u32,
    kind: u8,
    intended_ns: u64,
    begun_ns: Option<u64>,
    sent_ns: Option<u64>,
    ending: Ending,
}

impl Flight {
    /// The intended start.
    pub(crate) fn due_ns(&self) -> u64 {
        self.intended_ns
    }

    /// The generator got to it now: what it is late by is its own lag.
    pub(crate) fn begun(&mut self) {
        self.begun_ns = Some(self.tally.now_ns());
    }

    /// The generator got to it as it was due.
    pub(crate) fn begun_in_time(&mut self) {
        self.begun_ns = Some(self.intended_ns);
    }

    /// It is handed to a connection now.
    pub(crate) fn sent(&mut self) {
        self.sent_ns = Some(self.tally.now_ns());
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
    use std::sync::mpsc::Receiver;
    use std::time::Duration;

    use super::*;
    use crate::outlet::{self, News, Post};

    fn tally(started: Instant) -> (Rc<Tally>, Receiver<Post>) {
        let (outlets, _, inbox) = outlet::outlets(1);
        (Tally::new(started, outlets.into_iter().next().expect("one")), inbox)
    }

    fn handed_over(tally: &Tally, inbox: &Receiver<Post>) -> Chunk {
        tally.hand_over();
        let chunks = inbox.try_iter().map(|post| match post.news {
            News::Chunk(chunk) => chunk,
            other => panic!("{other:?}"),
        });
        chunks.last().expect("it was handed over")
    }

    #[test]
    fn a_panic_releases_the_flight_and_leaves_it_unfinished() {
        let (tally, inbox) = tally(Instant::now());
        let flight = tally.enter(0, 0, 0);
        assert_eq!(tally.in_flight(), 1);
        let panicked = catch_unwind(AssertUnwindSafe(move || {
            let _flight = flight;
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(tally.in_flight(), 0);
        assert_eq!(handed_over(&tally, &inbox).landed[0].outcome, Outcome::Unfinished);
    }

    #[test]
    fn an_unfinished_request_is_at_least_as_old_as_it_is() {
        let started = Instant::now().checked_sub(Duration::from_secs(3)).expect("the machine is up for 3 s");
        let (tally, inbox) = tally(started);
        drop(tally.enter(0, 0, 0));
        let landed = handed_over(&tally, &inbox).landed[0];
        assert!(landed.response_us >= 3_000_000);
        assert_eq!(landed.service_us, UNSENT, "it was never sent");
        assert_eq!(landed.lag_us, landed.response_us, "nobody ever got to it");
    }

    #[test]
    fn nothing_is_said_to_have_ended_before_what_is_open_or_still_to_come() {
        let (tally, inbox) = tally(Instant::now());
        let before = |tally: &Tally| handed_over(tally, &inbox).ended_before_ns;
        tally.expect(300_000_000);
        assert_eq!(before(&tally), 300_000_000, "the first is still to come");
        let first = tally.enter(0, 0, 300_000_000);
        let second = tally.enter(1, 0, 2_500_000_000);
        tally.expect(u64::MAX);
        assert_eq!(before(&tally), 0, "one of the first second is open");
        drop(first);
        assert_eq!(before(&tally), 2 * SECOND_NS);
        drop(second);
        assert_eq!(before(&tally), u64::MAX);
    }

    #[test]
    fn recording_allocates_nothing_until_a_buffer_is_full() {
        let (tally, inbox) = tally(Instant::now());
        drop(tally.enter(0, 0, 0));
        let record = || (1..CHUNK_LEN as u32 - 1).for_each(|k| drop(tally.enter(k, 0, u64::from(k))));
        let allocations = allocation_counter::measure(record);
        assert_eq!(allocations.count_total, 0, "{allocations:?}");
        assert_eq!(handed_over(&tally, &inbox).landed.len(), CHUNK_LEN - 1);
    }
}
