//! Which brokers and partitions a call means, held against the cluster there is.
//!
//! A share is chosen by the cluster's seed and the number of partitions alone, so that topics with equally many
//! partitions lose the *same* indices: a path over several topics that are keyed alike is then hit as a whole or
//! not at all, as when a broker is lost under aligned placement.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use scenario::{ArgKind, ArgSpec};

use super::{Args, FaultError, Levers, TopicShape};

/// The argument of faults of one broker.
pub(super) const BROKER: ArgSpec =
    ArgSpec { name: "broker", kind: ArgKind::Broker, required: true, help: "the broker's id, from 1" };

/// The broker that is meant.
pub(super) fn broker(levers: &dyn Levers, args: Args<'_>) -> Result<i32, FaultError> {
    let broker = args.broker();
    let brokers = levers.brokers();
    if brokers.contains(&broker) {
        return Ok(broker);
    }
    let allowed = brokers.iter().map(i32::to_string).collect::<Vec<_>>().join(", ");
    Err(args.error("broker", format!("is {broker}, which there is not"), allowed))
}

/// The partitions that `topic`, `partitions` and `share` mean together.
pub(super) async fn partitions(
    levers: &dyn Levers,
    args: Args<'_>,
) -> Result<Vec<(String, i32)>, FaultError> {
    let (indices, share) = (args.partitions(), args.share());
    if indices.is_some() && share.is_some() {
        let allowed = "partitions or share, not both".to_owned();
        return Err(args.error("share", "is given together with `partitions`".to_owned(), allowed));
    }
    let mut selected = Vec::new();
    for topic in topics(levers, args).await? {
        let chosen = match (&indices, share) {
            (Some(indices), _) => listed(args, &topic, indices)?,
            (None, Some(share)) => sample(levers.seed(), topic.partitions, share),
            (None, None) => (0..topic.partitions).collect(),
        };
        selected.extend(chosen.into_iter().map(|index| (topic.name.clone(), index)));
    }
    Ok(selected)
}

async fn topics(levers: &dyn Levers, args: Args<'_>) -> Result<Vec<TopicShape>, FaultError> {
    let name = args.text("topic").unwrap_or_default();
    let topics = levers.topics().await?;
    let names = || topics.iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>().join(", ");
    let wanted: Vec<TopicShape> = match name {
        "*" => topics.iter().filter(|topic| !topic.internal).cloned().collect(),
        name => topics.iter().filter(|topic| topic.name == name).cloned().collect(),
    };
    if wanted.is_empty() {
        return Err(args.error("topic", format!("is {name:?}, which there is not"), names()));
    }
    Ok(wanted)
}

fn listed(args: Args<'_>, topic: &TopicShape, indices: &[i32]) -> Result<Vec<i32>, FaultError> {
    match indices.iter().find(|index| **index >= topic.partitions) {
        None => Ok(indices.to_vec()),
        Some(index) => {
            let problem = format!("has {index}, which {} has not", topic.name);
            Err(args.error("partitions", problem, format!("0 to {}", topic.partitions - 1)))
        }
    }
}

/// At least one partition, and the nearest whole number to the share.
fn sample(seed: u64, partitions: i32, share: f64) -> Vec<i32> {
    let mut indices: Vec<i32> = (0..partitions).collect();
    indices.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let wanted = (f64::from(partitions) * share).round().max(1.0);
    indices.truncate(wanted as usize);
    indices.sort_unstable();
    indices
}

/// How a selection reads in words.
pub(super) fn spelled(partitions: &[(String, i32)]) -> String {
    let mut topics: Vec<(&str, Vec<String>)> = Vec::new();
    for (topic, index) in partitions {
        match topics.last_mut().filter(|(last, _)| last == topic) {
            Some((_, indices)) => indices.push(index.to_string()),
            None => topics.push((topic, vec![index.to_string()])),
        }
    }
    let topics = topics.iter().map(|(topic, indices)| format!("{topic}[{}]", indices.join(",")));
    topics.collect::<Vec<_>>().join(" ")
}
