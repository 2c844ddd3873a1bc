//! What a subject has seen, cell by cell.

use std::time::Duration;

use crate::conformance::cell::{Class, Seen};

/// A cell: what was asked, what came back, and how long it took where that is the point.
#[derive(Debug)]
pub(super) struct Noted {
    cell: String,
    class: Class,
    took: Option<Duration>,
}

impl Noted {
    /// As an answer of a subject.
    pub(super) fn of(self, subject: &str) -> Seen {
        let seen = Seen::class(subject, self.cell, self.class);
        match self.took {
            Some(took) => seen.took(took),
            None => seen,
        }
    }
}

/// Collects cells in the order they are seen.
#[derive(Debug, Default)]
pub(super) struct Sheet(Vec<Noted>);

impl Sheet {
    pub(super) fn note(&mut self, cell: impl Into<String>, class: impl Into<String>) {
        self.0.push(Noted { cell: cell.into(), class: Class::word(class), took: None });
    }

    pub(super) fn timed(&mut self, cell: impl Into<String>, class: impl Into<String>, took: Duration) {
        self.0.push(Noted { cell: cell.into(), class: Class::word(class), took: Some(took) });
    }

    pub(super) fn done(self) -> Vec<Noted> {
        self.0
    }
}
