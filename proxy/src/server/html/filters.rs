//! How values read: sizes, times, counts, and texts with code in them.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use sso_session::date;
use tera::{Result, Tera, Value};

type Arguments = HashMap<String, Value>;

pub(super) fn register(templates: &mut Tera) {
    templates.register_filter("size", size);
    templates.register_filter("grouped", grouped);
    templates.register_filter("duration", duration);
    templates.register_filter("relative", relative);
    templates.register_filter("elapsed", elapsed);
    templates.register_filter("lies_ahead", lies_ahead);
    templates.register_filter("adds_to", adds_to);
    templates.register_filter("visible", visible);
    templates.register_filter("pieces", pieces);
}

/// Bytes: `1.5 MiB`.
fn size(value: &Value, _: &Arguments) -> Result<Value> {
    Ok(human_size(number(value)?).into())
}

/// A count: `12,345`.
fn grouped(value: &Value, _: &Arguments) -> Result<Value> {
    let digits = number(value)?.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    Ok(text.into())
}

/// Seconds: `2 h 5 min`.
fn duration(value: &Value, _: &Arguments) -> Result<Value> {
    Ok(human_duration(Duration::from_secs(number(value)?)).into())
}

/// A time, seen from the argument `now`: `3 min ago`, `in 2 h 5 min`.
fn relative(value: &Value, arguments: &Arguments) -> Result<Value> {
    let (time, now) = (time(Some(value))?, time(arguments.get("now"))?);
    let text = match (now.duration_since(time), time.duration_since(now)) {
        (Ok(passed), _) if passed.as_secs() == 0 => "just now".to_owned(),
        (Ok(passed), _) => format!("{} ago", human_duration(passed)),
        (Err(_), Ok(left)) => format!("in {}", human_duration(left)),
        (Err(_), Err(_)) => "just now".to_owned(),
    };
    Ok(text.into())
}

/// How long ago a time was, seen from the argument `now`: `2 h 5 min`.
fn elapsed(value: &Value, arguments: &Arguments) -> Result<Value> {
    let (time, now) = (time(Some(value))?, time(arguments.get("now"))?);
    Ok(human_duration(now.duration_since(time).unwrap_or_default()).into())
}

/// Whether a time is yet to come, seen from the argument `now`.
fn lies_ahead(value: &Value, arguments: &Arguments) -> Result<Value> {
    Ok((time(Some(value))? > time(arguments.get("now"))?).into())
}

/// Whether there is a text that is not part of the argument `text` already.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a filter")]
fn adds_to(value: &Value, arguments: &Arguments) -> Result<Value> {
    let said = arguments.get("text").and_then(Value::as_str);
    let is_news = |text: &str| !said.unwrap_or_default().contains(text);
    Ok(value.as_str().is_some_and(is_news).into())
}

/// A name as it is, but for characters that cannot be seen or turn others around: `\u{202e}`.
fn visible(value: &Value, _: &Arguments) -> Result<Value> {
    let text = value.as_str().ok_or("visible: no text")?;
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let is_unseen = character.is_control()
            || matches!(
                character,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
            );
        if is_unseen {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Ok(shown.into())
}

/// A text with `` `code` `` in it: its pieces, each with `text` and `is_code`.
fn pieces(value: &Value, _: &Arguments) -> Result<Value> {
    let text = value.as_str().ok_or("pieces: no text")?;
    let parts: Vec<_> = text.split('`').collect();
    // A backtick without its counterpart is one that is meant.
    let is_odd = parts.len() % 2 == 0;
    let last = parts.len() - 1;
    let piece = |(index, part): (usize, &&str)| {
        let is_lonely = is_odd && index == last;
        let text = if is_lonely {
            format!("`{part}")
        } else {
            (*part).to_owned()
        };
        serde_json::json!({ "text": text, "is_code": index % 2 == 1 && !is_lonely })
    };
    Ok(parts.iter().enumerate().map(piece).collect())
}

fn number(value: &Value) -> Result<u64> {
    value.as_u64().ok_or_else(|| "no whole number".into())
}

fn time(value: Option<&Value>) -> Result<SystemTime> {
    let text = value.and_then(Value::as_str);
    text.and_then(date::parse).ok_or_else(|| "no time".into())
}

pub(in crate::server) fn human_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |great: u64, unit: &str, small: u64, lesser: &str| match small {
        0 => format!("{great} {unit}"),
        small => format!("{great} {unit} {small} {lesser}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        // Seconds of few minutes are of interest, those of many are noise.
        60..600 => two(minutes, "min", seconds % 60, "s"),
        600..3600 => format!("{minutes} min"),
        3600..86_400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shown with one digit behind the point"
)]
pub(in crate::server) fn human_size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(human_size(0), "0 B");
        assert_eq!(human_size(1536), "1.5 KiB");
        assert_eq!(human_size(3 << 30), "3.0 GiB");
    }

    #[test]
    fn counts_are_grouped() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            let grouped = grouped(&json!(count), &Arguments::new());
            assert_eq!(grouped.expect("a number"), json!(text));
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (600, "10 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (7500, "2 h 5 min"),
            (86_400, "1 d"),
            (100_000, "1 d 3 h"),
        ] {
            assert_eq!(human_duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn times_are_seen_from_now() {
        let now = Arguments::from([("now".to_owned(), json!("2026-01-02T15:04:05Z"))]);
        for (time, text) in [
            ("2026-01-02T15:04:05Z", "just now"),
            ("2026-01-02T15:01:05Z", "3 min ago"),
            ("2026-01-02T17:09:05Z", "in 2 h 5 min"),
        ] {
            let seen = relative(&json!(time), &now);
            assert_eq!(seen.expect("a time"), json!(text));
        }
        assert!(relative(&json!("soon"), &now).is_err());
        let ahead = |time| lies_ahead(&json!(time), &now).expect("a time");
        assert_eq!(ahead("2026-01-02T15:04:06Z"), json!(true));
        assert_eq!(ahead("2026-01-02T15:04:05Z"), json!(false));
    }

    #[test]
    fn what_was_said_is_not_said_again() {
        let adds = |value: Value, said: Value| {
            let said = Arguments::from([("text".to_owned(), said)]);
            adds_to(&value, &said).expect("an answer") == json!(true)
        };
        assert!(adds(json!("b"), json!("a c")) && adds(json!("b"), Value::Null));
        assert!(!adds(json!("b"), json!("a b c")) && !adds(Value::Null, Value::Null));
    }

    #[test]
    fn a_name_hides_nothing() {
        let shown = visible(
            &json!("grüße-日本\u{202e}raj.\u{200b}x\n"),
            &Arguments::new(),
        );
        let expected = r"grüße-日本\u{202e}raj.\u{200b}x\u{a}";
        assert_eq!(shown.expect("a text"), json!(expected));
    }

    #[test]
    fn code_is_told_from_text() {
        let told = |text: &str| {
            let told = pieces(&json!(text), &Arguments::new()).expect("a text");
            let told = told.as_array().expect("pieces").clone();
            told.iter()
                .map(|piece| format!("{}|{}", piece["text"].as_str().unwrap(), piece["is_code"]))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            told("Run `a b`; or not"),
            ["Run |false", "a b|true", "; or not|false"]
        );
        assert_eq!(told("plain"), ["plain|false"]);
        assert_eq!(told("it`s"), ["it|false", "`s|false"]);
    }
}
