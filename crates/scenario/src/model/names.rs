//! The names of choices, as they stand in a file. The parser and the canonical form read the same table, so that
//! the two cannot differ.

use super::{Anchor, Arrivals, BreakerScope, ClockPreset, OrderFallback, Placement, QuoteFallback, Strategy};

/// The name under which `value` stands in `names`, which has every variant.
fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    let found = names.iter().find(|(_, named)| named == value);
    found.map(|(name, _)| *name).expect("every variant has a name")
}

impl Strategy {
    /// The name in a file.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hang => "hang",
            Self::Timeout(_) => "timeout",
            Self::Breaker(_) => "breaker",
            Self::Degrade(_) => "degrade",
        }
    }
}

impl Placement {
    pub(crate) const NAMES: [(&'static str, Self); 2] =
        [("aligned", Self::Aligned), ("spread", Self::Spread)];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, &self)
    }
}

impl ClockPreset {
    pub(crate) const NAMES: [(&'static str, Self); 2] =
        [("apache", Self::Apache), ("compressed", Self::Compressed)];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, &self)
    }
}

impl Arrivals {
    pub(crate) const NAMES: [(&'static str, Self); 2] =
        [("poisson", Self::Poisson), ("constant", Self::Constant)];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, &self)
    }
}

impl BreakerScope {
    pub(crate) const NAMES: [(&'static str, Self); 2] =
        [("service", Self::Service), ("partition", Self::Partition)];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, &self)
    }
}

impl QuoteFallback {
    pub(crate) const NAMES: [(&'static str, Self); 2] = [("http", Self::Http), ("cached", Self::Cached)];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, &self)
    }
}

impl OrderFallback {
    pub(crate) const NAMES: [(&'static str, Self); 1] = [("reject", Self::Reject)];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, &self)
    }
}

impl Anchor {
    pub(crate) const NAMES: [(&'static str, Self); 3] =
        [("start", Self::Start), ("outage", Self::Outage), ("recovery", Self::Recovery)];

    /// The name in a file.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, &self)
    }
}
