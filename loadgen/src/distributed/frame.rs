//! Pieces of a conversation: their length, their kind, their bytes. Never more than the reader says.

use std::io::{self, ErrorKind, Read, Write};

/// The most that a message has.
pub(super) const FRAME_MAX: usize = 16 * 1024 * 1024;

/// The most before a token was shown.
pub(super) const FRAME_MAX_STRANGER: usize = 4 * 1024;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message as JSON.
    Message,
    /// Requests that ended.
    Chunk,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Message => 0,
            Self::Chunk => 1,
        }
    }
}

/// Writes a frame in one piece.
pub(super) fn write(to: &mut impl Write, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() > FRAME_MAX {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a message is too long"));
    }
    let mut frame = Vec::with_capacity(bytes.len() + 5);
    frame.extend((bytes.len() as u32).to_be_bytes());
    frame.push(kind.byte());
    frame.extend(bytes);
    to.write_all(&frame)?;
    to.flush()
}

/// Reads a frame of at most `len_max` bytes.
pub(super) fn read(from: &mut impl Read, len_max: usize) -> io::Result<(Kind, Vec<u8>)> {
    let mut head = [0; 5];
    from.read_exact(&mut head)?;
    let [a, b, c, d, kind] = head;
    let len = u32::from_be_bytes([a, b, c, d]) as usize;
    let wrong = |what: String| io::Error::new(ErrorKind::InvalidData, what);
    if len > len_max {
        return Err(wrong(format!("a message of {len} bytes; the most is {len_max}")));
    }
    let kind = [Kind::Message, Kind::Chunk].into_iter().find(|it| it.byte() == kind);
    let kind = kind.ok_or_else(|| wrong("a message of an unknown kind".to_owned()))?;
    let mut bytes = vec![0; len];
    from.read_exact(&mut bytes)?;
    Ok((kind, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let mut wire = Vec::new();
        write(&mut wire, Kind::Chunk, b"abc").unwrap();
        write(&mut wire, Kind::Message, b"").unwrap();
        let mut wire = wire.as_slice();
        assert_eq!(read(&mut wire, 3).unwrap(), (Kind::Chunk, b"abc".to_vec()));
        assert_eq!(read(&mut wire, 3).unwrap(), (Kind::Message, Vec::new()));
        assert_eq!(read(&mut wire, 3).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_too_long_is_refused_before_memory_is_taken_for_it() {
        let said = read(&mut [0xff, 0xff, 0xff, 0xff, 0].as_slice(), 8).unwrap_err().to_string();
        assert_eq!(said, "a message of 4294967295 bytes; the most is 8");
        assert!(read(&mut [0, 0, 0, 0, 9].as_slice(), 8).is_err(), "of an unknown kind");
    }
}
