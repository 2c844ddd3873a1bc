//! When two clusters agree on a cell.
//!
//! Classes: everything that the embedded cluster showed, Apache Kafka showed too, and what Apache usually shows, the
//! embedded one showed. Amounts: the embedded median lies inside Apache's spread, or within 25 % of its median.
//!
//! Times that miss this by less than half a second are counted apart, as close: the class is the same and the model is
//! only faster or slower than the machine that Apache ran on. The probes look every quarter of a second, a JVM that has
//! just started needs tenths of a second for what it does for the first time, and a model without disks that took as
//! long would be a worse one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cell::{Amount, Class, Seen};

/// Medians that are apart by less are close, in ms.
const RESOLUTION_MS: u64 = 500;

/// How far a median may lie from the other, in percent of Apache's.
const TOLERANCE_PERCENT: u64 = 25;

/// What a cluster showed in a cell, over all runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The story or subject.
    pub story: String,
    /// The question.
    pub cell: String,
    /// How often each class was seen.
    pub classes: BTreeMap<Class, usize>,
    /// The amounts of the usual class.
    pub spread: Option<Spread>,
}

/// Amounts over runs: milliseconds or numbers of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// What is counted.
    pub unit: Unit,
    /// The least.
    pub min: u64,
    /// The middle one; of an even number of runs, the lower of the two.
    pub median: u64,
    /// The most.
    pub max: u64,
}

/// What amounts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Things.
    Count,
}

/// Whether two clusters agree on a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They do.
    Agree,
    /// The same class, and times that are less than the resolution apart.
    Close,
    /// They showed different classes, or only one was asked.
    Class,
    /// The same class, with different amounts.
    Amount,
}

impl Verdict {
    /// Whether it wants a reason.
    #[must_use]
    pub fn differs(self) -> bool {
        matches!(self, Self::Class | Self::Amount)
    }
}

impl Summary {
    /// Sums up the answers of many runs, in the order of their first appearance.
    #[must_use]
    pub fn of_all(seen: &[Seen]) -> Vec<Self> {
        let mut order = Vec::new();
        let mut cells: BTreeMap<(&str, &str), Vec<&Seen>> = BTreeMap::new();
        for one in seen {
            let key = (one.story.as_str(), one.cell.as_str());
            let runs = cells.entry(key).or_default();
            if runs.is_empty() {
                order.push(key);
            }
            runs.push(one);
        }
        order.into_iter().map(|key| Self::of(&cells[&key])).collect()
    }

    fn of(runs: &[&Seen]) -> Self {
        let mut classes: BTreeMap<Class, usize> = BTreeMap::new();
        for run in runs {
            *classes.entry(run.class.clone()).or_default() += 1;
        }
        let first = runs[0];
        let mut summary =
            Self { story: first.story.clone(), cell: first.cell.clone(), classes, spread: None };
        let usual = summary.usual().clone();
        let amounts = runs.iter().filter(|run| run.class == usual).filter_map(|run| run.amount);
        summary.spread = Spread::of(amounts.collect());
        summary
    }

    /// The class seen most often; of several, the first by its letters.
    ///
    /// # Panics
    /// Without any class: a summary is of at least one run.
    #[must_use]
    pub fn usual(&self) -> &Class {
        let most = self.classes.values().max().expect("a summary is of at least one run");
        let usual = self.classes.iter().find(|(_, times)| *times == most);
        usual.expect("the most frequent class is among the classes").0
    }

    /// What was shown here or there: classes are added up, amounts are those of whichever had the usual class.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        let before = self.usual().clone();
        for (class, times) in &other.classes {
            *self.classes.entry(class.clone()).or_default() += times;
        }
        if *self.usual() != before {
            self.spread = other.spread;
        }
        self
    }

    /// Over how many runs.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.classes.values().sum()
    }
}

impl Spread {
    fn of(mut amounts: Vec<Amount>) -> Option<Self> {
        amounts.sort_unstable();
        let number = |amount: Amount| match amount {
            Amount::Took(time) => (Unit::Ms, u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            Amount::Count(count) => (Unit::Count, count),
        };
        let middle = amounts.len().checked_sub(1)? / 2;
        let (unit, median) = number(amounts[middle]);
        Some(Self { unit, min: number(amounts[0]).1, median, max: number(*amounts.last()?).1 })
    }

    fn verdict(self, model: Self) -> Verdict {
        if self.covers(model) {
            Verdict::Agree
        } else if self.close_to(model) {
            Verdict::Close
        } else {
            Verdict::Amount
        }
    }

    fn covers(self, other: Self) -> bool {
        let inside = (self.min..=self.max).contains(&other.median);
        let near = self.apart(other) * 100 <= self.median * TOLERANCE_PERCENT;
        self.unit == other.unit && (inside || near)
    }

    fn close_to(self, other: Self) -> bool {
        self.unit == Unit::Ms && other.unit == Unit::Ms && self.apart(other) < RESOLUTION_MS
    }

    fn apart(self, other: Self) -> u64 {
        self.median.abs_diff(other.median)
    }
}

/// Holds what the embedded cluster showed against what Apache Kafka showed.
#[must_use]
pub fn verdict(apache: &Summary, embedded: &Summary) -> Verdict {
    let known = embedded.classes.keys().all(|class| apache.classes.contains_key(class));
    if !known || !embedded.classes.contains_key(apache.usual()) {
        return Verdict::Class;
    }
    match (apache.spread, embedded.spread) {
        // The amounts of another class than the usual one are not comparable.
        (Some(real), Some(model)) if apache.usual() == embedded.usual() => real.verdict(model),
        _ => Verdict::Agree,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn summary(runs: &[(&str, u64)]) -> Summary {
        let seen = |(class, ms): &(&str, u64)| {
            Seen::class("E1", "cell", Class::word(*class)).took(Duration::from_millis(*ms))
        };
        Summary::of_all(&runs.iter().map(seen).collect::<Vec<_>>()).remove(0)
    }

    fn check(apache: &[(&str, u64)], embedded: &[(&str, u64)], expected: Verdict) {
        assert_eq!(verdict(&summary(apache), &summary(embedded)), expected);
    }

    #[test]
    fn an_embedded_class_that_apache_never_showed_disagrees() {
        check(&[("ok", 1)], &[("ok", 1), ("times out", 1)], Verdict::Class);
    }

    #[test]
    fn the_usual_class_of_apache_must_be_among_the_embedded_ones() {
        let apache = [("ok", 1), ("ok", 1), ("refused", 1)];
        check(&apache, &[("refused", 1)], Verdict::Class);
        check(&apache, &[("refused", 1), ("ok", 1)], Verdict::Agree);
    }

    #[test]
    fn a_median_inside_the_spread_or_near_the_median_agrees() {
        check(&[("ok", 1_000), ("ok", 2_000), ("ok", 9_000)], &[("ok", 8_000)], Verdict::Agree);
        check(&[("ok", 4_000)], &[("ok", 5_000)], Verdict::Agree);
        check(&[("ok", 4_000)], &[("ok", 5_001)], Verdict::Amount);
        check(&[("ok", 4_000)], &[("ok", 2_999)], Verdict::Amount);
    }

    #[test]
    fn what_is_less_than_half_a_second_apart_is_close() {
        check(&[("ok", 8)], &[("ok", 507)], Verdict::Close);
        check(&[("ok", 8)], &[("ok", 508)], Verdict::Amount);
    }

    #[test]
    fn amounts_of_a_rarer_class_are_left_out() {
        let sum = summary(&[("ok", 1), ("ok", 3), ("ok", 5), ("never", 9_000)]);
        assert_eq!(sum.spread, Some(Spread { unit: Unit::Ms, min: 1, median: 3, max: 5 }));
        assert_eq!(sum.runs(), 4);
    }

    #[test]
    fn what_was_shown_on_either_day_counts() {
        let today = summary(&[("never", 9_000)]).or(&summary(&[("ok", 1), ("ok", 3)]));
        assert_eq!((today.usual().to_string().as_str(), today.runs()), ("ok", 3));
        assert_eq!(verdict(&today, &summary(&[("ok", 2)])), Verdict::Agree);
    }

    #[test]
    fn counts_are_never_close() {
        let count = |count| vec![Seen::class("E1", "cell", Class::word("some")).count(count)];
        let sum = |n| Summary::of_all(&count(n)).remove(0);
        assert_eq!(verdict(&sum(40), &sum(20)), Verdict::Amount);
        assert_eq!(verdict(&sum(0), &sum(0)), Verdict::Agree);
        assert_eq!(verdict(&sum(1), &sum(2)), Verdict::Amount);
        assert_eq!(verdict(&sum(4), &sum(5)), Verdict::Agree);
    }
}
