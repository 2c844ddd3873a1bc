//! Rebalances as librdkafka's consumers make them: how many partitions each has in the end, and how soon.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::sync::watch;
use tokio::time::Instant;

use super::ground::Ground;
use super::sheet::{Noted, Sheet};

/// The replicas of a topic with six partitions.
const SIX: &[&[i32]] = &[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2], &[1, 2, 3], &[2, 3, 1], &[3, 1, 2]];

/// How long a group may take to become stable.
const STABLE_WITHIN: Duration = Duration::from_secs(30);

pub(super) async fn run(on: &Ground) -> anyhow::Result<Vec<Noted>> {
    let mut sheet = Sheet::default();
    let topic = on.topic("consumed", SIX, &[]).await?;
    for (size, strategy) in [(2, "range"), (5, "range"), (2, "cooperative-sticky")] {
        let group = on.name(&format!("{strategy}-{size}"));
        let start = || Polled::start(&on.bootstrap(), &group, &topic.name, strategy);
        let mut polled = vec![start()?];
        let cell = |what: &str| format!("{size} consumers, {strategy}: {what}");
        // How soon is a matter of the machine: there is nobody to wait for.
        let (class, _) = stable(&polled, 6).await;
        sheet.note(cell("the first has"), class);
        while polled.len() < size {
            polled.push(start()?);
        }
        let (class, took) = stable(&polled, 6).await;
        sheet.timed(cell("all have"), class, took);
        let gone = polled.pop();
        if let Some(gone) = gone {
            gone.stop().await;
        }
        let (class, took) = stable(&polled, 6).await;
        sheet.timed(cell("the others have, when one closed"), class, took);
        for one in polled {
            one.stop().await;
        }
    }
    Ok(sheet.done())
}

/// A consumer polled by a thread of its own.
struct Polled {
    assigned: watch::Receiver<usize>,
    stop: watch::Sender<bool>,
    thread: tokio::task::JoinHandle<()>,
}

impl Polled {
    fn start(bootstrap: &str, group: &str, topic: &str, strategy: &str) -> anyhow::Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", group)
            .set("partition.assignment.strategy", strategy)
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "500")
            .set("enable.auto.commit", "false")
            .set("reconnect.backoff.max.ms", "1000")
            .create()?;
        consumer.subscribe(&[topic])?;
        let (tell, assigned) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        // Polling blocks, and so does closing.
        let thread = tokio::task::spawn_blocking(move || {
            while !*stopped.borrow() {
                drop(consumer.poll(Duration::from_millis(20)));
                let count = consumer.assignment().map_or(0, |assignment| assignment.count());
                tell.send_if_modified(|told| std::mem::replace(told, count) != count);
            }
        });
        Ok(Self { assigned, stop, thread })
    }

    /// Leaves the group and waits until it has.
    async fn stop(self) {
        self.stop.send_replace(true);
        drop(tokio::time::timeout(STABLE_WITHIN, self.thread).await);
    }
}

/// How many partitions each has, most first, once they have all between them and nobody's share changes any more.
async fn stable(polled: &[Polled], partitions: usize) -> (String, Duration) {
    /// Shares that stand this long are final.
    const STANDS: Duration = Duration::from_millis(1_500);
    let begun = Instant::now();
    let shares = || {
        let mut shares: Vec<usize> = polled.iter().map(|one| *one.assigned.borrow()).collect();
        shares.sort_unstable_by(|a, b| b.cmp(a));
        shares
    };
    let fair = |shares: &[usize]| {
        let most = shares.first().copied().unwrap_or(0);
        let least = shares.last().copied().unwrap_or(0);
        shares.iter().sum::<usize>() == partitions && most - least <= 1
    };
    let mut since: Option<Instant> = None;
    while begun.elapsed() < STABLE_WITHIN {
        let now = shares();
        since = if fair(&now) { since.or_else(|| Some(Instant::now())) } else { None };
        if let Some(at) = since.filter(|at| at.elapsed() >= STANDS) {
            let said: Vec<_> = now.iter().map(usize::to_string).collect();
            return (format!("ok, {}", said.join(" ")), at - begun);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ("never".to_owned(), begun.elapsed())
}
