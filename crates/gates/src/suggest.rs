//! What was probably meant.

/// "; did you mean `x`?", or nothing where no entry of `allowed` is near.
pub fn did_you_mean<'a>(given: &str, allowed: impl IntoIterator<Item = &'a str>) -> String {
    suggest(given, allowed).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The entry of `allowed` that `given` was probably meant to be.
fn suggest<'a>(given: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = allowed.into_iter().map(|name| (strsim::jaro_winkler(given, name), name));
    // 0.8 keeps `broker` -> `brokers` and `freeze_controler`, and drops words that merely share letters.
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_near_or_not_made() {
        assert_eq!(suggest("broker", ["brokers", "zones"]), Some("brokers"));
        assert_eq!(suggest("xyzzy", ["brokers", "zones"]), None);
    }
}
