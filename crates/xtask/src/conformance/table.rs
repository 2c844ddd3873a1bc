//! The table, for people: every cell with both answers, and the disagreements with their reasons.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::agree::{Spread, Summary, Unit, Verdict, verdict};
use super::cell::Class;
use super::known;

/// Both answers to a question.
#[derive(Debug)]
pub struct Row<'a> {
    /// The question, as one of them has it.
    pub of: &'a Summary,
    /// What Apache Kafka showed.
    pub apache: Option<&'a Summary>,
    /// What the embedded cluster showed.
    pub embedded: Option<&'a Summary>,
    /// Whether they agree.
    pub verdict: Verdict,
}

impl Row<'_> {
    /// Why they do not agree, where that is known.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        known::reason(&self.of.story, &self.of.cell)
    }
}

/// Puts the answers beside each other, in Apache's order; questions that only the embedded one was asked come last.
#[must_use]
pub fn rows<'a>(apache: &'a [Summary], embedded: &'a [Summary]) -> Vec<Row<'a>> {
    fn key(summary: &Summary) -> (&str, &str) {
        (summary.story.as_str(), summary.cell.as_str())
    }
    let model: BTreeMap<_, _> = embedded.iter().map(|summary| (key(summary), summary)).collect();
    let real: BTreeMap<_, _> = apache.iter().map(|summary| (key(summary), summary)).collect();
    let of_apache = apache.iter().map(|of| {
        let embedded = model.get(&key(of)).copied();
        let verdict = embedded.map_or(Verdict::Class, |embedded| verdict(of, embedded));
        Row { of, apache: Some(of), embedded, verdict }
    });
    let alone = embedded.iter().filter(|of| !real.contains_key(&key(of)));
    let alone = alone.map(|of| Row { of, apache: None, embedded: Some(of), verdict: Verdict::Class });
    of_apache.chain(alone).collect()
}

/// The sentence that counts: `N of M cells agree, C are close, D differ`.
#[must_use]
pub fn count<'a>(rows: impl IntoIterator<Item = &'a Row<'a>>) -> String {
    let (mut agree, mut close, mut differ) = (0, 0, 0);
    for row in rows {
        match row.verdict {
            Verdict::Agree => agree += 1,
            Verdict::Close => close += 1,
            Verdict::Class | Verdict::Amount => differ += 1,
        }
    }
    format!("{agree} of {} cells agree, {close} are close, {differ} differ", agree + close + differ)
}

/// The whole table in Markdown; `title` says what a story or subject is about.
#[must_use]
pub fn markdown(head: &str, rows: &[Row<'_>], title: impl Fn(&str) -> String) -> String {
    let mut out = head.to_owned();
    let _ = writeln!(out, "\n**{}.**", count(rows));
    disagreements(&mut out, rows);
    let mut stories: Vec<&str> = Vec::new();
    for row in rows {
        if !stories.contains(&row.of.story.as_str()) {
            stories.push(&row.of.story);
        }
    }
    for story in stories {
        let of_story: Vec<_> = rows.iter().filter(|row| row.of.story == story).collect();
        let _ = writeln!(out, "\n## {}\n{}.\n", title(story), count(of_story.iter().copied()));
        let _ = writeln!(out, "| cell | Apache Kafka | embedded | agree |\n|---|---|---|---|");
        for row in of_story {
            line(&mut out, &row.of.cell, row);
        }
    }
    out
}

fn line(out: &mut String, cell: &str, row: &Row<'_>) {
    let agree = match row.verdict {
        Verdict::Agree => "yes",
        Verdict::Close => "close",
        Verdict::Class | Verdict::Amount => "**no**",
    };
    let _ = writeln!(out, "| {cell} | {} | {} | {agree} |", spelled(row.apache), spelled(row.embedded));
}

/// The disagreements alone, with their reasons.
pub fn disagreements(out: &mut String, rows: &[Row<'_>]) {
    let apart: Vec<_> = rows.iter().filter(|row| row.verdict.differs()).collect();
    if apart.is_empty() {
        return;
    }
    let _ =
        writeln!(out, "\n## Disagreements\n\n| cell | Apache Kafka | embedded | reason |\n|---|---|---|---|");
    for row in apart {
        let reason = row.reason().unwrap_or("not explained");
        let cell = format!("{}: {}", row.of.story, row.of.cell);
        let _ = writeln!(out, "| {cell} | {} | {} | {reason} |", spelled(row.apache), spelled(row.embedded));
    }
}

/// The classes with how often each was seen if not always, then the spread of the usual one.
fn spelled(summary: Option<&Summary>) -> String {
    let Some(summary) = summary else { return "not asked".to_owned() };
    let runs = summary.runs();
    let usual = summary.usual();
    let times = |(class, times): (&Class, &usize)| match *times == runs {
        true => class.to_string(),
        false => format!("{class} ({times}/{runs})"),
    };
    let mut classes: Vec<_> = summary.classes.iter().collect();
    classes.sort_by_key(|(class, _)| *class != usual);
    let classes: Vec<String> = classes.into_iter().map(times).collect();
    let classes = classes.join("; ").replace('|', "\\|");
    match summary.spread {
        Some(spread) => format!("{classes}, {}", amounts(spread)),
        None => classes,
    }
}

fn amounts(spread: Spread) -> String {
    let (one, unit): (fn(u64) -> String, _) = match spread.unit {
        Unit::Ms => (|ms| format!("{:.2}", ms as f64 / 1_000.0), " s"),
        Unit::Count => (|count| count.to_string(), ""),
    };
    match spread.min == spread.max {
        true => format!("{}{unit}", one(spread.median)),
        false => format!("{}-{}-{}{unit}", one(spread.min), one(spread.median), one(spread.max)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::*;
    use crate::conformance::cell::Seen;

    #[test]
    fn a_table_counts_lists_the_disagreements_and_then_shows_all() {
        let seen = |cell: &str, class, ms| {
            Seen::class("X", cell, Class::word(class)).took(Duration::from_millis(ms))
        };
        let apache = [
            seen("a", "ok", 20),
            seen("a", "ok", 40),
            seen("a", "never", 5_000),
            seen("b", "ok", 9),
            seen("c", "ok", 300),
        ];
        let embedded = [seen("a", "ok", 30), seen("b", "times out", 1_500), seen("c", "ok", 1)];
        let (apache, embedded) = (Summary::of_all(&apache), Summary::of_all(&embedded));
        let rows = rows(&apache, &embedded);
        expect![[r#"
            # Head

            **1 of 3 cells agree, 1 are close, 1 differ.**

            ## Disagreements

            | cell | Apache Kafka | embedded | reason |
            |---|---|---|---|
            | X: b | ok, 0.01 s | times out, 1.50 s | not explained |

            ## X: a story
            1 of 3 cells agree, 1 are close, 1 differ.

            | cell | Apache Kafka | embedded | agree |
            |---|---|---|---|
            | a | ok (2/3); never (1/3), 0.02-0.02-0.04 s | ok, 0.03 s | yes |
            | b | ok, 0.01 s | times out, 1.50 s | **no** |
            | c | ok, 0.30 s | ok, 0.00 s | close |
        "#]]
        .assert_eq(&markdown("# Head\n", &rows, |story| format!("{story}: a story")));
    }
}
