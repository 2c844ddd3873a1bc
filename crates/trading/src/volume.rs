//! Trailing 30-day volume per account, which picks the fee tier.
//!
//! Invariants: volume is kept in one bucket per UTC day, at most [`WINDOW_DAYS`] buckets per account; the window is the current
//! day and the 29 before it, so volume leaves at midnight UTC and never counts longer than 30 days. A trade counts once per
//! event id.
//!
//! Bounds: a new account beyond [`VolumeLimits::accounts_max`] is not recorded (it reads as zero volume, the base tier, which
//! overcharges and never gives away) and counted; the memory of event ids forgets the oldest first, and a trade delivered
//! again after that would count twice, which moves a tier and no money.

use std::collections::{HashMap, HashSet, VecDeque};

use rust_decimal::Decimal;

use crate::fee::Standing;
use crate::ids::{AccountId, EventId};
use crate::money;
use crate::time::Timestamp;

/// Days in the window, the current one included.
pub const WINDOW_DAYS: usize = 30;

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeLimits {
    /// The most accounts with volume.
    pub accounts_max: usize,
    /// The most event ids that are remembered to tell a trade that is delivered again.
    pub events_max: usize,
}

impl Default for VolumeLimits {
    fn default() -> Self {
        Self { accounts_max: 100_000, events_max: 100_000 }
    }
}

/// What became of a trade's volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Counted.
    Yes,
    /// This event was counted before.
    Duplicate,
    /// Older than the window.
    TooOld,
    /// There is no room for another account, or the sum cannot be held.
    Full,
}

/// The volumes of all accounts.
#[derive(Clone, Debug)]
pub struct VolumeBook {
    limits: VolumeLimits,
    accounts: HashMap<AccountId, Days>,
    seen: HashSet<EventId>,
    seen_order: VecDeque<EventId>,
    refused: u64,
    swept_day: i64,
}

/// Day and volume, oldest day first.
type Days = VecDeque<(i64, Decimal)>;

impl VolumeBook {
    /// An empty book.
    pub fn new(limits: VolumeLimits) -> Self {
        Self {
            limits,
            accounts: HashMap::new(),
            seen: HashSet::new(),
            seen_order: VecDeque::new(),
            refused: 0,
            swept_day: i64::MIN,
        }
    }

    /// Counts a trade of `notional` USD at `executed_at`; one that claims to lie ahead of `now` counts as of now.
    pub fn record(
        &mut self,
        account: &AccountId,
        event: EventId,
        notional: Decimal,
        executed_at: Timestamp,
        now: Timestamp,
    ) -> Recorded {
        let day = executed_at.min(now).utc_day();
        if self.seen.contains(&event) {
            return Recorded::Duplicate;
        }
        if day < oldest_day(now) {
            return Recorded::TooOld;
        }
        if !self.accounts.contains_key(account) && !self.make_room(now) {
            self.refused += 1;
            return Recorded::Full;
        }
        let days = self.accounts.entry(account.clone()).or_default();
        drop_before(days, oldest_day(now));
        if add(days, day, notional).is_none() {
            self.refused += 1;
            return Recorded::Full;
        }
        self.remember(event);
        Recorded::Yes
    }

    /// The trailing volume of an account as of now; zero for one that has not traded.
    pub fn standing(&self, account: &AccountId, now: Timestamp) -> Standing {
        let window = oldest_day(now)..=now.utc_day();
        let days = self.accounts.get(account).into_iter().flatten();
        let volume_30d = days
            .filter(|(day, _)| window.contains(day))
            .try_fold(Decimal::ZERO, |sum, (_, volume)| money::exact_add(sum, *volume).ok())
            .unwrap_or(Decimal::ZERO);
        Standing { volume_30d, as_of: now }
    }

    /// How many accounts have volume.
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// How many trades found no room.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Looks for room for one more account; when the book is full, accounts whose volume has left the window make room. Volume
    /// leaves at midnight, so one sweep a day is enough, and a full book stays cheap.
    fn make_room(&mut self, now: Timestamp) -> bool {
        if self.accounts.len() >= self.limits.accounts_max && self.swept_day != now.utc_day() {
            let oldest = oldest_day(now);
            self.accounts.retain(|_, days| days.back().is_some_and(|(day, _)| *day >= oldest));
            self.swept_day = now.utc_day();
        }
        self.accounts.len() < self.limits.accounts_max
    }

    fn remember(&mut self, event: EventId) {
        if self.seen_order.len() >= self.limits.events_max
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.seen.insert(event);
        self.seen_order.push_back(event);
    }
}

fn oldest_day(now: Timestamp) -> i64 {
    now.utc_day() - (WINDOW_DAYS as i64 - 1)
}

fn drop_before(days: &mut Days, oldest: i64) {
    while days.front().is_some_and(|(day, _)| *day < oldest) {
        days.pop_front();
    }
}

fn add(days: &mut Days, day: i64, notional: Decimal) -> Option<()> {
    match days.binary_search_by_key(&day, |(existing, _)| *existing) {
        Ok(index) => days[index].1 = money::exact_add(days[index].1, notional).ok()?,
        Err(index) => days.insert(index, (day, notional)),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

    fn account(n: usize) -> AccountId {
        AccountId::new(format!("a{n}")).unwrap()
    }

    fn event(n: u128) -> EventId {
        EventId::from_u128(n)
    }

    #[test]
    fn volume_counts_for_thirty_days_and_no_longer() {
        let mut book = VolumeBook::new(VolumeLimits::default());
        assert_eq!(book.record(&account(0), event(1), Decimal::TEN, NOW, NOW), Recorded::Yes);
        assert_eq!(book.standing(&account(0), NOW.plus(29 * DAY)).volume_30d, Decimal::TEN);
        assert_eq!(book.standing(&account(0), NOW.plus(30 * DAY)).volume_30d, Decimal::ZERO);
        assert_eq!(
            book.record(&account(0), event(2), Decimal::TEN, NOW, NOW.plus(30 * DAY)),
            Recorded::TooOld
        );
    }

    #[test]
    fn a_trade_delivered_again_counts_once() {
        let mut book = VolumeBook::new(VolumeLimits::default());
        book.record(&account(0), event(1), Decimal::TEN, NOW, NOW);
        assert_eq!(book.record(&account(0), event(1), Decimal::TEN, NOW, NOW), Recorded::Duplicate);
        assert_eq!(book.standing(&account(0), NOW).volume_30d, Decimal::TEN);
    }

    #[test]
    fn a_trade_from_a_clock_ahead_counts_as_of_now() {
        let mut book = VolumeBook::new(VolumeLimits::default());
        book.record(&account(0), event(1), Decimal::TEN, NOW.plus(400 * DAY), NOW);
        assert_eq!(book.standing(&account(0), NOW).volume_30d, Decimal::TEN);
    }

    #[test]
    fn a_full_book_refuses_new_accounts_and_makes_room_for_them_when_old_ones_lapse() {
        let mut book = VolumeBook::new(VolumeLimits { accounts_max: 2, events_max: 10 });
        for n in 0..2 {
            assert_eq!(book.record(&account(n), event(n as u128), Decimal::ONE, NOW, NOW), Recorded::Yes);
        }
        assert_eq!(book.record(&account(2), event(7), Decimal::ONE, NOW, NOW), Recorded::Full);
        assert_eq!(book.record(&account(1), event(8), Decimal::ONE, NOW, NOW), Recorded::Yes);
        assert_eq!(book.refused(), 1);
        let later = NOW.plus(30 * DAY);
        assert_eq!(book.record(&account(2), event(9), Decimal::ONE, later, later), Recorded::Yes);
        assert_eq!(book.accounts(), 1);
    }

    #[test]
    fn the_memory_of_events_forgets_the_oldest_first() {
        let mut book = VolumeBook::new(VolumeLimits { accounts_max: 2, events_max: 2 });
        for n in 1..=3 {
            book.record(&account(0), event(n), Decimal::ONE, NOW, NOW);
        }
        assert_eq!(book.record(&account(0), event(2), Decimal::ONE, NOW, NOW), Recorded::Duplicate);
        assert_eq!(book.record(&account(0), event(1), Decimal::ONE, NOW, NOW), Recorded::Yes);
        assert_eq!(book.seen.len(), 2);
    }

    proptest! {
        #[test]
        fn the_window_is_the_sum_of_its_trades_in_any_order(
            trades in prop::collection::vec((0u64..40, 1i64..1_000_000), 0..80)
        ) {
            let mut book = VolumeBook::new(VolumeLimits::default());
            let mut expected = Decimal::ZERO;
            for (index, (days_ago, cents)) in trades.iter().enumerate() {
                let at = NOW.minus(DAY * u32::try_from(*days_ago).unwrap());
                let amount = Decimal::new(*cents, 2);
                let recorded = book.record(&account(0), event(index as u128), amount, at, NOW);
                prop_assert_eq!(recorded == Recorded::Yes, *days_ago < 30);
                if recorded == Recorded::Yes { expected += amount; }
            }
            prop_assert_eq!(book.standing(&account(0), NOW).volume_30d, expected);
            prop_assert!(book.accounts.values().all(|days| days.len() <= WINDOW_DAYS));
        }
    }
}
