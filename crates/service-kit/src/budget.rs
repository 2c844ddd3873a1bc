//! How long a request may take: the service's deadline, or less if the client says so.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use crate::kafka_settings::KafkaSettings;
use crate::problem::Problem;

/// How much of its patience a client has left, in ms.
pub const X_DEADLINE_MS: HeaderName = HeaderName::from_static("x-deadline-ms");

/// The longest deadline a client may name: a day, far above any service's own.
const CLIENT_MS_MAX: u64 = 86_400_000;

/// The budget of a request. Under `hang` the header is checked and then ignored: there is no deadline, that is the
/// case.
///
/// # Errors
/// A malformed header: 400, naming it.
pub fn budget(headers: &HeaderMap, settings: &KafkaSettings) -> Result<Duration, Problem> {
    let own = settings.deadline();
    Ok(match asked_for(headers)? {
        Some(asked) if settings.strategy.has_deadlines() => own.min(asked),
        _ => own,
    })
}

fn asked_for(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let Some(value) = headers.get(X_DEADLINE_MS) else { return Ok(None) };
    let ms = value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
    match ms.filter(|ms| *ms <= CLIENT_MS_MAX) {
        Some(ms) => Ok(Some(Duration::from_millis(ms))),
        None => Err(Problem::bad_request(format!(
            "header {X_DEADLINE_MS}: `{}`: allowed is a whole number of ms from 0 to {CLIENT_MS_MAX}",
            String::from_utf8_lossy(value.as_bytes())
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Strategy;
    use http::StatusCode;

    fn with(value: &'static str) -> HeaderMap {
        [(X_DEADLINE_MS, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_client_may_ask_for_less_and_not_for_more() {
        let settings = KafkaSettings::default();
        let ms = Duration::from_millis;
        assert_eq!(budget(&HeaderMap::new(), &settings), Ok(ms(300)));
        assert_eq!(budget(&with("120"), &settings), Ok(ms(120)));
        assert_eq!(budget(&with("5000"), &settings), Ok(ms(300)));
        assert_eq!(budget(&with("0"), &settings), Ok(ms(0)));
    }

    #[test]
    fn hanging_ignores_a_deadline_but_not_a_malformed_one() {
        let settings = KafkaSettings { strategy: Strategy::Hang, ..KafkaSettings::default() };
        assert_eq!(budget(&with("120"), &settings), Ok(Duration::from_secs(3600)));
        let problem = budget(&with("soon"), &settings).unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
    }
}
