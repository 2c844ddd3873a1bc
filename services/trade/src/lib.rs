//! The trade service of the reference trading path.
