//! What is wrong with a gate, and where in it.

/// A gate that cannot be read. Printed with the gate and a mark under the place; correct it there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}\n  {gate}\n  {mark:>width$}", column = self.column(), mark = "^", width = self.column())]
pub struct GateError {
    /// The gate as it was given.
    pub gate: String,
    /// Where it went wrong, in bytes from its beginning.
    pub offset: usize,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl GateError {
    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.gate.get(..self.offset).unwrap_or(&self.gate).chars().count() + 1
    }

    /// On one line, for a message that shows the gate elsewhere.
    pub fn summary(&self) -> String {
        format!("column {}: {}", self.column(), self.message)
    }
}
