//! A broker's process stops as under `SIGSTOP`: TCP stays up, the kernel accepts connections, nothing answers (E2).

use futures::FutureExt;
use scenario::FaultKind;

use super::{Fault, Lever, select};

pub(super) const PAIR: [Fault; 2] = [
    Fault {
        kind: FaultKind {
            name: "freeze_broker",
            healed_by: Some("thaw_broker"),
            help: "stop a broker's process: TCP stays up, nothing answers",
            args: &[select::BROKER],
        },
        levers: &[Lever::FreezeBroker],
        apply: |levers, args| {
            async move {
                let broker = select::broker(levers, args)?;
                levers.freeze_broker(broker).await?;
                Ok(format!("broker {broker} is frozen"))
            }
            .boxed()
        },
    },
    Fault {
        kind: FaultKind {
            name: "thaw_broker",
            healed_by: None,
            help: "let a frozen broker go on",
            args: &[select::BROKER],
        },
        levers: &[Lever::ThawBroker],
        apply: |levers, args| {
            async move {
                let broker = select::broker(levers, args)?;
                levers.thaw_broker(broker).await?;
                Ok(format!("broker {broker} goes on"))
            }
            .boxed()
        },
    },
];
