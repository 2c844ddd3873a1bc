//! The classes of calls, and how much room each has.

use std::fmt;

use circuit::BadSetting;

/// How important a call is; a greater one keeps room when a smaller one has none left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Asks for a price; asking again does no harm.
    Quote,
    /// Opens or enlarges a position.
    NewOrder,
    /// Can only make a position smaller.
    ReduceOnly,
    /// Takes an order back.
    Cancel,
}

impl Priority {
    /// Every class, the least important first.
    pub const ALL: [Self; 4] = [Self::Quote, Self::NewOrder, Self::ReduceOnly, Self::Cancel];

    /// A stable name for metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::NewOrder => "new_order",
            Self::ReduceOnly => "reduce_only",
            Self::Cancel => "cancel",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quote => "a quote",
            Self::NewOrder => "a new order",
            Self::ReduceOnly => "a reduce-only order",
            Self::Cancel => "a cancellation",
        })
    }
}

/// Calls in flight, of all classes together, at which each class is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// 1 to the ceiling of new orders.
    pub quote: usize,
    /// Up to the ceiling of orders that only reduce.
    pub new_order: usize,
    /// Up to the ceiling of cancellations.
    pub reduce_only: usize,
    /// All there is.
    pub cancel: usize,
}

impl Limits {
    /// `total` places: quotes may fill 70 % of them, new orders 85 %, orders that only reduce 95 %, cancellations all.
    ///
    /// The steps are a starting point and not a finding: what is right follows from a venue's own mix, for a class needs
    /// the room of its peak rate times its answer time.
    #[must_use]
    pub const fn of(total: usize) -> Self {
        const fn percent(total: usize, percent: usize) -> usize {
            let share = total.saturating_mul(percent) / 100;
            if share == 0 { 1 } else { share }
        }
        Self {
            quote: percent(total, 70),
            new_order: percent(total, 85),
            reduce_only: percent(total, 95),
            cancel: percent(total, 100),
        }
    }

    /// Checks that a more important class never has less room, and that each has some.
    ///
    /// # Errors
    /// The first ceiling that is out of order; change it and start again.
    pub fn check(&self) -> Result<(), BadSetting> {
        let in_order = [
            ("shed.quote", self.quote, self.new_order),
            ("shed.new_order", self.new_order, self.reduce_only),
            ("shed.reduce_only", self.reduce_only, self.cancel),
        ];
        for (key, value, next) in in_order {
            if value == 0 || value > next {
                return Err(BadSetting { key, value: value.to_string(), allowed: format!("1 to {next}") });
            }
        }
        Ok(())
    }

    pub(super) const fn ceiling(&self, priority: Priority) -> usize {
        match priority {
            Priority::Quote => self.quote,
            Priority::NewOrder => self.new_order,
            Priority::ReduceOnly => self.reduce_only,
            Priority::Cancel => self.cancel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_more_important_class_never_has_less_room() {
        for total in 0..1_000 {
            assert_eq!(Limits::of(total).check(), Ok(()), "of {total}");
        }
        let limits = Limits { new_order: 99, ..Limits::of(100) };
        let error = limits.check().unwrap_err().to_string();
        assert_eq!(error, "shed.new_order is 99; allowed is 1 to 95");
    }
}
