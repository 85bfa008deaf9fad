//! Texts for programs that take them for markup.

/// A text that is shown as it is by whatever reads Pango's markup or Qt's rich text. `zenity`, `kdialog`
/// and `notify-send` also give a meaning to backslashes.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' => escaped.push_str("&#92;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_a_meaning_of_its_own() {
        let text = r"<b>R&D</b> C:\new";
        assert_eq!(escaped(text), "&lt;b&gt;R&amp;D&lt;/b&gt; C:&#92;new");
        assert_eq!(escaped("é\n"), "é\n");
    }
}
