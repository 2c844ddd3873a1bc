//! Kafka's jars, fetched once into the user's cache.
//!
//! Maven fetches them, since it knows the user's mirrors, proxies and local repository, and checks every jar's
//! checksum; the checked-in `pom.xml` pins what. About 47 MB in 48 jars: 6-17 s on a good line (measured), nothing
//! when they are there.
//!
//! Invariants:
//! - The folder of the jars is complete or not there: Maven writes into a folder beside it, which is renamed at the end.
//!   What an interrupted fetch left is removed by the next one.
//! - One fetch at a time per cache, by a lock file that the system releases with its holder; a second one waits and
//!   then finds the jars there.
//! - No fetch takes longer than [`TIME_MAX`], waiting included; a Maven that is not done by then is killed.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::kafka_home::{cached_libs, holds_kafka, is_complete};

mod maven;

#[cfg(test)]
mod tests;

pub use maven::MavenError;

use maven::Maven;

/// The longest that a fetch may take: 47 MB at 1 Mbit/s are six minutes.
pub const TIME_MAX: Duration = Duration::from_secs(600);

/// How often a lock that somebody else holds is tried.
const LOCK_RETRY: Duration = Duration::from_millis(100);

/// What comes with the sources.
const POM: &str = include_str!("../pom.xml");

/// How a fetch ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The jars were in this folder already; nothing was done.
    AlreadyThere(PathBuf),
    /// The jars are in this folder now.
    New(PathBuf),
}

/// How far a fetch is; its `Display` is a line for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another fetch into the same cache is under way; this one waits for it.
    Waiting,
    /// Maven was started.
    Started {
        /// Where the jars will be.
        libs: PathBuf,
    },
    /// A jar was downloaded. Jars that Maven had already are not.
    Downloaded {
        /// Its name.
        jar: String,
        /// How many there were, this one included.
        count: usize,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => write!(f, "another fetch is under way: waiting for it"),
            Self::Started { libs } => write!(f, "Maven fetches Apache Kafka into {}", libs.display()),
            Self::Downloaded { jar, count } => write!(f, "{count}: {jar}"),
        }
    }
}

/// Why there are no jars.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no place to put them.
    #[error("neither XDG_CACHE_HOME nor HOME is set, so there is no cache to fetch into")]
    NoCache,
    /// Somebody else's fetch did not end in time.
    #[error("another fetch holds {} for {} s now; end it and try again", lock.display(), waited.as_secs())]
    Busy {
        /// The lock.
        lock: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Maven did not do it.
    #[error(transparent)]
    Maven(#[from] MavenError),
    /// Maven says that it did it, and Kafka's own jar is not there.
    #[error("Maven ended well, but {} has no kafka_2.13-*.jar", .0.display())]
    NoKafka(PathBuf),
    /// The cache cannot be written.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried, e.g. `create`.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Fetches the jars into the user's cache unless they are there; blocks meanwhile.
///
/// # Errors
/// [`FetchError`]; nothing half is left where [`Kafka::find`](super::kafka_home::Kafka::find) looks.
pub fn fetch(progress: &mut dyn FnMut(Progress)) -> Result<Fetched, FetchError> {
    let libs = cached_libs().ok_or(FetchError::NoCache)?;
    fetch_into(&libs, &Maven::of_the_user(), Instant::now() + TIME_MAX, progress)
}

fn fetch_into(
    libs: &Path,
    maven: &Maven,
    deadline: Instant,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fetched, FetchError> {
    if is_complete(libs) {
        return Ok(Fetched::AlreadyThere(libs.to_owned()));
    }
    if let Some(parent) = libs.parent() {
        fs::create_dir_all(parent).map_err(failed("create", parent))?;
    }
    let _lock = lock(&beside(libs, "lock"), deadline, progress)?;
    if is_complete(libs) {
        return Ok(Fetched::AlreadyThere(libs.to_owned()));
    }
    let part = beside(libs, "part");
    let fetched = fetch_part(&part, libs, maven, deadline, progress);
    // Gone if it was renamed; what remains otherwise is of no use, and the next fetch removes it too.
    drop(remove(&part));
    fetched.map(|()| Fetched::New(libs.to_owned()))
}

/// Fetches into `part`, then makes it `libs`.
fn fetch_part(
    part: &Path,
    libs: &Path,
    maven: &Maven,
    deadline: Instant,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    remove(part)?;
    let (pom, jars) = (part.join("pom.xml"), part.join("libs"));
    fs::create_dir_all(&jars).map_err(failed("create", &jars))?;
    fs::write(&pom, POM).map_err(failed("write", &pom))?;
    progress(Progress::Started { libs: libs.to_owned() });
    maven.copy_dependencies(&pom, &jars, deadline, progress)?;
    if !holds_kafka(&jars) {
        return Err(FetchError::NoKafka(jars));
    }
    // A folder without Kafka, or without its tools, in the place of the jars would be in the way.
    remove(libs)?;
    fs::rename(&jars, libs).map_err(failed("move the jars to", libs))
}

/// The lock is free again when the file is dropped, or when its process ends in any way.
fn lock(path: &Path, deadline: Instant, progress: &mut dyn FnMut(Progress)) -> Result<File, FetchError> {
    let began = Instant::now();
    let file = File::create(path).map_err(failed("create", path))?;
    for attempt in 0.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(source)) => return Err(failed("lock", path)(source)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(FetchError::Busy { lock: path.to_owned(), waited: began.elapsed() });
            }
            Err(TryLockError::WouldBlock) if attempt == 0 => progress(Progress::Waiting),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_RETRY),
        }
    }
    Ok(file)
}

/// `kafka-4.3.0` with something added to its name.
fn beside(libs: &Path, extension: &str) -> PathBuf {
    let mut name = libs.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    libs.with_file_name(name)
}

fn remove(folder: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", folder)(error)),
        _ => Ok(()),
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    move |source| FetchError::Io { what, path: path.to_owned(), source }
}
