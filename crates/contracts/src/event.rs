//! The events, typed with the words of `trading`.
//!
//! Invariants: an event that carries its own id (a trade, a posting) has the same id in its headers; a
//! question and its answer carry an [`crate::Exchange`], everything else does not.

use std::fmt;
use std::str::FromStr;

use trading::Decimal;
use trading::fee::{FeeQuote, Liquidity};
use trading::ids::{AccountId, ClientOrderId, EventId, InstanceId, OrderId, OrderKey, ProductId, QuoteId};
use trading::ledger::Posting;
use trading::mode::Mode;
use trading::order::{OrderTerms, Side};
use trading::signature::SignedQuote;
use trading::time::Timestamp;
use trading::trade::Trade;

use crate::refusal::Refusal;
use crate::topics::{self, Role, Topic};

/// The longest scope of a [`ModeChanged`], in bytes.
pub const SCOPE_BYTES_MAX: usize = 128;
/// The longest reason of a [`ModeChanged`], in bytes.
pub const REASON_BYTES_MAX: usize = 512;

/// A mid price from the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Of which product.
    pub product: ProductId,
    /// The price, positive.
    pub mid: Decimal,
    /// Counts the ticks of a product.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
}

/// A customer placed an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPlaced {
    /// Whose order, and which.
    pub key: OrderKey,
    /// The house's id.
    pub order_id: OrderId,
    /// What was asked for.
    pub terms: OrderTerms,
    /// When; fixes the fee tier.
    pub placed_at: Timestamp,
}

/// The house accepted an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderAccepted {
    /// Whose order, and which.
    pub key: OrderKey,
    /// The house's id.
    pub order_id: OrderId,
    /// When.
    pub accepted_at: Timestamp,
}

/// The house refused an order; it will never be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRejected {
    /// Whose order, and which.
    pub key: OrderKey,
    /// The house's id.
    pub order_id: OrderId,
    /// Why.
    pub refusal: Refusal,
    /// When.
    pub rejected_at: Timestamp,
}

/// What a fee is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FeeSubject {
    /// A quote; there may never be an order.
    Quote(QuoteId),
    /// An order of the account that the fee is asked for.
    Order {
        /// The customer's id.
        client_order_id: ClientOrderId,
        /// The house's id.
        order_id: OrderId,
    },
}

/// A fee was assessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeAssessed {
    /// Of which account.
    pub account: AccountId,
    /// For which product.
    pub product: ProductId,
    /// For what.
    pub subject: FeeSubject,
    /// The notional that it was computed from, in the quote asset.
    pub notional: Decimal,
    /// The fee.
    pub fee: FeeQuote,
    /// When.
    pub assessed_at: Timestamp,
}

/// A trade was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerPosted {
    /// The order that was executed.
    pub key: OrderKey,
    /// The entries.
    pub posting: Posting,
}

/// A part of a service went from one path to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeChanged {
    /// Which instance.
    pub instance: InstanceId,
    /// Which part, such as `partition orders-7`; at most [`SCOPE_BYTES_MAX`] bytes.
    pub scope: String,
    /// The path before.
    pub from: Mode,
    /// The path now.
    pub to: Mode,
    /// Why, in a sentence; at most [`REASON_BYTES_MAX`] bytes.
    pub reason: String,
    /// When.
    pub changed_at: Timestamp,
}

/// A question: which fee?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeRequest {
    /// Of which account.
    pub account: AccountId,
    /// For which product.
    pub product: ProductId,
    /// For what.
    pub subject: FeeSubject,
    /// Price times quantity, positive, in the quote asset.
    pub notional: Decimal,
    /// Taker or maker.
    pub liquidity: Liquidity,
}

/// The answer to a [`FeeRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeReply {
    /// For what.
    pub subject: FeeSubject,
    /// The fee, or why there is none.
    pub result: Result<FeeQuote, Refusal>,
}

/// A question: which price?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteRequest {
    /// The id that the quote shall have, so that a repeated question is recognised.
    pub quote_id: QuoteId,
    /// For which account.
    pub account: AccountId,
    /// Of which product.
    pub product: ProductId,
    /// Buy or sell.
    pub side: Side,
    /// How much of the base asset, positive.
    pub quantity: Decimal,
}

/// The answer to a [`QuoteRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteReply {
    /// The id from the question.
    pub quote_id: QuoteId,
    /// The quote, or why there is none.
    pub result: Result<SignedQuote, Refusal>,
}

/// A synthetic record that an instance sends to a partition and reads back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// To which topic; any but the dead letters.
    pub topic: &'static str,
    /// To which partition, from 0.
    pub partition: i32,
    /// From which instance; others ignore it.
    pub instance: InstanceId,
    /// Counts the heartbeats of an instance to a partition.
    pub sequence: u64,
    /// When it was sent.
    pub sent_at: Timestamp,
}

macro_rules! events {
    ($($(#[$meta:meta])* $name:ident($payload:ty);)+) => {
        /// Everything that is said over topics.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[$meta])* $name($payload),)+
        }

        /// Which event, as in the `event_type` header.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $($(#[$meta])* $name,)+
        }

        impl EventType {
            /// Every type.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name in the `event_type` header.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }
        }

        impl Event {
            /// Which event it is.
            pub const fn event_type(&self) -> EventType {
                match self {
                    $(Self::$name(_) => EventType::$name,)+
                }
            }
        }
    };
}

events! {
    /// A mid price from the feed.
    Tick(Tick);
    /// A quote was issued.
    QuoteIssued(Box<SignedQuote>);
    /// A customer placed an order.
    OrderPlaced(OrderPlaced);
    /// The house accepted an order.
    OrderAccepted(OrderAccepted);
    /// The house refused an order.
    OrderRejected(OrderRejected);
    /// A fee was assessed.
    FeeAssessed(Box<FeeAssessed>);
    /// An order was executed.
    TradeExecuted(Box<Trade>);
    /// A trade was booked.
    LedgerPosted(LedgerPosted);
    /// A part of a service went from one path to the other.
    ModeChanged(ModeChanged);
    /// A question: which fee?
    FeeRequest(FeeRequest);
    /// Its answer.
    FeeReply(Box<FeeReply>);
    /// A question: which price?
    QuoteRequest(QuoteRequest);
    /// Its answer.
    QuoteReply(Box<QuoteReply>);
    /// A synthetic record that shows whether a partition lives.
    Heartbeat(Heartbeat);
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text names no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such event type")]
pub struct UnknownEventType;

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or(UnknownEventType)
    }
}

impl EventType {
    /// Whether the record carries an exchange in its headers.
    pub const fn is_exchange(self) -> bool {
        matches!(self, Self::FeeRequest | Self::QuoteRequest) || self.is_reply()
    }

    /// Whether it answers a question, and so goes where the question says.
    pub const fn is_reply(self) -> bool {
        matches!(self, Self::FeeReply | Self::QuoteReply)
    }

    /// Whether a record of this type may lie on a topic.
    pub fn belongs_on(self, topic: &Topic) -> bool {
        match self {
            Self::Heartbeat => topic.role != Role::DeadLetters,
            Self::FeeReply | Self::QuoteReply => topic.role == Role::Replies,
            _ => self.home() == Some(topic.name),
        }
    }

    /// The topic of a type that has one of its own.
    pub(crate) const fn home(self) -> Option<&'static str> {
        match self {
            Self::Tick => Some(topics::MARKET_TICKS),
            Self::QuoteIssued => Some(topics::QUOTES),
            Self::OrderPlaced | Self::OrderAccepted | Self::OrderRejected => Some(topics::ORDERS),
            Self::FeeAssessed => Some(topics::FEES),
            Self::TradeExecuted => Some(topics::TRADES),
            Self::LedgerPosted => Some(topics::LEDGER),
            Self::ModeChanged => Some(topics::MODES),
            Self::FeeRequest => Some(topics::FEE_REQUESTS),
            Self::QuoteRequest => Some(topics::QUOTE_REQUESTS),
            Self::FeeReply | Self::QuoteReply | Self::Heartbeat => None,
        }
    }
}

impl Event {
    /// What decides the partition: the account, so that everything of an account keeps its order; for the
    /// others the product, the instance, or what an answer is about.
    pub fn key(&self) -> &str {
        match self {
            Self::Tick(tick) => tick.product.as_str(),
            Self::QuoteIssued(signed) => signed.quote.account.as_str(),
            Self::OrderPlaced(OrderPlaced { key, .. })
            | Self::OrderAccepted(OrderAccepted { key, .. })
            | Self::OrderRejected(OrderRejected { key, .. })
            | Self::LedgerPosted(LedgerPosted { key, .. }) => key.account.as_str(),
            Self::FeeAssessed(fee) => fee.account.as_str(),
            Self::TradeExecuted(trade) => trade.key.account.as_str(),
            Self::ModeChanged(change) => change.instance.as_str(),
            Self::FeeRequest(request) => request.account.as_str(),
            Self::FeeReply(reply) => reply.subject.id(),
            Self::QuoteRequest(request) => request.account.as_str(),
            Self::QuoteReply(reply) => reply.quote_id.as_str(),
            Self::Heartbeat(heartbeat) => heartbeat.instance.as_str(),
        }
    }

    /// The event id that the event itself carries, when it does.
    pub fn own_event_id(&self) -> Option<EventId> {
        match self {
            Self::TradeExecuted(trade) => Some(trade.event_id),
            Self::LedgerPosted(posted) => Some(posted.posting.event_id()),
            _ => None,
        }
    }
}

impl FeeSubject {
    /// The id of the quote or of the order.
    pub fn id(&self) -> &str {
        match self {
            Self::Quote(quote_id) => quote_id.as_str(),
            Self::Order { order_id, .. } => order_id.as_str(),
        }
    }
}
