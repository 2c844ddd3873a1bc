//! Machines made of empty files: what is found on them, and what the message says when it is not.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;

/// A machine made of empty files, in a folder of its own.
struct Machine {
    folder: TempDir,
    places: Places,
    says: &'static str,
}

impl Machine {
    /// Nothing is installed and nothing is set but `HOME`.
    fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { home: Some(folder.path().join("home")), ..Places::default() };
        Self { folder, places, says: "" }
    }

    /// Java 17 on `PATH`, a fetched Kafka in the cache.
    fn ready() -> Self {
        let mut machine = Self::bare().with("home/.cache/leaderless/kafka-4.3.0/kafka_2.13-4.3.0.jar");
        machine = machine.with("usr/bin/java");
        machine.places.path = Some(machine.path_of(&["empty", "usr/bin"]));
        machine.says =
            "Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"17.0.15\" 2025-04-15\nOpenJDK 64-Bit";
        machine
    }

    fn with(self, file: &str) -> Self {
        let path = self.at(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        self
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn path_of(&self, folders: &[&str]) -> OsString {
        env::join_paths(folders.iter().map(|folder| self.at(folder))).unwrap()
    }

    fn find(&self) -> Result<Kafka, Missing> {
        Kafka::find_in(&self.places, |_| Ok(self.says.to_owned()))
    }

    fn check_missing(&self, expect: Expect) {
        let message = self.find().unwrap_err().to_string();
        expect.assert_eq(&message.replace(&*self.folder.path().to_string_lossy(), ""));
    }
}

#[test]
fn a_fetched_kafka_and_the_java_on_path_are_found() {
    let machine = Machine::ready();
    let kafka = machine.find().unwrap();
    assert_eq!(kafka.libs, machine.at("home/.cache/leaderless/kafka-4.3.0"));
    assert_eq!(kafka.java, machine.at("usr/bin/java"));
    assert_eq!((&*kafka.kafka_version, &*kafka.java_version), ("4.3.0", "17.0.15"));
    assert_eq!(kafka.agent, None);
    assert!(kafka.class_path().ends_with("kafka-4.3.0/*"));
}

#[test]
fn kafka_home_and_java_home_come_before_cache_and_path() {
    let mut machine = Machine::ready()
        .with("opt/kafka/libs/kafka_2.13-4.1.2.jar")
        .with("opt/kafka/libs/kafka_2.13-4.1.2-test-sources.jar")
        .with("opt/jdk/bin/java");
    machine.places.kafka_home = Some(machine.at("opt/kafka"));
    machine.places.java_home = Some(machine.at("opt/jdk"));
    machine.says = "java version \"25\" 2025-09-16 LTS";
    let kafka = machine.find().unwrap();
    assert_eq!((kafka.libs, &*kafka.kafka_version), (machine.at("opt/kafka/libs"), "4.1.2"));
    assert_eq!((kafka.java, &*kafka.java_version), (machine.at("opt/jdk/bin/java"), "25"));
}

#[test]
fn kafka_home_may_be_the_folder_of_the_jars() {
    let mut machine = Machine::ready().with("jars/kafka_2.13-4.3.0.jar");
    machine.places.kafka_home = Some(machine.at("jars"));
    assert_eq!(machine.find().unwrap().libs, machine.at("jars"));
}

#[test]
fn the_agent_is_taken_from_the_jars_else_from_the_cache() {
    let cached = "home/.cache/leaderless/kafka-4.3.0/jmx_prometheus_javaagent-1.0.1.jar";
    let mut machine = Machine::ready().with(cached).with("jars/kafka_2.13-4.3.0.jar");
    machine.places.kafka_home = Some(machine.at("jars"));
    assert_eq!(machine.find().unwrap().agent, Some(machine.at(cached)));
    let machine = machine.with("jars/jmx_prometheus_javaagent-1.5.0.jar");
    assert_eq!(machine.find().unwrap().agent, Some(machine.at("jars/jmx_prometheus_javaagent-1.5.0.jar")));
}

#[test]
fn the_cache_is_where_the_user_has_it_unless_the_path_is_relative() {
    let mut places = Places { home: Some("/home/me".into()), ..Places::default() };
    assert_eq!(places.cached_libs().unwrap(), Path::new("/home/me/.cache/leaderless/kafka-4.3.0"));
    places.xdg_cache_home = Some("/var/cache/me".into());
    assert_eq!(places.cached_libs().unwrap(), Path::new("/var/cache/me/leaderless/kafka-4.3.0"));
    places.xdg_cache_home = Some("cache".into());
    assert_eq!(places.cached_libs().unwrap(), Path::new("/home/me/.cache/leaderless/kafka-4.3.0"));
}

#[test]
fn a_bare_machine_is_told_everything_at_once() {
    Machine::bare().check_missing(expect![[r#"
        Apache Kafka cannot be started on this machine:
        - no Java: JAVA_HOME is not set and PATH has no `java`; install a JDK 17 or newer
        - no Kafka: nothing in /home/.cache/leaderless/kafka-4.3.0; run `leaderless kafka fetch` (needs Maven), or let KAFKA_HOME name a Kafka 4.3.0"#]]);
}

#[test]
fn wrong_variables_are_named_and_not_passed_over() {
    let mut machine = Machine::ready();
    machine.places.kafka_home = Some(machine.at("opt/kafka"));
    machine.places.java_home = Some(machine.at("opt/jdk"));
    machine.check_missing(expect![[r#"
        Apache Kafka cannot be started on this machine:
        - no Java: JAVA_HOME is /opt/jdk, which has no bin/java; correct it, or unset it to use the `java` on PATH
        - no Kafka: KAFKA_HOME is /opt/kafka, and neither it nor its libs/ has a kafka_2.13-*.jar; correct it, or unset it and run `leaderless kafka fetch`"#]]);
}

#[test]
fn an_old_java_and_an_old_kafka_are_refused() {
    let mut machine = Machine::ready().with("opt/kafka/libs/kafka_2.13-3.9.1.jar");
    machine.places.kafka_home = Some(machine.at("opt/kafka"));
    machine.says = "openjdk version \"1.8.0_392\"";
    machine.check_missing(expect![[r#"
        Apache Kafka cannot be started on this machine:
        - /usr/bin/java is Java 1.8.0_392; install a JDK 17 or newer, or let JAVA_HOME name one
        - /opt/kafka/libs holds Kafka 3.9.1; Kafka 4 or newer is needed, or unset KAFKA_HOME and run `leaderless kafka fetch`"#]]);
}

#[test]
fn a_java_that_says_something_else_is_quoted() {
    let mut machine = Machine::ready();
    machine.says = "The operation couldn't be completed. Unable to locate a Java Runtime.\n";
    machine.check_missing(expect![[r#"
        Apache Kafka cannot be started on this machine:
        - /usr/bin/java does not say which Java it is (The operation couldn't be completed. Unable to locate a Java Runtime.); install a JDK 17 or newer"#]]);
}

#[test]
fn without_any_home_the_message_says_which_variables_to_set() {
    let mut machine = Machine::ready();
    machine.places.home = None;
    machine.check_missing(expect![[r#"
        Apache Kafka cannot be started on this machine:
        - no Kafka: none of KAFKA_HOME, XDG_CACHE_HOME and HOME is set; let KAFKA_HOME name a Kafka 4.3.0"#]]);
}
