//! The stuck states, one file each: what breaks, in which order, and what heals it.

mod e0;
mod e1;
mod e2;
mod e3;
mod e5;
mod e6;
mod e7;
mod e8;

use super::story::Story;

/// All stories. E4, the high watermark that stands still, is the part of E1 to E3 that healthy leaders play.
pub const ALL: [Story; 8] =
    [e0::STORY, e1::STORY, e2::STORY, e3::STORY, e5::STORY, e6::STORY, e7::STORY, e8::STORY];
