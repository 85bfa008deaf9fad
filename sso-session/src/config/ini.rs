//! The lines of a configuration file, by the rules of Python's `configparser.RawConfigParser` as
//! botocore sets it up, and of botocore's own indented blocks.
//!
//! * A `#` or `;` makes a comment only at the start of a line; behind a value it is part of it.
//! * A line that is indented deeper than its key goes on with the value, blank lines between included.
//! * A key without a value on its own line is a block: each line below is `key = value`.
//! * `[DEFAULT]`, in capitals, gives each section of the file what that does not set itself.
//! * A section or key given twice, and a line that is none of these, breaks the whole file.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What is wrong with a line.
#[derive(Debug)]
pub(super) struct LineError {
    pub(super) line: usize,
    pub(super) what: String,
    pub(super) cure: &'static str,
}

/// A key's value. No `Debug`: a command in it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Block(BTreeMap<String, String>),
    /// Of a key that holds a secret, which is left where it is.
    Secret,
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// Keys in lower case.
pub(super) type Entries = BTreeMap<String, Entry>;

/// `[name]` and what is below it.
pub(super) struct Section {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) entries: Arc<Entries>,
}

/// A file's sections in their order, and what `[DEFAULT]` gives to each.
#[derive(Default)]
pub(super) struct Ini {
    pub(super) sections: Vec<Section>,
    pub(super) defaults: Arc<Entries>,
}

/// The keys whose values are never kept.
const SECRETS: [&str; 3] = [
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
];

const DEFAULTS: &str = "DEFAULT";

/// Reads a file. Lines end at `\n`, `\r\n` and `\r`.
pub(super) fn parse(bytes: &[u8]) -> Result<Ini, LineError> {
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    if text.starts_with('\u{feff}') {
        return Err(LineError {
            line: 1,
            what: "it begins with a byte order mark, and the AWS CLI cannot read it".to_owned(),
            cure: "Save it as UTF-8 without BOM.",
        });
    }
    let mut parser = Parser::default();
    for (number, line) in (1..).zip(lines(text)) {
        parser.take(number, line)?;
    }
    parser.finish()
}

fn not_utf8(bytes: &[u8], valid_up_to: usize) -> LineError {
    let before = String::from_utf8_lossy(bytes.get(..valid_up_to).unwrap_or_default());
    let ends = lines(&before).count();
    let at_start = before.is_empty() || before.ends_with(['\n', '\r']);
    LineError {
        line: ends + usize::from(at_start),
        what: "this line is not UTF-8".to_owned(),
        cure: "Save the file as UTF-8.",
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(end) = rest.find(['\n', '\r']) else {
            return Some(std::mem::take(&mut rest));
        };
        let (line, ending) = rest.split_at(end);
        let next = ending.strip_prefix("\r\n").or_else(|| ending.get(1..));
        rest = next.unwrap_or_default();
        Some(line)
    })
}

/// Python's idea of white space, which has four control characters more than Rust's.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

#[derive(Default)]
struct Parser<'a> {
    done: Vec<Section>,
    lines_by_name: HashMap<String, usize>,
    defaults: Entries,
    current: Option<Open>,
    pending: Option<Pending<'a>>,
    indent: usize,
}

/// The section that is being read.
struct Open {
    name: String,
    line: usize,
    entries: Entries,
}

/// A key whose value may go on in the next line.
struct Pending<'a> {
    key: String,
    lines: Vec<(usize, &'a str)>,
}

impl<'a> Parser<'a> {
    fn take(&mut self, number: usize, line: &'a str) -> Result<(), LineError> {
        let content = strip(line);
        if content.starts_with(['#', ';']) {
            return Ok(());
        }
        if content.is_empty() {
            if let Some(pending) = &mut self.pending {
                pending.lines.push((number, ""));
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|&c| is_space(c)).count();
        if let Some(pending) = &mut self.pending
            && indent > self.indent
        {
            pending.lines.push((number, content));
            return Ok(());
        }
        self.indent = indent;
        self.end_value()?;
        match section_name(content) {
            Some(name) => self.open(number, name),
            None => self.start_value(number, content),
        }
    }

    fn open(&mut self, line: usize, name: &str) -> Result<(), LineError> {
        self.close();
        if name == DEFAULTS {
            // May come again: its parts add up.
            self.current = Some(Open {
                name: name.to_owned(),
                line,
                entries: std::mem::take(&mut self.defaults),
            });
            return Ok(());
        }
        if let Some(first) = self.lines_by_name.insert(name.to_owned(), line) {
            return Err(LineError {
                line,
                what: format!(
                    "section [{}] is here for the second time, after line {first}",
                    super::error::shown(name)
                ),
                cure: "Merge the two sections: the AWS CLI cannot read the file like this.",
            });
        }
        self.current = Some(Open {
            name: name.to_owned(),
            line,
            entries: Entries::new(),
        });
        Ok(())
    }

    fn start_value(&mut self, line: usize, content: &'a str) -> Result<(), LineError> {
        if content.starts_with('[') && (self.current.is_none() || !content.contains(['=', ':'])) {
            return Err(LineError {
                line,
                what: "this section has no name, or no `]` behind it".to_owned(),
                cure: "Write it like [profile NAME].",
            });
        }
        let Some(current) = &self.current else {
            return Err(LineError {
                line,
                what: "this line is in no section".to_owned(),
                cure: "Write a section like [profile NAME] above it, or remove it.",
            });
        };
        let parts = content.split_once(['=', ':']);
        let parts = parts.map(|(key, value)| (strip(key).to_lowercase(), strip(value)));
        let Some((key, value)) = parts.filter(|(key, _)| !key.is_empty()) else {
            return Err(LineError {
                line,
                what: "this line is neither a section, nor `key = value`, nor a comment".to_owned(),
                cure: "Correct or remove it: the AWS CLI cannot read the file like this.",
            });
        };
        if let Some(first) = current.entries.get(&key) {
            return Err(LineError {
                line,
                what: format!(
                    "{} is set for the second time, after line {}",
                    showable(&key),
                    first.line
                ),
                cure: "Remove one of the two lines: the AWS CLI cannot read the file like this.",
            });
        }
        self.pending = Some(Pending {
            key,
            lines: vec![(line, value)],
        });
        Ok(())
    }

    fn end_value(&mut self) -> Result<(), LineError> {
        if let (Some(pending), Some(current)) = (self.pending.take(), &mut self.current) {
            let line = pending.lines.first().map_or(0, |(line, _)| *line);
            let value = value(&pending)?;
            current.entries.insert(pending.key, Entry { line, value });
        }
        Ok(())
    }

    fn close(&mut self) {
        match self.current.take() {
            Some(open) if open.name == DEFAULTS => self.defaults = open.entries,
            Some(open) => self.done.push(Section {
                name: open.name,
                line: open.line,
                entries: Arc::new(open.entries),
            }),
            None => {}
        }
    }

    fn finish(mut self) -> Result<Ini, LineError> {
        self.end_value()?;
        self.close();
        Ok(Ini {
            sections: self.done,
            defaults: Arc::new(self.defaults),
        })
    }
}

/// All between the first `[` and the last `]`; what follows is ignored.
fn section_name(content: &str) -> Option<&str> {
    let (name, _) = content.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

fn value(pending: &Pending<'_>) -> Result<Value, LineError> {
    let mut lines = pending.lines.iter();
    let is_block = pending
        .lines
        .first()
        .is_some_and(|(_, first)| first.is_empty())
        && lines.any(|(_, line)| !line.is_empty());
    let block = is_block.then(|| block(&pending.lines)).transpose()?;
    if SECRETS.contains(&pending.key.as_str()) {
        return Ok(Value::Secret);
    }
    if let Some(block) = block {
        return Ok(Value::Block(block));
    }
    let lines: Vec<&str> = pending.lines.iter().map(|(_, line)| *line).collect();
    let text = lines.join("\n");
    Ok(Value::Text(text.trim_end_matches(is_space).to_owned()))
}

fn block(lines: &[(usize, &str)]) -> Result<BTreeMap<String, String>, LineError> {
    let filled = lines.iter().filter(|(_, line)| !line.is_empty());
    filled
        .map(|(number, line)| {
            let (key, value) = line.split_once('=').ok_or_else(|| LineError {
                line: *number,
                what: "this indented line is not `key = value`".to_owned(),
                cure: "Correct it, or write the value on the same line as its key.",
            })?;
            Ok((strip(key).to_owned(), strip(value).to_owned()))
        })
        .collect()
}

/// A key's name for a text, unless it may be part of a secret that has lost its key.
fn showable(key: &str) -> &str {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // Base64, of which keys and tokens are made, knows no underscore.
    let is_harmless = key.contains('_') || key.len() < 16;
    if is_harmless && key.chars().all(is_name) {
        key
    } else {
        "a key"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ini: &Ini, section: &str, key: &str) -> Option<String> {
        let section = ini.sections.iter().find(|one| one.name == section)?;
        match &section.entries.get(key)?.value {
            Value::Text(text) => Some(text.clone()),
            Value::Block(block) => Some(format!("{block:?}")),
            Value::Secret => Some("(secret)".to_owned()),
        }
    }

    fn read(content: &str) -> Ini {
        parse(content.as_bytes()).unwrap_or_else(|error| panic!("{content}: {error:?}"))
    }

    fn line_of_error(content: &[u8]) -> usize {
        match parse(content) {
            Ok(_) => panic!("{:?} can be read", String::from_utf8_lossy(content)),
            Err(error) => error.line,
        }
    }

    #[test]
    fn keys_end_at_the_first_delimiter_and_are_lower_case() {
        let ini = read("[a]\nKEY = v=1\nother: http://x\nempty =\n");
        assert_eq!(text(&ini, "a", "key").as_deref(), Some("v=1"));
        assert_eq!(text(&ini, "a", "other").as_deref(), Some("http://x"));
        assert_eq!(text(&ini, "a", "empty").as_deref(), Some(""));
    }

    #[test]
    fn comments_need_a_line_of_their_own() {
        let ini = read("# one\n[a] # behind\n  ; two\nkey = v # kept\n");
        assert_eq!(text(&ini, "a", "key").as_deref(), Some("v # kept"));
    }

    #[test]
    fn deeper_lines_go_on_with_the_value() {
        let ini = read("[a]\nkey = 1\n  2\n\n  # not this\n  3\n\nnext = x\n");
        assert_eq!(text(&ini, "a", "key").as_deref(), Some("1\n2\n\n3"));
        assert_eq!(text(&ini, "a", "next").as_deref(), Some("x"));
        let ini = read("[a]\n  key = 1\n  next = 2\n");
        assert_eq!(text(&ini, "a", "next").as_deref(), Some("2"));
    }

    #[test]
    fn a_key_without_value_opens_a_block() {
        let ini = read("[services s]\nsso =\n  endpoint_url = http://x\n\n  other=1\n");
        assert_eq!(
            text(&ini, "services s", "sso").as_deref(),
            Some(r#"{"endpoint_url": "http://x", "other": "1"}"#)
        );
        assert_eq!(line_of_error(b"[a]\nkey =\n\n  no delimiter\n"), 4);
    }

    #[test]
    fn every_line_ending_is_counted() {
        for content in ["[a]\r\n[b]\r\nx\r\n", "[a]\r[b]\rx", "[a]\n[b]\nx\n"] {
            assert_eq!(line_of_error(content.as_bytes()), 3, "{content:?}");
        }
        assert_eq!(line_of_error(b"[a]\r\nkey = \xff\r\n"), 2);
        assert_eq!(line_of_error(b"[a]\n\xff"), 2);
        assert_eq!(line_of_error(b"\xff"), 1);
    }

    #[test]
    fn what_is_given_twice_or_makes_no_sense_is_an_error() {
        assert_eq!(line_of_error(b"[a]\n[b]\n[a]\n"), 3);
        assert_eq!(line_of_error(b"[a]\nk = 1\nK : 2\n"), 3);
        assert_eq!(line_of_error(b"k = 1\n"), 1);
        assert_eq!(line_of_error(b"[a]\n= 1\n"), 2);
        assert_eq!(line_of_error(b"[a]\n[]\n"), 2);
        assert_eq!(line_of_error("\u{feff}[a]\n".as_bytes()), 1);
    }

    #[test]
    fn secrets_are_neither_kept_nor_shown() {
        let ini = read("[a]\naws_secret_access_key = hunter2\n");
        let kept = text(&ini, "a", "aws_secret_access_key");
        assert_eq!(kept.as_deref(), Some("(secret)"));
        assert_eq!(showable("sso_region"), "sso_region");
        assert_eq!(
            showable("wjalrxutnfemik7mdengbpxrficyexamplekey0a"),
            "a key"
        );
        assert_eq!(showable("aws_secret_access_key wjalr/x"), "a key");
    }

    #[test]
    fn sections_in_capitals_give_defaults() {
        let ini = read("[DEFAULT]\na = 1\n[x]\n[DEFAULT]\nb = 2\n");
        assert_eq!(ini.sections.len(), 1);
        assert_eq!(ini.defaults.len(), 2);
        assert_eq!(line_of_error(b"[DEFAULT]\na = 1\n[DEFAULT]\na = 2\n"), 4);
    }
}
