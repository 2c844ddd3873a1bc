//! The controller stops, as under `SIGSTOP`: no elections, no ISR changes, no fencing, no topic changes.
//! Alone it is harmless (E0); with a lost broker it is the case (E1, E2).

use futures::FutureExt;
use scenario::FaultKind;

use super::{Fault, Lever};

pub(super) const PAIR: [Fault; 2] = [
    Fault {
        kind: FaultKind {
            name: "freeze_controller",
            healed_by: Some("thaw_controller"),
            help: "stop the controller: nothing is elected, fenced, shrunk or created any more",
            args: &[],
        },
        levers: &[Lever::FreezeController],
        apply: |levers, _| {
            async move {
                levers.freeze_controller().await?;
                Ok("the controller is frozen".to_owned())
            }
            .boxed()
        },
    },
    Fault {
        kind: FaultKind {
            name: "thaw_controller",
            healed_by: None,
            help: "let the controller go on; sessions that ran out meanwhile expire now",
            args: &[],
        },
        levers: &[Lever::ThawController],
        apply: |levers, _| {
            async move {
                levers.thaw_controller().await?;
                Ok("the controller goes on".to_owned())
            }
            .boxed()
        },
    },
];
