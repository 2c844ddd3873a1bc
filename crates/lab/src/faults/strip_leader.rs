//! Leader -1 on chosen partitions, whatever the controller would do, while every broker stays up (E5, E6 without
//! the lost broker).

use futures::FutureExt;
use scenario::{ArgKind, ArgSpec, FaultKind};

use super::{Fault, Lever, select};

const ARGS: &[ArgSpec] = &[
    ArgSpec {
        name: "topic",
        kind: ArgKind::Topic,
        required: true,
        help: "a topic's name, or * for every topic that is not internal",
    },
    ArgSpec {
        name: "partitions",
        kind: ArgKind::Partitions,
        required: false,
        help: "which partitions; all if neither this nor share is given",
    },
    ArgSpec {
        name: "share",
        kind: ArgKind::Share,
        required: false,
        help: "which share of each topic's partitions, chosen by the cluster's seed",
    },
];

pub(super) const PAIR: [Fault; 2] = [
    Fault {
        kind: FaultKind {
            name: "strip_leader",
            healed_by: Some("restore_leader"),
            help: "take the leaders of partitions away: metadata says leader -1",
            args: ARGS,
        },
        levers: &[Lever::StripLeader],
        apply: |levers, args| {
            async move {
                let partitions = select::partitions(levers, args).await?;
                let done = format!("leaderless: {}", select::spelled(&partitions));
                levers.strip_leader(partitions).await?;
                Ok(done)
            }
            .boxed()
        },
    },
    Fault {
        kind: FaultKind {
            name: "restore_leader",
            healed_by: None,
            help: "let partitions elect a leader again",
            args: ARGS,
        },
        levers: &[Lever::RestoreLeader],
        apply: |levers, args| {
            async move {
                let partitions = select::partitions(levers, args).await?;
                let done = format!("electing again: {}", select::spelled(&partitions));
                levers.restore_leader(partitions).await?;
                Ok(done)
            }
            .boxed()
        },
    },
];
