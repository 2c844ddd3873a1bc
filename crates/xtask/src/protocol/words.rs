//! The words of the table: error codes by name, and what became of a request that has no answer.

use kafka_protocol::ResponseError;
use lab::wire::WireError;

/// `ok`, or `error NAME` as the protocol guide spells it.
pub(super) fn error(code: i16) -> String {
    match ResponseError::try_from_code(code) {
        None => "ok".to_owned(),
        Some(error) => format!("error {}", screaming(&format!("{error:?}"))),
    }
}

/// What a request came to: the class of its error code, or how it was left without an answer.
pub(super) fn outcome(code: Result<i16, WireError>) -> String {
    match code {
        Ok(code) => error(code),
        Err(failure) => unanswered(&failure),
    }
}

/// How a request was left without an answer.
pub(super) fn unanswered(failure: &WireError) -> String {
    match failure {
        WireError::TimedOut(_) => "times out".to_owned(),
        WireError::Closed | WireError::Io(_) => "connection closed".to_owned(),
        other => format!("unreadable: {other}"),
    }
}

/// `NotLeaderOrFollower` as `NOT_LEADER_OR_FOLLOWER`.
fn screaming(camel: &str) -> String {
    let mut name = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_as_in_the_protocol_guide() {
        assert_eq!(error(0), "ok");
        assert_eq!(error(6), "error NOT_LEADER_OR_FOLLOWER");
        assert_eq!(error(-1), "error UNKNOWN_SERVER_ERROR");
    }
}
