//! A JUnit report for CI: a test case per gate, and three for the run's validity.
//!
//! In the dialect that Jenkins and GitLab read: `failure` for a gate that is not met, `error` for what says nothing about
//! the target, an undecided gate included: `skipped` would pass.

use std::fmt::Write as _;

use gates::Decision;
use loadgen::{Ended, Invalid};

use crate::job::Job;
use crate::measure::Measured;
use crate::verdict::invalid;

/// One test case.
struct Case {
    name: String,
    /// The element and its message where it did not pass.
    problem: Option<(&'static str, String)>,
}

pub(super) fn text(job: &Job, result: &Ended, measured: &Measured) -> String {
    let cases = cases(result, measured);
    let having = |element| {
        cases.iter().filter(|case| case.problem.as_ref().is_some_and(|(it, _)| *it == element)).count()
    };
    let target = escaped(&job.target);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        text,
        "<testsuite name=\"loadgen {target}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">",
        cases.len(),
        having("failure"),
        having("error"),
    );
    for Case { name, problem } in &cases {
        let name = escaped(name);
        match problem {
            None => {
                let _ = writeln!(text, "  <testcase classname=\"loadgen\" name=\"{name}\"/>");
            }
            Some((element, message)) => {
                let message = escaped(message);
                let _ = writeln!(
                    text,
                    "  <testcase classname=\"loadgen\" name=\"{name}\">\n    <{element} message=\"{message}\"/>\n  </testcase>"
                );
            }
        }
    }
    text.push_str("</testsuite>\n");
    text
}

fn cases(result: &Ended, measured: &Measured) -> Vec<Case> {
    let late = |it: &Invalid| matches!(it, Invalid::ScheduleLag { .. });
    let lag = result.invalid().iter().find(|it| late(it)).map(ToString::to_string);
    let lost = invalid(result, measured).into_iter().find(|reason| Some(reason) != lag.as_ref());
    let whole = result.is_partial().then(|| "the run was stopped early".to_owned());
    let validity = [
        ("every intended request has exactly one outcome", lost),
        ("the generator kept its schedule", lag),
        ("the run came to its end", whole),
    ];
    let validity = validity.map(|(name, problem)| Case {
        name: name.to_owned(),
        problem: problem.map(|message| ("error", message)),
    });
    let gates = measured.gates.iter().map(|(gate, decided)| Case {
        name: gate.clone(),
        problem: match decided.decision {
            Decision::Met => None,
            Decision::NotMet => Some(("failure", decided.sentence.clone())),
            Decision::Undecided => Some(("error", decided.sentence.clone())),
        },
    });
    validity.into_iter().chain(gates).collect()
}

/// As the value of an attribute. Control characters, which XML 1.0 cannot hold, become blanks.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_holds_any_text() {
        assert_eq!(escaped("p99 < 5ms & \"x\" > \n"), "p99 &lt; 5ms &amp; &quot;x&quot; &gt;  ");
    }
}
