//! Fetches with shell scripts in the place of Maven.

use std::sync::Mutex;

use expect_test::expect;
use tempfile::TempDir;

use super::*;
use crate::apache::kafka_home::KAFKA_VERSION;

/// Long enough for any machine, short enough to be noticed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Finds out where the jars are to go; each script begins with it.
const PRELUDE: &str = "for a; do case $a in -DoutputDirectory=*) out=${a#*=};; *.xml) pom=$a;; esac; done\n";

struct Cache {
    folder: TempDir,
    script: PathBuf,
}

impl Cache {
    fn with_maven(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maven.sh");
        fs::write(&path, [PRELUDE, script].concat()).unwrap();
        Self { folder, script: path }
    }

    fn libs(&self) -> PathBuf {
        self.folder.path().join("cache/kafka-4.3.0")
    }

    fn fetch(&self, patience: Duration, progress: &mut dyn FnMut(Progress)) -> Result<Fetched, FetchError> {
        let maven = Maven::called("sh", [self.script.clone().into_os_string()]);
        fetch_into(&self.libs(), &maven, Instant::now() + patience, progress)
    }

    /// What is in the cache's folder, but for the lock.
    fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("cache")).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        names.filter(|name| name != "kafka-4.3.0.lock").collect()
    }
}

/// Does as Maven does.
const GOOD: &str = "
    echo '[INFO] Downloaded from central: https://repo/x/x.pom (1 kB at 2 kB/s)'
    echo '[INFO] Downloaded from central: https://repo/kafka/kafka_2.13-4.3.0.jar (1.6 MB at 16 MB/s)'
    cp \"$pom\" \"$out\" && touch \"$out/kafka_2.13-4.3.0.jar\" \"$out/kafka-tools-4.3.0.jar\" && echo once >> \"$out/../../runs\"";

#[test]
fn the_jars_are_there_after_a_fetch_and_nothing_else_is_left() {
    let cache = Cache::with_maven(GOOD);
    let mut steps = Vec::new();
    let fetched = cache.fetch(PATIENCE, &mut |step| steps.push(step)).unwrap();
    assert_eq!(fetched, Fetched::New(cache.libs()));
    let jar = "kafka_2.13-4.3.0.jar".to_owned();
    assert_eq!(
        steps,
        [Progress::Started { libs: cache.libs() }, Progress::Downloaded { jar: jar.clone(), count: 1 }]
    );
    assert!(cache.libs().join(jar).exists());
    assert_eq!(fs::read_to_string(cache.libs().join("pom.xml")).unwrap(), POM);
    assert!(!beside(&cache.libs(), "part").exists());
}

#[test]
fn jars_that_are_there_are_not_fetched_again() {
    let cache = Cache::with_maven("exit 1");
    fs::create_dir_all(cache.libs()).unwrap();
    for jar in ["kafka_2.13-4.3.0.jar", "kafka-tools-4.3.0.jar"] {
        fs::write(cache.libs().join(jar), "").unwrap();
    }
    let fetched = cache.fetch(PATIENCE, &mut |step| panic!("{step}")).unwrap();
    assert_eq!(fetched, Fetched::AlreadyThere(cache.libs()));
}

#[test]
fn jars_without_the_tools_are_fetched_again() {
    let cache = Cache::with_maven(GOOD);
    fs::create_dir_all(cache.libs()).unwrap();
    fs::write(cache.libs().join("kafka_2.13-4.3.0.jar"), "").unwrap();
    assert_eq!(cache.fetch(PATIENCE, &mut |_| {}).unwrap(), Fetched::New(cache.libs()));
    assert!(cache.libs().join("kafka-tools-4.3.0.jar").exists());
}

#[test]
fn a_failed_fetch_leaves_nothing_and_quotes_mavens_errors() {
    let cache = Cache::with_maven(
        "touch \"$out/half.jar\"
         echo '[INFO] BUILD FAILURE'
         echo '[ERROR] Could not find artifact org.apache.kafka:kafka_2.13:jar:4.3.99 in central -> [Help 1]'
         echo '[ERROR] '
         echo '[ERROR] Re-run Maven using the -X switch to enable full debug logging.'
         exit 1",
    );
    let error = cache.fetch(PATIENCE, &mut |_| {}).unwrap_err();
    assert_eq!(cache.entries(), Vec::<String>::new());
    expect![[r#"
        Maven failed (exit status: 1); its last words:
        [ERROR] Could not find artifact org.apache.kafka:kafka_2.13:jar:4.3.99 in central -> [Help 1]"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn a_maven_that_says_no_error_is_quoted_by_its_last_lines() {
    let script = "seq 7 >&2; echo 'The JAVA_HOME environment variable is not defined correctly' >&2; exit 1";
    let error = Cache::with_maven(script).fetch(PATIENCE, &mut |_| {}).unwrap_err();
    expect![[r#"
        Maven failed (exit status: 1); its last words:
        4
        5
        6
        7
        The JAVA_HOME environment variable is not defined correctly"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn a_maven_that_hangs_is_killed_when_the_time_is_over() {
    let cache = Cache::with_maven("echo 'waiting for the network'; exec sleep 600");
    let error = cache.fetch(Duration::from_millis(500), &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Maven(MavenError::TooLong { .. })), "{error}");
    assert_eq!(cache.entries(), Vec::<String>::new());
}

#[test]
fn a_maven_that_brings_no_kafka_is_not_believed() {
    let error = Cache::with_maven("exit 0").fetch(PATIENCE, &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::NoKafka(_)), "{error}");
}

#[test]
fn a_machine_without_maven_is_told_so() {
    let cache = Cache::with_maven("");
    let maven = Maven::called(cache.libs().join("no-such-program"), []);
    let error = fetch_into(&cache.libs(), &maven, Instant::now() + PATIENCE, &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Maven(MavenError::NotThere)), "{error}");
}

#[test]
fn what_an_interrupted_fetch_left_is_removed() {
    let cache = Cache::with_maven(GOOD);
    let half = beside(&cache.libs(), "part").join("libs");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("half.jar"), "").unwrap();
    cache.fetch(PATIENCE, &mut |_| {}).unwrap();
    assert!(!cache.libs().join("half.jar").exists());
}

#[test]
fn two_fetches_at_once_run_maven_once() {
    // The first holds the lock until the second says that it waits.
    let cache = Cache::with_maven(&format!("while [ ! -e \"$out/../../go\" ]; do sleep 0.02; done\n{GOOD}"));
    let go = cache.libs().with_file_name("go");
    let all = Mutex::new(Vec::new());
    let fetch = || {
        let fetched = cache.fetch(PATIENCE, &mut |step| {
            if step == Progress::Waiting {
                fs::write(&go, "").unwrap();
            }
        });
        all.lock().unwrap().push(fetched.unwrap());
    };
    thread::scope(|scope| {
        scope.spawn(fetch);
        scope.spawn(fetch);
    });
    let all = all.into_inner().unwrap();
    let outcome = |wanted: Fetched| all.iter().filter(|fetched| **fetched == wanted).count();
    assert_eq!((outcome(Fetched::New(cache.libs())), outcome(Fetched::AlreadyThere(cache.libs()))), (1, 1));
    let runs = fs::read_to_string(cache.libs().with_file_name("runs")).unwrap();
    assert_eq!(runs, "once\n");
}

#[test]
fn a_fetch_that_waits_for_another_gives_up_in_time() {
    let cache = Cache::with_maven(GOOD);
    fs::create_dir_all(cache.libs().parent().unwrap()).unwrap();
    let held = File::create(beside(&cache.libs(), "lock")).unwrap();
    held.lock().unwrap();
    let error = cache.fetch(Duration::from_millis(50), &mut |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Busy { .. }), "{error}");
}

#[test]
fn the_pom_asks_for_the_version_that_is_looked_for() {
    let kafka = format!("<artifactId>kafka_2.13</artifactId>\n      <version>{KAFKA_VERSION}</version>");
    assert!(POM.contains(&kafka));
}
