//! A broker's packets are dropped: connections stay but carry nothing, new ones run into the connect timeout (E3).

use futures::FutureExt;
use scenario::FaultKind;

use super::{Fault, Lever, select};

pub(super) const PAIR: [Fault; 2] = [
    Fault {
        kind: FaultKind {
            name: "black_hole_broker",
            healed_by: Some("restore_broker"),
            help: "drop a broker's packets: connections carry nothing, new ones never complete",
            args: &[select::BROKER],
        },
        levers: &[Lever::BlackHoleBroker],
        apply: |levers, args| {
            async move {
                let broker = select::broker(levers, args)?;
                levers.black_hole_broker(broker).await?;
                Ok(format!("broker {broker} is a black hole"))
            }
            .boxed()
        },
    },
    Fault {
        kind: FaultKind {
            name: "restore_broker",
            healed_by: None,
            help: "let a black-holed broker's packets through again",
            args: &[select::BROKER],
        },
        levers: &[Lever::RestoreBroker],
        apply: |levers, args| {
            async move {
                let broker = select::broker(levers, args)?;
                levers.restore_broker(broker).await?;
                Ok(format!("broker {broker} is reachable"))
            }
            .boxed()
        },
    },
];
