//! What the stories share: a whole system to break.
