//! Money, products, fees, quotes, orders and the ledger: the pure rules of the trading path.
