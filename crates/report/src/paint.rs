//! Colours, when they were asked for. They repeat what the words say.

use crate::table::Style;

/// What is to be noticed about a piece of text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Heading,
    Good,
    Bad,
    Quiet,
}

/// `text` as `style` shows this tone.
pub(crate) fn paint(style: Style, tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Heading => "1",
        Tone::Good => "32",
        Tone::Bad => "1;31",
        Tone::Quiet => "2",
    };
    match style {
        Style::Plain => text.to_owned(),
        Style::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
    }
}
