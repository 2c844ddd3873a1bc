//! A report as people read it: lines of at most [`WIDTH`] characters.

use std::fmt::{self, Display, Formatter, Result};

use super::report::{Bound, Case, Finding, Report, Severity, Step};

/// Of a terminal that two fit on a screen of.
const WIDTH: usize = 100;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "The longest that each call can block ({}):", self.dialect)?;
        self.bounds.iter().try_for_each(|bound| write!(f, "\n{bound}"))?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n{finding}"))?;
        let of = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings, notes) = (of(Severity::Error), of(Severity::Warning), of(Severity::Note));
        writeln!(f, "\nErrors: {errors}. Warnings: {warnings}. Notes: {notes}.")
    }
}

impl Display for Bound {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{:<8} {}", self.call.name(), span(self.worst_ms))?;
        self.cases.iter().try_for_each(|case| write!(f, "{case}"))
    }
}

impl Display for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        wrapped(f, "  ", &format!("{}: {}", self.when, span(self.worst_ms)))?;
        for step in &self.steps {
            write!(f, "{step}")?;
        }
        self.note.map_or(Ok(()), |note| wrapped(f, "      ", note))
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let setting = self.setting.as_ref().map_or(String::new(), |set| {
            format!("{}{}: ", set.key, if set.default { " (default)" } else { "" })
        });
        wrapped(f, &format!("{:>12}  ", span(Some(self.ms))), &format!("{setting}{}", self.why))
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let line = self.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let head = format!("{} [{}] ", self.severity.name(), self.rule);
        wrapped(f, "", &format!("{head}{line}{}", self.what))?;
        wrapped(f, "  why:    ", &self.why)?;
        wrapped(f, "  change: ", &self.change)
    }
}

/// `for ever`, or as a person reads a time.
fn span(ms: Option<u64>) -> String {
    match ms {
        None => "for ever".into(),
        Some(ms) if ms < 1000 => format!("{ms} ms"),
        Some(ms) if ms % 1000 == 0 => format!("{} s", ms / 1000),
        Some(ms) => format!("{}.{} s", ms / 1000, format!("{:03}", ms % 1000).trim_end_matches('0')),
    }
}

/// `text` after `head`; lines that follow are indented as far as `head` reaches.
fn wrapped(f: &mut Formatter<'_>, head: &str, text: &str) -> fmt::Result {
    let mut line = head.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.len() + 1 + word.len() > WIDTH {
            writeln!(f, "{line}")?;
            line = " ".repeat(head.len());
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    writeln!(f, "{line}")
}
