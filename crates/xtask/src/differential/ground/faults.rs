//! Faults and heals, each followed by a wait until the cluster has settled.

use std::collections::BTreeMap;

use lab::faults::FaultError;
use scenario::{ArgValue, FaultCall};

use super::super::plan::Fault;
use super::{Broken, Case, Down};

impl Case<'_> {
    /// Breaks or heals; what does not apply now does nothing.
    pub(super) async fn fault(&mut self, fault: Fault) -> String {
        let Some(after) = applied(self.broken, fault) else { return "does not apply".to_owned() };
        let mended = matches!(fault, Fault::StartBroker(_) | Fault::ThawBroker(_) | Fault::ThawController);
        if let Err(error) = self.inject(fault).await {
            return format!("failed: {error}");
        }
        self.broken = after;
        if mended {
            self.names.forget_epochs();
        }
        if self.settled().await { "done and settled".to_owned() } else { "done, does not settle".to_owned() }
    }

    async fn inject(&self, fault: Fault) -> Result<(), FaultError> {
        let (kind, broker) = match fault {
            Fault::KillBroker(broker) => ("kill_broker", Some(broker)),
            Fault::StartBroker(broker) => ("start_broker", Some(broker)),
            Fault::FreezeBroker(broker) => ("freeze_broker", Some(broker)),
            Fault::ThawBroker(broker) => ("thaw_broker", Some(broker)),
            Fault::FreezeController => ("freeze_controller", None),
            Fault::ThawController => ("thaw_controller", None),
        };
        let args = broker.map(|broker| ("broker".to_owned(), ArgValue::Integer(i64::from(broker))));
        let call = FaultCall { kind: kind.to_owned(), args: BTreeMap::from_iter(args) };
        self.lab.inject(&call).await.map(drop)
    }
}

/// What is broken after a fault or heal; `None` if it does not apply. A broker is not started under a frozen
/// controller: it would wait for it.
fn applied(broken: Broken, fault: Fault) -> Option<Broken> {
    let after = match (fault, broken.broker) {
        (Fault::KillBroker(broker), None) => Broken { broker: Some((broker, Down::Dead)), ..broken },
        (Fault::FreezeBroker(broker), None) => Broken { broker: Some((broker, Down::Frozen)), ..broken },
        (Fault::StartBroker(broker), Some((down, Down::Dead))) if broker == down && !broken.controller => {
            Broken { broker: None, ..broken }
        }
        (Fault::ThawBroker(broker), Some((down, Down::Frozen))) if broker == down => {
            Broken { broker: None, ..broken }
        }
        (Fault::FreezeController, _) => Broken { controller: true, ..broken },
        (Fault::ThawController, _) => Broken { controller: false, ..broken },
        _ => return None,
    };
    (after != broken).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEALTHY: Broken = Broken { broker: None, controller: false };

    #[test]
    fn one_broker_is_down_at_a_time() {
        let one = applied(HEALTHY, Fault::KillBroker(2)).unwrap();
        assert_eq!(one.broker, Some((2, Down::Dead)));
        assert_eq!(applied(one, Fault::KillBroker(3)), None);
        assert_eq!(applied(one, Fault::FreezeBroker(1)), None);
    }

    #[test]
    fn what_is_not_broken_is_not_healed() {
        for heal in [Fault::StartBroker(1), Fault::ThawBroker(1), Fault::ThawController] {
            assert_eq!(applied(HEALTHY, heal), None);
        }
        let frozen = applied(HEALTHY, Fault::FreezeBroker(1)).unwrap();
        assert_eq!(applied(frozen, Fault::StartBroker(1)), None);
        assert_eq!(applied(frozen, Fault::ThawBroker(1)), Some(HEALTHY));
    }

    #[test]
    fn no_broker_is_started_under_a_frozen_controller() {
        let frozen = applied(HEALTHY, Fault::FreezeController).unwrap();
        let both = applied(frozen, Fault::KillBroker(2)).unwrap();
        assert_eq!(applied(both, Fault::StartBroker(2)), None);
        assert!(applied(applied(both, Fault::ThawController).unwrap(), Fault::StartBroker(2)).is_some());
    }
}
