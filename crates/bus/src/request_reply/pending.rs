//! The requests that wait for their replies: a bounded table, pure, told the time.
//!
//! Invariants: an id is taken at most once; never more than `capacity` entries; one call looks at no more than
//! [`SWEEP_MAX`] overdue entries, so no caller pays for a backlog.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use uuid::Uuid;

use super::error::NotSent;

/// Overdue entries that one sweep removes at most.
pub(super) const SWEEP_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Pending<T> {
    capacity: usize,
    closed: bool,
    entries: HashMap<Uuid, (Instant, T)>,
    // The same ids by deadline, so that a sweep finds what is overdue without looking at what is not.
    by_deadline: BTreeSet<(Instant, Uuid)>,
}

impl<T> Pending<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, closed: false, entries: HashMap::new(), by_deadline: BTreeSet::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.capacity
    }

    /// Adds an entry; the value comes back with the reason when it can not be added.
    pub(super) fn insert(&mut self, id: Uuid, deadline: Instant, value: T) -> Result<(), (NotSent, T)> {
        if self.closed {
            return Err((NotSent::Closed, value));
        }
        if self.is_full() {
            return Err((NotSent::TableFull, value));
        }
        if self.entries.contains_key(&id) {
            return Err((NotSent::IdInUse, value));
        }
        self.by_deadline.insert((deadline, id));
        self.entries.insert(id, (deadline, value));
        Ok(())
    }

    /// Takes an entry out; `None` when it was never there, or was already taken, dropped or swept.
    pub(super) fn take(&mut self, id: Uuid) -> Option<T> {
        let (deadline, value) = self.entries.remove(&id)?;
        self.by_deadline.remove(&(deadline, id));
        Some(value)
    }

    /// Takes out entries whose deadline has passed: those of callers that hold their future without polling it.
    #[must_use = "dropping the values ends guards, which is better done outside a lock"]
    pub(super) fn sweep(&mut self, now: Instant) -> Vec<T> {
        let mut overdue = Vec::new();
        while overdue.len() < SWEEP_MAX {
            match self.by_deadline.first() {
                Some(&(deadline, id)) if deadline <= now => overdue.extend(self.take(id)),
                _ => break,
            }
        }
        overdue
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes everything out and accepts nothing more.
    #[must_use = "dropping the values ends guards, which is better done outside a lock"]
    pub(super) fn close(&mut self) -> Vec<T> {
        self.closed = true;
        self.by_deadline.clear();
        self.entries.drain().map(|(_, (_, value))| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert { id: u8, wait_ms: u64 },
        Take { id: u8 },
        Pass { ms: u64 },
        Sweep,
        Close,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (any::<u8>(), 0..50_u64).prop_map(|(id, wait_ms)| Step::Insert { id, wait_ms }),
            6 => any::<u8>().prop_map(|id| Step::Take { id }),
            2 => (0..20_u64).prop_map(|ms| Step::Pass { ms }),
            1 => Just(Step::Sweep),
            1 => prop::bool::weighted(0.05).prop_map(|close| if close { Step::Close } else { Step::Sweep }),
        ]
    }

    proptest! {
        #[test]
        fn every_insertion_is_taken_at_most_once_and_the_table_keeps_its_bound(
            capacity in 0..12_usize,
            steps in prop::collection::vec(step(), 0..400),
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut table = Pending::new(capacity);
            let mut taken = HashSet::new();
            // The value is the number of the insertion, so that a repeated id is not mistaken for a repeat.
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert { id, wait_ms } => {
                        let id = Uuid::from_u128(u128::from(id));
                        let room = !table.closed && !table.is_full() && !table.entries.contains_key(&id);
                        let inserted = table.insert(id, now + Duration::from_millis(wait_ms), number);
                        prop_assert_eq!(inserted.is_ok(), room);
                    }
                    Step::Take { id } => {
                        if let Some(number) = table.take(Uuid::from_u128(u128::from(id))) {
                            prop_assert!(taken.insert(number), "insertion {number} was taken twice");
                        }
                    }
                    Step::Pass { ms } => now += Duration::from_millis(ms),
                    Step::Sweep => {
                        for number in table.sweep(now) {
                            prop_assert!(taken.insert(number), "insertion {number} was taken, then swept");
                        }
                        prop_assert!(table.entries.values().all(|(deadline, _)| *deadline > now));
                    }
                    Step::Close => taken.extend(table.close()),
                }
                prop_assert!(table.len() <= capacity);
                prop_assert_eq!(table.entries.len(), table.by_deadline.len());
            }
        }
    }

    #[test]
    fn a_full_table_makes_room_only_by_what_is_overdue() {
        let now = Instant::now();
        let later = now + Duration::from_millis(10);
        let mut table = Pending::new(1);
        table.insert(Uuid::from_u128(1), later, "first").unwrap();
        assert_eq!(table.sweep(now), Vec::<&str>::new());
        assert_eq!(table.insert(Uuid::from_u128(2), later, "second"), Err((NotSent::TableFull, "second")));
        assert_eq!(table.sweep(later), ["first"]);
        assert_eq!(table.insert(Uuid::from_u128(2), later, "second"), Ok(()));
        assert_eq!(table.take(Uuid::from_u128(1)), None);
    }

    #[test]
    fn an_id_that_waits_is_not_taken_over() {
        let now = Instant::now();
        let mut table = Pending::new(8);
        table.insert(Uuid::from_u128(1), now, "first").unwrap();
        assert_eq!(table.insert(Uuid::from_u128(1), now, "second"), Err((NotSent::IdInUse, "second")));
        assert_eq!(table.take(Uuid::from_u128(1)), Some("first"));
    }

    #[test]
    fn one_sweep_is_bounded() {
        let now = Instant::now();
        let mut table = Pending::new(SWEEP_MAX * 2);
        for id in 0..SWEEP_MAX * 2 {
            table.insert(Uuid::from_u128(id as u128), now, ()).unwrap();
        }
        assert_eq!(table.sweep(now).len(), SWEEP_MAX);
        assert_eq!(table.len(), SWEEP_MAX);
    }

    #[test]
    fn a_closed_table_takes_nothing_more() {
        let now = Instant::now();
        let mut table = Pending::new(8);
        table.insert(Uuid::from_u128(1), now, ()).unwrap();
        assert_eq!(table.close().len(), 1);
        assert_eq!(table.len(), 0);
        assert_eq!(table.insert(Uuid::from_u128(2), now, ()), Err((NotSent::Closed, ())));
    }
}
