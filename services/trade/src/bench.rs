//! A desk over a scripted way out, for tests: one partition, paused time.

use std::sync::Arc;
use std::time::Duration;

use circuit::{Circuits, Settings, SwitchBoard, Words};
use contracts::EventType::{
    self, FeeRequest, LedgerPosted, OrderAccepted, OrderPlaced, QuoteRequest, TradeExecuted,
};
use service_kit::breaker::BreakerSettings;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trading::order::OrderState;
use trading::product::Catalogue;

use crate::desk::{Desk, Placed, Places};
use crate::executor::Executor;
use crate::flow::Answer;
use crate::resolver::{Resolver, UnresolvedCount, Worker};
use crate::samples;
use crate::script::Script;
use crate::stack;
use crate::table::OrderTable;
use crate::wire::Out;

pub(crate) const BUDGET: Duration = Duration::from_millis(300);
pub(crate) const WHOLE_WAY: [EventType; 6] =
    [QuoteRequest, OrderPlaced, FeeRequest, OrderAccepted, TradeExecuted, LedgerPosted];

pub(crate) const PLACES: Places = Places { in_flight_max: 10, unresolved_max: 10 };

pub(crate) struct Bench {
    pub(crate) script: Arc<Script>,
    pub(crate) switches: SwitchBoard,
    pub(crate) unresolved: UnresolvedCount,
    pub(crate) desk: Desk,
    // Keeps the rings of the calls.
    _circuits: Circuits,
}

/// Which layers are around the executor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layers {
    None,
    Deadline,
    Breaker,
    All,
}

pub(crate) fn bench(places: Places, layers: Layers) -> Bench {
    let words = Words { degraded: "refused", restored: "taken" };
    let circuits = Circuits::new(["trade-0"], words, Settings::default(), 1).unwrap();
    let (script, switches, unresolved) =
        (Arc::<Script>::default(), circuits.switches(), UnresolvedCount::default());
    let out: Out = Arc::new(Arc::clone(&script));
    let executor = Executor::new(out.clone(), Arc::new(Catalogue::default()));
    let stack = match layers {
        Layers::None => stack::bare(executor),
        Layers::Deadline => stack::with_deadline(executor),
        Layers::Breaker => {
            let set = [("sliding_window_size", 10), ("minimum_number_of_calls", 10)];
            let set = set.map(|(key, value)| (key.to_owned(), value)).into();
            let settings = BreakerSettings { set, ..BreakerSettings::default() };
            stack::with_breaker(executor, &settings, ("trade", 1, |_| {})).unwrap()
        }
        Layers::All => stack::protected(executor, switches.clone(), circuits.unanswered()),
    };
    let table = Arc::new(OrderTable::new(100));
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let worker = Worker {
        out,
        table: Arc::clone(&table),
        switches: switches.clone(),
        partition: 0,
        count: unresolved.clone(),
    };
    let resolver = Resolver::start(&worker, 1, 10, (&tasks, &stop));
    let desk = Desk::new(table, stack, resolver, Box::new(|_| 0), places, (tasks, stop));
    Bench { script, switches, unresolved, desk, _circuits: circuits }
}

pub(crate) fn protected() -> Bench {
    bench(PLACES, Layers::All)
}

impl Bench {
    pub(crate) async fn place(&self, id: &str) -> Answer {
        match self.desk.place(samples::key(id), samples::terms(2), BUDGET).await {
            Placed::Answered(_, answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn state(&self, id: &str) -> Option<OrderState> {
        self.desk.find(&samples::key(id)).map(|entry| entry.with(|flow| flow.state()))
    }

    /// Polls until it holds; with a paused clock that takes no time.
    pub(crate) async fn eventually(&self, what: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            if what(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never held; taken was {:?}", self.script.taken());
    }
}
