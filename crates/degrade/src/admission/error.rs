//! What a call can end in that may be refused.

/// The refusal of a layer, or the error of the service inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error<R, E> {
    /// Refused, and certainly not executed.
    #[error(transparent)]
    Refused(R),
    /// The service inside failed.
    #[error(transparent)]
    Inner(E),
}

impl<R, E> Error<R, E> {
    /// The refusal, if it is one.
    pub fn refusal(self) -> Option<R> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Inner(_) => None,
        }
    }
}
