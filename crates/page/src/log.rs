//! The seconds of an arm, from its interval log.
//!
//! The bound is that of a picture: [`Log::columns`] merges neighbours until there are few enough.

use std::collections::BTreeMap;

use recorder::{Outcome, Phase, read_interval_log};

use crate::counts::Counts;

/// An arm, second by second.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Log {
    /// In the order of time. A second in which nothing was intended is not there.
    pub(crate) seconds: Vec<Second>,
}

/// What was intended in one interval, by phase and outcome.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Second {
    /// Its beginning, in seconds from the start of measuring.
    pub(crate) at: f64,
    /// How long it is, in seconds.
    pub(crate) length: f64,
    pub(crate) cells: BTreeMap<(Phase, Outcome), Counts>,
}

impl Log {
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let mut seconds: BTreeMap<u128, Second> = BTreeMap::new();
        for interval in read_interval_log(text) {
            let interval = interval.map_err(|error| error.to_string())?;
            let cell = cell(&interval.tag)
                .ok_or_else(|| format!("the tag `{}` is not OUTCOME.PHASE", interval.tag))?;
            let second = seconds.entry(interval.start.as_micros()).or_insert_with(|| Second {
                at: interval.start.as_secs_f64(),
                length: interval.length.as_secs_f64(),
                cells: BTreeMap::new(),
            });
            second.cells.entry(cell).or_default().merge(&Counts::of(interval.counts));
        }
        Ok(Self { seconds: seconds.into_values().collect() })
    }

    /// When the last second ends.
    pub(crate) fn end(&self) -> f64 {
        self.seconds.last().map_or(0.0, |last| last.at + last.length)
    }

    /// The seconds, or as many of them merged into one as it takes to have at most `max`.
    pub(crate) fn columns(&self, max: usize) -> Vec<Second> {
        let Some(first) = self.seconds.first() else { return Vec::new() };
        let each = first.length.max(f64::MIN_POSITIVE);
        let wide = each * (self.end() / each / max as f64).ceil().max(1.0);
        let mut columns: Vec<Second> = Vec::new();
        for second in &self.seconds {
            let at = (second.at / wide + 1e-9).floor() * wide;
            if columns.last().is_none_or(|last| (last.at - at).abs() > 1e-9) {
                columns.push(Second { at, length: wide, cells: BTreeMap::new() });
            }
            let Some(column) = columns.last_mut() else { continue };
            for (cell, counts) in &second.cells {
                column.cells.entry(*cell).or_default().merge(counts);
            }
        }
        columns
    }

    /// All of one outcome in one phase.
    pub(crate) fn total(&self, phase: Phase, outcome: Outcome) -> Counts {
        Counts::merged(self.seconds.iter().filter_map(|second| second.cells.get(&(phase, outcome))))
    }
}

impl Second {
    /// Everything that was sent in it. The log has the rest as over at once, and among the others it would make an outage
    /// look fast.
    pub(crate) fn sent(&self) -> Counts {
        Counts::merged(self.cells.iter().filter(|((_, outcome), _)| outcome.was_sent()).map(|(_, it)| it))
    }

    /// How many were intended in it.
    pub(crate) fn intended(&self) -> u64 {
        self.cells.values().map(Counts::total).sum()
    }

    /// How many ended so.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        let of_it = self.cells.iter().filter(|((_, it), _)| *it == outcome);
        of_it.map(|(_, counts)| counts.total()).sum()
    }
}

/// `ok_kafka.outage`.
fn cell(tag: &str) -> Option<(Phase, Outcome)> {
    let (outcome, phase) = tag.split_once('.')?;
    Some((phase.parse().ok()?, outcome.parse().ok()?))
}
