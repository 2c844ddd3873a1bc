use std::time::Duration;

use contracts::refusal::RefusalCode;
use proptest::prelude::*;
use trading::order::Executed;

use super::*;
use crate::samples;

/// What may happen to an order, in any order: the steps of its executor, the deadline, its customer, the resolver.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Place { taken: bool },
    Accept,
    Commit { taken: bool },
    Acked,
    Refuse,
    Fail,
    LoseSight,
    Cancel,
    GiveUp,
    TimePasses { ms: u64 },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => prop::bool::weighted(0.8).prop_map(|taken| Happening::Place { taken }),
        6 => Just(Happening::Accept),
        6 => prop::bool::weighted(0.8).prop_map(|taken| Happening::Commit { taken }),
        3 => Just(Happening::Acked),
        1 => Just(Happening::Refuse),
        1 => Just(Happening::Fail),
        2 => Just(Happening::LoseSight),
        2 => Just(Happening::Cancel),
        2 => Just(Happening::GiveUp),
        3 => (0u64..60).prop_map(|ms| Happening::TimePasses { ms }),
    ]
}

/// The flow under test, and what the world saw of it.
struct Run {
    flow: Flow,
    now: Instant,
    deadline: Instant,
    placed: u32,
    trades: u32,
    late_hand_overs: u32,
}

impl Run {
    fn new() -> Self {
        let now = Instant::now();
        let deadline = now + Duration::from_millis(100);
        let flow = Flow::new(samples::order("1"), deadline);
        Self { flow, now, deadline, placed: 0, trades: 0, late_hand_overs: 0 }
    }

    fn happens(&mut self, happening: Happening) {
        let (now, before) = (self.now, self.placed + self.trades);
        match happening {
            Happening::Place { taken } => {
                let handed = self.flow.produce(now, |_| if taken { Ok(()) } else { Err(()) });
                self.placed += u32::from(handed.is_ok());
            }
            Happening::Accept => self.flow.accepted(),
            Happening::Commit { taken } => {
                let execution = samples::execution(self.flow.order());
                let handed = self.flow.commit(now, execution, |_| if taken { Ok(()) } else { Err(()) });
                self.trades += u32::from(handed.is_ok());
            }
            Happening::Acked => self.flow.executed(),
            Happening::Refuse => self.flow.refuse(Refusal::new(RefusalCode::PriceStale, "old")),
            Happening::Fail => self.flow.fail("full"),
            Happening::LoseSight => self.flow.lose_sight("silent"),
            Happening::Cancel => drop(self.flow.cancel()),
            Happening::GiveUp => self.flow.give_up(),
            Happening::TimePasses { ms } => self.now += Duration::from_millis(ms),
        }
        if self.placed + self.trades > before && now >= self.deadline {
            self.late_hand_overs += 1;
        }
    }

    /// What the last word to the customer would be.
    fn said(&self) -> Option<Executed> {
        self.flow.answer().map(|answer| match answer {
            Answer::Executed(_) => Executed::Yes,
            Answer::Unknown(_) => Executed::Unknown,
            _ => Executed::No,
        })
    }
}

proptest! {
    #[test]
    fn an_order_answered_with_no_never_trades_and_none_trades_twice(
        happenings in prop::collection::vec(happening(), 0..40)
    ) {
        let mut run = Run::new();
        let mut said_no = false;
        for happening in happenings {
            run.happens(happening);
            said_no |= run.said() == Some(Executed::No);
            prop_assert!(run.trades <= 1);
            prop_assert!(!(said_no && run.trades > 0), "answered no, and traded");
            prop_assert_eq!(run.late_hand_overs, 0, "handed over after the deadline");
        }
    }

    #[test]
    fn an_answer_that_is_no_doubt_never_changes(happenings in prop::collection::vec(happening(), 0..40)) {
        let mut run = Run::new();
        let mut last: Option<Answer> = None;
        for happening in happenings {
            run.happens(happening);
            if let Some(last) = last.filter(|answer| !matches!(answer, Answer::Unknown(_))) {
                prop_assert_eq!(run.flow.answer(), Some(&last));
                prop_assert!(run.flow.state().is_terminal());
            }
            last = run.flow.answer().cloned();
        }
    }

    #[test]
    fn every_order_in_doubt_has_a_duty_that_resolves_it(happenings in prop::collection::vec(happening(), 0..40)) {
        let mut run = Run::new();
        for happening in happenings {
            run.happens(happening);
        }
        run.flow.lose_sight("silent");
        match run.flow.duty() {
            Some(Duty::Execute(_)) => {
                prop_assert_eq!(run.trades, 1);
                run.flow.executed();
                prop_assert_eq!(run.flow.state(), OrderState::Filled);
            }
            Some(Duty::Reject) => {
                prop_assert_eq!(run.trades, 0);
                run.flow.give_up();
                prop_assert_eq!(run.said(), Some(Executed::No));
            }
            None => prop_assert!(run.placed == 0 || run.flow.state() == OrderState::Filled),
        }
        prop_assert!(run.flow.state().is_terminal());
    }
}

#[test]
fn an_order_goes_from_placed_to_filled() {
    let mut run = Run::new();
    for step in [Happening::Place { taken: true }, Happening::Accept, Happening::Commit { taken: true }] {
        run.happens(step);
        assert_eq!(run.flow.answer(), None);
    }
    run.happens(Happening::Acked);
    assert_eq!(run.flow.state(), OrderState::Filled);
    assert_eq!((run.said(), run.flow.duty()), (Some(Executed::Yes), None));
    assert_eq!(run.flow.cancel(), Err(TooLate));
}

#[test]
fn an_order_of_which_nothing_was_produced_may_come_again() {
    let mut run = Run::new();
    run.happens(Happening::Place { taken: false });
    run.happens(Happening::LoseSight);
    assert!(run.flow.was_never_placed());
    assert_eq!(run.flow.duty(), None);
}

#[test]
fn a_trade_that_was_handed_over_can_no_longer_be_cancelled_or_given_up() {
    let mut run = Run::new();
    for step in [Happening::Place { taken: true }, Happening::Accept, Happening::Commit { taken: true }] {
        run.happens(step);
    }
    run.happens(Happening::LoseSight);
    assert_eq!(run.flow.cancel(), Err(TooLate));
    run.flow.give_up();
    assert_eq!(run.flow.state(), OrderState::Unknown);
}
