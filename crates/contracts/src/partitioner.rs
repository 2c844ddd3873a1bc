//! Which partition a key belongs to: the default partitioner of Apache Kafka's Java client, murmur2 with a
//! seed of its own.
//!
//! Invariant: the same key goes to the same partition whichever client writes it. librdkafka's default is
//! another one (CRC-32), so a producer passes the partition that this module computes.

const SEED: u32 = 0x9747_b28c;
const MIX: u32 = 0x5bd1_e995;

/// The partition of a key, out of `partitions` (at least one).
///
/// # Panics
/// `partitions` is zero or negative: a topic has at least one partition.
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    assert!(partitions > 0, "a topic has at least one partition");
    (murmur2(key) & i32::MAX) % partitions
}

/// Kafka's murmur2 of a key, signed as in Java.
fn murmur2(data: &[u8]) -> i32 {
    // The length is an `int` in Java; keys are far shorter than that.
    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes(word.try_into().expect("chunks of four")).wrapping_mul(MIX);
        k ^= k >> 24;
        hash = hash.wrapping_mul(MIX) ^ k.wrapping_mul(MIX);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0u32, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(MIX);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MIX);
    (hash ^ (hash >> 15)) as i32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hashes_are_those_of_apache_kafka() {
        // The vectors of `UtilsTest.testMurmur2` in Apache Kafka.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
            ("", 275_646_681),
        ] {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    proptest! {
        #[test]
        fn a_partition_is_always_one_of_the_topic(key in any::<Vec<u8>>(), partitions in 1i32..=4096) {
            prop_assert!((0..partitions).contains(&partition_of(&key, partitions)));
        }
    }
}
