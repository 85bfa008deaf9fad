//! A YAML document as a tree whose nodes know their places; JSON is YAML, too.
//!
//! Aliases are expanded and merge keys (`<<`) resolved as PyYAML's `safe_load` does it, but within bounds:
//! a page of aliases of aliases cannot become gigabytes. Keys that stand twice, which PyYAML takes in
//! silence, are faults.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::scalar;

/// With what aliases stand for. A service has about twenty.
const MOST_NODES: usize = 100_000;
/// The deepest that the file asks for is eight; policies may go on for a while.
const DEEPEST: usize = 64;

/// A place in the document; both from 1 on, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Mark {
    pub(super) const START: Self = Self { line: 1, column: 1 };

    fn of(marker: &saphyr_parser::Marker) -> Self {
        Self {
            line: marker.line().max(1),
            column: marker.col() + 1,
        }
    }
}

/// A value of the document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) mark: Mark,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar {
        text: String,
        /// Neither quoted nor tagged as a text: it may mean a number, a boolean or nothing.
        is_plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_mark: Mark,
    pub(super) node: Node,
}

impl Node {
    /// Whether nothing is written there.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, is_plain: true } if scalar::is_null(text))
    }

    /// Whether it may hold words.
    pub(super) fn is_list_or_text(&self) -> bool {
        match &self.value {
            Value::Scalar { .. } | Value::Sequence(_) => true,
            Value::Mapping(_) => false,
        }
    }

    /// Whether there is anything in it.
    pub(super) fn has_content(&self) -> bool {
        match &self.value {
            Value::Scalar { .. } => !self.is_null(),
            Value::Sequence(items) => !items.is_empty(),
            Value::Mapping(entries) => !entries.is_empty(),
        }
    }
}

/// What is wrong with the document itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct YamlFault {
    pub(super) mark: Mark,
    pub(super) problem: String,
    pub(super) cure: &'static str,
}

/// The document's tree, if there is a document, and all that is wrong with it. What is well-formed is in the
/// tree, whatever else is not.
pub(super) fn parse(text: &str) -> (Option<Node>, Vec<YamlFault>) {
    let builder = build(text);
    (builder.root, builder.faults)
}

/// The tree of what comes before the first thing that is no YAML.
pub(super) fn parse_beginning(text: &str) -> Option<Node> {
    let mut builder = build(text);
    while !builder.open.is_empty() {
        builder.close();
    }
    builder.root
}

fn build(text: &str) -> Builder {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut documents = 0;
    while let Some(next) = parser.next_event() {
        let done = match next {
            Ok((Event::DocumentStart(_), span)) if documents == 1 => {
                Err(second_document(Mark::of(&span.start)))
            }
            Ok((event, span)) => {
                documents += usize::from(matches!(event, Event::DocumentStart(_)));
                builder.take(event, span)
            }
            Err(error) => Err(not_yaml(&error)),
        };
        if let Err(fault) = done {
            builder.faults.push(fault);
            break;
        }
    }
    builder
}

fn second_document(mark: Mark) -> YamlFault {
    YamlFault {
        mark,
        problem: "a second document begins here".to_owned(),
        cure: "Write one document: remove the line `---`.",
    }
}

fn not_yaml(error: &ScanError) -> YamlFault {
    YamlFault {
        mark: Mark::of(error.marker()),
        problem: format!("this is not YAML: {}", error.info()),
        cure: "Look at indentation, colons and quotes here and in the line before.",
    }
}

/// A node as it is put into its parent, with its size and its height, itself included.
struct Built {
    node: Node,
    size: usize,
    height: usize,
}

/// A collection that is not closed yet.
struct Open {
    anchor: usize,
    mark: Mark,
    size: usize,
    height: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        keys: HashSet<String>,
        merged: Vec<Node>,
        pending: Option<Key>,
    },
}

enum Key {
    Text(String, Mark),
    Merge,
    /// A fault already: its value is dropped.
    Unusable,
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    nodes: usize,
    faults: Vec<YamlFault>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlFault> {
        let mark = Mark::of(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.bound(mark, 1, 1)?;
                let is_plain = self.is_plain(style, tag.as_deref(), mark);
                let text = text.into_owned();
                let value = Value::Scalar { text, is_plain };
                let node = Node { mark, value };
                let built = Built {
                    node,
                    size: 1,
                    height: 1,
                };
                self.put(built, anchor);
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", mark);
                self.begin(anchor, mark, Content::Sequence(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", mark);
                let content = Content::Mapping {
                    entries: Vec::new(),
                    keys: HashSet::new(),
                    merged: Vec::new(),
                    pending: None,
                };
                self.begin(anchor, mark, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, mark)?,
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, mark: Mark, content: Content) -> Result<(), YamlFault> {
        self.bound(mark, 1, 1)?;
        self.open.push(Open {
            anchor,
            mark,
            size: 1,
            height: 1,
            content,
        });
        Ok(())
    }

    fn bound(&mut self, mark: Mark, nodes: usize, height: usize) -> Result<(), YamlFault> {
        self.nodes += nodes;
        let problem = if self.nodes > MOST_NODES {
            format!("with all aliases expanded, there are more than {MOST_NODES} values")
        } else if self.open.len() + height > DEEPEST {
            format!("values are nested more than {DEEPEST} deep")
        } else {
            return Ok(());
        };
        Err(YamlFault {
            mark,
            problem,
            cure: "Say it in a simpler way, or in several files of dynamic services.",
        })
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), YamlFault> {
        let Some(meant) = self.anchors.get(&anchor) else {
            return Err(YamlFault {
                mark,
                problem: "an alias stands within what it stands for".to_owned(),
                cure: "Write out what is meant.",
            });
        };
        let (node, size, height) = (meant.node.clone(), meant.size, meant.height);
        self.bound(mark, size, height)?;
        self.put(Built { node, size, height }, 0);
        Ok(())
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let Open {
            anchor,
            mark,
            size,
            height,
            content,
        } = open;
        let value = match content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping {
                entries,
                keys,
                merged,
                ..
            } => Value::Mapping(self.merge(entries, keys, merged)),
        };
        let node = Node { mark, value };
        self.put(Built { node, size, height }, anchor);
    }

    /// Adds what `<<` names: what the mapping says itself wins, then what is named first.
    fn merge(
        &mut self,
        mut entries: Vec<Entry>,
        mut keys: HashSet<String>,
        merged: Vec<Node>,
    ) -> Vec<Entry> {
        let sources = merged.into_iter().flat_map(|node| match node.value {
            Value::Sequence(items) => items,
            Value::Mapping(_) | Value::Scalar { .. } => vec![node],
        });
        for source in sources.collect::<Vec<_>>() {
            match source.value {
                Value::Mapping(others) => {
                    let news = others
                        .into_iter()
                        .filter(|entry| keys.insert(entry.key.clone()));
                    entries.extend(news);
                }
                Value::Sequence(_) | Value::Scalar { .. } => self.faults.push(YamlFault {
                    mark: source.mark,
                    problem: "`<<` takes in mappings only".to_owned(),
                    cure: "Give an alias of a mapping, or a list of those.",
                }),
            }
        }
        entries
    }

    fn put(&mut self, built: Built, anchor: usize) {
        let Built { node, size, height } = built;
        if anchor != 0 {
            let node = node.clone();
            self.anchors.insert(anchor, Built { node, size, height });
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        parent.size += size;
        parent.height = parent.height.max(height + 1);
        match &mut parent.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping {
                entries,
                merged,
                pending,
                keys,
            } => match pending.take() {
                None => *pending = Some(key_of(node, keys, &mut self.faults)),
                Some(Key::Text(key, key_mark)) => entries.push(Entry {
                    key,
                    key_mark,
                    node,
                }),
                Some(Key::Merge) => merged.push(node),
                Some(Key::Unusable) => {}
            },
        }
    }

    fn is_plain(&mut self, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> bool {
        match tag.map(full_name).as_deref() {
            None => style == ScalarStyle::Plain,
            Some("!" | "tag:yaml.org,2002:str") => false,
            Some(
                "tag:yaml.org,2002:int"
                | "tag:yaml.org,2002:bool"
                | "tag:yaml.org,2002:float"
                | "tag:yaml.org,2002:null",
            ) => true,
            Some(_) => {
                self.unknown_tag(tag, mark);
                style == ScalarStyle::Plain
            }
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, expected: &str, mark: Mark) {
        let name = tag.map(full_name);
        let is_expected = name.as_deref().is_none_or(|name| {
            name == "!" || name.strip_prefix("tag:yaml.org,2002:") == Some(expected)
        });
        if !is_expected {
            self.unknown_tag(tag, mark);
        }
    }

    fn unknown_tag(&mut self, tag: Option<&Tag>, mark: Mark) {
        let tag = tag.map(ToString::to_string).unwrap_or_default();
        let tag: String = tag.chars().take(60).collect();
        self.faults.push(YamlFault {
            mark,
            problem: format!("unknown tag `{}`", tag.escape_debug()),
            cure: "Remove it: values need no tags here.",
        });
    }
}

fn full_name(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

fn key_of(node: Node, keys: &mut HashSet<String>, faults: &mut Vec<YamlFault>) -> Key {
    let mark = node.mark;
    let (problem, cure) = match node.value {
        Value::Scalar { text, is_plain } => {
            if keys.insert(text.clone()) {
                return if is_plain && text == "<<" {
                    Key::Merge
                } else {
                    Key::Text(text, mark)
                };
            }
            let shown = super::reader::shown_key(&text);
            let cure = "Remove one of the two: only one could count.";
            (format!("the key {shown} stands here a second time"), cure)
        }
        Value::Sequence(_) | Value::Mapping(_) => (
            "a key has to be a text".to_owned(),
            "Write `key: value`; a value that begins with `{` or `[` needs quotes.",
        ),
    };
    faults.push(YamlFault {
        mark,
        problem,
        cure,
    });
    Key::Unusable
}

#[cfg(test)]
mod tests {
    use super::*;

    /// JSON with every plain scalar as it is written.
    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Scalar { text, is_plain } if *is_plain => text.clone(),
            Value::Scalar { text, .. } => format!("{text:?}"),
            Value::Sequence(items) => {
                format!(
                    "[{}]",
                    items.iter().map(shown).collect::<Vec<_>>().join(",")
                )
            }
            Value::Mapping(entries) => {
                let entry = |entry: &Entry| format!("{}:{}", entry.key, shown(&entry.node));
                format!(
                    "{{{}}}",
                    entries.iter().map(entry).collect::<Vec<_>>().join(",")
                )
            }
        }
    }

    fn tree(text: &str) -> String {
        let (node, faults) = parse(text);
        assert_eq!(faults, [], "{text}");
        node.as_ref().map(shown).unwrap_or_default()
    }

    fn fault(text: &str) -> (usize, usize, String) {
        let (_, faults) = parse(text);
        let [fault] = faults.as_slice() else {
            panic!("one fault in {text}: {faults:?}");
        };
        (fault.mark.line, fault.mark.column, fault.problem.clone())
    }

    #[test]
    fn yaml_and_json_become_the_same_tree() {
        assert_eq!(tree("a: 1\nb: [x, 'y']\n"), "{a:1,b:[x,\"y\"]}");
        assert_eq!(tree("{\"a\": 1, \"b\": [true]}"), "{a:1,b:[true]}");
        assert_eq!(tree("\u{feff}a: !!str 1\n"), "{a:\"1\"}");
        assert_eq!(tree("# nothing\n"), "");
    }

    #[test]
    fn merge_keys_are_those_of_pyyaml() {
        let bases = "x-a: &a {p: 1, q: 1}\nx-b: &b {q: 2, r: 2}\n";
        let own = tree(&format!("{bases}s: {{<<: *a, q: 3}}\n"));
        assert!(own.ends_with("s:{q:3,p:1}}"), "{own}");
        let list = tree(&format!("{bases}s:\n  <<: [*a, *b]\n"));
        assert!(list.ends_with("s:{p:1,q:1,r:2}}"), "{list}");
        let quoted = tree(&format!("{bases}s: {{\"<<\": *a}}\n"));
        assert!(quoted.ends_with("s:{<<:{p:1,q:1}}}"), "{quoted}");
        let (line, _, problem) = fault("s:\n  <<: 1\n");
        assert_eq!((line, problem.contains("mappings only")), (2, true));
    }

    #[test]
    fn places_are_lines_and_columns_in_characters() {
        let (node, _) = parse("ä: {ö: x}\n");
        let Some(Value::Mapping(entries)) = node.map(|node| node.value) else {
            panic!("a mapping");
        };
        let Value::Mapping(inner) = &entries[0].node.value else {
            panic!("a mapping");
        };
        assert_eq!(inner[0].key_mark, Mark { line: 1, column: 5 });
        assert_eq!(inner[0].node.mark, Mark { line: 1, column: 8 });
    }

    #[test]
    fn what_is_ambiguous_or_foreign_is_a_fault() {
        assert_eq!(fault("a: 1\nb: 2\na: 3\n").0, 3);
        assert!(fault("a: !ruby/object x\n").2.contains("unknown tag"));
        assert!(
            fault("a: !!python/name:os.system x\n")
                .2
                .contains("unknown tag")
        );
        assert!(fault("a: 1\n---\nb: 2\n").2.contains("second document"));
        assert!(fault("? [1]\n: 2\n").2.contains("a key has to be a text"));
        assert!(fault("a: [1\n").2.contains("not YAML"));
        assert!(fault("a: &x [*x]\n").2.contains("alias"));
    }

    #[test]
    fn a_page_of_aliases_is_bounded() {
        let wide = (1..12).map(|level| {
            let ten = vec![format!("*a{}", level - 1); 10].join(", ");
            format!("a{level}: &a{level} [{ten}]\n")
        });
        let wide: Vec<_> = std::iter::once("a0: &a0 [x, x, x]\n".to_owned())
            .chain(wide)
            .collect();
        assert!(fault(&wide.concat()).2.contains("more than 100000 values"));
        let deep = (1..40).map(|level| format!("a{level}: &a{level} [[*a{}]]\n", level - 1));
        let deep: Vec<_> = std::iter::once("a0: &a0 [[[[x]]]]\n".to_owned())
            .chain(deep)
            .collect();
        assert!(fault(&deep.concat()).2.contains("deep"));
        assert!(fault(&"- ".repeat(5_000)).2.contains("deep"));
    }
}
