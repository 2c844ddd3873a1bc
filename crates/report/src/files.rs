//! The files of a run. Each is written beside its place and then moved there, so that a reader sees the old file or
//! the new one and never half of it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Serialize;

use crate::result::RunResult;

/// The name of the result's file.
pub const RESULT_FILE: &str = "result.json";
/// The name of the timeline's file.
pub const TIMELINE_FILE: &str = "timeline.jsonl";

/// Where the files of a run are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// `report.html`, the page.
    pub page: PathBuf,
    /// `result.json`.
    pub result: PathBuf,
    /// `timeline.jsonl`.
    pub timeline: PathBuf,
}

/// A file of a run could not be written; make room or name another directory, and run again.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// The file, or the directory that could not be made.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl From<page::Error> for WriteError {
    fn from(error: page::Error) -> Self {
        Self { path: error.path, source: io::Error::other(error.reason) }
    }
}

/// Writes `run`, `timeline` (one entry per line) and the interval log of each arm into `dir`, which is made if need be,
/// and draws the page from them.
///
/// # Errors
/// With the path that could not be written. A file that was there before is then unharmed.
pub fn write<T: Serialize>(
    dir: &Path,
    run: &RunResult,
    timeline: &[T],
    logs: &IndexMap<String, Vec<u8>>,
) -> Result<Written, WriteError> {
    fs::create_dir_all(dir).map_err(|source| WriteError { path: dir.to_owned(), source })?;
    let (result_file, timeline_file) = (dir.join(RESULT_FILE), dir.join(TIMELINE_FILE));
    replace(&timeline_file, |file| {
        timeline.iter().try_for_each(|entry| {
            serde_json::to_writer(&mut *file, entry)?;
            file.write_all(b"\n")
        })
    })?;
    for (arm, log) in logs {
        replace(&dir.join(page::log_file(arm)), |file| file.write_all(log))?;
    }
    replace(&result_file, |file| {
        serde_json::to_writer_pretty(&mut *file, run)?;
        file.write_all(b"\n")
    })?;
    Ok(Written { page: page::draw(dir)?, result: result_file, timeline: timeline_file })
}

/// Fills a new file and moves it to `path`. The result is written after what it is drawn with: where it is, that is too.
fn replace(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), WriteError> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let filled = File::create(&beside).and_then(|file| {
        let mut file = BufWriter::new(file);
        fill(&mut file)?;
        file.flush()
    });
    let moved = filled.and_then(|()| fs::rename(&beside, path));
    moved.map_err(|source| {
        // What is left behind is of no use; the first error is the one to tell.
        let _ = fs::remove_file(&beside);
        WriteError { path: path.to_owned(), source }
    })
}
