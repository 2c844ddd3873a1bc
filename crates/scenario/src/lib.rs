//! The game-day file: topology, load, timeline of faults, arms and expectations.
