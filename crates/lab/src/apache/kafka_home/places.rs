//! The folders in which Kafka may be, and what their jars' names say.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{KAFKA_MAJOR_MIN, KAFKA_VERSION, Lack};

/// Kafka's own jar, by the Scala version it is built for; Kafka 4 knows only this one.
const SERVER_JAR: &str = "kafka_2.13-";

/// Its command-line tools'.
const TOOLS_JAR: &str = "kafka-tools-";

/// The metrics agent's jar.
const AGENT_JAR: &str = "jmx_prometheus_javaagent-";

/// The environment as far as it matters here.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    pub(super) kafka_home: Option<PathBuf>,
    pub(super) java_home: Option<PathBuf>,
    pub(super) path: Option<OsString>,
    pub(super) xdg_cache_home: Option<PathBuf>,
    pub(super) home: Option<PathBuf>,
}

impl Places {
    pub(super) fn of_the_environment() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            kafka_home: set("KAFKA_HOME").map(PathBuf::from),
            java_home: set("JAVA_HOME").map(PathBuf::from),
            path: set("PATH"),
            xdg_cache_home: set("XDG_CACHE_HOME").map(PathBuf::from),
            home: set("HOME").map(PathBuf::from),
        }
    }

    pub(super) fn cached_libs(&self) -> Option<PathBuf> {
        // The base directory specification has a relative path ignored.
        let xdg = self.xdg_cache_home.clone().filter(|path| path.is_absolute());
        let cache = xdg.or_else(|| self.home.as_ref().map(|home| home.join(".cache")))?;
        Some(cache.join("leaderless").join(format!("kafka-{KAFKA_VERSION}")))
    }

    /// The folder of the jars, and the version of Kafka that they are.
    pub(super) fn jars(&self) -> Result<(PathBuf, String), Lack> {
        let (candidates, otherwise) = match (&self.kafka_home, self.cached_libs()) {
            (Some(home), _) => (vec![home.join("libs"), home.clone()], Lack::WrongKafkaHome(home.clone())),
            (None, Some(cached)) => (vec![cached.clone()], Lack::NotFetched(cached)),
            (None, None) => return Err(Lack::NoPlace),
        };
        let found = candidates.into_iter().find_map(|libs| version_in(&libs).map(|version| (libs, version)));
        let (libs, version) = found.ok_or(otherwise)?;
        match major(&version) {
            Some(major) if major >= KAFKA_MAJOR_MIN => Ok((libs, version)),
            _ => Err(Lack::OldKafka { libs, version }),
        }
    }

    pub(super) fn agent(&self, libs: &Path) -> Option<PathBuf> {
        let in_folder = |folder: &Path| {
            version_of(folder, AGENT_JAR).map(|version| folder.join(format!("{AGENT_JAR}{version}.jar")))
        };
        in_folder(libs).or_else(|| self.cached_libs().and_then(|cached| in_folder(&cached)))
    }
}

/// The version of the Kafka whose jars a folder holds.
pub(super) fn version_in(libs: &Path) -> Option<String> {
    version_of(libs, SERVER_JAR)
}

/// Whether a folder holds Kafka's command-line tools.
pub(super) fn has_tools(libs: &Path) -> bool {
    version_of(libs, TOOLS_JAR).is_some()
}

/// The number before the first dot.
pub(super) fn major(version: &str) -> Option<u32> {
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// `V` of the folder's `{stem}V.jar`; a jar of sources or tests has a name with more to it and is passed over.
fn version_of(folder: &Path, stem: &str) -> Option<String> {
    let is_version =
        |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.') && major(text).is_some();
    let version = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let version = name.strip_prefix(stem)?.strip_suffix(".jar")?;
        is_version(version).then(|| version.to_owned())
    };
    // Two versions in one folder are a mistake; the same one is named every time.
    std::fs::read_dir(folder).ok()?.flatten().filter_map(version).min()
}
