//! Groups lose their coordinator: its partition of `__consumer_offsets` has no leader. Members can neither join nor
//! commit; fetching goes on (E8).
//!
//! A group's partition is Java's `String.hashCode` of its id, made positive, modulo the number of partitions
//! (Kafka's `GroupCoordinator.partitionFor`).

use futures::FutureExt;
use scenario::{ArgKind, ArgSpec, FaultKind};

use super::{Args, Fault, FaultError, Lever, Levers, select};

const OFFSETS_TOPIC: &str = "__consumer_offsets";

const ARGS: &[ArgSpec] = &[ArgSpec {
    name: "group",
    kind: ArgKind::Group,
    required: false,
    help: "a group's id; all groups if not given",
}];

pub(super) const PAIR: [Fault; 2] = [
    Fault {
        kind: FaultKind {
            name: "lose_coordinator",
            healed_by: Some("restore_coordinator"),
            help: "take the coordinator of a group, or of all groups, away",
            args: ARGS,
        },
        levers: &[Lever::StripLeader],
        apply: |levers, args| {
            async move {
                let partitions = partitions(levers, args).await?;
                if partitions.is_empty() {
                    let none = format!("there is no {OFFSETS_TOPIC} yet: no group was ever used");
                    return Err(FaultError::Failed(none));
                }
                let done = format!("no coordinator: {}", select::spelled(&partitions));
                levers.strip_leader(partitions).await?;
                Ok(done)
            }
            .boxed()
        },
    },
    Fault {
        kind: FaultKind {
            name: "restore_coordinator",
            healed_by: None,
            help: "let a group, or all groups, have a coordinator again",
            args: ARGS,
        },
        levers: &[Lever::RestoreLeader],
        apply: |levers, args| {
            async move {
                let partitions = partitions(levers, args).await?;
                if partitions.is_empty() {
                    return Ok("there was no coordinator to lose".to_owned());
                }
                let done = format!("coordinators again: {}", select::spelled(&partitions));
                levers.restore_leader(partitions).await?;
                Ok(done)
            }
            .boxed()
        },
    },
];

/// None if no group was ever used.
async fn partitions(levers: &dyn Levers, args: Args<'_>) -> Result<Vec<(String, i32)>, FaultError> {
    let topics = levers.topics().await?;
    let offsets = topics.iter().find(|topic| topic.name == OFFSETS_TOPIC);
    let count = offsets.map_or(0, |topic| topic.partitions);
    if count == 0 {
        return Ok(Vec::new());
    }
    let indices = match args.text("group") {
        Some(group) => vec![java_hash(group).checked_abs().unwrap_or(0)],
        None => (0..count).collect(),
    };
    Ok(indices.into_iter().map(|index| (OFFSETS_TOPIC.to_owned(), index % count)).collect())
}

/// Java's `String.hashCode`, over UTF-16 units.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_hash_is_javas() {
        // The second is the well-known string whose hash has no positive counterpart.
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
    }
}
