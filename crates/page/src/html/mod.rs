//! A page: its head, what every page has, and the tables that people scroll.

mod figures;
mod report;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use recorder::Outcome;

use crate::run::Mood;

pub(crate) use report::report;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("cursor.js");

/// Whatever a page contains, nothing is fetched.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'";

/// The whole document.
pub(crate) fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (patterns())
                main { (body) }
                footer {
                    p { "Drawn by Leaderless " (env!("CARGO_PKG_VERSION")) ". This page is one file: it fetches nothing, and it can be mailed and printed." }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Something wide, which scrolls in its own frame and not with the page; also by keyboard.
pub(crate) fn scrolling(name: &str, wide: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(name) { (wide) } }
}

/// A word with a sign, so that its colour is not needed.
pub(crate) fn badge(word: &str, mood: Mood) -> Markup {
    let (class, sign) = match mood {
        Mood::Good => ("good", "✓"),
        Mood::Bad => ("bad", "✗"),
        Mood::Neutral => ("neutral", "?"),
    };
    html! { span class={ "badge " (class) } { span aria-hidden="true" { (sign) } " " (word) } }
}

/// How each outcome fills an area: a colour, and lines of its own over it.
fn patterns() -> Markup {
    html! {
        svg.defs width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                @for outcome in Outcome::ALL {
                    pattern id={ "p-" (outcome) } width="8" height="8" patternUnits="userSpaceOnUse" {
                        rect class={ "fill o-" (outcome) } width="8" height="8" {}
                        path.hatch d=(hatch(outcome)) {}
                    }
                }
            }
        }
    }
}

const fn hatch(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::OkKafka => "",
        Outcome::Ok => "M4 0V1M4 7V8",
        Outcome::OkDegraded => "M-2 2L2 -2M0 8L8 0M6 10L10 6",
        Outcome::AcceptedPending => "M2 2h1.5M6 6h1.5",
        Outcome::RejectedFast => "M0 2H8M0 6H8",
        Outcome::Unknown => "M0 0L8 8M0 8L8 0",
        Outcome::Timeout => "M-2 6L2 10M0 0L8 8M6 -2L10 2",
        Outcome::ErrorConnect => "M2 0V8M6 0V8",
        Outcome::ErrorIo => "M0 4H8M4 0V8",
        Outcome::ErrorStatus => "M2 2h2M6 6h2M2 6h2M6 2h2",
        Outcome::UnsentCap => "M4 0V8",
        Outcome::Unfinished => "M0 4H8",
    }
}

/// What a curve or an area of an outcome looks like, for a legend.
pub(crate) fn swatch(outcome: Outcome) -> Markup {
    html! {
        svg.swatch viewBox="0 0 44 14" aria-hidden="true" focusable="false" {
            rect width="20" height="14" fill={ "url(#p-" (outcome) ")" } {}
            path class={ "line c-" (outcome) } d="M23 7H43" {}
        }
    }
}
