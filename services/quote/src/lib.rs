//! The quote service of the reference trading path.
