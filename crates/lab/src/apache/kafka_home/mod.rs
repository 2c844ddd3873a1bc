//! Where Kafka's jars and a Java to run them are, or what exactly is missing.
//!
//! | what | looked for in |
//! |---|---|
//! | the jars | `KAFKA_HOME` (its `libs/`, or itself if it holds the jars), else the user's cache |
//! | the cache | `$XDG_CACHE_HOME` if absolute, else `$HOME/.cache`; in it `leaderless/kafka-4.3.0/` |
//! | Java | `JAVA_HOME/bin/java`, else the first `java` on `PATH` |
//! | the metrics agent | among the jars, else in the cache: Apache's own download has none |
//!
//! A variable that is set is believed: a wrong `KAFKA_HOME` or `JAVA_HOME` is named, never passed over in silence.
//! An empty variable counts as not set. Nothing here writes, and only [`Kafka::find`] looks at the environment.

use std::fmt;
use std::path::{Path, PathBuf};

mod java;
mod places;

#[cfg(test)]
mod tests;

use places::Places;

/// The version of Kafka that is fetched; `pom.xml` names the same.
pub const KAFKA_VERSION: &str = "4.3.0";

/// The oldest Java that Kafka 4's servers run on, as its upgrade notes say.
pub const JAVA_MAJOR_MIN: u32 = 17;

/// The oldest Kafka that the cluster's settings are written for: the first without ZooKeeper.
pub const KAFKA_MAJOR_MIN: u32 = 4;

/// A Kafka that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kafka {
    /// The Java to run it with.
    pub java: PathBuf,
    /// What that Java calls its version, e.g. `17.0.15`.
    pub java_version: String,
    /// The folder of its jars; the class path is `libs/*`.
    pub libs: PathBuf,
    /// Its version, e.g. `4.3.0`, as the name of its jar has it.
    pub kafka_version: String,
    /// The Java agent that serves a process's metrics over HTTP, if there is one.
    pub agent: Option<PathBuf>,
}

impl Kafka {
    /// Looks for Kafka and Java where this module's page says.
    ///
    /// Runs `java -version`, which blocks for about a tenth of a second.
    ///
    /// # Errors
    /// [`Missing`], with everything that is missing and what to do about each; nothing is fetched.
    pub fn find() -> Result<Self, Missing> {
        Self::find_in(&Places::of_the_environment(), java::say_version)
    }

    fn find_in(
        places: &Places,
        say_version: impl Fn(&Path) -> Result<String, String>,
    ) -> Result<Self, Missing> {
        match (java::find(places, say_version), places.jars()) {
            (Ok((java, java_version)), Ok((libs, kafka_version))) => {
                let agent = places.agent(&libs);
                Ok(Self { java, java_version, libs, kafka_version, agent })
            }
            (java, jars) => Err(Missing { lacks: java.err().into_iter().chain(jars.err()).collect() }),
        }
    }

    /// Whether Kafka's own command-line tools (`org.apache.kafka.tools`) are on the class path.
    #[must_use]
    pub fn has_tools(&self) -> bool {
        places::has_tools(&self.libs)
    }

    /// The class path that has everything, in the form that `java -cp` takes.
    #[must_use]
    pub fn class_path(&self) -> PathBuf {
        self.libs.join("*")
    }
}

/// The folder in the user's cache that fetched jars live in, whether it is there or not; `None` without a home.
#[must_use]
pub fn cached_libs() -> Option<PathBuf> {
    Places::of_the_environment().cached_libs()
}

/// Whether a folder holds the jars of a Kafka that can be started.
pub(super) fn holds_kafka(libs: &Path) -> bool {
    places::version_in(libs).is_some()
}

/// Whether a folder holds all that is fetched by name: that Kafka, and its tools.
pub(super) fn is_complete(libs: &Path) -> bool {
    holds_kafka(libs) && places::has_tools(libs)
}

/// Kafka cannot be started on this machine, and why; its message has a line for each lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What is missing: at least one, Java's before Kafka's.
    pub lacks: Vec<Lack>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Apache Kafka cannot be started on this machine:")?;
        self.lacks.iter().try_for_each(|lack| write!(f, "\n- {lack}"))
    }
}

impl std::error::Error for Missing {}

/// One thing that is missing, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// Nothing called `java`.
    #[error("no Java: JAVA_HOME is not set and PATH has no `java`; install a JDK {JAVA_MAJOR_MIN} or newer")]
    NoJava,
    /// `JAVA_HOME` leads nowhere.
    #[error(
        "no Java: JAVA_HOME is {}, which has no bin/java; correct it, or unset it to use the `java` on PATH",
        .0.display()
    )]
    WrongJavaHome(PathBuf),
    /// A Java that does not tell its version.
    #[error("{} does not say which Java it is ({reason}); install a JDK {JAVA_MAJOR_MIN} or newer", java.display())]
    BrokenJava {
        /// The program that was asked.
        java: PathBuf,
        /// What came of it.
        reason: String,
    },
    /// A Java that Kafka does not run on.
    #[error(
        "{} is Java {version}; install a JDK {JAVA_MAJOR_MIN} or newer, or let JAVA_HOME name one",
        java.display()
    )]
    OldJava {
        /// The program that was asked.
        java: PathBuf,
        /// What it calls its version.
        version: String,
    },
    /// `KAFKA_HOME` leads nowhere.
    #[error(
        "no Kafka: KAFKA_HOME is {}, and neither it nor its libs/ has a kafka_2.13-*.jar; correct it, or unset it \
         and run `leaderless kafka fetch`",
        .0.display()
    )]
    WrongKafkaHome(PathBuf),
    /// Nothing was fetched yet.
    #[error(
        "no Kafka: nothing in {}; run `leaderless kafka fetch` (needs Maven), or let KAFKA_HOME name a Kafka \
         {KAFKA_VERSION}",
        .0.display()
    )]
    NotFetched(PathBuf),
    /// There is no place where it could have been fetched to.
    #[error(
        "no Kafka: none of KAFKA_HOME, XDG_CACHE_HOME and HOME is set; let KAFKA_HOME name a Kafka {KAFKA_VERSION}"
    )]
    NoPlace,
    /// A Kafka that still wants ZooKeeper.
    #[error(
        "{} holds Kafka {version}; Kafka {KAFKA_MAJOR_MIN} or newer is needed, or unset KAFKA_HOME and run \
         `leaderless kafka fetch`",
        libs.display()
    )]
    OldKafka {
        /// The folder of its jars.
        libs: PathBuf,
        /// Its version.
        version: String,
    },
}
