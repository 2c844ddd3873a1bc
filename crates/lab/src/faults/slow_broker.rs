//! A broker answers late: every answer, and its replication, takes this much longer. "Slow" is not "stuck", and
//! needs a trigger of its own.

use futures::FutureExt;
use scenario::{ArgKind, ArgSpec, FaultKind};

use super::{Fault, Lever, select};

const DELAY: ArgSpec = ArgSpec {
    name: "delay_ms",
    kind: ArgKind::DurationMs,
    required: true,
    help: "added to every answer, in ms",
};

pub(super) const PAIR: [Fault; 2] = [
    Fault {
        kind: FaultKind {
            name: "slow_broker",
            healed_by: Some("restore_broker_speed"),
            help: "delay every answer of a broker, and its replication",
            args: &[select::BROKER, DELAY],
        },
        levers: &[Lever::SlowBroker],
        apply: |levers, args| {
            async move {
                let broker = select::broker(levers, args)?;
                let delay = args.duration_ms(DELAY.name);
                levers.slow_broker(broker, delay).await?;
                Ok(format!("broker {broker} answers {delay:?} late"))
            }
            .boxed()
        },
    },
    Fault {
        kind: FaultKind {
            name: "restore_broker_speed",
            healed_by: None,
            help: "let a slow broker answer at once again",
            args: &[select::BROKER],
        },
        levers: &[Lever::SlowBroker],
        apply: |levers, args| {
            async move {
                let broker = select::broker(levers, args)?;
                levers.slow_broker(broker, std::time::Duration::ZERO).await?;
                Ok(format!("broker {broker} answers at once"))
            }
            .boxed()
        },
    },
];
