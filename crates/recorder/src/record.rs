//! Response and service time per phase and outcome.
//!
//! The bound: at most 36 cells of two histograms, about 13.5 MB if every outcome occurs in every phase. A cell is
//! allocated at its first record; [`Recorder::pretouch`] moves that to a moment that nobody measures.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Latencies, Outcome, Phase, Phases, Summary};

/// Everything that a run measured.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    cells: [[Option<Box<Cell>>; Outcome::COUNT]; Phase::COUNT],
}

/// One outcome in one phase.
#[derive(Debug, Clone, Default)]
struct Cell {
    response: Latencies,
    service: Latencies,
}

impl Recorder {
    /// An empty recorder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allocates the histograms of these outcomes in every phase, so that recording them allocates nothing.
    pub fn pretouch(&mut self, outcomes: &[Outcome]) {
        for phase in &mut self.cells {
            for outcome in outcomes {
                phase[outcome.index()].get_or_insert_default();
            }
        }
    }

    /// Counts one intended request: `response` from its intended start, `service` from the actual send, if it was sent.
    pub fn record(&mut self, phase: Phase, outcome: Outcome, response: Duration, service: Option<Duration>) {
        let cell = self.cells[phase.index()][outcome.index()].get_or_insert_default();
        cell.response.record(response);
        if let Some(service) = service {
            cell.service.record(service);
        }
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.cells.iter_mut().flatten().zip(other.cells.iter().flatten()) {
            let Some(theirs) = theirs else { continue };
            let mine = mine.get_or_insert_default();
            mine.response.merge(&theirs.response);
            mine.service.merge(&theirs.service);
        }
    }

    /// Forgets everything, and keeps the memory: for one interval after the other.
    pub fn clear(&mut self) {
        for cell in self.cells.iter_mut().flatten().flatten() {
            cell.response.clear();
            cell.service.clear();
        }
    }

    /// How many intended requests ended so in this phase.
    pub fn count(&self, phase: Phase, outcome: Outcome) -> u64 {
        self.response(phase, outcome).map_or(0, Latencies::count)
    }

    /// How many requests were intended in this phase.
    pub fn in_phase(&self, phase: Phase) -> u64 {
        Outcome::ALL.into_iter().map(|outcome| self.count(phase, outcome)).sum()
    }

    /// How many intended requests were counted in all.
    pub fn total(&self) -> u64 {
        self.occupied().map(|cell| cell.response.count()).sum()
    }

    /// How many durations were longer than the histograms tell apart.
    pub fn saturated(&self) -> u64 {
        self.occupied().map(|cell| cell.response.saturated() + cell.service.saturated()).sum()
    }

    /// The response times of this outcome in this phase; `None` when it did not occur.
    pub fn response(&self, phase: Phase, outcome: Outcome) -> Option<&Latencies> {
        self.cell(phase, outcome).map(|cell| &cell.response)
    }

    /// The service times of this outcome in this phase; `None` when it did not occur.
    pub fn service(&self, phase: Phase, outcome: Outcome) -> Option<&Latencies> {
        self.cell(phase, outcome).map(|cell| &cell.service)
    }

    /// This outcome in this phase for a result file; `None` when it did not occur.
    pub fn summary(&self, phase: Phase, outcome: Outcome) -> Option<Summary> {
        let cell = self.cell(phase, outcome)?;
        Some(Summary {
            count: cell.response.count(),
            response_ms: cell.response.percentiles().filter(|_| outcome.was_sent()),
            service_ms: cell.service.percentiles(),
        })
    }

    /// All of it for a result file: every phase, and in each the outcomes that occurred.
    pub fn phases(&self) -> Phases {
        let outcomes = |phase| -> BTreeMap<Outcome, Summary> {
            Outcome::ALL.into_iter().filter_map(|it| Some((it, self.summary(phase, it)?))).collect()
        };
        Phase::ALL.into_iter().map(|phase| (phase, outcomes(phase))).collect()
    }

    fn cell(&self, phase: Phase, outcome: Outcome) -> Option<&Cell> {
        self.cells[phase.index()][outcome.index()].as_deref().filter(|cell| cell.response.count() > 0)
    }

    fn occupied(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().flatten().flatten().map(Box::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    type Entry = (Phase, Outcome, Duration, Option<Duration>);

    fn entry() -> impl Strategy<Value = Entry> {
        let us = || (0_u64..10_000_000_000).prop_map(Duration::from_micros);
        (0..Phase::COUNT, 0..Outcome::COUNT, us(), proptest::option::of(us())).prop_map(
            |(phase, outcome, response, service)| {
                (Phase::ALL[phase], Outcome::ALL[outcome], response, service)
            },
        )
    }

    fn recorder(entries: &[Entry]) -> Recorder {
        let mut recorder = Recorder::new();
        for (phase, outcome, response, service) in entries {
            recorder.record(*phase, *outcome, *response, *service);
        }
        recorder
    }

    #[test]
    fn a_summary_has_exactly_the_shape_of_the_result_file() {
        let mut recorder = Recorder::new();
        recorder.pretouch(&Outcome::ALL);
        let ms = Duration::from_millis;
        recorder.record(Phase::Outage, Outcome::OkDegraded, ms(20), Some(ms(10)));
        recorder.record(Phase::Outage, Outcome::UnsentCap, ms(1), None);
        expect![[r#"
            {
              "before": {},
              "outage": {
                "ok_degraded": {
                  "count": 1,
                  "response_ms": {
                    "p50": 20.015,
                    "p90": 20.015,
                    "p99": 20.015,
                    "p999": 20.015,
                    "max": 20.015
                  },
                  "service_ms": {
                    "p50": 10.007,
                    "p90": 10.007,
                    "p99": 10.007,
                    "p999": 10.007,
                    "max": 10.007
                  }
                },
                "unsent_cap": {
                  "count": 1
                }
              },
              "recovery": {}
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&recorder.phases()).unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn merged_recorders_say_what_one_recorder_would(
            left in vec(entry(), 0..40),
            right in vec(entry(), 0..40),
        ) {
            let mut merged = recorder(&left);
            merged.merge(&recorder(&right));
            let whole = recorder(&[left, right].concat());
            prop_assert_eq!(merged.phases(), whole.phases());
            prop_assert_eq!(merged.saturated(), whole.saturated());
        }

        #[test]
        fn a_cleared_recorder_is_as_good_as_a_new_one(old in vec(entry(), 0..40), new in vec(entry(), 0..40)) {
            let mut cleared = recorder(&old);
            cleared.clear();
            prop_assert_eq!((cleared.total(), cleared.saturated()), (0, 0));
            cleared.merge(&recorder(&new));
            prop_assert_eq!(cleared.phases(), recorder(&new).phases());
        }

        #[test]
        fn everything_recorded_is_counted_once(entries in vec(entry(), 0..80)) {
            let recorder = recorder(&entries);
            prop_assert_eq!(recorder.total(), entries.len() as u64);
            let summed: u64 = recorder.phases().values().flat_map(|outcomes| outcomes.values()).map(|it| it.count).sum();
            prop_assert_eq!(summed, entries.len() as u64);
        }

        #[test]
        fn a_percentile_is_a_recorded_value_within_three_digits(
            times in vec(1_u64..3_600_000_000, 1..60),
            quantile in 0.0..1.0_f64,
        ) {
            let mut latencies = Latencies::new();
            times.iter().for_each(|us| latencies.record(Duration::from_micros(*us)));
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let rank = ((quantile * sorted.len() as f64).ceil() as usize).max(1);
            let truth = sorted[rank - 1] as f64;
            let told = latencies.quantile(quantile).as_micros() as f64;
            prop_assert!(told >= truth && told <= truth * 1.001 + 1.0, "told {told}, truth {truth}");
        }
    }
}
