//! What of an HTML page matters, and where it stands.

use std::convert::Infallible;
use std::ops::Range;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use super::entities::encoded;

/// Links, and what decides about them.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What links start from: the first `<base href>`.
    pub(super) base: Option<String>,
    /// Where all `<base>` are.
    pub(super) base_tags: Vec<Range<usize>>,
    /// What the page says is its version of the API.
    pub(super) version: Option<String>,
    pub(super) links: Vec<Link>,
}

/// An element that leads somewhere.
#[derive(Debug)]
pub(super) struct Link {
    /// Whether it is an `<a>`, which installers follow.
    pub(super) is_anchor: bool,
    /// Its start tag.
    pub(super) tag: Range<usize>,
    /// Its end tag, if it has one.
    pub(super) end: Option<Range<usize>>,
    attributes: Vec<Attribute>,
}

/// Of a link.
#[derive(Debug)]
pub(super) struct Attribute {
    name: String,
    /// Decoded.
    pub(super) value: String,
    /// The value as it is written, without quotes.
    pub(super) place: Range<usize>,
    is_quoted: bool,
}

/// Gathers it from what the tokenizer sees.
struct Collector<'a> {
    body: &'a str,
    document: Document,
    /// The start tag that is being read.
    tag: Option<Tag>,
    /// The number of the link whose text is being read.
    open: Option<usize>,
}

/// A start tag on its way.
struct Tag {
    name: Vec<u8>,
    start: usize,
    attributes: Vec<Attribute>,
}

impl Document {
    pub(super) fn read(body: &str) -> Self {
        let mut collector = Collector {
            body,
            document: Self::default(),
            tag: None,
            open: None,
        };
        let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, span: Span<usize>| {
            collector.take(&event, span);
            None::<Infallible>
        });
        // What stands in a script or a comment leads nowhere.
        emitter.naively_switch_states(true);
        let mut tokens = Tokenizer::new_with_emitter(body, emitter);
        if let Some(Err(never)) = tokens.next() {
            match never {}
        }
        drop(tokens);
        collector.document
    }
}

impl Collector<'_> {
    fn take(&mut self, event: &CallbackEvent<'_>, span: Span<usize>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = Some(Tag {
                    name: name.to_vec(),
                    start: span.start,
                    attributes: Vec::new(),
                });
            }
            CallbackEvent::AttributeName { name } => {
                if let Some(tag) = &mut self.tag {
                    tag.attributes.push(Attribute {
                        name: String::from_utf8_lossy(name).into_owned(),
                        value: String::new(),
                        place: span.end..span.end,
                        is_quoted: false,
                    });
                }
            }
            CallbackEvent::AttributeValue { value } => {
                let attribute = self.tag.as_mut().and_then(|tag| tag.attributes.last_mut());
                if let Some(attribute) = attribute {
                    attribute.value = String::from_utf8_lossy(value).into_owned();
                    (attribute.place, attribute.is_quoted) = place(self.body, span.start);
                }
            }
            CallbackEvent::CloseStartTag { .. } => {
                if let Some(tag) = self.tag.take() {
                    self.close(tag, span.end);
                }
            }
            CallbackEvent::EndTag { name } => {
                // Of what it closes; attributes of an end tag are none of a link.
                self.tag = None;
                if *name == b"a"
                    && let Some(link) = self.open.take()
                {
                    self.document.links[link].end = Some(span.start..span.end);
                }
            }
            CallbackEvent::String { .. }
            | CallbackEvent::Comment { .. }
            | CallbackEvent::Doctype { .. }
            | CallbackEvent::Error(_) => {}
        }
    }

    fn close(&mut self, tag: Tag, end: usize) {
        let document = &mut self.document;
        let first = |name: &str| {
            let mut attributes = tag.attributes.iter();
            attributes.find(|attribute| attribute.name == name)
        };
        let place = tag.start..end;
        match tag.name.as_slice() {
            b"base" => {
                document.base_tags.push(place);
                let href = first("href").map(|href| href.value.clone());
                document.base = document.base.take().or(href);
            }
            b"meta" => {
                let is_version = first("name")
                    .is_some_and(|name| name.value.eq_ignore_ascii_case("pypi:repository-version"));
                let content = first("content").filter(|_| is_version);
                let content = content.map(|content| content.value.clone());
                document.version = document.version.take().or(content);
            }
            name @ (b"a" | b"area" | b"link") => {
                let is_anchor = name == b"a";
                if is_anchor {
                    // One that is left open ends where the next one begins.
                    self.open = Some(document.links.len());
                }
                document.links.push(Link {
                    is_anchor,
                    tag: place,
                    end: None,
                    attributes: tag.attributes,
                });
            }
            _ => {}
        }
    }
}

/// Where a value stands that begins at `start`, and whether it is in quotes.
fn place(body: &str, start: usize) -> (Range<usize>, bool) {
    let (before, rest) = (
        body.as_bytes().get(..start).unwrap_or_default(),
        body.as_bytes().get(start..).unwrap_or_default(),
    );
    let quote = before
        .last()
        .copied()
        .filter(|last| matches!(last, b'"' | b'\''));
    let ends = |byte: &u8| match quote {
        Some(quote) => *byte == quote,
        None => byte.is_ascii_whitespace() || *byte == b'>',
    };
    let length = rest.iter().position(ends).unwrap_or(rest.len());
    (start..start + length, quote.is_some())
}

impl Link {
    /// All that are not empty: an empty one leads to the page itself.
    pub(super) fn hrefs(&self) -> impl Iterator<Item = &Attribute> {
        let all = self.attributes.iter();
        all.filter(|it| it.name == "href" && !it.value.trim().is_empty())
    }

    /// Decoded.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let mut all = self.attributes.iter();
        all.find(|it| it.name == name).map(|it| it.value.as_str())
    }
}

impl Attribute {
    /// Another value as it stands in this one's place.
    pub(super) fn written(&self, value: &str) -> String {
        let value = encoded(value);
        if self.is_quoted {
            value
        } else {
            format!("\"{value}\"")
        }
    }
}
