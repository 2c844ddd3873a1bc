//! The records of an uncompressed batch (magic 2): where each stands and when it was made, and no more of it.
//!
//! Read only to answer for offsets by time; what is damaged ends the walk. Source: the record layout in Apache Kafka's
//! message format documentation.

/// (offset delta, timestamp delta) of each record, in order.
pub(crate) fn deltas(mut records: &[u8]) -> impl Iterator<Item = (i64, i64)> {
    std::iter::from_fn(move || {
        let length = usize::try_from(varint(&mut records)?).ok()?;
        let (mut record, rest) = records.split_at_checked(length)?;
        records = rest;
        // The attributes of a record mean nothing yet.
        record = record.get(1..)?;
        let time = varint(&mut record)?;
        let offset = varint(&mut record)?;
        Some((offset, time))
    })
}

/// A zigzag number of up to ten bytes, seven bits each, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_zigzag() {
        let read = |bytes: &[u8]| varint(&mut &*bytes);
        assert_eq!(
            (read(&[0]), read(&[1]), read(&[2]), read(&[0x80, 1])),
            (Some(0), Some(-1), Some(1), Some(64))
        );
        assert_eq!((read(&[]), read(&[0x80]), read(&[0xff; 11])), (None, None, None));
    }

    #[test]
    fn a_record_says_where_it_stands_and_what_is_cut_off_is_left_out() {
        // Length 6, attributes, time 3, offset 1, null key, null value, no headers.
        let record = [12, 0, 6, 2, 1, 1, 0];
        let two = [record, record].concat();
        assert_eq!(deltas(&two).collect::<Vec<_>>(), [(1, 3), (1, 3)]);
        assert_eq!(deltas(&two[..13]).count(), 1);
    }
}
