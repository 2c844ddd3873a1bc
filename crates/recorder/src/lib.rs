//! Latency histograms by outcome and phase.
