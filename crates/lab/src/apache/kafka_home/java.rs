//! A Java to run Kafka with.
//!
//! `java -version` is asked, since only it tells what the file on `PATH` really starts. It writes to the standard
//! error, the version in quotes: `openjdk version "17.0.15" 2025-04-15`, or `"1.8.0_392"` before Java 9.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::places::{Places, major};
use super::{JAVA_MAJOR_MIN, Lack};

/// The Java, and what it calls its version.
pub(super) fn find(
    places: &Places,
    say_version: impl Fn(&Path) -> Result<String, String>,
) -> Result<(PathBuf, String), Lack> {
    let java = locate(places)?;
    let said = match say_version(&java) {
        Ok(said) => said,
        Err(reason) => return Err(Lack::BrokenJava { java, reason }),
    };
    let Some(version) = version_in(&said) else {
        let reason = said.lines().next().unwrap_or("it said nothing").to_owned();
        return Err(Lack::BrokenJava { java, reason });
    };
    // Java 8 calls itself 1.8, and is as old as a 1.
    match major(&version) {
        Some(major) if major >= JAVA_MAJOR_MIN => Ok((java, version)),
        _ => Err(Lack::OldJava { java, version }),
    }
}

/// What `java -version` writes.
pub(super) fn say_version(java: &Path) -> Result<String, String> {
    let output = Command::new(java).arg("-version").stdin(Stdio::null()).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
        .map_err(|error| error.to_string())
}

fn locate(places: &Places) -> Result<PathBuf, Lack> {
    if let Some(home) = &places.java_home {
        let java = home.join("bin").join("java");
        return if java.is_file() { Ok(java) } else { Err(Lack::WrongJavaHome(home.clone())) };
    }
    let folders = places.path.as_deref().map(env::split_paths);
    let mut candidates = folders.into_iter().flatten().map(|folder| folder.join("java"));
    candidates.find(|java| java.is_file()).ok_or(Lack::NoJava)
}

/// Lines before the version's are the virtual machine's notices, e.g. of `JAVA_TOOL_OPTIONS`.
fn version_in(said: &str) -> Option<String> {
    let line = said.lines().find_map(|line| line.split_once(" version \""))?.1;
    line.split_once('"').map(|(version, _)| version.to_owned())
}
