//! One reader for all values of a file: gives what is wanted, or notes a fault with its place and goes on.
//!
//! A mapping is asked for its keys by name; when it is finished, what nobody has asked for is unknown. So no
//! key can be read without being known, and none be known without being read.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::faults::{FileFault, FileFaults, Place};
use super::interpolation::{Foreign, Interpolated, Substitutions};
use super::yaml::{Entry, Mark, Node, Value, YamlFault};
use super::{Vars, scalar};

/// Their values are never shown.
const SECRET_KEYS: [&str; 5] = [
    "auth_token",
    "aws_secret_access_key",
    "session_token",
    "TokenCode",
    "ExternalId",
];
/// Nobody mends more at once; a file of a megabyte may hold a hundred thousand.
const MOST_FAULTS: usize = 200;
/// What a text of a fault shows of a value.
const LONGEST_SHOWN: usize = 80;

/// Reads values and gathers faults.
pub(super) struct Reading<'a> {
    file: Arc<Path>,
    substitutions: Substitutions<'a>,
    faults: Vec<FileFault>,
    /// How many more there were than [`MOST_FAULTS`].
    left_out: usize,
    /// The mappings that were read, and their keys: the schema is compared with them.
    #[cfg(test)]
    pub(super) asked: Vec<(String, Vec<&'static str>)>,
}

/// A value and its path in the document, for example `server.port`.
#[derive(Clone, Debug)]
pub(super) struct Field<'n> {
    pub(super) path: String,
    pub(super) node: &'n Node,
}

/// A mapping whose keys are being asked for.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    path: String,
    pub(super) mark: Mark,
    entries: &'n [Entry],
    asked: Vec<&'static str>,
}

/// A text, with everything put in.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) value: String,
    pub(super) mark: Mark,
    pub(super) path: String,
    /// The file that all of it came from.
    pub(super) file: Option<PathBuf>,
    is_hidden: bool,
}

impl Text {
    /// A key that is a text of the user's own.
    pub(super) fn of_key(key: &str, mark: Mark, path: String) -> Self {
        Self {
            value: key.to_owned(),
            mark,
            path,
            file: None,
            is_hidden: false,
        }
    }

    /// How a fault may tell it.
    pub(super) fn shown(&self) -> String {
        if self.is_hidden {
            "its value".to_owned()
        } else {
            shown(&self.value)
        }
    }
}

/// Within back quotes, on one line, and not for ever.
fn shown(text: &str) -> String {
    format!("`{}`", on_one_line(text))
}

fn on_one_line(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST_SHOWN).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    let escaped = cut.chars().map(|c| match c {
        '"' | '\'' | '\\' => c.to_string(),
        _ => c.escape_debug().to_string(),
    });
    escaped.collect::<String>() + dots
}

/// A key within back quotes.
pub(super) fn shown_key(key: &str) -> String {
    format!("`{}`", key_in_path(key))
}

/// A key. What stands behind a colon may be a value whose blank was forgotten, and a secret.
fn key_in_path(key: &str) -> String {
    match key.split_once(':') {
        Some((before, _)) => format!("{}:…", on_one_line(before)),
        None => on_one_line(key),
    }
}

/// The path of a key within the mapping at `outer`.
pub(super) fn joined(outer: &str, key: &str) -> String {
    let key = key_in_path(key);
    if outer.is_empty() {
        key
    } else {
        format!("{outer}.{key}")
    }
}

impl<'a> Reading<'a> {
    /// For the file at `path`.
    pub(super) fn new(path: &Path, vars: Vars<'a>) -> Self {
        Self {
            file: path.into(),
            substitutions: Substitutions::new(path, vars),
            faults: Vec::new(),
            left_out: 0,
            #[cfg(test)]
            asked: Vec::new(),
        }
    }

    /// What was read for it all, if none of it is at fault.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<(T, Vec<PathBuf>), FileFaults> {
        let (mut list, inputs) = (self.faults, self.substitutions.inputs);
        match value {
            Some(value) if list.is_empty() => Ok((value, inputs)),
            Some(_) | None => {
                list.sort_by_key(|fault| (fault.place.line, fault.place.column));
                // What an alias stands for is read at each of its places.
                list.dedup();
                if let Some(last) = list.last().filter(|_| self.left_out > 0) {
                    list.push(FileFault {
                        place: last.place.clone(),
                        problem: format!("{} more faults are not told", self.left_out),
                        cure: "Mend the others first.".to_owned(),
                    });
                }
                Err(FileFaults { list, inputs })
            }
        }
    }

    /// The place of a mark in this file.
    pub(super) fn place(&self, mark: Mark) -> Place {
        Place {
            file: Arc::clone(&self.file),
            line: mark.line,
            column: mark.column,
        }
    }

    /// Notes what is wrong, and what to write instead. No secrets.
    pub(super) fn fault(
        &mut self,
        mark: Mark,
        problem: impl Into<String>,
        cure: impl Into<String>,
    ) {
        if self.is_full() {
            self.left_out += 1;
            return;
        }
        let place = self.place(mark);
        self.faults.push(FileFault {
            place,
            problem: problem.into(),
            cure: cure.into(),
        });
    }

    fn is_full(&self) -> bool {
        self.faults.len() >= MOST_FAULTS
    }

    /// Notes a fault that follows from others, where there are any.
    pub(super) fn fault_unless_any(&mut self, mark: Mark, problem: &str, cure: &str) {
        if self.faults.is_empty() {
            self.fault(mark, problem, cure);
        }
    }

    /// Notes what is wrong with a text.
    pub(super) fn fault_of(&mut self, text: &Text, problem: &str, cure: impl Into<String>) {
        let problem = format!("{}: {} {problem}", text.path, text.shown());
        self.fault(text.mark, problem, cure);
    }

    /// Takes the faults of the document itself over.
    pub(super) fn take_over(&mut self, faults: Vec<YamlFault>) {
        for YamlFault {
            mark,
            problem,
            cure,
        } in faults
        {
            self.fault(mark, problem, cure);
        }
    }

    /// A path as it is meant.
    pub(super) fn path_of(&self, written: &str) -> PathBuf {
        self.substitutions.path(written)
    }

    /// A variable of the environment.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.substitutions.variable(name)
    }

    fn wrong_kind(&mut self, field: &Field<'_>, wanted: &str) {
        let found = match &field.node.value {
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        };
        let path = match field.path.as_str() {
            "" => "the document",
            path => path,
        };
        let problem = format!("{path}: {found} stands where {wanted} is wanted");
        self.fault(field.node.mark, problem, format!("Write {wanted} there."));
    }

    /// A mapping's keys and values.
    pub(super) fn fields<'n>(&mut self, field: &Field<'n>) -> Option<Fields<'n>> {
        match &field.node.value {
            Value::Mapping(entries) => Some(Fields {
                path: field.path.clone(),
                mark: field.node.mark,
                entries,
                asked: Vec::new(),
            }),
            Value::Scalar { .. } | Value::Sequence(_) => {
                self.wrong_kind(field, "a mapping (`key: value` lines)");
                None
            }
        }
    }

    /// A list's items.
    pub(super) fn items<'n>(&mut self, field: &Field<'n>) -> Vec<Field<'n>> {
        match &field.node.value {
            Value::Sequence(items) => {
                let item = |(index, node)| Field {
                    path: format!("{}[{index}]", field.path),
                    node,
                };
                items.iter().enumerate().map(item).collect()
            }
            Value::Scalar { .. } | Value::Mapping(_) => {
                self.wrong_kind(field, "a list (`- item` lines)");
                Vec::new()
            }
        }
    }

    /// A text, as it is written: also a number or `on`.
    pub(super) fn text(&mut self, field: &Field<'_>) -> Option<Text> {
        self.text_among(field, Foreign::Refused)
    }

    /// A text in which some `${…}` are not ours.
    pub(super) fn text_among(&mut self, field: &Field<'_>, foreign: Foreign) -> Option<Text> {
        let Value::Scalar { text, .. } = &field.node.value else {
            self.wrong_kind(field, "a single text");
            return None;
        };
        match self.substitutions.apply(text, foreign) {
            Ok(Interpolated {
                text,
                is_substituted,
                file,
            }) => Some(Text {
                value: text,
                mark: field.node.mark,
                path: field.path.clone(),
                file,
                is_hidden: is_substituted || is_secret(&field.path),
            }),
            Err(faults) => {
                for (problem, cure) in faults {
                    let problem = format!("{}: {problem}", field.path);
                    self.fault(field.node.mark, problem, cure);
                }
                None
            }
        }
    }

    /// A plain scalar with everything put in; one that was put in may be quoted, as `{` needs it in a flow.
    fn unquoted(&mut self, field: &Field<'_>, wanted: &str) -> Option<Text> {
        let Value::Scalar { text, is_plain } = &field.node.value else {
            self.wrong_kind(field, wanted);
            return None;
        };
        let may_be_quoted = text.contains("${");
        let text = self.text(field)?;
        if *is_plain || may_be_quoted {
            return Some(text);
        }
        let problem = format!("is a text where {wanted} is wanted");
        self.fault_of(&text, &problem, "Remove the quotes.");
        None
    }

    /// `true`, `false` and their like.
    pub(super) fn boolean(&mut self, field: &Field<'_>) -> Option<bool> {
        let text = self.unquoted(field, "true or false")?;
        let value = scalar::boolean(text.value.trim());
        if value.is_none() {
            self.fault_of(&text, "is neither true nor false", "Write true or false.");
        }
        value
    }

    /// A whole number within bounds.
    pub(super) fn whole<N: TryFrom<i64> + Copy>(
        &mut self,
        field: &Field<'_>,
        bounds: RangeInclusive<i64>,
    ) -> Option<N> {
        let wanted = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        let text = self.unquoted(field, &wanted)?;
        let number = scalar::whole(text.value.trim()).filter(|number| bounds.contains(number));
        let number = number.and_then(|number| N::try_from(number).ok());
        if number.is_none() {
            self.fault_of(
                &text,
                &format!("is not {wanted}"),
                format!("Write {wanted}."),
            );
        }
        number
    }

    /// Several texts: a list, or one text with commas.
    pub(super) fn words(&mut self, field: &Field<'_>) -> Vec<Text> {
        if let Value::Sequence(_) = field.node.value {
            return self.texts(field);
        }
        let Some(all) = self.text(field) else {
            return Vec::new();
        };
        let words = all.value.split(',').map(str::trim);
        let of_word = |word: &str| Text {
            value: word.to_owned(),
            ..all.clone()
        };
        words.filter(|word| !word.is_empty()).map(of_word).collect()
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, field: &Field<'_>) -> Vec<Text> {
        let items = self.items(field);
        items.iter().filter_map(|item| self.text(item)).collect()
    }

    /// A path to a file or a folder.
    pub(super) fn file_path(&mut self, field: &Field<'_>) -> Option<PathBuf> {
        let text = self.text(field)?;
        if text.value.is_empty() || text.value.contains('\0') {
            self.fault_of(&text, "is not a path", "Name a file or a folder.");
            return None;
        }
        Some(self.path_of(&text.value))
    }
}

/// Whether the value of this path is one that is never shown.
fn is_secret(path: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or_default();
    SECRET_KEYS.contains(&key)
}

impl<'n> Fields<'n> {
    /// The value of a key, where there is one that is not null.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Field<'n>> {
        self.take_even_empty(key)
            .filter(|field| !field.node.is_null())
    }

    /// The value of a key, where the key stands there.
    pub(super) fn take_even_empty(&mut self, key: &'static str) -> Option<Field<'n>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.field(&entry.key, &entry.node))
    }

    /// The value of a key that has to be there.
    pub(super) fn need(
        &mut self,
        key: &'static str,
        reading: &mut Reading<'_>,
        cure: &str,
    ) -> Option<Field<'n>> {
        let found = self.take(key);
        if found.is_none() {
            let entry = self.entries.iter().find(|entry| entry.key == key);
            let mark = entry.map_or(self.mark, |entry| entry.node.mark);
            let problem = format!("{} is missing", self.path_of(key));
            reading.fault(mark, problem, cure);
        }
        found
    }

    /// Whether the key stands there; it is not asked for by that.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// All keys with their places and values, where the keys are names that the user has chosen.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'n str, Mark, Field<'n>)> {
        let fields = self.entries.iter();
        fields.map(|entry| {
            let field = self.field(&entry.key, &entry.node);
            (entry.key.as_str(), entry.key_mark, field)
        })
    }

    fn field(&self, key: &str, node: &'n Node) -> Field<'n> {
        let path = self.path_of(key);
        Field { path, node }
    }

    /// The path of a key of this mapping.
    pub(super) fn path_of(&self, key: &str) -> String {
        joined(&self.path, key)
    }

    /// Notes each key that was not asked for. `x-…` may stand everywhere.
    pub(super) fn finish(self, reading: &mut Reading<'_>) {
        for entry in self.entries {
            let key = entry.key.as_str();
            if self.asked.contains(&key) || key.starts_with("x-") {
                continue;
            }
            if reading.is_full() {
                reading.left_out += 1;
                continue;
            }
            let place = if self.path.is_empty() {
                String::new()
            } else {
                format!(" in {}", self.path)
            };
            let problem = format!("unknown key {}{place}", shown_key(key));
            let cure = if let Some((before, _)) = key.split_once(':')
                && self.asked.contains(&before)
            {
                format!("Write a blank behind the colon: `{before}: …`.")
            } else {
                nearest(key, &self.asked).map_or_else(
                    || format!("Known here: {}.", list(&self.asked)),
                    |known| format!("Did you mean `{known}`?"),
                )
            };
            reading.fault(entry.key_mark, problem, cure);
        }
        #[cfg(test)]
        reading.asked.push((self.path, self.asked));
    }
}

fn list(keys: &[&'static str]) -> String {
    let mut keys: Vec<_> = keys.to_vec();
    keys.sort_unstable();
    keys.join(", ")
}

/// The known key that was probably meant: the same in another spelling, a slip or two away, or the only one that
/// holds what is written.
fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    const LEAST_PART: usize = 4;
    let plain = |key: &str| key.replace(['_', '-', ' '], "").to_ascii_lowercase();
    let key: String = plain(key).chars().take(LONGEST_SHOWN).collect();
    let distances = known.iter().map(|known| {
        let distance = strsim::damerau_levenshtein(&key, &plain(known));
        (distance, *known)
    });
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    if distance <= 2 && distance * 3 <= nearest.len() {
        return Some(nearest);
    }
    let mut holders = known.iter().filter(|known| plain(known).contains(&key));
    let holder = holders.next().filter(|_| key.len() >= LEAST_PART)?;
    holders.next().is_none().then_some(holder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_a_slip_away() {
        let known = ["services", "server", "RoleArn", "auth_token"];
        assert_eq!(nearest("sevrices", &known), Some("services"));
        assert_eq!(nearest("role_arn", &known), Some("RoleArn"));
        assert_eq!(nearest("authToken", &known), Some("auth_token"));
        assert_eq!(nearest("token", &known), Some("auth_token"));
        assert_eq!(nearest("arn", &known), None);
        assert_eq!(nearest("", &known), None);
    }

    #[test]
    fn what_is_shown_is_one_short_line() {
        assert_eq!(shown("a\nb"), "`a\\nb`");
        assert_eq!(shown("it's \"so\""), "`it's \"so\"`");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), LONGEST_SHOWN + 3);
        assert_eq!(shown_key("auth_token:hunter2"), "`auth_token:…`");
    }
}
