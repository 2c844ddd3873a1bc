//! The generated protobuf messages. Nobody outside of this crate sees them: services speak the types of
//! [`crate::event`].
#![allow(unreachable_pub, reason = "generated code is public by its nature")]

include!(concat!(env!("OUT_DIR"), "/leaderless.v1.rs"));
