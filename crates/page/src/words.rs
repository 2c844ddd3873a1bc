//! Numbers for people.

pub(crate) use gates::units::{grouped, time, time_or_never};
use recorder::Outcome;

/// Seconds as they stand beside an axis: `7 s`, `7.5 s`.
pub(crate) fn seconds(s: f64) -> String {
    let tenths = (s * 10.0).round() / 10.0;
    format!("{tenths} s")
}

/// A share of 0 to 1 in percent: the nearer to an end, the more digits, so that what is not all does not read as all.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = match percent.min(100.0 - percent) {
        p if p <= 0.0 => 0,
        ..0.1 => 3,
        ..1.0 => 2,
        _ => 1,
    };
    format!("{percent:.digits$} %")
}

/// With a capital letter at its beginning.
pub(crate) fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What an outcome is called on a page.
pub(crate) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "answered well",
        Outcome::OkKafka => "answered over Kafka",
        Outcome::OkDegraded => "answered by a fallback",
        Outcome::AcceptedPending => "accepted for later",
        Outcome::RejectedFast => "refused at once",
        Outcome::Unknown => "in doubt",
        Outcome::Timeout => "timed out",
        Outcome::ErrorConnect => "no connection",
        Outcome::ErrorIo => "connection broke",
        Outcome::ErrorStatus => "answered with an error",
        Outcome::UnsentCap => "never sent: too many in flight",
        Outcome::Unfinished => "still open at the end",
    }
}

/// Whether the customer got what was asked for.
pub(crate) const fn is_answered(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Ok | Outcome::OkKafka | Outcome::OkDegraded | Outcome::AcceptedPending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_is_not_all_does_not_read_as_all() {
        assert_eq!(
            [1.0, 0.9999, 0.995, 0.5, 0.0005, 0.0].map(percent),
            ["100 %", "99.990 %", "99.50 %", "50.0 %", "0.050 %", "0 %"]
        );
    }

    #[test]
    fn seconds_have_a_tenth_where_there_is_one() {
        assert_eq!([0.0, 7.0, 7.46].map(seconds), ["0 s", "7 s", "7.5 s"]);
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
