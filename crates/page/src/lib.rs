//! The page of a run, drawn from its files, and the comparison of several.
//!
//! # Layout
//! - [`draw`]: `report.html` into the folder of a run, from what is there; [`Run`] is what was read.
//! - [`compare`]: what differs between runs, how sure that is, and which of it is beyond noise.
//!
//! # Invariants
//! One file, no network: nothing on a page is fetched, and a policy in its head forbids it. All pictures are SVG that is
//! drawn here, coloured by the page's own style so that light, dark and paper are one drawing; the script only reads a
//! table aloud that is there without it. Each picture has a table of the same numbers. No colour is the only carrier:
//! lines differ in their dashes, areas in their patterns. Percentiles come from merged histograms and are never
//! averaged. It knows neither Kafka nor trading; names in the files are told as they are.
#![warn(missing_docs)]

mod chart;
pub mod compare;
mod counts;
mod html;
mod log;
mod run;
mod source;
mod words;

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

pub use run::{Arm, Gate, Lane, Mark, Mood, Run, Status};

/// The name of the page in the folder of a run.
pub const PAGE_FILE: &str = "report.html";

/// A file that could not be read or written, or does not say what it should.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Error {
    fn at(path: &Path, reason: impl Display) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string() }
    }
}

impl Run {
    /// The run whose files are in `dir`: a game day's, or the load generator's.
    ///
    /// # Errors
    /// A file that is missing, damaged or of a version that is not known.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        source::read(dir)
    }

    /// The page.
    pub fn page(&self) -> String {
        html::report(self).into_string()
    }
}

/// The name of the file with the interval log of an arm.
pub fn log_file(arm: &str) -> PathBuf {
    source::log_file(arm)
}

/// Draws the page of the run in `dir` from the files there, and says where it is.
///
/// # Errors
/// As [`Run::read`], or the page cannot be written; one that was there before is then unharmed.
pub fn draw(dir: &Path) -> Result<PathBuf, Error> {
    let path = dir.join(PAGE_FILE);
    write(&path, &Run::read(dir)?.page())?;
    Ok(path)
}

/// Writes a page beside its place and then moves it there, so that nobody reads half of one.
///
/// # Errors
/// With the file that cannot be written.
pub fn write(path: &Path, page: &str) -> Result<(), Error> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let moved = fs::write(&beside, page).and_then(|()| fs::rename(&beside, path));
    moved.map_err(|error| {
        // What is left behind is of no use; the first error is the one to tell.
        let _ = fs::remove_file(&beside);
        Error::at(path, error)
    })
}
