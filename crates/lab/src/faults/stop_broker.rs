//! A broker shuts down in order, as under `SIGTERM`: its leaders move before it goes, and the in-sync sets shrink without it
//! (E9). What is acknowledged stays, and whoever knows where the new leaders are hardly waits. While the controller is
//! frozen nobody lets it go, and it serves on. It is healed as a killed one is.

use futures::FutureExt;
use scenario::FaultKind;

use super::{Fault, Lever, select};

pub(super) const ALONE: [Fault; 1] = [Fault {
    kind: FaultKind {
        name: "stop_broker",
        healed_by: Some("start_broker"),
        help: "shut a broker down in order: its leaders move, then it goes",
        args: &[select::BROKER],
    },
    levers: &[Lever::StopBroker],
    apply: |levers, args| {
        async move {
            let broker = select::broker(levers, args)?;
            levers.stop_broker(broker).await?;
            Ok(format!("broker {broker} shuts down"))
        }
        .boxed()
    },
}];
