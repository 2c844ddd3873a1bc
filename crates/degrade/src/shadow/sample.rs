//! Which calls are chosen: one in so many, without anything shared between threads.

use std::cell::Cell;

/// True for one call in `one_in`, over many calls of a thread.
#[inline]
pub(super) fn one_in(one_in: u32) -> bool {
    thread_local!(static CALLS: Cell<u64> = const { Cell::new(0) });
    let call = CALLS.with(|calls| {
        calls.set(calls.get().wrapping_add(1));
        calls.get()
    });
    // The high half of a number that is spread evenly, scaled to `0..one_in`.
    ((scramble(call) >> 32) * u64::from(one_in)) >> 32 == 0
}

/// The finalizer of splitmix64: neighbours end up far from each other.
const fn scramble(mut z: u64) -> u64 {
    z = z.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_fifty_is_two_percent_of_every_kind_of_call() {
        let mut of_kind = [0; 2];
        for call in 0..100_000 {
            of_kind[call % 2] += u32::from(one_in(50));
        }
        for chosen in of_kind {
            assert!((800..1_200).contains(&chosen), "{chosen} of 50,000");
        }
    }

    #[test]
    fn one_in_one_is_every_call() {
        assert!((0..1_000).all(|_| one_in(1)));
    }
}
