//! What of an HTML page matters, and where it stands.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use lol_html::html_content::Element;
use lol_html::{HtmlRewriter, MemorySettings, Settings, element};

use super::super::super::PageError;
use super::entities::{decoded, encoded};

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

/// The end tags found, each with the number of its link: what finds them outlives the borrow of the document.
type Ends = Rc<RefCell<Vec<(usize, Range<usize>)>>>;

impl Document {
    pub(super) fn read(body: &str) -> Result<Self, PageError> {
        let mut document = Self::default();
        let ends = Ends::default();
        let collect = element!("a, area, base, link, meta", |element| {
            document.take(body, element, &ends);
            Ok(())
        });
        let settings = Settings {
            element_content_handlers: vec![collect],
            // The page itself is bounded; what is kept of it while it is read is less.
            memory_settings: MemorySettings {
                max_allowed_memory_usage: 4 * body.len() + (1 << 20),
                ..MemorySettings::new()
            },
            adjust_charset_on_meta_tag: false,
            ..Settings::new()
        };
        let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
        let read = rewriter
            .write(body.as_bytes())
            .and_then(|()| rewriter.end());
        read.map_err(|error| PageError::Html(error.to_string()))?;
        for (number, end) in ends.take() {
            // An element that is left open ends with whatever is around it.
            let is_own = body.as_bytes().get(end.clone()).is_some_and(|tag| {
                let name = tag.get(2..3).unwrap_or_default();
                let is_whole = tag.get(3).is_some_and(|byte| !byte.is_ascii_alphanumeric());
                name.eq_ignore_ascii_case(b"a") && is_whole
            });
            if let Some(link) = document.links.get_mut(number).filter(|_| is_own) {
                link.end = Some(end);
            }
        }
        Ok(document)
    }

    fn take(&mut self, body: &str, element: &mut Element<'_, '_>, ends: &Ends) {
        let tag = element.source_location().bytes();
        let name = element.tag_name();
        match name.as_str() {
            "base" => {
                self.base_tags.push(tag);
                let href = element.get_attribute("href");
                let href = href.map(|href| decoded(&href).into_owned());
                self.base = self.base.take().or(href);
            }
            "meta" => {
                let is_version = element
                    .get_attribute("name")
                    .is_some_and(|name| name.eq_ignore_ascii_case("pypi:repository-version"));
                let content = element.get_attribute("content").filter(|_| is_version);
                self.version = self.version.take().or(content);
            }
            _ => {
                let is_anchor = name == "a";
                if is_anchor {
                    self.watch_end(element, ends);
                }
                let attributes = element.attributes().iter().filter_map(|attribute| {
                    let place = attribute.value_source_location()?.bytes();
                    Some(Attribute::new(
                        body,
                        attribute.name(),
                        &attribute.value(),
                        place,
                    ))
                });
                self.links.push(Link {
                    is_anchor,
                    tag,
                    end: None,
                    attributes: attributes.collect(),
                });
            }
        }
    }

    fn watch_end(&self, element: &mut Element<'_, '_>, ends: &Ends) {
        if let Some(handlers) = element.end_tag_handlers() {
            let (number, ends) = (self.links.len(), Rc::clone(ends));
            handlers.push(Box::new(move |end| {
                ends.borrow_mut()
                    .push((number, end.source_location().bytes()));
                Ok(())
            }));
        }
    }
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
    fn new(body: &str, name: String, value: &str, place: Range<usize>) -> Self {
        let before = body.as_bytes().get(..place.start).unwrap_or_default();
        Self {
            name,
            value: decoded(value).into_owned(),
            is_quoted: before.ends_with(b"\"") || before.ends_with(b"'"),
            place,
        }
    }

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
