//! The files of a run. Each is written beside its place and then moved there, so that a reader sees the old file or the
//! new one and never half of it; `result.json` after the others, and then the page, which is drawn from them.

mod events;
mod intervals;
mod junit;
mod result;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;
use loadgen::RunResult;

use crate::args::Outputs;
use crate::job::Job;
use crate::measure::Measured;
use crate::{Ran, Usage};

pub(crate) use result::result_text;

/// Makes the folders, before anything is sent: a mistake here must not cost a run.
pub(crate) fn prepare(outputs: &Outputs) -> Result<(), Usage> {
    let folder_of_junit = outputs.junit.as_deref().and_then(Path::parent);
    for folder in outputs.out.as_deref().into_iter().chain(folder_of_junit) {
        fs::create_dir_all(folder)
            .map_err(|error| Usage(format!("{} cannot be made: {error}", folder.display())))?;
    }
    Ok(())
}

/// Writes what was asked for.
///
/// # Errors
/// With the file that could not be written. One that was there before is then unharmed.
pub(crate) fn write(outputs: &Outputs, job: &Job, ran: &Ran, measured: &Measured) -> anyhow::Result<()> {
    if let Some(path) = &outputs.junit {
        replace(path, |out| out.write_all(junit::text(job, &ran.result, measured).as_bytes()))?;
    }
    let Some(folder) = &outputs.out else { return Ok(()) };
    let result: &RunResult = &ran.result;
    for times in intervals::Times::ALL {
        replace(&folder.join(times.file()), |out| intervals::log(out, times, job, result))?;
    }
    replace(&folder.join("intervals.ndjson"), |out| intervals::ndjson(out, job, result))?;
    replace(&folder.join("events.ndjson"), |out| events::ndjson(out, job, ran, measured))?;
    let text = result_text(job, result, measured)?;
    replace(&folder.join("result.json"), |out| out.write_all(text.as_bytes()))?;
    page::draw(folder).context("the page")?;
    Ok(())
}

fn replace(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> anyhow::Result<()> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let filled = File::create(&beside).and_then(|file| {
        let mut out = BufWriter::new(file);
        fill(&mut out)?;
        out.flush()
    });
    let moved = filled.and_then(|()| fs::rename(&beside, path));
    moved
        .inspect_err(|_| {
            // What is left behind is of no use; the first error is the one to tell.
            let _ = fs::remove_file(&beside);
        })
        .with_context(|| format!("cannot write {}", path.display()))
}
