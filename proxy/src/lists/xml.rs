//! XML, read in one pass: what is opened, said and closed, each with its path.
//!
//! Entities beyond the five that every document has are left as they are written: nothing that is read
//! here uses them, and nobody can make a short text long with them.

use xmlparser::{ElementEnd, Token, Tokenizer};

/// Deeper than any pom.
const MOST_DEPTH: usize = 64;

/// What comes next in a document.
pub(super) enum Event<'a> {
    /// An attribute of the element that the path ends in.
    Attribute(&'a str, String),
    /// Text within it, without the white space around it.
    Text(String),
    /// Its end.
    Close,
}

/// Why a text is no document, and in which line.
#[derive(Debug)]
pub(super) struct XmlError {
    pub(super) line: usize,
    pub(super) problem: String,
}

/// Gives every event to `visit`, with the names of the elements around it (without their prefixes).
/// What `visit` finds wrong ends it.
pub(super) fn walk<'a, E: From<XmlError>>(
    text: &'a str,
    mut visit: impl FnMut(&[&'a str], Event<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut path: Vec<&str> = Vec::new();
    let mut has_root = false;
    for token in Tokenizer::from(text) {
        let token = token.map_err(|error| XmlError {
            line: usize::try_from(error.pos().row).unwrap_or(usize::MAX),
            problem: format!("no XML: {error}"),
        })?;
        match token {
            Token::ElementStart { local, span, .. } => {
                if path.len() == MOST_DEPTH {
                    return Err(
                        at(text, span.start(), "elements within elements without end").into(),
                    );
                }
                has_root = true;
                path.push(local.as_str());
            }
            Token::Attribute { local, value, .. } => {
                visit(
                    &path,
                    Event::Attribute(local.as_str(), unescaped(value.as_str())),
                )?;
            }
            Token::ElementEnd { end, span } => match end {
                ElementEnd::Open => {}
                ElementEnd::Empty => {
                    visit(&path, Event::Close)?;
                    path.pop();
                }
                ElementEnd::Close(_, local) => {
                    if path.last() != Some(&local.as_str()) {
                        let problem = format!("`</{local}>` closes nothing");
                        return Err(at(text, span.start(), &problem).into());
                    }
                    visit(&path, Event::Close)?;
                    path.pop();
                }
            },
            Token::Text { text } => {
                let said = text.as_str().trim();
                if !said.is_empty() {
                    visit(&path, Event::Text(unescaped(said)))?;
                }
            }
            Token::Cdata { text, .. } => {
                visit(&path, Event::Text(text.as_str().trim().to_owned()))?;
            }
            Token::Declaration { .. }
            | Token::ProcessingInstruction { .. }
            | Token::Comment { .. }
            | Token::DtdStart { .. }
            | Token::EmptyDtd { .. }
            | Token::EntityDeclaration { .. }
            | Token::DtdEnd { .. } => {}
        }
    }
    match path.last() {
        Some(open) => Err(at(text, text.len(), &format!("`<{open}>` is not closed")).into()),
        None if !has_root => Err(at(text, text.len(), "no XML: there is no element").into()),
        None => Ok(()),
    }
}

fn at(text: &str, offset: usize, problem: &str) -> XmlError {
    let before = text.get(..offset).unwrap_or(text);
    let line_feeds = before.matches('\n').count();
    XmlError {
        line: line_feeds + 1,
        problem: problem.to_owned(),
    }
}

fn unescaped(text: &str) -> String {
    const ENTITIES: [(&str, &str); 5] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        // The last, so that `&amp;lt;` is `&lt;`.
        ("&amp;", "&"),
    ];
    let mut text = text.to_owned();
    if text.contains('&') {
        for (entity, character) in ENTITIES {
            text = text.replace(entity, character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Result<Vec<String>, XmlError> {
        let mut events = Vec::new();
        walk(text, |path, event| {
            let path = path.join("/");
            events.push(match event {
                Event::Attribute(name, value) => format!("{path} {name}={value}"),
                Event::Text(text) => format!("{path} `{text}`"),
                Event::Close => format!("{path} ."),
            });
            Ok::<_, XmlError>(())
        })?;
        Ok(events)
    }

    #[test]
    fn elements_are_walked_in_order() {
        let text = "<?xml version='1.0'?>\n<!-- x --><m:a xmlns:m='u'><b c='&lt;&amp;lt;'/> d&amp;e <![CDATA[<f>]]></m:a>";
        let events = events(text).expect("a document");
        assert_eq!(
            events,
            ["a m=u", "a/b c=<&lt;", "a/b .", "a `d&e`", "a `<f>`", "a ."]
        );
    }

    #[test]
    fn what_is_no_document_is_told_with_its_line() {
        for (text, line) in [
            ("<a>\n</b>", 2),
            ("<a>\n\n", 3),
            ("<a>\n<b", 2),
            ("", 1),
            ("words", 1),
            (&"<a>".repeat(65), 1),
        ] {
            let error = events(text).expect_err("a fault");
            assert_eq!(error.line, line, "{text}: {}", error.problem);
        }
    }
}
