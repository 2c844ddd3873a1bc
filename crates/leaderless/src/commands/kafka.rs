//! `leaderless kafka`: whether Apache Kafka can be started here, and its jars.

use lab::apache::fetch::{self, Fetched, Progress};
use lab::apache::kafka_home::Kafka;

use super::Usage;
use crate::cli::KafkaCommand;
use crate::game_day::Watch;
use crate::output;

/// Says what is there, or fetches what is not.
pub(super) async fn run(command: KafkaCommand) -> anyhow::Result<()> {
    match command {
        KafkaCommand::Status => output::answer(&described(&found().await?)),
        KafkaCommand::Fetch => fetch().await,
    }
}

/// The Kafka that can be started here.
///
/// # Errors
/// [`Usage`], with everything that is missing and what to do about it.
pub(super) async fn found() -> anyhow::Result<Kafka> {
    // It asks Java for its version, which takes a moment.
    let found = tokio::task::spawn_blocking(Kafka::find).await?;
    found.map_err(|missing| Usage(missing.to_string()).into())
}

async fn fetch() -> anyhow::Result<()> {
    let fetching = tokio::task::spawn_blocking(|| {
        let mut watch = Watch::new();
        fetch::fetch(&mut |progress| match progress {
            Progress::Downloaded { .. } => watch.passing(&progress.to_string()),
            Progress::Waiting | Progress::Started { .. } => watch.line(&progress.to_string()),
        })
    });
    let line = match fetching.await?? {
        Fetched::AlreadyThere(libs) => format!("already there: {}\n", libs.display()),
        Fetched::New(libs) => format!("fetched: {}\n", libs.display()),
    };
    output::answer(&line)?;
    // The jars alone start nothing.
    found().await.map(|_| ())
}

fn described(kafka: &Kafka) -> String {
    let agent = kafka.agent.as_ref().and_then(|agent| agent.file_name());
    let agent = agent.map_or("none: brokers and controllers do not tell their metrics".into(), |name| {
        name.to_string_lossy().into_owned()
    });
    format!(
        "Java      {:<9} {}\nKafka     {:<9} {}\nmetrics   {agent}\n",
        kafka.java_version,
        kafka.java.display(),
        kafka.kafka_version,
        kafka.libs.display(),
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn kafka() -> Kafka {
        Kafka {
            java: "/usr/bin/java".into(),
            java_version: "17.0.15".to_owned(),
            libs: "/home/you/.cache/leaderless/kafka-4.3.0".into(),
            kafka_version: "4.3.0".to_owned(),
            agent: Some("/home/you/.cache/leaderless/kafka-4.3.0/jmx_prometheus_javaagent-1.0.1.jar".into()),
        }
    }

    #[test]
    fn what_was_found_is_told_with_versions_and_places() {
        expect![[r#"
            Java      17.0.15   /usr/bin/java
            Kafka     4.3.0     /home/you/.cache/leaderless/kafka-4.3.0
            metrics   jmx_prometheus_javaagent-1.0.1.jar
        "#]]
        .assert_eq(&described(&kafka()));
        expect![[r#"
            Java      17.0.15   /usr/bin/java
            Kafka     4.3.0     /home/you/.cache/leaderless/kafka-4.3.0
            metrics   none: brokers and controllers do not tell their metrics
        "#]]
        .assert_eq(&described(&Kafka { agent: None, ..kafka() }));
    }
}
