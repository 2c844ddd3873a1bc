//! Tells of changes of mode: one line of the log each, the metrics, whoever listens in this process, and `modes` if
//! Kafka takes it.

use std::sync::Arc;
use std::time::Instant;

use circuit::Decision;
use contracts::event::{ModeChanged, REASON_BYTES_MAX, SCOPE_BYTES_MAX};
use contracts::event_id::fresh_event_id;
use contracts::{Event, EventType, Provenance};
use trading::mode::Mode;

use super::notice::{Change, ModeNotice};
use crate::clock;
use crate::connection::Connection;
use crate::metrics::Metrics;
use crate::publisher::{count_delivery, to_record};

/// Tells of the changes of one service.
#[derive(Debug)]
pub(super) struct Herald {
    connection: Connection,
    metrics: Metrics,
}

impl Herald {
    pub(super) fn new(connection: &Connection, metrics: Metrics) -> Self {
        Self { connection: connection.clone(), metrics }
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Tells of one change; `why` is what an operator said who ordered it.
    pub(super) fn tell(&self, change: Change, why: Option<Arc<str>>) {
        let service = self.connection.service();
        let (from, to) = change.decisions();
        self.metrics.changed(&change);
        let notice = ModeNotice {
            service: service.to_string(),
            change,
            why,
            at: Instant::now(),
            at_wall: clock::now(),
        };
        if (from, to) == (Decision::Primary, Decision::Fallback) {
            tracing::warn!(%service, "{notice}");
        } else {
            tracing::info!(%service, "{notice}");
        }
        if from != to {
            self.publish(&notice);
        }
        self.connection.settings().notices.tell(notice);
    }

    /// Fire and forget: the partition of `modes` may be stuck as well.
    fn publish(&self, notice: &ModeNotice) {
        let (from, to) = notice.change.decisions();
        let event = Event::ModeChanged(ModeChanged {
            instance: self.connection.instance().clone(),
            scope: cut(notice.change.scope(), SCOPE_BYTES_MAX),
            from: mode(from),
            to: mode(to),
            reason: cut(notice.to_string(), REASON_BYTES_MAX),
            changed_at: notice.at_wall,
        });
        let provenance = provenance(&self.connection, mode(to));
        let send = || {
            let record = to_record(contracts::encode(event, &provenance)?, self.connection.layout());
            Ok(self.connection.producer().send(&record, ())?)
        };
        count_delivery(send(), EventType::ModeChanged.as_str(), self.metrics.clone());
    }
}

/// The provenance of what the health watch says by itself.
pub(super) fn provenance(connection: &Connection, mode: Mode) -> Provenance {
    Provenance::root(connection.service().clone(), fresh_event_id(), clock::now(), mode)
}

fn mode(decision: Decision) -> Mode {
    match decision {
        Decision::Primary => Mode::Normal,
        Decision::Fallback => Mode::Degraded,
    }
}

fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}
