//! The error code of a broker or of librdkafka, opaque: for messages and labels.

use std::fmt;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Why a broker or the client library refused something.
///
/// `Display` is librdkafka's sentence; `Debug` is the code's name, fit for a metric label.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code(pub(crate) RDKafkaErrorCode);

impl Code {
    /// The code inside `error`; errors that carry none are "local failure".
    pub(crate) fn of(error: &KafkaError) -> Self {
        Self(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
