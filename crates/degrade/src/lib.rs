//! Tower layers that flip to a fallback, or to rejection, when a dependency is stuck.
