//! Speed, printed as ratios.
