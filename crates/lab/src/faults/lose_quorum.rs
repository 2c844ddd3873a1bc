//! A majority of the controllers stops, as under `SIGSTOP`: those that are left can decide nothing, so to brokers and
//! clients it looks like a frozen controller. It heals otherwise: the leader that a majority elects has heard of nobody,
//! so a dead broker has a whole session from then on.

use futures::FutureExt;
use scenario::FaultKind;

use super::{Fault, Lever};

pub(super) const PAIR: [Fault; 2] = [
    Fault {
        kind: FaultKind {
            name: "lose_quorum",
            healed_by: Some("restore_quorum"),
            help: "stop a majority of the controllers: the rest can decide nothing",
            args: &[],
        },
        levers: &[Lever::LoseQuorum],
        apply: |levers, _| {
            async move {
                levers.lose_quorum().await?;
                Ok("the controllers have lost their quorum".to_owned())
            }
            .boxed()
        },
    },
    Fault {
        kind: FaultKind {
            name: "restore_quorum",
            healed_by: None,
            help: "let the stopped controllers go on",
            args: &[],
        },
        levers: &[Lever::RestoreQuorum],
        apply: |levers, _| {
            async move {
                levers.restore_quorum().await?;
                Ok("the controllers have their quorum again".to_owned())
            }
            .boxed()
        },
    },
];
