//! Facts, to the wire and back.

use trading::ids::AccountId;
use trading::ledger::{ENTRIES_MAX, Entry, LedgerAccount, Posting};
use trading::money::canonical;
use trading::order::OrderTerms;
use trading::signature::SignedQuote;
use trading::trade::Trade;

use super::quote::{
    fee_from_wire, fee_to_wire, refusal_from_wire, refusal_to_wire, signed_from_wire, signed_to_wire,
    subject_from_wire, subject_to_wire,
};
use super::{
    Field, FieldError, bounded_text, decimal, event_id, event_id_bytes, id, key_from_wire, key_to_wire,
    mode_from_wire, mode_to_wire, positive, present, side_from_wire, side_to_wire, time,
};
use crate::event::{
    FeeAssessed, LedgerPosted, ModeChanged, OrderAccepted, OrderPlaced, OrderRejected, REASON_BYTES_MAX,
    SCOPE_BYTES_MAX, Tick,
};
use crate::refusal::cut;
use crate::wire;

impl From<Tick> for wire::Tick {
    fn from(tick: Tick) -> Self {
        Self {
            product: tick.product.into(),
            mid: canonical(tick.mid),
            sequence: tick.sequence,
            at_unix_ms: tick.at.unix_ms(),
        }
    }
}

impl TryFrom<wire::Tick> for Tick {
    type Error = FieldError;

    fn try_from(tick: wire::Tick) -> Field<Self> {
        Ok(Self {
            product: id("Tick.product", &tick.product)?,
            mid: positive("Tick.mid", &tick.mid)?,
            sequence: tick.sequence,
            at: time(tick.at_unix_ms),
        })
    }
}

impl From<SignedQuote> for wire::QuoteIssued {
    fn from(signed: SignedQuote) -> Self {
        Self { quote: Some(signed_to_wire(signed)) }
    }
}

impl TryFrom<wire::QuoteIssued> for SignedQuote {
    type Error = FieldError;

    fn try_from(issued: wire::QuoteIssued) -> Field<Self> {
        signed_from_wire(&present("QuoteIssued.quote", issued.quote)?)
    }
}

impl From<OrderPlaced> for wire::OrderPlaced {
    fn from(placed: OrderPlaced) -> Self {
        Self {
            key: key_to_wire(placed.key),
            order_id: placed.order_id.into(),
            product: placed.terms.product.into(),
            side: side_to_wire(placed.terms.side),
            quantity: canonical(placed.terms.quantity),
            placed_at_unix_ms: placed.placed_at.unix_ms(),
        }
    }
}

impl TryFrom<wire::OrderPlaced> for OrderPlaced {
    type Error = FieldError;

    fn try_from(placed: wire::OrderPlaced) -> Field<Self> {
        Ok(Self {
            key: key_from_wire("OrderPlaced.key", placed.key)?,
            order_id: id("OrderPlaced.order_id", &placed.order_id)?,
            terms: OrderTerms {
                product: id("OrderPlaced.product", &placed.product)?,
                side: side_from_wire("OrderPlaced.side", placed.side)?,
                quantity: positive("OrderPlaced.quantity", &placed.quantity)?,
            },
            placed_at: time(placed.placed_at_unix_ms),
        })
    }
}

impl From<OrderAccepted> for wire::OrderAccepted {
    fn from(accepted: OrderAccepted) -> Self {
        Self {
            key: key_to_wire(accepted.key),
            order_id: accepted.order_id.into(),
            accepted_at_unix_ms: accepted.accepted_at.unix_ms(),
        }
    }
}

impl TryFrom<wire::OrderAccepted> for OrderAccepted {
    type Error = FieldError;

    fn try_from(accepted: wire::OrderAccepted) -> Field<Self> {
        Ok(Self {
            key: key_from_wire("OrderAccepted.key", accepted.key)?,
            order_id: id("OrderAccepted.order_id", &accepted.order_id)?,
            accepted_at: time(accepted.accepted_at_unix_ms),
        })
    }
}

impl From<OrderRejected> for wire::OrderRejected {
    fn from(rejected: OrderRejected) -> Self {
        Self {
            key: key_to_wire(rejected.key),
            order_id: rejected.order_id.into(),
            refusal: Some(refusal_to_wire(&rejected.refusal)),
            rejected_at_unix_ms: rejected.rejected_at.unix_ms(),
        }
    }
}

impl TryFrom<wire::OrderRejected> for OrderRejected {
    type Error = FieldError;

    fn try_from(rejected: wire::OrderRejected) -> Field<Self> {
        Ok(Self {
            key: key_from_wire("OrderRejected.key", rejected.key)?,
            order_id: id("OrderRejected.order_id", &rejected.order_id)?,
            refusal: refusal_from_wire(present("OrderRejected.refusal", rejected.refusal)?)?,
            rejected_at: time(rejected.rejected_at_unix_ms),
        })
    }
}

impl From<FeeAssessed> for wire::FeeAssessed {
    fn from(assessed: FeeAssessed) -> Self {
        Self {
            account: assessed.account.into(),
            product: assessed.product.into(),
            subject: subject_to_wire(assessed.subject),
            notional: canonical(assessed.notional),
            fee: Some(fee_to_wire(assessed.fee)),
            assessed_at_unix_ms: assessed.assessed_at.unix_ms(),
        }
    }
}

impl TryFrom<wire::FeeAssessed> for FeeAssessed {
    type Error = FieldError;

    fn try_from(assessed: wire::FeeAssessed) -> Field<Self> {
        Ok(Self {
            account: id("FeeAssessed.account", &assessed.account)?,
            product: id("FeeAssessed.product", &assessed.product)?,
            subject: subject_from_wire("FeeAssessed.subject", assessed.subject)?,
            notional: positive("FeeAssessed.notional", &assessed.notional)?,
            fee: fee_from_wire(&present("FeeAssessed.fee", assessed.fee)?)?,
            assessed_at: time(assessed.assessed_at_unix_ms),
        })
    }
}

impl From<Trade> for wire::TradeExecuted {
    fn from(trade: Trade) -> Self {
        Self {
            event_id: event_id_bytes(trade.event_id),
            key: key_to_wire(trade.key),
            order_id: trade.order_id.into(),
            quote_id: trade.quote_id.into(),
            product: trade.product.into(),
            side: side_to_wire(trade.side),
            price: canonical(trade.price),
            quantity: canonical(trade.quantity),
            fee: Some(fee_to_wire(trade.fee)),
            executed_at_unix_ms: trade.executed_at.unix_ms(),
        }
    }
}

impl TryFrom<wire::TradeExecuted> for Trade {
    type Error = FieldError;

    fn try_from(trade: wire::TradeExecuted) -> Field<Self> {
        Ok(Self {
            event_id: event_id("TradeExecuted.event_id", &trade.event_id)?,
            key: key_from_wire("TradeExecuted.key", trade.key)?,
            order_id: id("TradeExecuted.order_id", &trade.order_id)?,
            quote_id: id("TradeExecuted.quote_id", &trade.quote_id)?,
            product: id("TradeExecuted.product", &trade.product)?,
            side: side_from_wire("TradeExecuted.side", trade.side)?,
            price: positive("TradeExecuted.price", &trade.price)?,
            quantity: positive("TradeExecuted.quantity", &trade.quantity)?,
            fee: fee_from_wire(&present("TradeExecuted.fee", trade.fee)?)?,
            executed_at: time(trade.executed_at_unix_ms),
        })
    }
}

impl From<LedgerPosted> for wire::LedgerPosted {
    fn from(posted: LedgerPosted) -> Self {
        Self {
            event_id: event_id_bytes(posted.posting.event_id()),
            trade_event_id: event_id_bytes(posted.posting.trade()),
            key: key_to_wire(posted.key),
            entries: posted.posting.entries().iter().map(entry_to_wire).collect(),
        }
    }
}

impl TryFrom<wire::LedgerPosted> for LedgerPosted {
    type Error = FieldError;

    fn try_from(posted: wire::LedgerPosted) -> Field<Self> {
        let count = posted.entries.len();
        if count > ENTRIES_MAX {
            return Err(FieldError::new("LedgerPosted.entries", count, format!("at most {ENTRIES_MAX}")));
        }
        let entries = posted.entries.iter().map(entry_from_wire).collect::<Result<_, _>>()?;
        let posting = Posting::new(
            event_id("LedgerPosted.event_id", &posted.event_id)?,
            event_id("LedgerPosted.trade_event_id", &posted.trade_event_id)?,
            entries,
        )
        .map_err(|error| FieldError::new("LedgerPosted.entries", format!("{count} entries"), error))?;
        Ok(Self { key: key_from_wire("LedgerPosted.key", posted.key)?, posting })
    }
}

fn entry_to_wire(entry: &Entry) -> wire::ledger_posted::Entry {
    use wire::ledger_posted::Account;
    let (account, user) = match &entry.account {
        LedgerAccount::User(user) => (Account::User, user.as_str()),
        LedgerAccount::House => (Account::House, ""),
        LedgerAccount::FeeRevenue => (Account::FeeRevenue, ""),
        LedgerAccount::Rounding => (Account::Rounding, ""),
    };
    wire::ledger_posted::Entry {
        account: account.into(),
        user: user.to_owned(),
        asset: entry.asset.to_string(),
        amount: canonical(entry.amount),
    }
}

fn entry_from_wire(entry: &wire::ledger_posted::Entry) -> Field<Entry> {
    use wire::ledger_posted::Account;
    let account = match Account::try_from(entry.account) {
        Ok(Account::User) => LedgerAccount::User(id::<AccountId>("Entry.user", &entry.user)?),
        Ok(Account::House) => LedgerAccount::House,
        Ok(Account::FeeRevenue) => LedgerAccount::FeeRevenue,
        Ok(Account::Rounding) => LedgerAccount::Rounding,
        Ok(Account::Unspecified) | Err(_) => {
            return Err(FieldError::new("Entry.account", entry.account, "there is no such value"));
        }
    };
    Ok(Entry {
        account,
        asset: id("Entry.asset", &entry.asset)?,
        amount: decimal("Entry.amount", &entry.amount)?,
    })
}

impl From<ModeChanged> for wire::ModeChanged {
    fn from(change: ModeChanged) -> Self {
        Self {
            instance: change.instance.into(),
            scope: cut(change.scope, SCOPE_BYTES_MAX),
            mode_before: mode_to_wire(change.from),
            mode_after: mode_to_wire(change.to),
            reason: cut(change.reason, REASON_BYTES_MAX),
            changed_at_unix_ms: change.changed_at.unix_ms(),
        }
    }
}

impl TryFrom<wire::ModeChanged> for ModeChanged {
    type Error = FieldError;

    fn try_from(change: wire::ModeChanged) -> Field<Self> {
        Ok(Self {
            instance: id("ModeChanged.instance", &change.instance)?,
            scope: bounded_text("ModeChanged.scope", change.scope, SCOPE_BYTES_MAX)?,
            from: mode_from_wire("ModeChanged.mode_before", change.mode_before)?,
            to: mode_from_wire("ModeChanged.mode_after", change.mode_after)?,
            reason: bounded_text("ModeChanged.reason", change.reason, REASON_BYTES_MAX)?,
            changed_at: time(change.changed_at_unix_ms),
        })
    }
}
