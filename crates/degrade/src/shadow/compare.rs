//! How far two answers are apart.

/// What of an answer is compared, and how.
///
/// A closure that takes out of an answer what must be equal is one: the distance is then 0 or 1.
pub trait Compare<A> {
    /// What is kept of the primary service's answer, which goes to the caller.
    type Gist: Send + 'static;

    /// Takes it out of an answer.
    fn gist(&self, answer: &A) -> Self::Gist;

    /// How far the fallback's answer is off, in a unit of the caller's choice; 0 is the same.
    fn distance(&self, primary: &Self::Gist, fallback: &Self::Gist) -> u64;
}

impl<A, G, F> Compare<A> for F
where
    F: Fn(&A) -> G,
    G: PartialEq + Send + 'static,
{
    type Gist = G;

    fn gist(&self, answer: &A) -> G {
        self(answer)
    }

    fn distance(&self, primary: &G, fallback: &G) -> u64 {
        u64::from(primary != fallback)
    }
}
