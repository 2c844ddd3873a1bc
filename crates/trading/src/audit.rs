//! The auditor: a fold over what was recorded and what customers were told, which looks for what must never happen.
//!
//! It is fed the records of a run in any order, and the answers of each order in the order in which its customer got them. Checked are:
//! at most one execution per (account, client order id), late deliveries included; fills within the quantity; the ledger sums
//! to zero per asset; `executed: no`, when it was the last word, means no trade ever; `executed: yes` means a trade and its
//! posting; a posting books a trade that exists; an order in doubt is resolved by a trade or a rejection. A repetition under
//! the same event id is counted and is no violation.
//!
//! Bounds: [`AuditLimits`]. Orders beyond the bound are counted as [`Audit::unaudited`], which is a violation of its own, since what
//! was not looked at cannot be called clean. Of the violations the first [`VIOLATIONS_KEPT`] are kept as sentences, all are counted.

use std::collections::{BTreeMap, HashMap, HashSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{EventId, OrderKey};
use crate::ledger::{Ledger, LedgerLimits, Posted, Posting};
use crate::order::Executed;
use crate::trade::Trade;

/// How many violations are kept as sentences.
pub const VIOLATIONS_KEPT: usize = 20;

/// How much the auditor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLimits {
    /// The most orders.
    pub orders_max: usize,
    /// The most trade events, counted over all orders.
    pub trades_max: usize,
    /// The auditor's own ledger.
    pub ledger: LedgerLimits,
}

impl Default for AuditLimits {
    fn default() -> Self {
        Self { orders_max: 1_000_000, trades_max: 1_000_000, ledger: LedgerLimits::default() }
    }
}

/// What the auditor found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Orders that were placed.
    pub orders: u64,
    /// Orders with at least one execution.
    pub orders_executed: u64,
    /// Orders that were rejected on the record.
    pub orders_rejected: u64,
    /// Distinct executions.
    pub trades: u64,
    /// Executions that came again under their own event id.
    pub trades_duplicate: u64,
    /// Executions that no posting books.
    pub trades_unposted: u64,
    /// Distinct postings.
    pub postings: u64,
    /// Postings that came again under their own event id.
    pub postings_duplicate: u64,
    /// Answers that customers got.
    pub answers: AnswerCounts,
    /// Orders whose last answer was `unknown`, and which the record shows as executed or rejected.
    pub unknown_resolved: u64,
    /// Orders whose last answer was `unknown`, and on which the record is silent.
    pub unknown_unresolved: u64,
    /// Records and answers that found no room.
    pub unaudited: u64,
    /// The sum of all balances per asset, as text; each is `0`.
    pub ledger_sums: BTreeMap<String, String>,
    /// How many violations there are.
    pub violations_total: u64,
    /// The first of them, a sentence each.
    pub violations: Vec<String>,
}

impl Audit {
    /// Whether nothing was found that must never happen.
    pub fn is_clean(&self) -> bool {
        self.violations_total == 0
    }
}

/// Answers by what they said about the execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerCounts {
    /// `executed: yes`.
    pub yes: u64,
    /// `executed: no`.
    pub no: u64,
    /// `executed: pending`.
    pub pending: u64,
    /// `executed: unknown`.
    pub unknown: u64,
}

impl AnswerCounts {
    fn add(&mut self, executed: Executed) {
        *match executed {
            Executed::Yes => &mut self.yes,
            Executed::No => &mut self.no,
            Executed::Pending => &mut self.pending,
            Executed::Unknown => &mut self.unknown,
        } += 1;
    }
}

/// What is known of one order.
#[derive(Debug, Default)]
struct Story {
    quantity: Option<Decimal>,
    rejected: bool,
    trades: Vec<(EventId, Decimal)>,
    told_yes: bool,
    last_answer: Option<Executed>,
}

/// The fold. Feed it, then [`Auditor::finish`].
#[derive(Debug, Default)]
pub struct Auditor {
    limits: AuditLimits,
    stories: HashMap<OrderKey, Story>,
    trades: HashSet<EventId>,
    booked: HashSet<EventId>,
    ledger: Ledger,
    audit: Audit,
}

impl Auditor {
    /// An auditor who has seen nothing.
    pub fn new(limits: AuditLimits) -> Self {
        Self { limits, ledger: Ledger::new(limits.ledger), ..Self::default() }
    }

    /// An OrderPlaced was recorded; a repetition changes nothing.
    pub fn order_placed(&mut self, key: &OrderKey, quantity: Decimal) {
        if let Some(story) = self.story(key) {
            story.quantity.get_or_insert(quantity);
        }
    }

    /// An OrderRejected was recorded.
    pub fn order_rejected(&mut self, key: &OrderKey) {
        if let Some(story) = self.story(key) {
            story.rejected = true;
        }
    }

    /// A TradeExecuted was recorded.
    pub fn trade(&mut self, trade: &Trade) {
        if self.trades.contains(&trade.event_id) {
            self.audit.trades_duplicate += 1;
            return;
        }
        if self.trades.len() >= self.limits.trades_max {
            self.audit.unaudited += 1;
            return;
        }
        if let Some(story) = self.story(&trade.key) {
            story.trades.push((trade.event_id, trade.quantity));
            self.trades.insert(trade.event_id);
        }
    }

    /// A LedgerPosted was recorded.
    pub fn posting(&mut self, posting: &Posting) {
        match self.ledger.post(posting) {
            Ok(Posted::Yes) if !self.booked.insert(posting.trade()) => {
                self.violation(format!("trade {} is booked by more than one posting", posting.trade()));
            }
            Ok(Posted::Yes | Posted::Duplicate) => {}
            Err(_) => self.audit.unaudited += 1,
        }
    }

    /// A customer got an answer.
    pub fn answer(&mut self, key: &OrderKey, executed: Executed) {
        self.audit.answers.add(executed);
        if let Some(story) = self.story(key) {
            story.told_yes |= executed == Executed::Yes;
            story.last_answer = Some(executed);
        }
    }

    /// The verdict.
    pub fn finish(mut self) -> Audit {
        let mut stories: Vec<_> = std::mem::take(&mut self.stories).into_iter().collect();
        stories.sort_by(|(left, _), (right, _)| left.cmp(right));
        for (key, story) in &stories {
            self.count(story);
            self.judge(key, story);
        }
        self.judge_ledger();
        if self.audit.unaudited > 0 {
            self.violation(format!(
                "{} records or answers found no room and were not audited",
                self.audit.unaudited
            ));
        }
        self.audit
    }

    fn story(&mut self, key: &OrderKey) -> Option<&mut Story> {
        if !self.stories.contains_key(key) {
            if self.stories.len() >= self.limits.orders_max {
                self.audit.unaudited += 1;
                return None;
            }
            self.stories.insert(key.clone(), Story::default());
        }
        self.stories.get_mut(key)
    }

    fn count(&mut self, story: &Story) {
        let executed = !story.trades.is_empty();
        let unposted = story.trades.iter().filter(|(id, _)| !self.booked.contains(id)).count();
        let audit = &mut self.audit;
        audit.orders += u64::from(story.quantity.is_some());
        audit.orders_executed += u64::from(executed);
        audit.orders_rejected += u64::from(story.rejected);
        audit.trades += story.trades.len() as u64;
        audit.trades_unposted += unposted as u64;
        if story.last_answer == Some(Executed::Unknown) {
            let resolved = executed || story.rejected;
            audit.unknown_resolved += u64::from(resolved);
            audit.unknown_unresolved += u64::from(!resolved);
        }
    }

    fn judge(&mut self, key: &OrderKey, story: &Story) {
        let executed = !story.trades.is_empty();
        if story.trades.len() > 1 {
            self.violation(format!("order {key} was executed {} times", story.trades.len()));
        }
        if executed && story.rejected {
            self.violation(format!("order {key} was rejected and executed"));
        }
        if executed && story.last_answer == Some(Executed::No) {
            self.violation(format!("order {key} was answered `executed: no` and has a trade"));
        }
        match story.quantity {
            None if executed => self.violation(format!("order {key} was executed and never placed")),
            Some(quantity) if story.trades.iter().any(|(_, filled)| *filled > quantity) => {
                self.violation(format!("order {key} was filled beyond its quantity {quantity}"));
            }
            _ => {}
        }
        if story.told_yes && !executed {
            self.violation(format!("order {key} was answered `executed: yes` and has no trade"));
        }
        if story.told_yes && story.trades.iter().any(|(id, _)| !self.booked.contains(id)) {
            self.violation(format!(
                "order {key} was answered `executed: yes` and its trade is not in the ledger"
            ));
        }
    }

    fn judge_ledger(&mut self) {
        self.audit.postings = self.ledger.postings() as u64;
        self.audit.postings_duplicate = self.ledger.duplicates();
        let mut orphans: Vec<_> = self.booked.difference(&self.trades).copied().collect();
        orphans.sort();
        for trade in orphans {
            self.violation(format!("a posting books trade {trade}, which was never recorded"));
        }
        match self.ledger.sums() {
            Ok(sums) => {
                for (asset, sum) in sums {
                    if !sum.is_zero() {
                        self.violation(format!("the ledger sums to {sum} {asset} and not to zero"));
                    }
                    self.audit.ledger_sums.insert(asset.to_string(), crate::money::canonical(sum));
                }
            }
            Err(error) => self.violation(format!("the ledger cannot be summed: {error}")),
        }
    }

    fn violation(&mut self, sentence: String) {
        self.audit.violations_total += 1;
        if self.audit.violations.len() < VIOLATIONS_KEPT {
            self.audit.violations.push(sentence);
        }
    }
}

#[cfg(test)]
mod tests;
