//! What differs between runs, and whether it is more than noise.
//!
//! Each run but the first is held against the first, arm by arm and phase by phase: the shares of the outcomes, and the
//! median and 99th percentile of all that was sent and of each outcome that both have. Every figure has a 95 % interval from
//! the run's own seconds (see `estimate`), and so has every change.
//!
//! # Invariants
//! Runs with different schedules are compared only when that was asked for, and then it is said. A difference that is
//! within the precision of the histograms is none. What the intervals do *not* hold is what two runs on a machine differ
//! by anyway, because each run is one; whoever wants that compares a run with its own repetition first.

mod estimate;
mod html;
mod text;

use serde::Serialize;

use crate::compare::estimate::{Selection, quantile, ratio, share, shift};
use crate::run::{Arm, Run};
use crate::words;
use recorder::{Outcome, Phase};

pub use estimate::Estimate;

/// The most runs that are compared at a time; more lines in a picture are not told apart.
pub const RUNS_MAX: usize = 4;

/// Histograms have three digits; what differs by less does not differ.
const PRECISION: f64 = 0.002;

/// A run to compare, under the name it is told by.
#[derive(Debug, Clone)]
pub struct Entrant {
    /// Where it came from, e.g. its folder.
    pub from: String,
    /// The run.
    pub run: Run,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The runs, the first of which the others are held against.
    pub runs: Vec<Told>,
    /// Whether all of them asked for the same things at the same times.
    pub same_schedule: bool,
    /// What was compared.
    pub rows: Vec<Row>,
    #[serde(skip)]
    entrants: Vec<Entrant>,
    #[serde(skip)]
    pairs: Vec<Vec<usize>>,
}

/// A run of a comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    /// `A` for the first, and so on.
    pub letter: char,
    /// Where it came from.
    pub from: String,
    /// What it is called.
    pub name: String,
    /// The hash of its schedule.
    pub schedule_hash: String,
    /// Why arms of it must not be believed.
    pub invalid: Vec<String>,
}

/// One figure of two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The run that is held against the first.
    pub letter: char,
    /// The arm.
    pub arm: String,
    /// The phase.
    pub phase: Phase,
    /// What is compared, e.g. `p99 of ok_kafka`.
    pub what: String,
    /// Whether it is one of the few that a summary begins with.
    pub headline: bool,
    /// `ms` or `share`.
    pub unit: Unit,
    /// Of the first run.
    pub first: Estimate,
    /// Of the other.
    pub other: Estimate,
    /// From the first to the other: a factor of milliseconds, a difference of shares.
    pub change: Estimate,
    /// What that is.
    pub verdict: Verdict,
}

/// What a figure is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds; changes are factors.
    Ms,
    /// A share of 0 to 1; changes are differences.
    Share,
}

/// Whether a change is more than noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may be noise.
    WithinNoise,
    /// It is not noise, and it is for the better.
    Better,
    /// It is not noise, and it is for the worse.
    Worse,
    /// It is not noise, and whether it is good is for people to say.
    Different,
}

impl Verdict {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::WithinNoise => "within noise",
            Self::Better => "better",
            Self::Worse => "WORSE",
            Self::Different => "different",
        }
    }
}

/// Why runs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Fewer than two, or too many.
    #[error("{0} runs; 2 to {RUNS_MAX} can be compared")]
    Count(usize),
    /// They did not ask for the same things at the same times.
    #[error(
        "A and {letter} did not ask for the same things at the same times (schedules {first:.12} and {other:.12}), so what \
         differs may be the requests and not the target"
    )]
    Schedules {
        /// The first that differs from A.
        letter: char,
        /// The hash of A.
        first: String,
        /// Its own.
        other: String,
    },
    /// There is nothing that both have.
    #[error("A ({first}) and {letter} ({other}) have no arm in common")]
    Arms {
        /// The first without.
        letter: char,
        /// The arms of A.
        first: String,
        /// Its own.
        other: String,
    },
    /// There is nothing to be sure by.
    #[error(
        "{letter} has no interval log of {arm}, so nobody can say what is noise; run it again to have one"
    )]
    NoLog {
        /// The run.
        letter: char,
        /// The arm.
        arm: String,
    },
}

/// Compares `entrants`; those with different schedules only if `different_schedules`.
///
/// # Errors
/// Why they cannot be compared.
pub fn compare(entrants: Vec<Entrant>, different_schedules: bool) -> Result<Comparison, Refused> {
    if !(2..=RUNS_MAX).contains(&entrants.len()) {
        return Err(Refused::Count(entrants.len()));
    }
    let hash = |index: usize| &entrants[index].run.schedule_hash;
    let other = (1..entrants.len()).find(|index| hash(*index) != hash(0));
    if let Some(index) = other.filter(|_| !different_schedules) {
        let (first, other) = (hash(0).clone(), hash(index).clone());
        return Err(Refused::Schedules { letter: letter(index), first, other });
    }
    let pairs = pairs(&entrants)?;
    let mut rows = Vec::new();
    for pair in &pairs {
        let arm = |index: usize| &entrants[index].run.arms[pair[index]];
        for index in 1..entrants.len() {
            rows.extend(
                Phase::ALL.into_iter().flat_map(|phase| rows_of(letter(index), phase, arm(0), arm(index))),
            );
        }
    }
    Ok(Comparison { runs: told(&entrants), same_schedule: other.is_none(), rows, pairs, entrants })
}

fn letter(index: usize) -> char {
    char::from(b'A' + u8::try_from(index).unwrap_or(25).min(25))
}

fn told(entrants: &[Entrant]) -> Vec<Told> {
    let told = entrants.iter().enumerate().map(|(index, entrant)| Told {
        letter: letter(index),
        from: entrant.from.clone(),
        name: entrant.run.name.clone(),
        schedule_hash: entrant.run.schedule_hash.clone(),
        invalid: entrant
            .run
            .arms
            .iter()
            .filter_map(|arm| Some(format!("{}: {}", arm.name, arm.invalid.as_ref()?)))
            .collect(),
    });
    told.collect()
}

/// For each arm that all runs have, its place in each. Runs of one arm each are compared whatever it is called.
fn pairs(entrants: &[Entrant]) -> Result<Vec<Vec<usize>>, Refused> {
    let arms = |index: usize| &entrants[index].run.arms;
    let pairs: Vec<Vec<usize>> = if (0..entrants.len()).all(|index| arms(index).len() == 1) {
        vec![vec![0; entrants.len()]]
    } else {
        let place = |index: usize, name: &str| arms(index).iter().position(|arm| arm.name == name);
        let of_all =
            arms(0).iter().map(|arm| (0..entrants.len()).map(|index| place(index, &arm.name)).collect());
        of_all.flat_map(|places: Option<Vec<usize>>| places).collect()
    };
    if pairs.is_empty() {
        let names =
            |index: usize| arms(index).iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>().join(", ");
        let strange =
            |index: &usize| arms(*index).iter().all(|arm| !arms(0).iter().any(|it| it.name == arm.name));
        let index = (1..entrants.len()).find(strange).unwrap_or(1);
        return Err(Refused::Arms { letter: letter(index), first: names(0), other: names(index) });
    }
    for pair in &pairs {
        for (index, place) in pair.iter().enumerate() {
            let arm = &arms(index)[*place];
            if arm.log.seconds.is_empty() {
                return Err(Refused::NoLog { letter: letter(index), arm: arm.name.clone() });
            }
        }
    }
    Ok(pairs)
}

/// Everything that is compared of two arms in a phase.
fn rows_of(letter: char, phase: Phase, first: &Arm, other: &Arm) -> Vec<Row> {
    let whole = |arm| Selection::of(arm, phase, |_| true);
    let (all_first, all_other) = (whole(first), whole(other));
    if all_first.is_empty() || all_other.is_empty() {
        return Vec::new();
    }
    let name =
        if first.name == other.name { first.name.clone() } else { format!("{}, {}", first.name, other.name) };
    let row = |what: String, headline, unit, (first, other): (Estimate, Estimate), good: Option<bool>| {
        let change = match unit {
            Unit::Ms => ratio(first, other),
            Unit::Share => shift(first, other),
        };
        let verdict = verdict(unit, change, good);
        Row { letter, arm: name.clone(), phase, what, headline, unit, first, other, change, verdict }
    };
    let mut rows = Vec::new();
    let share_row = |what: String, headline, good, wanted: &dyn Fn(Outcome) -> bool| {
        let of = |arm, all: &Selection| share(&Selection::of(arm, phase, wanted), all);
        Some(row(what, headline, Unit::Share, (of(first, &all_first)?, of(other, &all_other)?), good))
    };
    rows.extend(share_row("answered".to_owned(), true, Some(true), &words::is_answered));
    let mut latencies = |what: &str, headline, a: &Selection, b: &Selection| {
        for (name, q) in [("p50", 0.5), ("p99", 0.99)] {
            let both = quantile(a, q).zip(quantile(b, q));
            rows.extend(
                both.map(|both| row(format!("{name} of {what}"), headline, Unit::Ms, both, Some(false))),
            );
        }
    };
    let sent = |arm| Selection::of(arm, phase, Outcome::was_sent);
    latencies("all that were sent", true, &sent(first), &sent(other));
    // An outcome that everything ended in says nothing that "all" does not.
    let of = |arm, outcome: Outcome| Selection::of(arm, phase, |it| it == outcome);
    let is_all = |selection: &Selection, all: &Selection| selection.all().total() == all.all().total();
    let apart = |outcome: &Outcome| {
        let (a, b) = (of(first, *outcome), of(other, *outcome));
        !(a.is_empty() && b.is_empty() || is_all(&a, &all_first) && is_all(&b, &all_other))
    };
    let outcomes: Vec<Outcome> = Outcome::ALL.into_iter().filter(apart).collect();
    for outcome in outcomes.iter().filter(|outcome| outcome.was_sent()) {
        latencies(outcome.name(), false, &of(first, *outcome), &of(other, *outcome));
    }
    for outcome in outcomes {
        let what = format!("share of {outcome}");
        rows.extend(share_row(what, false, good(outcome), &|it| it == outcome));
    }
    rows
}

/// Whether more of an outcome is better; `None` where that depends.
const fn good(outcome: Outcome) -> Option<bool> {
    match outcome {
        Outcome::Ok | Outcome::OkKafka => Some(true),
        Outcome::OkDegraded | Outcome::AcceptedPending | Outcome::RejectedFast => None,
        _ => Some(false),
    }
}

/// `more_is_better` is `None` where that depends.
fn verdict(unit: Unit, change: Estimate, more_is_better: Option<bool>) -> Verdict {
    let none = match unit {
        Unit::Ms => 1.0,
        Unit::Share => 0.0,
    };
    let is_more = change.low > none;
    let is_less = change.high.is_some_and(|high| high < none);
    if (!is_more && !is_less) || (unit == Unit::Ms && (change.value - none).abs() <= PRECISION) {
        return Verdict::WithinNoise;
    }
    match more_is_better {
        None => Verdict::Different,
        Some(better) if better == is_more => Verdict::Better,
        Some(_) => Verdict::Worse,
    }
}

impl Comparison {
    /// Whether anything is worse, beyond noise.
    pub fn is_worse(&self) -> bool {
        self.count(Verdict::Worse) > 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }

    /// What it comes to, in a sentence.
    pub fn sentence(&self) -> String {
        let of = |verdict: Verdict| self.count(verdict);
        let beyond = self.rows.len() - of(Verdict::WithinNoise);
        format!(
            "{beyond} of {} figures differ beyond noise: {} better, {} worse, {} neither. By chance alone about one in \
             twenty would.",
            self.rows.len(),
            of(Verdict::Better),
            of(Verdict::Worse),
            of(Verdict::Different),
        )
    }

    /// For a terminal: the headlines, and whatever differs beyond noise.
    pub fn text(&self) -> String {
        text::text(self)
    }

    /// The page, with everything and with the curves over each other.
    pub fn page(&self) -> String {
        html::page(self).into_string()
    }
}

#[cfg(test)]
mod tests;
