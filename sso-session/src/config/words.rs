//! Words and quotes: how section names are split, and how a name is written for a shell.

/// Splits a section's name as Python's `shlex.split` does, which botocore uses for it; `None` if a
/// quote or an escape is left open.
pub(super) fn split(name: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        inner => word.push(inner),
                    }
                }
            }
            '"' => quoted(&mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next()?),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

/// Within double quotes a backslash escapes only a double quote and itself.
fn quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '\\' => match chars.next()? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            inner => word.push(inner),
        }
    }
}

/// A name as one word of a POSIX shell, in quotes only where needed.
#[must_use]
pub fn shell_quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.@%+=:,/".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_as_a_shell_would() {
        let words = |name| split(name).expect("closed quotes");
        assert_eq!(words("profile dev"), ["profile", "dev"]);
        assert_eq!(words("profile  \t dev "), ["profile", "dev"]);
        assert_eq!(words(r#"profile "my team""#), ["profile", "my team"]);
        assert_eq!(words(r"profile 'a \ b'"), ["profile", r"a \ b"]);
        assert_eq!(words(r#"profile "a\"b\c\\""#), ["profile", r#"a"b\c\"#]);
        assert_eq!(words(r"profile my\ team"), ["profile", "my team"]);
        assert_eq!(words(r#"pro"file" ''"#), ["profile", ""]);
        for open in [
            r#"profile "a"#,
            "profile 'a",
            r"profile a\",
            r#"profile "\"#,
        ] {
            assert_eq!(split(open), None, "{open}");
        }
    }

    #[test]
    fn only_names_that_need_it_are_quoted() {
        assert_eq!(shell_quoted("dev.eu@team-1"), "dev.eu@team-1");
        assert_eq!(shell_quoted("my team"), "'my team'");
        assert_eq!(shell_quoted("it's; $HOME"), r"'it'\''s; $HOME'");
        assert_eq!(shell_quoted(""), "''");
        assert_eq!(shell_quoted("größe"), "'größe'");
    }
}
