//! JSON whose values are known with their places.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::PageError;

/// All entries of a map in their order, also those that have one key.
#[derive(Debug, Default)]
pub(super) struct Entries<'a> {
    pub(super) entries: Vec<(&'a RawValue, &'a RawValue)>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries { entries })
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// A value that is there, be it `null`.
pub(super) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Reads a page or a part of one.
pub(super) fn read<'a, T: Deserialize<'a>>(what: &str, text: &'a str) -> Result<T, PageError> {
    serde_json::from_str(text).map_err(|error| PageError::Json {
        what: what.to_owned(),
        error,
    })
}

/// Where in the page a value stands that was read from it.
pub(super) fn place(page: &str, value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr().addr() - page.as_ptr().addr();
    start..start + value.get().len()
}

/// A text; `None` of anything else.
pub(super) fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// A text as JSON has it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
