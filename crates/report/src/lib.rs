//! What people look at when a run has ended.
