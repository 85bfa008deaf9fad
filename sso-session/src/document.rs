//! A JSON object whose fields are kept as they were written.
//!
//! Several programs write the files of the contract, each with fields of its own. What is not
//! understood is kept byte for byte, in its order: large numbers, odd escapes and nested values
//! alike. A known field of the wrong type counts as not understood.

use std::collections::HashMap;
use std::fmt;
use std::time::SystemTime;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::date;
use crate::secret::Secret;

/// Fields that nobody has understood yet, in their order: names, and values as JSON.
///
/// Values count as secrets, since nobody knows what they are.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, Secret)>);

impl Fields {
    /// Reads an object; `None` if the bytes are anything else. Of fields with one name the last
    /// counts, as everywhere.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let fields = json.deserialize_map(FieldsVisitor).ok()?;
        json.end().ok().map(|()| fields)
    }

    /// Takes a field out if it is a text.
    pub(crate) fn take_text(&mut self, name: &str) -> Option<String> {
        self.take(name, |json| serde_json::from_str(json).ok())
    }

    /// Takes a field out if it is a text, as a secret.
    pub(crate) fn take_secret(&mut self, name: &str) -> Option<Secret> {
        self.take_text(name).map(Secret::new)
    }

    /// Takes a field out if it is a date, as whole seconds.
    pub(crate) fn take_date(&mut self, name: &str) -> Option<SystemTime> {
        self.take(name, |json| {
            let text: String = serde_json::from_str(json).ok()?;
            date::parse(&text).map(date::whole_seconds)
        })
    }

    /// Takes a field out if `decode` understands its JSON; otherwise it stays.
    pub(crate) fn take<T>(
        &mut self,
        name: &str,
        decode: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let index = self.0.iter().position(|(found, _)| found == name)?;
        let value = decode(self.0.get(index)?.1.expose())?;
        self.0.remove(index);
        Some(value)
    }

    /// Whether a field of that name is still here.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }

    /// Appends those of `theirs` whose names are not here.
    pub(crate) fn adopt(&mut self, theirs: &Self) {
        for (name, value) in &theirs.0 {
            if !self.contains(name) {
                self.0.push((name.clone(), value.clone()));
            }
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(name, _)| name);
        formatter.debug_set().entries(names).finish()
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut places = HashMap::new();
        let mut fields: Vec<(String, Secret)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            let value = Secret::new(value.get());
            let place = *places.entry(name.clone()).or_insert(fields.len());
            match fields.get_mut(place) {
                Some(field) => field.1 = value,
                None => fields.push((name, value)),
            }
        }
        Ok(Fields(fields))
    }
}

/// Writes an object on one line, as Python's `json.dumps` does: the AWS CLI's own form.
pub(crate) struct ObjectWriter {
    json: Zeroizing<String>,
    written: Vec<&'static str>,
}

impl ObjectWriter {
    pub(crate) fn new() -> Self {
        // Room for any usual file, so that no half of a secret stays in memory given back.
        let mut json = Zeroizing::new(String::with_capacity(16 * 1024));
        json.push('{');
        let written = Vec::new();
        Self { json, written }
    }

    pub(crate) fn text(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.json(name, &quoted(text));
        }
    }

    pub(crate) fn secret(&mut self, name: &'static str, secret: Option<&Secret>) {
        self.text(name, secret.map(Secret::expose));
    }

    pub(crate) fn date(&mut self, name: &'static str, time: Option<SystemTime>) {
        self.text(name, time.map(date::format).as_deref());
    }

    pub(crate) fn texts(&mut self, name: &'static str, texts: Option<&[String]>) {
        if let Some(texts) = texts {
            let quoted: Vec<_> = texts.iter().map(|text| quoted(text).to_string()).collect();
            self.json(name, &format!("[{}]", quoted.join(", ")));
        }
    }

    /// Writes a number as it stands.
    pub(crate) fn number(&mut self, name: &'static str, number: Option<&str>) {
        if let Some(number) = number {
            self.json(name, number);
        }
    }

    fn json(&mut self, name: &'static str, json: &str) {
        self.field(name, json);
        self.written.push(name);
    }

    /// Appends the fields of others, except those that are written already.
    pub(crate) fn finish(mut self, others: &Fields) -> Zeroizing<Vec<u8>> {
        for (name, value) in &others.0 {
            if !self.written.iter().any(|written| written == name) {
                self.field(name, value.expose());
            }
        }
        self.json.push('}');
        Zeroizing::new(std::mem::take(&mut *self.json).into_bytes())
    }

    fn field(&mut self, name: &str, json: &str) {
        if self.json.len() > 1 {
            self.json.push_str(", ");
        }
        self.json.push_str(&quoted(name));
        self.json.push_str(": ");
        self.json.push_str(json);
    }
}

/// A JSON text in ASCII: Python reads these files in whatever encoding its locale names.
fn quoted(text: &str) -> Zeroizing<String> {
    use fmt::Write as _;
    let mut quoted = Zeroizing::new(String::with_capacity(text.len() + 16));
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            ' '..='\x7f' => quoted.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // A `String` takes everything.
                    let _always = write!(quoted, "\\u{unit:04x}");
                }
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rewritten(json: &str) -> String {
        let fields = Fields::parse(json.as_bytes()).expect("an object");
        let bytes = ObjectWriter::new().finish(&fields).to_vec();
        String::from_utf8(bytes).expect("a text")
    }

    #[test]
    fn what_is_not_understood_is_kept_byte_for_byte() {
        let json = r#"{"z": 1e999, "a": -0.10, "n": {"deep": [1,2 ,{ } ]}, "s": "\ud800\/\u00e9", "b": null}"#;
        assert_eq!(rewritten(json), json);
        assert_eq!(rewritten("{}"), "{}");
    }

    #[test]
    fn the_last_of_two_equal_names_counts() {
        assert_eq!(rewritten(r#"{"a":1,"b":2,"a":3}"#), r#"{"a": 3, "b": 2}"#);
    }

    #[test]
    fn only_a_whole_object_is_one() {
        for json in [
            "",
            "{",
            "null",
            "[]",
            "\"x\"",
            "{} {}",
            "{\"a\":}",
            "{\"a\":NaN}",
            "\u{feff}{}",
        ] {
            assert_eq!(Fields::parse(json.as_bytes()), None, "{json}");
        }
        assert_eq!(Fields::parse(b"{\"a\": \"\xff\"}"), None);
    }

    #[test]
    fn a_field_of_the_wrong_type_stays() {
        let mut fields = Fields::parse(br#"{"number": 5, "text": "x"}"#).expect("an object");
        assert_eq!(fields.take_text("number"), None);
        assert_eq!(fields.take_text("text").as_deref(), Some("x"));
        assert!(fields.contains("number") && !fields.contains("text"));
        assert_eq!(format!("{fields:?}"), r#"{"number"}"#);
    }

    proptest! {
        #[test]
        fn texts_are_ascii_and_read_as_they_were(text in any::<String>()) {
            let quoted = quoted(&text);
            prop_assert!(quoted.is_ascii());
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).expect("JSON"), text);
        }
    }
}
