//! Member ids that look like Apache's (`name-uuid`) and are the same for the same seed and order of joins.

/// Hands out member ids.
#[derive(Debug)]
pub(super) struct MemberIds {
    state: u64,
}

impl MemberIds {
    /// Ids that follow from the seed.
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A new id that starts with the client id, or with the group instance id of a static member.
    pub(super) fn next(&mut self, name: &str) -> String {
        let (high, low) = (self.next_word(), self.next_word());
        format!(
            "{name}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): a bijection of a counter, so that no word repeats within 2^64.
    fn next_word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}
