//! Values that are watched through a whole story: each change with its time, the repeated samples left out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::conformance::cell::Class;

/// The most changes that are kept of one value: a value that flaps more often than this is not a state.
const CHANGES_MAX: usize = 200;

/// One value over time; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<Vec<(Instant, String)>>>);

impl Watch {
    /// A sample.
    pub fn note(&self, at: Instant, value: impl Into<String>) {
        let value = value.into();
        let mut changes = self.changes();
        if changes.len() < CHANGES_MAX && changes.last().is_none_or(|(_, last)| *last != value) {
            changes.push((at, value));
        }
    }

    /// What the value went through from `from` to `to`, beginning with what it was at `from`.
    #[must_use]
    pub fn between(&self, from: Instant, to: Instant) -> Stretch {
        let changes = self.changes();
        let at_from = changes.iter().rev().find(|(at, _)| *at <= from).map(|(_, value)| value.clone());
        let later = changes.iter().filter(|(at, _)| *at > from && *at <= to);
        let later = later.map(|(at, value)| (at.duration_since(from), value.clone())).collect();
        Stretch { first: at_from.unwrap_or_else(|| "?".to_owned()), later }
    }

    fn changes(&self) -> MutexGuard<'_, Vec<(Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value over a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// What it was in the beginning.
    pub first: String,
    /// Its changes, and when they were, from the beginning.
    pub later: Vec<(Duration, String)>,
}

impl Stretch {
    /// All values in their order.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::series(std::iter::once(&self.first).chain(self.later.iter().map(|(_, value)| value)))
    }

    /// When it changed first.
    #[must_use]
    pub fn first_change(&self) -> Option<Duration> {
        self.later.first().map(|(at, _)| *at)
    }

    /// When it changed last.
    #[must_use]
    pub fn last_change(&self) -> Option<Duration> {
        self.later.last().map(|(at, _)| *at)
    }

    /// All values, the first one too.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.first.as_str()).chain(self.later.iter().map(|(_, value)| value.as_str()))
    }

    /// The value in the end.
    #[must_use]
    pub fn last(&self) -> &str {
        self.later.last().map_or(&self.first, |(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_begins_with_what_was_and_keeps_each_change_once() {
        let (watch, start) = (Watch::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        for (ms, value) in [(0, "2"), (100, "2"), (900, "-1"), (1_000, "-1"), (3_000, "3")] {
            watch.note(at(ms), value);
        }
        let stretch = watch.between(at(500), at(5_000));
        assert_eq!(stretch.class(), Class::series(["2", "-1", "3"]));
        assert_eq!(stretch.first_change(), Some(Duration::from_millis(400)));
        assert_eq!(stretch.last_change(), Some(Duration::from_millis(2_500)));
        assert_eq!(watch.between(at(3_500), at(5_000)).class(), Class::word("3"));
    }
}
