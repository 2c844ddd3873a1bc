//! The files of a run. Each is written beside its place and then moved there, so that a reader sees the old file or the
//! new one and never half of it; `result.json` after the others, and then the page, which is drawn from them. Intervals
//! are written while the run goes on.

mod events;
mod intervals;
mod junit;
mod result;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::args::Outputs;
use crate::job::Job;
use crate::measure::Measured;
use crate::{Ran, Usage};

pub(crate) use intervals::IntervalFiles;
pub(crate) use result::result_text;

/// Makes the folders and the files of intervals, before anything is sent: a mistake here must not cost a run.
pub(crate) fn prepare(outputs: &Outputs) -> Result<Option<IntervalFiles>, Usage> {
    let folder_of_junit = outputs.junit.as_deref().and_then(Path::parent);
    for folder in outputs.out.as_deref().into_iter().chain(folder_of_junit) {
        fs::create_dir_all(folder)
            .map_err(|error| Usage(format!("{} cannot be made: {error}", folder.display())))?;
    }
    outputs.out.as_deref().map(IntervalFiles::open).transpose()
}

/// Writes what was asked for.
///
/// # Errors
/// With the file that could not be written. One that was there before is then unharmed.
pub(crate) fn write(
    outputs: &Outputs,
    job: &Job,
    ran: &Ran,
    measured: &Measured,
    intervals: Option<IntervalFiles>,
) -> anyhow::Result<()> {
    if let Some(path) = &outputs.junit {
        replace(path, |out| out.write_all(junit::text(job, &ran.result, measured).as_bytes()))?;
    }
    let Some(folder) = &outputs.out else { return Ok(()) };
    intervals.map_or(Ok(()), IntervalFiles::keep)?;
    replace(&folder.join("events.ndjson"), |out| events::ndjson(out, job, ran, measured))?;
    let text = result_text(job, &ran.result, measured)?;
    replace(&folder.join("result.json"), |out| out.write_all(text.as_bytes()))?;
    page::draw(folder).context("the page")?;
    Ok(())
}

fn replace(path: &Path, fill: impl FnOnce(&mut Beside) -> io::Result<()>) -> anyhow::Result<()> {
    let filled = Beside::open(path).and_then(|mut out| fill(&mut out).map(|()| out));
    filled.with_context(|| format!("cannot write {}", path.display()))?.keep()
}

/// A file beside its place, until it is kept. What is not is removed.
#[derive(Debug)]
struct Beside {
    place: PathBuf,
    beside: PathBuf,
    out: BufWriter<File>,
}

impl Beside {
    fn open(place: &Path) -> io::Result<Self> {
        let beside = place.with_extension(format!("{}.tmp", std::process::id()));
        let out = BufWriter::new(File::create(&beside)?);
        Ok(Self { place: place.to_owned(), beside, out })
    }

    fn keep(mut self) -> anyhow::Result<()> {
        let moved = self.out.flush().and_then(|()| fs::rename(&self.beside, &self.place));
        moved.with_context(|| format!("cannot write {}", self.place.display()))
    }
}

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Where it was moved into its place there is nothing left here; what is left behind is of no use.
        let _ = fs::remove_file(&self.beside);
    }
}
