//! Clusters to break, and the faults that break them.
