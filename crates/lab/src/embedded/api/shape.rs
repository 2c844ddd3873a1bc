//! The layout of a request, walked before it is decoded.
//!
//! The generated decoders reserve room for as many array elements as the frame claims, so that twenty hostile
//! bytes could ask for a hundred gigabytes. A [`Shape`] knows just enough of each message to check that every
//! claimed length fits into what is left of the frame.
//!
//! The notation, in the order of the message's fields: `1 2 4 8 16` are that many bytes, `s` a string, `b` bytes,
//! `[...]` an array of structures, `*4` and `*s` arrays of that; `@5+`, `@2-4` limit the field before it to these
//! versions. Tagged fields are known from whether the version is flexible.

use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::str::Chars;

/// A frame that does not have its message's layout.
#[derive(Debug, thiserror::Error)]
pub(super) enum Misshapen {
    #[error("it ends early")]
    Truncated,
    #[error("it claims {0} elements or bytes, more than it has")]
    Claim(i64),
    #[error("a number is too long")]
    Number,
}

/// The layout of one API's requests over all versions.
#[derive(Debug)]
pub(super) struct Shape(Vec<Field>);

#[derive(Debug)]
struct Field {
    versions: RangeInclusive<i16>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Fixed(usize),
    Text,
    Bytes,
    /// Elements; whether they are structures (with tagged fields of their own).
    Array(Shape, bool),
}

impl Shape {
    /// Reads the notation.
    ///
    /// # Panics
    /// If the notation is wrong, which is a bug in [`super::table`].
    pub(super) fn parse(notation: &str) -> Self {
        Self::fields(&mut notation.chars().peekable())
    }

    fn fields(chars: &mut Peekable<Chars<'_>>) -> Self {
        let mut fields = Vec::new();
        while let Some(&c) = chars.peek() {
            match c {
                ' ' => drop(chars.next()),
                ']' => break,
                _ => {
                    let kind = kind(chars);
                    fields.push(Field { versions: versions(chars), kind });
                }
            }
        }
        Self(fields)
    }

    /// Whether `body` has this layout in `version`.
    pub(super) fn check(&self, version: i16, flexible: bool, body: &[u8]) -> Result<(), Misshapen> {
        let mut walk = Walk { rest: body, version, flexible };
        walk.structure(self)
    }
}

fn kind(chars: &mut Peekable<Chars<'_>>) -> Kind {
    match chars.next() {
        Some('s') => Kind::Text,
        Some('b') => Kind::Bytes,
        Some('*') => {
            let element = Field { versions: 0..=i16::MAX, kind: kind(chars) };
            Kind::Array(Shape(vec![element]), false)
        }
        Some('[') => {
            let shape = Shape::fields(chars);
            assert_eq!(chars.next(), Some(']'), "an array is closed");
            Kind::Array(shape, true)
        }
        Some(digit) => Kind::Fixed(number(chars, digit)),
        None => unreachable!("called with a character ahead"),
    }
}

fn versions(chars: &mut Peekable<Chars<'_>>) -> RangeInclusive<i16> {
    if chars.next_if_eq(&'@').is_none() {
        return 0..=i16::MAX;
    }
    let first = chars.next().expect("a version follows @");
    let min = number(chars, first);
    let max = match chars.next() {
        Some('+') => usize::from(i16::MAX.unsigned_abs()),
        Some('-') => {
            let first = chars.next().expect("a version follows -");
            number(chars, first)
        }
        other => unreachable!("a version range goes on with + or -, not {other:?}"),
    };
    let version = |n| i16::try_from(n).expect("a version is small");
    version(min)..=version(max)
}

fn number(chars: &mut Peekable<Chars<'_>>, first: char) -> usize {
    let digit = |c: char| c.to_digit(10).expect("a number") as usize;
    let mut value = digit(first);
    while let Some(c) = chars.next_if(char::is_ascii_digit) {
        value = value * 10 + digit(c);
    }
    value
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
}

impl Walk<'_> {
    fn structure(&mut self, shape: &Shape) -> Result<(), Misshapen> {
        self.elements(shape)?;
        if self.flexible { self.tagged() } else { Ok(()) }
    }

    fn elements(&mut self, shape: &Shape) -> Result<(), Misshapen> {
        let version = self.version;
        for field in shape.0.iter().filter(|f| f.versions.contains(&version)) {
            match &field.kind {
                Kind::Fixed(bytes) => self.skip(*bytes)?,
                Kind::Text => {
                    let bytes = self.length(2)?;
                    self.skip(bytes)?;
                }
                Kind::Bytes => {
                    let bytes = self.length(4)?;
                    self.skip(bytes)?;
                }
                Kind::Array(element, structured) => {
                    for _ in 0..self.length(4)? {
                        if *structured { self.structure(element)? } else { self.elements(element)? }
                    }
                }
            }
        }
        Ok(())
    }

    fn tagged(&mut self) -> Result<(), Misshapen> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let bytes = self.varint()?;
            self.skip(bytes as usize)?;
        }
        Ok(())
    }

    /// A claimed length; null is 0. No element is smaller than one byte.
    fn length(&mut self, width: usize) -> Result<usize, Misshapen> {
        let claim = if self.flexible {
            i64::from(self.varint()?) - 1
        } else {
            let bytes = self.take(width)?;
            let first = if bytes[0] & 0x80 == 0 { 0_i64 } else { -1 };
            bytes.iter().fold(first, |value, byte| (value << 8) | i64::from(*byte))
        };
        match usize::try_from(claim) {
            Ok(length) if length <= self.rest.len() => Ok(length),
            Err(_) if claim == -1 => Ok(0),
            _ => Err(Misshapen::Claim(claim)),
        }
    }

    fn varint(&mut self) -> Result<u32, Misshapen> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(1)?[0];
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Misshapen::Number)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Misshapen> {
        self.take(bytes).map(drop)
    }

    fn take(&mut self, bytes: usize) -> Result<&[u8], Misshapen> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(Misshapen::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}
