//! The command that makes a run again, as text for a shell: it goes into `result.json` and on the page.
//!
//! Pages are mailed, so what a header may hold in secret is left out.

use std::path::Path;

/// Names of headers with one of these in them have secret values.
const SECRET: [&str; 7] = ["auth", "cookie", "token", "secret", "api-key", "apikey", "password"];

/// From the program's arguments, its own name the first.
pub(crate) fn command(mut args: impl Iterator<Item = String>) -> String {
    let program = args.next().unwrap_or_default();
    let mut words =
        vec![Path::new(&program).file_name().map_or(program.clone(), |it| it.to_string_lossy().into_owned())];
    let mut is_header = false;
    for arg in args {
        let word = match arg.strip_prefix("--header=") {
            Some(header) => format!("--header={}", without_secret(header)),
            None if is_header => without_secret(&arg),
            None => arg.clone(),
        };
        is_header = arg == "--header";
        words.push(quoted(word));
    }
    words.join(" ")
}

fn without_secret(header: &str) -> String {
    match header.split_once(':') {
        Some((name, _)) if SECRET.iter().any(|it| name.to_ascii_lowercase().contains(it)) => {
            format!("{name}: ...")
        }
        _ => header.to_owned(),
    }
}

fn quoted(word: String) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,%+@".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_command_can_be_pasted_and_has_no_secrets() {
        let args = [
            "/usr/bin/loadgen",
            "http://127.0.0.1/?a=1&b=2",
            "--header",
            "X-Auth-Token: s3cret",
            "--header",
            "accept: */*",
            "--header=Cookie: s3cret",
            "--body",
            "it's {seq}",
            "--expect",
            "p99{ok} < 50ms",
            "--run",
            "",
        ];
        expect![[r#"loadgen 'http://127.0.0.1/?a=1&b=2' --header 'X-Auth-Token: ...' --header 'accept: */*' '--header=Cookie: ...' --body 'it'\''s {seq}' --expect 'p99{ok} < 50ms' --run ''"#]]
            .assert_eq(&command(args.into_iter().map(str::to_owned)));
    }
}
