//! The topics of the trading path, and what each is for.
//!
//! Invariants: names are constants, so a record can only go to a topic of this table; replies have one topic
//! per asking service, and an instance reads its own partition of it by assignment.

/// Mid prices, keyed by product.
pub const MARKET_TICKS: &str = "market.ticks";
/// Orders placed, accepted and rejected, keyed by account.
pub const ORDERS: &str = "orders";
/// Quotes that were issued, keyed by account.
pub const QUOTES: &str = "quotes";
/// Fees that were assessed, keyed by account.
pub const FEES: &str = "fees";
/// Executions, keyed by account.
pub const TRADES: &str = "trades";
/// Postings, keyed by account.
pub const LEDGER: &str = "ledger";
/// Changes between normal and degraded, keyed by instance.
pub const MODES: &str = "modes";
/// Questions to the fee service, keyed by account.
pub const FEE_REQUESTS: &str = "fee.requests";
/// Questions to the quote service, keyed by account.
pub const QUOTE_REQUESTS: &str = "quote.requests";
/// Answers to the quote service.
pub const QUOTE_REPLIES: &str = "quote.replies";
/// Answers to the trade service.
pub const TRADE_REPLIES: &str = "trade.replies";
/// Records that could not be decoded, with their reason.
pub const DEAD_LETTERS: &str = "dead-letters";

/// What a topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Prices from the feed.
    Market,
    /// Facts of the trading path.
    Events,
    /// Changes of the mode of a service.
    Operations,
    /// Questions to a service, read by its group.
    Requests,
    /// Answers to the service that asked, read by assignment.
    Replies,
    /// Records that could not be decoded.
    DeadLetters,
}

/// A topic and its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub role: Role,
}

/// Every topic.
pub const ALL: [Topic; 12] = [
    Topic { name: MARKET_TICKS, role: Role::Market },
    Topic { name: ORDERS, role: Role::Events },
    Topic { name: QUOTES, role: Role::Events },
    Topic { name: FEES, role: Role::Events },
    Topic { name: TRADES, role: Role::Events },
    Topic { name: LEDGER, role: Role::Events },
    Topic { name: MODES, role: Role::Operations },
    Topic { name: FEE_REQUESTS, role: Role::Requests },
    Topic { name: QUOTE_REQUESTS, role: Role::Requests },
    Topic { name: QUOTE_REPLIES, role: Role::Replies },
    Topic { name: TRADE_REPLIES, role: Role::Replies },
    Topic { name: DEAD_LETTERS, role: Role::DeadLetters },
];

/// The topic with this name.
pub fn find(name: &str) -> Option<&'static Topic> {
    static TABLE: [Topic; 12] = ALL;
    TABLE.iter().find(|topic| topic.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_topic_is_in_the_table_once_under_a_legal_name() {
        let names: HashSet<_> = ALL.iter().map(|topic| topic.name).collect();
        assert_eq!(names.len(), ALL.len());
        for topic in ALL {
            assert_eq!(find(topic.name), Some(&topic));
            assert!(topic.name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b)));
        }
        assert_eq!(find("fee.replies"), None);
    }
}
