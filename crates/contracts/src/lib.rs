//! Topics, events and headers: what the services say to each other.
