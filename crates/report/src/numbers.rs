//! Numbers for people.

pub(crate) use scenario::units::{grouped, plural, time, time_or_never};

/// `text` in lines of at most `columns`, broken between words; a longer word has a line of its own.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_only() {
        assert_eq!(wrapped("one two three-and-a-half four", 8), ["one two", "three-and-a-half", "four"]);
        assert_eq!(wrapped("", 8), [""]);
    }
}
