//! Double entry: who has what, and where it came from.
//!
//! Invariants: a [`Posting`] sums to zero in every asset, or it cannot be built; the ledger only takes postings, so it sums to
//! zero per asset at all times; a posting with an event id that was taken before changes nothing; a posting that cannot be
//! taken whole is not taken at all.
//!
//! Accounts: the user's account in the base and in the quote asset, the house per asset, fee revenue, and rounding, which
//! takes the part of a cent between the exact notional (which the house gets or pays) and the payment.
//!
//! Bounds: [`LedgerLimits`]. A full ledger refuses ([`LedgerError::Full`]) instead of forgetting an event id: a ledger that forgets
//! would take a late repetition for a second trade.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use rust_decimal::Decimal;

use crate::ids::{AccountId, Asset, EventId, ProductId};
use crate::money::{self, MoneyError};
use crate::order::Side;
use crate::product::Product;
use crate::trade::Trade;

/// The most entries of a posting.
pub const ENTRIES_MAX: usize = 16;

/// Whose balance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// A customer.
    User(AccountId),
    /// The house, which is the other side of every trade.
    House,
    /// Fees that were earned.
    FeeRevenue,
    /// Parts of the smallest unit that rounding left over.
    Rounding,
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(account) => write!(formatter, "user {account}"),
            Self::House => formatter.write_str("house"),
            Self::FeeRevenue => formatter.write_str("fee revenue"),
            Self::Rounding => formatter.write_str("rounding"),
        }
    }
}

/// One side of a posting: what an account gains (positive) or gives (negative).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub account: LedgerAccount,
    /// What.
    pub asset: Asset,
    /// How much.
    pub amount: Decimal,
}

/// Why entries are not a posting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostingError {
    /// Too few or too many.
    #[error("a posting has 2 to {ENTRIES_MAX} entries, this one has {0}")]
    Count(usize),
    /// An asset does not sum to zero.
    #[error("the entries in {asset} sum to {sum} and not to zero")]
    Unbalanced {
        /// Which asset.
        asset: Asset,
        /// What is left over.
        sum: Decimal,
    },
    /// An amount is beyond the limits of money.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// The trade is of another product than the one given.
    #[error("the trade is in {0}, not in the product given")]
    OtherProduct(ProductId),
}

/// Entries that belong together and sum to zero per asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    event_id: EventId,
    trade: EventId,
    entries: Vec<Entry>,
}

impl Posting {
    /// Checks and takes entries. `event_id` is that of the posting, `trade` that of the trade which it books.
    ///
    /// # Errors
    /// [`PostingError`]: the entries are not a posting; nothing may be booked.
    pub fn new(event_id: EventId, trade: EventId, entries: Vec<Entry>) -> Result<Self, PostingError> {
        if !(2..=ENTRIES_MAX).contains(&entries.len()) {
            return Err(PostingError::Count(entries.len()));
        }
        let mut sums: BTreeMap<&Asset, Decimal> = BTreeMap::new();
        for entry in &entries {
            money::check_amount(entry.amount)?;
            let sum = sums.entry(&entry.asset).or_default();
            *sum = money::exact_add(*sum, entry.amount)?;
        }
        if let Some((asset, sum)) = sums.into_iter().find(|(_, sum)| !sum.is_zero()) {
            return Err(PostingError::Unbalanced { asset: asset.clone(), sum });
        }
        Ok(Self { event_id, trade, entries })
    }

    /// The id of the posting's own event.
    pub fn event_id(&self) -> EventId {
        self.event_id
    }

    /// The id of the trade that it books.
    pub fn trade(&self) -> EventId {
        self.trade
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// The posting that books a trade: base and payment between user and house, the rest of a cent to rounding, the fee to revenue.
///
/// # Errors
/// [`PostingError`] when the trade's numbers are out of proportion or it is of another product; do not execute it.
pub fn posting_for_trade(
    trade: &Trade,
    product: &Product,
    event_id: EventId,
) -> Result<Posting, PostingError> {
    if trade.product != product.id {
        return Err(PostingError::OtherProduct(trade.product.clone()));
    }
    let notional = money::exact_mul(trade.price, trade.quantity)?;
    let (base, exact, paid) = match trade.side {
        Side::Buy => (trade.quantity, -notional, -money::round_payment_up(notional, product.quote_decimals)),
        Side::Sell => {
            (-trade.quantity, notional, money::round_proceeds_down(notional, product.quote_decimals))
        }
    };
    let user = LedgerAccount::User(trade.key.account.clone());
    let rest = money::exact_add(exact, -paid)?;
    let fee = trade.fee.amount;
    let rows = [
        (user.clone(), &product.base, base),
        (LedgerAccount::House, &product.base, -base),
        (user.clone(), &product.quote, paid),
        (LedgerAccount::House, &product.quote, -exact),
        (LedgerAccount::Rounding, &product.quote, rest),
        (user, &product.quote, -fee),
        (LedgerAccount::FeeRevenue, &product.quote, fee),
    ];
    let entries = rows
        .into_iter()
        .filter(|(_, _, amount)| !amount.is_zero())
        .map(|(account, asset, amount)| Entry { account, asset: asset.clone(), amount: amount.normalize() })
        .collect();
    Posting::new(event_id, trade.event_id, entries)
}

/// How much a ledger holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerLimits {
    /// The most postings, whose ids are all remembered.
    pub postings_max: usize,
    /// The most balances.
    pub balances_max: usize,
}

impl Default for LedgerLimits {
    /// A million postings is more than an hour at the rate of a game day.
    fn default() -> Self {
        Self { postings_max: 1_000_000, balances_max: 1_000_000 }
    }
}

/// What became of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// Booked.
    Yes,
    /// Its event was booked before: nothing changed.
    Duplicate,
}

/// Why a posting was not booked; the ledger is as before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The ledger is full.
    #[error("the ledger is full: {0}")]
    Full(&'static str),
    /// A balance cannot be held exactly any more.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// All balances: the fold of all postings.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    limits: LedgerLimits,
    balances: HashMap<(LedgerAccount, Asset), Decimal>,
    posted: HashSet<EventId>,
    duplicates: u64,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(limits: LedgerLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Books a posting, once.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing was booked. Stop and look: money would be missing.
    pub fn post(&mut self, posting: &Posting) -> Result<Posted, LedgerError> {
        if self.posted.contains(&posting.event_id) {
            self.duplicates += 1;
            return Ok(Posted::Duplicate);
        }
        if self.posted.len() >= self.limits.postings_max {
            return Err(LedgerError::Full("no room for another posting"));
        }
        let changed = self.changed_balances(posting)?;
        let added = changed.keys().filter(|key| !self.balances.contains_key(*key)).count();
        if self.balances.len() + added > self.limits.balances_max {
            return Err(LedgerError::Full("no room for another balance"));
        }
        self.balances.extend(changed);
        self.posted.insert(posting.event_id);
        Ok(Posted::Yes)
    }

    fn changed_balances(
        &self,
        posting: &Posting,
    ) -> Result<HashMap<(LedgerAccount, Asset), Decimal>, MoneyError> {
        let mut changed = HashMap::new();
        for entry in &posting.entries {
            let key = (entry.account.clone(), entry.asset.clone());
            let before = changed.get(&key).or_else(|| self.balances.get(&key)).copied().unwrap_or_default();
            changed.insert(key, money::exact_add(before, entry.amount)?);
        }
        Ok(changed)
    }

    /// The balance of an account in an asset; zero when nothing was ever booked.
    pub fn balance(&self, account: &LedgerAccount, asset: &Asset) -> Decimal {
        self.balances.get(&(account.clone(), asset.clone())).copied().unwrap_or_default()
    }

    /// Every balance, in no particular order.
    pub fn balances(&self) -> impl Iterator<Item = (&LedgerAccount, &Asset, Decimal)> {
        self.balances.iter().map(|((account, asset), amount)| (account, asset, *amount))
    }

    /// The sum of all balances per asset; each must be zero.
    ///
    /// # Errors
    /// [`MoneyError::Inexact`] when a sum cannot be held.
    pub fn sums(&self) -> Result<BTreeMap<Asset, Decimal>, MoneyError> {
        let mut sums: BTreeMap<Asset, Decimal> = BTreeMap::new();
        for (_, asset, amount) in self.balances() {
            let sum = sums.entry(asset.clone()).or_default();
            *sum = money::exact_add(*sum, amount)?;
        }
        Ok(sums)
    }

    /// How many postings were booked.
    pub fn postings(&self) -> usize {
        self.posted.len()
    }

    /// How many postings came again.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }
}

#[cfg(test)]
mod tests;
