//! What is wrong with a scenario file: where, which key, which value, what is allowed.
//!
//! All problems of a file are reported at once, in the order of the file. The bound: a file that has more than
//! [`PROBLEMS_MAX`] keeps the first ones and counts the rest.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// The most problems told about one file; a file with more is not the file that was meant.
pub const PROBLEMS_MAX: usize = 50;

/// The most characters of a value that are repeated in a message.
const VALUE_CHARS_MAX: usize = 60;

/// One thing that is wrong with a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key with its path, e.g. `cluster.brokers`; empty where the file is not TOML at all.
    pub key: String,
    /// The value as it stands in the file; `None` where there is none.
    pub value: Option<String>,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        match (&self.value, self.key.is_empty()) {
            (_, true) => {}
            (Some(value), _) => write!(f, "{} = {value}: ", self.key)?,
            (None, _) => write!(f, "{}: ", self.key)?,
        }
        f.write_str(&self.message)
    }
}

/// A scenario file that cannot be used. The remedy is in the problems: correct the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioError {
    /// The file's name as it was given.
    pub file: String,
    /// At least one, in the order of the file.
    pub problems: Vec<Problem>,
    /// How many more there are than [`PROBLEMS_MAX`].
    pub left_out: usize,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}:{problem}", self.file)?;
        }
        match self.left_out {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more", self.file),
        }
    }
}

/// The text of a file and what was found wrong with it so far.
#[derive(Debug)]
pub(crate) struct Source<'t> {
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Source<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, problems: RefCell::default() }
    }

    /// The text at `span`, on one line and not too long.
    pub(crate) fn excerpt(&self, span: Range<usize>) -> String {
        let raw = self.text.get(span).unwrap_or_default();
        let line = raw.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(VALUE_CHARS_MAX) {
            Some((end, _)) => format!("{}...", &line[..end]),
            None => line,
        }
    }

    /// The text at `span`, as it stands.
    pub(crate) fn raw(&self, span: Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or_default()
    }

    /// Notes a problem at the byte `offset`.
    pub(crate) fn report(&self, offset: usize, key: &str, value: Option<String>, message: impl Into<String>) {
        let (line, column) = self.position(offset);
        let problem = Problem { line, column, key: key.to_owned(), value, message: message.into() };
        self.problems.borrow_mut().push(problem);
    }

    /// Whether nothing was found wrong so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// What was found wrong, in the order of the file; `None` if nothing was.
    pub(crate) fn into_error(self, file: &str) -> Option<ScenarioError> {
        let mut problems = self.problems.into_inner();
        if problems.is_empty() {
            return None;
        }
        problems.sort_by_key(|problem| (problem.line, problem.column));
        let left_out = problems.len().saturating_sub(PROBLEMS_MAX);
        problems.truncate(PROBLEMS_MAX);
        Some(ScenarioError { file: file.to_owned(), problems, left_out })
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_full_of_problems_keeps_the_first_and_counts_the_rest() {
        let source = Source::new("");
        for index in 0..PROBLEMS_MAX + 7 {
            source.report(0, "key", None, format!("problem {index}"));
        }
        let error = source.into_error("x.toml").unwrap();
        assert_eq!((error.problems.len(), error.left_out), (PROBLEMS_MAX, 7));
        assert_eq!(error.problems[0].message, "problem 0");
        assert!(error.to_string().ends_with("x.toml: and 7 more"));
    }

    #[test]
    fn a_column_counts_characters_and_not_bytes() {
        let source = Source::new("a\nüü = 1");
        source.report("a\nüü ".len(), "k", None, "m");
        let error = source.into_error("x.toml").unwrap();
        assert_eq!((error.problems[0].line, error.problems[0].column), (2, 4));
    }

    #[test]
    fn a_long_value_is_shortened() {
        let text = format!("\"{}\"", "é".repeat(100));
        assert_eq!(Source::new(&text).excerpt(0..text.len()).chars().count(), VALUE_CHARS_MAX + 3);
    }
}
