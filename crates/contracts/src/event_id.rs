//! Ids that can be found again: the event id of a step of an order is a function of the order's key and the
//! step.
//!
//! Invariant: a retry, a fallback and a late delivery of the same step carry the same event id, so whoever
//! de-duplicates by event id sees one event. Ids of events that belong to no order are random.

use trading::ids::{EventId, OrderId, OrderKey, QuoteId};
use uuid::Uuid;

/// The name space of this project's derived ids: the UUID (version 5) of the URL
/// `https://leaderless.invalid/events`.
const NAMESPACE: Uuid = Uuid::from_u128(0xbc36_06fd_d617_5265_bc90_2129_a3a1_dfaa);

/// A step in the life of an order that is told by one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// OrderPlaced.
    OrderPlaced,
    /// OrderAccepted.
    OrderAccepted,
    /// OrderRejected.
    OrderRejected,
    /// QuoteIssued, for the quote of the order.
    QuoteIssued,
    /// FeeAssessed, for the fee of the order.
    FeeAssessed,
    /// TradeExecuted.
    TradeExecuted,
    /// LedgerPosted.
    LedgerPosted,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 7] = [
        Self::OrderPlaced,
        Self::OrderAccepted,
        Self::OrderRejected,
        Self::QuoteIssued,
        Self::FeeAssessed,
        Self::TradeExecuted,
        Self::LedgerPosted,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::OrderPlaced => "order-placed",
            Self::OrderAccepted => "order-accepted",
            Self::OrderRejected => "order-rejected",
            Self::QuoteIssued => "quote-issued",
            Self::FeeAssessed => "fee-assessed",
            Self::TradeExecuted => "trade-executed",
            Self::LedgerPosted => "ledger-posted",
        }
    }
}

/// The event id of a step of an order.
pub fn event_id_for(key: &OrderKey, step: Step) -> EventId {
    EventId::from_u128(derived(key, step.as_str()).as_u128())
}

/// The house's id of an order.
pub fn order_id_for(key: &OrderKey) -> OrderId {
    OrderId::new(derived(key, "order").to_string()).expect("a UUID is a legal id")
}

/// The id of the quote that an order is executed at.
pub fn quote_id_for(key: &OrderKey) -> QuoteId {
    QuoteId::new(derived(key, "quote").to_string()).expect("a UUID is a legal id")
}

/// A random event id, for an event that belongs to no order.
pub fn fresh_event_id() -> EventId {
    EventId::from_u128(Uuid::new_v4().as_u128())
}

/// The id of a dead letter: the same record gives the same id.
pub(crate) fn dead_letter_id(topic: &str, partition: i32, offset: i64) -> EventId {
    let name = format!("dead-letter/{topic}/{partition}/{offset}");
    EventId::from_u128(Uuid::new_v5(&NAMESPACE, name.as_bytes()).as_u128())
}

/// Ids have no slash, so the name says where each part ends.
fn derived(key: &OrderKey, what: &str) -> Uuid {
    let name = format!("{}/{}/{what}", key.account, key.client_order_id);
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use trading::ids::{AccountId, ClientOrderId};

    use super::*;

    fn key(account: &str, id: &str) -> OrderKey {
        OrderKey {
            account: AccountId::new(account).unwrap(),
            client_order_id: ClientOrderId::new(id).unwrap(),
        }
    }

    #[test]
    fn the_name_space_is_what_it_says() {
        assert_eq!(NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_URL, b"https://leaderless.invalid/events"));
    }

    #[test]
    fn the_ids_of_an_order_never_change_between_versions() {
        let ids: Vec<_> =
            Step::ALL.iter().map(|step| event_id_for(&key("alice", "c-1"), *step).to_string()).collect();
        expect_test::expect![[r#"
            c6ef67c8-7208-5e7a-ade7-2256e822447d
            2845de55-422c-56db-b872-26f7b1d64805
            149df4b2-e1ba-5070-b650-aba9a6377875
            e0368a24-cad6-5b02-89f8-c2ef81ffbd3f
            13049b72-a2f7-588f-a8e8-74e62829dbc0
            45bdf342-064d-54e4-925c-abf680e260dd
            7d08fdf2-b293-53ed-bf8f-e0775f6f495a"#]]
        .assert_eq(&ids.join("\n"));
    }

    proptest! {
        #[test]
        fn the_same_step_has_the_same_id_and_others_have_others(a in "[a-z:.-]{1,12}", b in "[a-z:.-]{1,12}") {
            let mut seen = HashSet::new();
            for key in HashSet::from([key(&a, &b), key(&b, &a)]) {
                for step in Step::ALL {
                    prop_assert_eq!(event_id_for(&key, step), event_id_for(&key, step));
                    prop_assert!(seen.insert(event_id_for(&key, step)));
                }
            }
        }
    }
}
