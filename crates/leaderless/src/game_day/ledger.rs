//! The audit of an arm: everything on the record, held against what customers were told.
//!
//! The topics are read from their beginning until their ends, and again while orders in doubt may still be found out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bus::{Admin, Incoming, Reader, Settings, StartAt, TopicPartition};
use contracts::event::Event;
use contracts::topics;
use report::LedgerResult;
use trading::audit::{Audit, AuditLimits, Auditor};
use trading::ids::OrderKey;
use trading::order::Executed;

const READ: [&str; 3] = [topics::ORDERS, topics::TRADES, topics::LEDGER];
/// How long one metadata or watermark question may take.
const ASK: Duration = Duration::from_secs(1);
/// Between two looks for what resolves an order in doubt.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// The most records an audit holds: ten times those of the longest shipped game day. More make it incomplete.
const RECORDS_MAX: usize = 1_000_000;

/// What the audit found.
#[derive(Debug)]
pub struct Found {
    /// For the report.
    pub ledger: LedgerResult,
    /// Whether every record could be read. If not, the ledger is what was read, and accuses nobody.
    pub complete: bool,
}

/// Reads the record of an arm and holds it against `answers`, for at most `patience`.
///
/// # Errors
/// There can be no client; a record that cannot be read in time is incomplete.
pub async fn audit(
    settings: &Settings,
    partitions: u16,
    answers: &[(OrderKey, Executed)],
    patience: Duration,
) -> anyhow::Result<Found> {
    let until = Instant::now() + patience;
    let mut record = Record::open(settings, partitions, patience).await?;
    loop {
        let complete = record.read_to_the_end(until).await;
        let found = audited(&record.events, answers);
        let settled = complete && found.unknown_unresolved == 0;
        if settled || Instant::now() + LOOK_AGAIN > until {
            record.reader.close(ASK).await.ok();
            return Ok(Found { ledger: ledger_result(found, complete), complete });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What is on the record, as far as it was read.
struct Record {
    admin: Admin,
    reader: Reader,
    events: Vec<Event>,
    /// The next offset to read.
    positions: BTreeMap<TopicPartition, i64>,
}

impl Record {
    async fn open(settings: &Settings, partitions: u16, patience: Duration) -> anyhow::Result<Self> {
        let at = |topic: &str, partition: u16| TopicPartition {
            topic: topic.to_owned(),
            partition: partition.into(),
        };
        let all: Vec<_> = READ.iter().flat_map(|topic| (0..partitions).map(move |p| at(topic, p))).collect();
        let settings = settings.named("auditor");
        let admin = Admin::new(&settings).context("the auditor's client")?;
        let opened = Reader::assigned(&settings, &all, StartAt::Beginning, patience).await;
        let reader = opened.context("the auditor cannot read the ledger")?;
        let positions = all.into_iter().map(|partition| (partition, 0)).collect();
        Ok(Self { admin, reader, events: Vec::new(), positions })
    }

    /// Whether everything was read that is there now.
    async fn read_to_the_end(&mut self, until: Instant) -> bool {
        let Some(ends) = self.ends(until).await else { return false };
        while ends.iter().any(|(partition, end)| self.positions[partition] < *end) {
            let next = tokio::time::timeout_at(until.into(), self.reader.recv()).await;
            match next {
                Ok(Ok(record)) if self.events.len() < RECORDS_MAX => self.take(&record),
                _ => return false,
            }
        }
        true
    }

    /// The end of every partition; `None` if one of them does not tell.
    async fn ends(&self, until: Instant) -> Option<BTreeMap<TopicPartition, i64>> {
        let mut ends = BTreeMap::new();
        for partition in self.positions.keys() {
            let left = until.saturating_duration_since(Instant::now()).min(ASK);
            let marks = self.admin.watermarks(&partition.topic, partition.partition, left).await.ok()?;
            ends.insert(partition.clone(), marks.high);
        }
        Some(ends)
    }

    fn take(&mut self, record: &Incoming) {
        let partition = TopicPartition { topic: record.topic.clone(), partition: record.partition };
        self.positions.insert(partition, record.offset + 1);
        // What cannot be decoded is on the dead-letter topic by the services' own doing; it is no fact of the ledger.
        if let Ok((_, event)) =
            contracts::codec::decode(&record.topic, record.header_pairs(), &record.payload)
        {
            self.events.push(event);
        }
    }
}

fn audited(events: &[Event], answers: &[(OrderKey, Executed)]) -> Audit {
    let mut auditor = Auditor::new(AuditLimits::default());
    for event in events {
        match event {
            Event::OrderPlaced(order) => auditor.order_placed(&order.key, order.terms.quantity),
            Event::OrderRejected(order) => auditor.order_rejected(&order.key),
            Event::TradeExecuted(trade) => auditor.trade(trade),
            Event::LedgerPosted(posted) => auditor.posting(&posted.posting),
            _ => {}
        }
    }
    for (key, executed) in answers {
        auditor.answer(key, *executed);
    }
    auditor.finish()
}

/// Most rules are broken by what is missing, so a record that was not read to its end accuses nobody.
fn ledger_result(audit: Audit, complete: bool) -> LedgerResult {
    let (violations_total, violations) =
        if complete { (audit.violations_total, audit.violations) } else { (0, Vec::new()) };
    LedgerResult {
        posted: audit.postings,
        balanced: audit.ledger_sums.values().all(|sum| sum == "0"),
        executions: audit.orders_executed,
        duplicates: audit.trades_duplicate + audit.postings_duplicate,
        in_doubt: audit.unknown_resolved + audit.unknown_unresolved,
        unresolved: audit.unknown_unresolved,
        violations_total,
        violations,
    }
}
