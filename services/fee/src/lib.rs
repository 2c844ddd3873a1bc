//! The fee service of the reference trading path.
