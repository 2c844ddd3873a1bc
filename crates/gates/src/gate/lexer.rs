//! Words, signs and blanks of a gate, each with its place.

use super::GateError;

/// Walks over the text of a gate.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    offset: usize,
}

/// A piece of the gate with its place in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub(super) text: &'t str,
    pub(super) offset: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, offset: 0 }
    }

    /// The next word: letters, digits, `_`, `.`, `-`. Empty where there is none.
    pub(super) fn word(&mut self) -> Token<'t> {
        self.take(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
    }

    /// The next comparison sign. Empty where there is none.
    pub(super) fn operator(&mut self) -> Token<'t> {
        self.take(|c| matches!(c, '<' | '>' | '=' | '!'))
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> Token<'t> {
        let token = self.take(|_| true);
        Token { text: token.text.trim_end(), ..token }
    }

    /// Steps over `sign` if it is next.
    pub(super) fn eat(&mut self, sign: char) -> bool {
        self.skip_blanks();
        let found = self.text[self.offset..].starts_with(sign);
        if found {
            self.offset += sign.len_utf8();
        }
        found
    }

    /// An error at the place that was reached.
    pub(super) fn error_here(&mut self, message: impl Into<String>) -> GateError {
        self.skip_blanks();
        self.error_at(self.offset, message)
    }

    pub(super) fn error_at(&self, offset: usize, message: impl Into<String>) -> GateError {
        GateError { gate: self.text.to_owned(), offset, message: message.into() }
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> Token<'t> {
        self.skip_blanks();
        let rest = &self.text[self.offset..];
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let token = Token { text: &rest[..length], offset: self.offset };
        self.offset += length;
        token
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text[self.offset..];
        self.offset += rest.len() - rest.trim_start().len();
    }
}
