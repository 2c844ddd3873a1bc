//! What the tests share: a desk that knows a price, and a question for it.

use std::time::{Duration, Instant};

use contracts::event::Tick;
use contracts::topics::QUOTES;
use service_kit::clock;
use service_kit::layout::{Layout, Topics};
use trading::ids::{AccountId, ProductId, QuoteId};
use trading::order::Side;
use trading::signature::QuoteSigner;
use trading::time::Timestamp;

use crate::desk::Desk;
use crate::quote::Ask;
use crate::tiers::Tiers;

pub(crate) fn layout() -> Layout {
    Layout::read(&Topics { by_account: &[QUOTES], others: &[] }, |_| Some(4)).unwrap()
}

pub(crate) fn tick(mid: i64, at: Timestamp) -> Tick {
    Tick { product: ProductId::new("BTC-USD").unwrap(), mid: mid.into(), sequence: 1, at }
}

/// A desk whose price is this old.
pub(crate) fn desk(price_age: Duration) -> Desk {
    let desk = Desk::new(QuoteSigner::new(&[7; 32]).unwrap(), Tiers::new(100));
    desk.record(&tick(50_000, clock::now().minus(price_age)));
    desk
}

/// A question of partition 1 for 0.001 BTC, about 50 USD.
pub(crate) fn ask() -> Ask {
    let budget = Duration::from_secs(5);
    Ask {
        quote_id: QuoteId::new("q-1").unwrap(),
        account: AccountId::new("a-1").unwrap(),
        product: ProductId::new("BTC-USD").unwrap(),
        side: Side::Buy,
        quantity: "0.001".parse().unwrap(),
        partition: 1,
        budget,
        deadline: Instant::now() + budget,
        cause: None,
    }
}
