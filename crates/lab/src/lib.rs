//! Clusters to break, and the faults that break them.
#![warn(missing_docs)]

mod embedded;
