//! What controllers and brokers say of themselves, under the names of Kafka's MBeans.
//!
//! The JMX exporter's Java agent serves a process's MBeans over HTTP on loopback, in Prometheus' text format;
//! `metrics.yaml` names the few that are served. The agent does not show in a broker's memory (345 MB resident
//! with and without it, at 256 MB of heap) nor in the processor time of its start (4 s); a question takes about 15 ms.
//!
//! A node that is frozen or dead, or has no agent, does not answer: that is `None`, after [`PATIENCE`] at most. A node
//! that is still starting may answer with less than everything.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::kafka_home::Kafka;

/// How long a node is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The most that is read of an answer, which is 12 kB long, most of it about the virtual machine.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// What `metrics.yaml` puts before a name.
const PREFIX: &str = "kafka_";

const SETTINGS: &str = include_str!("metrics.yaml");

/// Writes the agent's settings, the same for all nodes, into a directory.
pub(super) fn settings_file(directory: &Path) -> io::Result<PathBuf> {
    let path = directory.join("metrics.yaml");
    std::fs::write(&path, SETTINGS)?;
    Ok(path)
}

/// The argument that makes a Java serve its metrics at an address; `None` if this Kafka has no agent.
pub(super) fn agent(kafka: &Kafka, at: SocketAddr, settings: &Path) -> Option<String> {
    let agent = kafka.agent.as_ref()?;
    Some(format!("-javaagent:{}={at}:{}", agent.display(), settings.display()))
}

/// What the node whose agent is at this address says now.
pub(super) async fn scrape(at: SocketAddr) -> Option<BTreeMap<String, f64>> {
    let answer = timeout(PATIENCE, get(at)).await.map_err(anyhow::Error::from).flatten();
    match answer {
        Ok(text) => Some(values(&text)),
        Err(error) => {
            tracing::debug!(%at, %error, "a node does not say how it is");
            None
        }
    }
}

async fn get(at: SocketAddr) -> anyhow::Result<String> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/metrics").header(header::HOST, at.to_string()).body(Empty::<Bytes>::new())?;
    let answer = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        anyhow::ensure!(status == StatusCode::OK, "the answer is {status}");
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(anyhow::Error::from_boxed)?;
        Ok(String::from_utf8(body.to_bytes().into())?)
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        answer = &mut answer => answer,
        // The connection may be over before its last bytes are read from the channel between the two.
        ended = &mut connection => {
            ended?;
            answer.await
        }
    }
}

/// The values by their MBeans' names; lines about anything else are passed over.
fn values(text: &str) -> BTreeMap<String, f64> {
    let value = |line: &str| {
        let (name, value) = line.strip_prefix(PREFIX)?.split_once(' ')?;
        Some((name.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use expect_test::expect;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A node that answers every question with these bytes.
    async fn node(answer: String) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let at = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                drop(stream.read(&mut [0; 1024]).await);
                drop(stream.write_all(answer.as_bytes()).await);
            }
        });
        at
    }

    fn http(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn values_are_found_among_everything_that_the_agent_says() {
        let text = "# HELP kafka_LeaderCount Attribute exposed for management\n\
                    # TYPE kafka_LeaderCount gauge\n\
                    kafka_LeaderCount 27.0\n\
                    jvm_threads_state{state=\"NEW\"} 0.0\n\
                    kafka_UnderReplicatedPartitions 1.0E2\n";
        expect![[r#"{"LeaderCount": 27.0, "UnderReplicatedPartitions": 100.0}"#]]
            .assert_eq(&format!("{:?}", values(text)));
    }

    #[tokio::test]
    async fn a_node_that_answers_is_understood() {
        let at = node(http("200 OK", "kafka_ActiveControllerCount 1.0\n")).await;
        let said = scrape(at).await.expect("an answer");
        assert_eq!(said, BTreeMap::from([("ActiveControllerCount".to_owned(), 1.0)]));
    }

    #[tokio::test]
    async fn a_node_that_starts_says_nothing_yet() {
        assert_eq!(scrape(node(http("200 OK", "")).await).await, Some(BTreeMap::new()));
    }

    #[tokio::test]
    async fn errors_and_answers_without_end_are_none() {
        let endless = "x".repeat(ANSWER_BYTES_MAX + 1);
        for answer in [http("500 Internal Server Error", "kafka_LeaderCount 1"), http("200 OK", &endless)] {
            assert_eq!(scrape(node(answer).await).await, None);
        }
        assert_eq!(scrape(node("HTTP/1.1 200 OK\r\nContent-Le".to_owned()).await).await, None);
    }

    #[tokio::test]
    async fn a_frozen_node_and_a_dead_one_do_not_answer() {
        // The kernel accepts for who never does.
        let frozen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let at = frozen.local_addr().expect("an address");
        assert_eq!(scrape(at).await, None);
        drop(frozen);
        assert_eq!(scrape(at).await, None);
    }

    #[test]
    fn every_name_that_the_agent_serves_is_one_that_it_is_asked_for() {
        let served = SETTINGS.lines().filter_map(|line| line.trim().strip_prefix("- kafka."));
        let names: Vec<&str> =
            served.filter_map(|bean| bean.split_once("name=")).map(|bean| bean.1).collect();
        expect![[r#"["ActiveControllerCount", "ActiveBrokerCount", "FencedBrokerCount", "OfflinePartitionsCount", "LeaderCount", "OfflineReplicaCount", "PartitionCount", "UnderMinIsrPartitionCount", "UnderReplicatedPartitions"]"#]]
            .assert_eq(&format!("{names:?}"));
    }
}
