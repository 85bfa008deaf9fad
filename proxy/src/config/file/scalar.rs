//! What a plain scalar means, by what is wanted in its place: the core schema of YAML 1.2
//! (<https://yaml.org/spec/1.2.2/#103-core-schema>), and the `yes` and `on` of YAML 1.1, which PyYAML still
//! takes for booleans. Who wants a text gets what is written, so that a session may be called `on`.

/// `null`, `~` or nothing at all.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// `true`, `yes` or `on`, and their opposites; in small letters, in capitals, or with one capital.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// A whole number: decimal, `0o17` or `0x1F`.
pub(super) fn whole(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return unsigned(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return unsigned(digits, 8);
    }
    text.parse().ok()
}

fn unsigned(digits: &str, radix: u32) -> Option<i64> {
    let is_signed = digits.starts_with(['+', '-']);
    i64::from_str_radix(digits, radix)
        .ok()
        .filter(|_| !is_signed)
}

/// What a plain scalar is in JSON.
pub(super) fn json(text: &str) -> serde_json::Value {
    use serde_json::Value;
    match text {
        _ if is_null(text) => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => whole(text)
            .map(Value::from)
            .or_else(|| decimal(text))
            .unwrap_or_else(|| Value::String(text.to_owned())),
    }
}

/// Rust also takes `inf`, `nan` and the like for numbers.
fn decimal(text: &str) -> Option<serde_json::Value> {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let number: f64 = (has_digit && text.chars().all(is_number))
        .then(|| text.parse().ok())
        .flatten()?;
    serde_json::Number::from_f64(number).map(serde_json::Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_those_of_both_versions() {
        for word in ["true", "True", "yes", "YES", "on"] {
            assert_eq!(boolean(word), Some(true), "{word}");
        }
        for word in ["false", "No", "off", "OFF"] {
            assert_eq!(boolean(word), Some(false), "{word}");
        }
        for word in ["1", "y", "tRue", "", "enabled"] {
            assert_eq!(boolean(word), None, "{word}");
        }
    }

    #[test]
    fn whole_numbers_are_those_of_the_core_schema() {
        for (text, number) in [
            ("0", 0),
            ("-5", -5),
            ("+7", 7),
            ("0123", 123),
            ("0o17", 15),
            ("0x1F", 31),
        ] {
            assert_eq!(whole(text), Some(number), "{text}");
        }
        for text in [
            "",
            "1.0",
            "1e3",
            "0x",
            "0x-1",
            "0o8",
            "1_000",
            "99999999999999999999",
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn json_keeps_what_is_no_number() {
        assert_eq!(json("2012-10-17"), "2012-10-17");
        assert_eq!(json("1.5"), 1.5);
        assert_eq!(json(".nan"), ".nan");
        assert_eq!(json("infinity"), "infinity");
        assert_eq!(json("on"), "on");
        assert_eq!(json("~"), serde_json::Value::Null);
    }
}
