//! Character references in attributes.

use std::borrow::Cow;

/// The longest reference that is decoded, without `&` and `;`: `#x10FFFF`.
const MOST_REFERENCE_BYTES: usize = 8;

/// What a value means. Of the named references only those that escape HTML itself are known; any other stays as
/// it is, and is escaped when it is written again, so that every reader takes it as it was taken here.
pub(super) fn decoded(value: &str) -> Cow<'_, str> {
    let Some(first) = value.find('&') else {
        return Cow::Borrowed(value);
    };
    let (plain, mut rest) = value.split_at(first);
    let mut decoded = plain.to_owned();
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest[1..].split_once(';').map(|(reference, _)| reference);
        let reference = reference.filter(|reference| reference.len() <= MOST_REFERENCE_BYTES);
        if let Some((reference, character)) =
            reference.and_then(|reference| Some((reference, character(reference)?)))
        {
            decoded.push(character);
            rest = &rest[reference.len() + 2..];
        } else {
            decoded.push('&');
            rest = &rest[1..];
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

fn character(reference: &str) -> Option<char> {
    let number = match reference {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => reference.strip_prefix('#')?,
    };
    let number = match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(number).filter(|character| *character != '\0')
}

/// A value to stand between quotes of either kind, or as text.
pub(super) fn encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '&' => encoded.push_str("&amp;"),
            '<' => encoded.push_str("&lt;"),
            '>' => encoded.push_str("&gt;"),
            '"' => encoded.push_str("&quot;"),
            '\'' => encoded.push_str("&#39;"),
            other => encoded.push(other),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_are_decoded_once() {
        for (value, expected) in [
            ("a", "a"),
            ("a&amp;b=1&#38;c&#x26;", "a&b=1&c&"),
            ("&amp;lt;", "&lt;"),
            ("&gt;&lt;&quot;&apos;&#39;", "><\"''"),
            ("&copy=1&unknown;&", "&copy=1&unknown;&"),
            (
                "&#0;&#xD800;&#99999999;&#;&#x;",
                "&#0;&#xD800;&#99999999;&#;&#x;",
            ),
            ("&ü;", "&ü;"),
        ] {
            assert_eq!(decoded(value), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_means_the_same(value in any::<String>()) {
            let encoded = encoded(&value);
            prop_assert_eq!(decoded(&encoded), value);
        }
    }
}
