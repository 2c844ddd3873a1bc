//! A run from the files in its folder. The files say which program wrote them.
//!
//! What a page does not tell is not read, so that a newer field does no harm; a newer *version* is refused, because it
//! may mean something else by the same name.

mod game_day;
mod loadgen;
mod modes;

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;
use crate::log::Log;
use crate::run::Run;

/// The run in `dir`.
pub(crate) fn read(dir: &Path) -> Result<Run, Error> {
    let path = dir.join("result.json");
    let text = fs::read(&path).map_err(|error| Error::at(&path, error))?;
    let value: Value = serde_json::from_slice(&text).map_err(|error| Error::at(&path, error))?;
    if value.pointer("/tool/name").and_then(Value::as_str) == Some("loadgen") {
        version(&path, &value, 1)?;
        Ok(loadgen::run(typed(&path, value)?, log(&dir.join("latency.hlog"))?))
    } else {
        version(&path, &value, 2)?;
        game_day::run(dir, typed(&path, value)?)
    }
}

/// The name of the interval log of an arm of a game day.
pub(crate) fn log_file(arm: &str) -> PathBuf {
    PathBuf::from(format!("latency-{arm}.hlog"))
}

fn version(path: &Path, value: &Value, known: u64) -> Result<(), Error> {
    match value.get("schema_version").and_then(Value::as_u64) {
        Some(version) if (1..=known).contains(&version) => Ok(()),
        Some(version) => {
            Err(Error::at(path, format!("is of version {version}, and this program knows 1 to {known}")))
        }
        None => {
            Err(Error::at(path, "is no result of `leaderless run` or `loadgen --out`: no schema_version"))
        }
    }
}

fn typed<T: DeserializeOwned>(path: &Path, value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::at(path, error))
}

/// An interval log; empty if there is none, as from an older program.
fn log(path: &Path) -> Result<Log, Error> {
    match fs::read(path) {
        Ok(text) => Log::parse(&text).map_err(|reason| Error::at(path, reason)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Log::default()),
        Err(error) => Err(Error::at(path, error)),
    }
}
