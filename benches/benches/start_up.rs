//! How soon the embedded cluster serves, small and as large as an exchange's, and what it holds then.

use std::time::Instant;

use benches::{ms, quantile};
use cluster::{NewReplicas, NewTopic, Spec};
use lab::embedded::{Embedded, EmbeddedSpec};

const ROUNDS: usize = 9;

fn main() -> anyhow::Result<()> {
    let small = Spec::new();
    let large = Spec { brokers: 30, zones: 3, ..Spec::new() };
    report("3 brokers", &small, None, "target: at most 50 ms")?;
    let before = resident_kib();
    let held = report(
        "30 brokers, 3 zones, 512 partitions, RF 3",
        &large,
        Some(512),
        "target: at most 1 s, 250 MB",
    )?;
    if let (Some(before), Some(after)) = (before, resident_kib()) {
        println!(
            "  resident {:.1} MB, of which the cluster {:.1} MB",
            mb(after),
            mb(after.saturating_sub(before))
        );
    }
    drop(held);
    Ok(())
}

/// Starts it several times; the last one is handed back running.
fn report(name: &str, spec: &Spec, partitions: Option<i32>, target: &str) -> anyhow::Result<Embedded> {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..ROUNDS {
        drop(last.take());
        let since = Instant::now();
        let started = start(spec.clone(), partitions)?;
        times.push(since.elapsed());
        last = Some(started);
    }
    let (p50, worst) = (quantile(&mut times, 0.5), quantile(&mut times, 1.0));
    println!("{name}: started in {} at the median, {} at worst ({target})", ms(p50), ms(worst));
    last.ok_or_else(|| anyhow::anyhow!("no round"))
}

fn start(spec: Spec, partitions: Option<i32>) -> anyhow::Result<Embedded> {
    let cluster = Embedded::start(EmbeddedSpec { cluster: spec, ..EmbeddedSpec::default() })?;
    if let Some(partitions) = partitions {
        let replicas = NewReplicas::Counts { partitions, replication_factor: 3 };
        let topic = NewTopic { name: "large".into(), replicas, configs: Vec::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(cluster.create_topics(vec![topic]))?;
    }
    Ok(cluster)
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn mb(kib: u64) -> f64 {
    kib as f64 * 1024.0 / 1e6
}
