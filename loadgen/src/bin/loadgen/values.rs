//! Values as they are written on the command line and in a file: `50ms`, `4s..8s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use gates::units;
use serde::{Deserialize, Deserializer, de};

/// A duration with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = units::parse_duration(text.trim()).map(Time);
        time.ok_or_else(|| {
            format!("`{text}`: expected a time with its unit (us, ms, s, min), e.g. 500ms; at most a day")
        })
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&units::exact(self.0))
    }
}

/// From one time until another; without the other, to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Duration,
    pub(crate) until: Option<Duration>,
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}`: expected two times from the start of measuring, e.g. 4s..8s, or 4s.. to the end"
            )
        };
        let (from, until) = text.split_once("..").ok_or_else(wrong)?;
        let Time(from) = from.parse().map_err(|_| wrong())?;
        let until = match until.trim() {
            "" => None,
            until => Some(until.parse::<Time>().map_err(|_| wrong())?.0),
        };
        match until {
            Some(until) if until <= from => Err(format!("`{text}`: it must begin before it ends")),
            _ => Ok(Self { from, until }),
        }
    }
}

/// The statuses that a rule is for: `503`, `2xx`, `500-504`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statuses(pub(crate) std::ops::RangeInclusive<u16>);

impl FromStr for Statuses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}`: expected a status from 100 to 999, a class such as 2xx, or a range such as 500-504"
            )
        };
        let status = |text: &str| text.trim().parse::<u16>().ok().filter(|it| (100..=999).contains(it));
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse::<u16>().ok().filter(|it| (1..=9).contains(it)).ok_or_else(wrong)?;
            return Ok(Self(class * 100..=class * 100 + 99));
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = status(first).zip(status(last)).ok_or_else(wrong)?;
        if first <= last { Ok(Self(first..=last)) } else { Err(wrong()) }
    }
}

/// Values that are written as text in a file.
macro_rules! from_text {
    ($($kind:ty),*) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}
from_text!(Time, Window);

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl de::Visitor<'_> for TextOrNumber {
            type Value = Statuses;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status such as 503, \"2xx\" or \"500-504\"")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Statuses, E> {
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Statuses, E> {
                text.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(TextOrNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_before_they_end() {
        let seconds = Duration::from_secs;
        assert_eq!("4s..8s".parse(), Ok(Window { from: seconds(4), until: Some(seconds(8)) }));
        assert_eq!("4s..".parse(), Ok(Window { from: seconds(4), until: None }));
        for wrong in ["", "4s", "..", "..8s", "8s..4s", "4s..4s", "4..8"] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn statuses_are_one_a_class_or_a_range() {
        assert_eq!("503".parse(), Ok(Statuses(503..=503)));
        assert_eq!("2xx".parse(), Ok(Statuses(200..=299)));
        assert_eq!("500-504".parse(), Ok(Statuses(500..=504)));
        for wrong in ["", "xx", "20x", "99", "1000", "504-500", "-5"] {
            assert!(wrong.parse::<Statuses>().is_err(), "{wrong}");
        }
    }
}
