//! Numbers and durations for people: `1,234`, `0.8 ms`, `12.4 s`; and durations as gates write them: `50ms`, `8s`.

use std::time::Duration;

/// The units a duration may be written in, with their length in seconds.
const UNITS: [(&str, f64); 4] = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("min", 60.0)];

/// The longest duration that can be written.
const SECONDS_MAX: f64 = 86_400.0;

/// With a comma between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1 request", "2 requests".
pub fn plural(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Milliseconds in the unit that suits them.
pub fn time(ms: f64) -> String {
    duration(Duration::from_secs_f64(ms.max(0.0) / 1e3))
}

/// Milliseconds, or that it never came.
pub fn time_or_never(ms: Option<f64>) -> String {
    ms.map_or_else(|| "never".to_owned(), time)
}

/// For reading, in the unit that suits it, with about three significant digits: `85 us`, `0.8 ms`, `12.4 s`.
pub fn duration(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    match ms {
        _ if duration.is_zero() => "0 ms".to_owned(),
        ..0.0995 => format!("{:.0} us", ms * 1e3),
        ..99.95 => format!("{ms:.1} ms"),
        ..999.5 => format!("{ms:.0} ms"),
        ..599_950.0 => format!("{:.1} s", ms / 1e3),
        _ => format!("{:.1} min", ms / 60e3),
    }
}

/// As it is written in a gate or a timeline, exactly: `50ms`, `8s`, `1500us`.
pub fn exact(duration: Duration) -> String {
    match duration.as_micros() {
        us if us % 1_000_000 == 0 => format!("{}s", us / 1_000_000),
        us if us % 1_000 == 0 => format!("{}ms", us / 1_000),
        us => format!("{us}us"),
    }
}

/// Reads `50ms`, `0.5s`, `2 min`, to the microsecond. `None` if it is no duration or longer than a day.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text[..text.len() - digits.len()].parse().ok()?;
    let (_, scale) = UNITS.into_iter().find(|(unit, _)| *unit == digits.trim())?;
    let seconds = number * scale;
    (seconds <= SECONDS_MAX).then(|| Duration::from_micros((seconds * 1e6).round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            (plural(1, "request"), plural(1_200, "request")),
            ("1 request".into(), "1,200 requests".into())
        );
    }

    #[test]
    fn a_duration_is_told_in_the_unit_that_suits_it() {
        let told = [0, 85, 800, 99_940, 99_960, 412_000, 999_400, 12_400_000, 599_000_000, 720_000_000]
            .map(|us| duration(Duration::from_micros(us)));
        let expected = [
            "0 ms", "85 us", "0.8 ms", "99.9 ms", "100 ms", "412 ms", "999 ms", "12.4 s", "599.0 s",
            "12.0 min",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_written_exactly_is_read_back() {
        for us in [0, 1, 1_500, 50_000, 300_000, 8_000_000, 90_000_000] {
            let duration = Duration::from_micros(us);
            assert_eq!(parse_duration(&exact(duration)), Some(duration));
        }
    }

    #[test]
    fn a_duration_needs_a_number_and_a_known_unit() {
        for text in ["", "5", "ms", "5 parsecs", "-5ms", "1e3ms", "1.2.3s", "2000min"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(parse_duration("0.5 s"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("2min"), Some(Duration::from_secs(120)));
    }
}
