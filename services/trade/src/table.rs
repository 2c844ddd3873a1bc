//! The orders by (account, client order id): what makes a repetition a repetition.
//!
//! Invariants: a key has one entry; an entry leaves only when nothing can happen to it any more.
//!
//! Bound: `orders_max` orders. At the bound the order that was done with first is forgotten; when no order is done
//! with, a new one is refused. An order that is forgotten and comes again would be executed again, under the same event
//! ids, so that whoever de-duplicates by event id still sees one trade. An order takes about 1 kB.
//!
//! The table is in memory: after a restart it is empty, and the same holds for every order of before.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trading::ids::OrderKey;
use trading::order::OrderTerms;

use crate::entry::Entry;
use crate::flow::Flow;

/// What an order with this key is.
#[derive(Debug)]
pub(crate) enum Claim {
    /// New: whoever made the claim executes it.
    New(Arc<Entry>),
    /// A repetition.
    Known(Arc<Entry>),
    /// The id is taken by an order with other terms.
    Conflict,
    /// There is no room, and nothing to forget.
    Full,
}

/// All orders that are remembered.
#[derive(Debug)]
pub(crate) struct OrderTable {
    orders_max: usize,
    orders: Mutex<Orders>,
}

#[derive(Debug, Default)]
struct Orders {
    by_key: HashMap<OrderKey, Arc<Entry>>,
    /// Those that may be forgotten, in the order in which they were done with.
    done: VecDeque<OrderKey>,
}

impl OrderTable {
    pub(crate) fn new(orders_max: usize) -> Self {
        Self { orders_max, orders: Mutex::default() }
    }

    /// Finds the order, or takes the key for a new one.
    pub(crate) fn claim(&self, key: &OrderKey, terms: &OrderTerms, flow: impl FnOnce() -> Flow) -> Claim {
        let mut orders = self.lock();
        if let Some(entry) = orders.by_key.get(key) {
            let same = entry.with(|flow| flow.order().terms == *terms);
            return if same { Claim::Known(Arc::clone(entry)) } else { Claim::Conflict };
        }
        if orders.by_key.len() >= self.orders_max {
            let Some(oldest) = orders.done.pop_front() else { return Claim::Full };
            orders.by_key.remove(&oldest);
        }
        let entry = Arc::new(Entry::new(flow()));
        orders.by_key.insert(key.clone(), Arc::clone(&entry));
        Claim::New(entry)
    }

    pub(crate) fn get(&self, key: &OrderKey) -> Option<Arc<Entry>> {
        self.lock().by_key.get(key).cloned()
    }

    /// Nothing can happen to this order any more: it may be forgotten. One that was never placed is forgotten now, so
    /// that its id may be used again.
    pub(crate) fn done(&self, entry: &Entry) {
        let (key, never_placed) = entry.with(|flow| (flow.key().clone(), flow.was_never_placed()));
        let mut orders = self.lock();
        if never_placed {
            orders.by_key.remove(&key);
        } else {
            orders.done.push_back(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples;

    fn claim(table: &OrderTable, id: &str, quantity: i64) -> Claim {
        let order = || Flow::new(samples::order(id), tokio::time::Instant::now());
        table.claim(&samples::key(id), &samples::terms(quantity), order)
    }

    fn new(claim: Claim) -> Arc<Entry> {
        let Claim::New(entry) = claim else { panic!("{claim:?}") };
        entry
    }

    #[test]
    fn the_same_id_is_the_same_order_and_with_other_terms_a_conflict() {
        let table = OrderTable::new(2);
        let entry = new(claim(&table, "1", 2));
        let Claim::Known(again) = claim(&table, "1", 2) else { panic!("known") };
        assert!(Arc::ptr_eq(&entry, &again));
        assert!(matches!(claim(&table, "1", 3), Claim::Conflict));
    }

    #[test]
    fn a_full_table_forgets_what_is_done_with_first_and_refuses_when_nothing_is() {
        let table = OrderTable::new(2);
        let (one, two) = (new(claim(&table, "1", 2)), new(claim(&table, "2", 2)));
        assert!(matches!(claim(&table, "3", 2), Claim::Full));
        for entry in [&two, &one] {
            entry.with(|flow| flow.cancel()).unwrap();
            table.done(entry);
        }
        new(claim(&table, "3", 2));
        assert!(table.get(&samples::key("1")).is_some());
        assert!(table.get(&samples::key("2")).is_none());
    }

    #[test]
    fn an_order_that_was_never_placed_leaves_its_id_free() {
        let table = OrderTable::new(2);
        let entry = new(claim(&table, "1", 2));
        entry.with(|flow| flow.fail("the producer's queue is full"));
        table.done(&entry);
        new(claim(&table, "1", 3));
    }

    proptest! {
        #[test]
        fn a_key_has_one_order_in_progress_and_the_bound_holds(
            steps in prop::collection::vec((0u8..8, prop::bool::ANY), 0..80)
        ) {
            let table = OrderTable::new(4);
            let mut open: HashMap<String, Arc<Entry>> = HashMap::new();
            for (id, finish) in steps {
                let id = id.to_string();
                if finish && let Some(entry) = open.remove(&id) {
                    entry.with(|flow| flow.cancel()).unwrap();
                    table.done(&entry);
                    continue;
                }
                match claim(&table, &id, 2) {
                    Claim::New(entry) => prop_assert!(open.insert(id, entry).is_none()),
                    Claim::Known(entry) => {
                        prop_assert!(open.get(&id).is_none_or(|first| Arc::ptr_eq(first, &entry)));
                    }
                    Claim::Conflict => prop_assert!(false, "the terms were the same"),
                    Claim::Full => prop_assert_eq!(open.len(), 4),
                }
                prop_assert!(table.lock().by_key.len() <= 4);
                prop_assert!(open.keys().all(|id| table.get(&samples::key(id)).is_some()));
            }
        }
    }
}
