//! A broker dies as under `kill -9`: connections are reset, new ones refused, the log on disk survives (E1, E5).

use futures::FutureExt;
use scenario::FaultKind;

use super::{Fault, Lever, select};

pub(super) const PAIR: [Fault; 2] = [
    Fault {
        kind: FaultKind {
            name: "kill_broker",
            healed_by: Some("start_broker"),
            help: "kill -9 a broker: connections break, its log survives",
            args: &[select::BROKER],
        },
        levers: &[Lever::KillBroker],
        apply: |levers, args| {
            async move {
                let broker = select::broker(levers, args)?;
                levers.kill_broker(broker).await?;
                Ok(format!("broker {broker} is dead"))
            }
            .boxed()
        },
    },
    Fault {
        kind: FaultKind {
            name: "start_broker",
            healed_by: None,
            help: "start a killed or stopped broker again, on the same port",
            args: &[select::BROKER],
        },
        levers: &[Lever::StartBroker],
        apply: |levers, args| {
            async move {
                let broker = select::broker(levers, args)?;
                levers.start_broker(broker).await?;
                Ok(format!("broker {broker} starts"))
            }
            .boxed()
        },
    },
];
