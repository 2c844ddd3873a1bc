//! What a run measured, as far as gates ask for it.
//!
//! Histograms are kept whole, so that any selection of requests is merged before a percentile is taken.

use std::collections::BTreeMap;
use std::time::Duration;

use recorder::{LATENCY_MAX, Latencies, Outcome, Phase, Recorder};

use crate::gate::Selector;

/// What one arm measured.
#[derive(Debug, Clone, Default)]
pub struct Measurements {
    /// The histograms of each label, e.g. of `quote` and `order`.
    pub by_label: BTreeMap<String, Recorder>,
    /// What took how long.
    pub times: Times,
    /// What the audit of the ledger found.
    pub audit: AuditFacts,
}

/// The times of an outage; `None` is never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// From the strike to the first circuit that opened.
    pub detect: Option<Duration>,
    /// From the strike to the first answer by a fallback or refusal.
    pub degrade: Option<Duration>,
    /// From the first heal to the beginning of the final stretch in which everything is answered over Kafka.
    pub recover: Option<Duration>,
}

/// What the audit of the ledger found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditFacts {
    /// Whether all postings sum to zero per asset.
    pub balanced: bool,
    /// Orders that were executed.
    pub executions: u64,
    /// Orders whose customer was not told whether they were executed.
    pub in_doubt: u64,
    /// Those of them on which the record is silent too.
    pub unresolved: u64,
    /// Executions and postings that came again under their own event id.
    pub duplicates: u64,
    /// Broken invariants.
    pub violations: u64,
}

impl Measurements {
    /// How many intended requests are meant by `of`.
    pub fn count(&self, of: &Selector) -> u64 {
        self.selected(of).map(|(recorder, phase, outcome)| recorder.count(phase, outcome)).sum()
    }

    /// The response times of the requests that are meant by `of`; `None` if there is none. One that was never sent
    /// waits for ever: it counts as [`LATENCY_MAX`], which no limit allows.
    pub fn response(&self, of: &Selector) -> Option<Latencies> {
        let mut all = Latencies::new();
        for (recorder, phase, outcome) in self.selected(of) {
            match recorder.response(phase, outcome) {
                Some(cell) if outcome.was_sent() => all.merge(cell),
                Some(cell) => all.record_many(LATENCY_MAX, cell.count()),
                None => {}
            }
        }
        (all.count() > 0).then_some(all)
    }

    /// How many of them were never sent.
    pub fn unsent(&self, of: &Selector) -> u64 {
        let unsent = self.selected(of).filter(|(_, _, outcome)| !outcome.was_sent());
        unsent.map(|(recorder, phase, outcome)| recorder.count(phase, outcome)).sum()
    }

    fn selected<'a>(&'a self, of: &'a Selector) -> impl Iterator<Item = (&'a Recorder, Phase, Outcome)> {
        let labels =
            self.by_label.iter().filter(|(label, _)| of.label.as_ref().is_none_or(|it| it == *label));
        labels.flat_map(move |(_, recorder)| {
            let phases = Phase::ALL.into_iter().filter(|phase| of.phase.is_none_or(|it| it == *phase));
            phases.flat_map(move |phase| {
                let outcomes =
                    Outcome::ALL.into_iter().filter(|it| of.outcome.is_none_or(|want| want == *it));
                outcomes.map(move |outcome| (recorder, phase, outcome))
            })
        })
    }
}
