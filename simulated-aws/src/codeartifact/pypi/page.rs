//! A project's page, in its two languages.
//! <https://packaging.python.org/en/latest/specifications/simple-repository-api/>

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Form, Project, ProjectFile};
use crate::xml::escape;

/// What of a project is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling<'a> {
    /// What the links begin with, before `<version>/<file>`; empty for links relative to the page.
    pub(crate) base: &'a str,
    /// PEP 658.
    pub(crate) has_metadata: bool,
    pub(crate) has_hashes: bool,
}

impl Telling<'_> {
    fn link(&self, file: &ProjectFile) -> String {
        format!("{}{}/{}", self.base, file.version, file.name)
    }

    /// The page's bytes.
    pub(crate) fn page(&self, name: &str, project: &Project, form: Form) -> String {
        match form {
            Form::Json => self.json(name, project).to_string(),
            Form::Html | Form::PlainHtml => self.html(name, project),
        }
    }

    fn json(&self, name: &str, project: &Project) -> Value {
        let mut versions: Vec<&str> = Vec::new();
        for file in &project.files {
            if !versions.contains(&file.version.as_str()) {
                versions.push(&file.version);
            }
        }
        let files: Vec<_> = project.files.iter().map(|file| self.entry(file)).collect();
        json!({
            "meta": { "api-version": "1.1" },
            "name": name,
            "versions": versions,
            "files": files,
        })
    }

    fn entry(&self, file: &ProjectFile) -> Value {
        let mut entry = Map::new();
        entry.insert("filename".to_owned(), file.name.clone().into());
        entry.insert("url".to_owned(), self.link(file).into());
        let hashes = if self.has_hashes {
            json!({ "sha256": file.digests().sha256 })
        } else {
            json!({})
        };
        entry.insert("hashes".to_owned(), hashes);
        entry.insert("size".to_owned(), file.asset.length().into());
        if let Ok(stored) = Timestamp::try_from(file.asset.stored) {
            entry.insert("upload-time".to_owned(), format!("{stored:.6}").into());
        }
        if let Some(requires) = &file.requires_python {
            entry.insert("requires-python".to_owned(), requires.clone().into());
        }
        if let Some(metadata) = file.metadata.as_ref().filter(|_| self.has_metadata) {
            let hashes = json!({ "sha256": metadata.digests.sha256 });
            entry.insert("core-metadata".to_owned(), hashes.clone());
            // As PyPI has it: under the bare name, older pips take nothing but a text.
            entry.insert("data-dist-info-metadata".to_owned(), hashes);
        }
        entry.insert("yanked".to_owned(), false.into());
        Value::Object(entry)
    }

    fn html(&self, name: &str, project: &Project) -> String {
        let name = escape(name);
        let mut html = format!(
            "<!DOCTYPE html>\n<html>\n<head>\n<meta name=\"pypi:repository-version\" content=\"1.1\">\n\
             <title>Links for {name}</title>\n</head>\n<body>\n<h1>Links for {name}</h1>\n"
        );
        for file in &project.files {
            let hash = if self.has_hashes {
                format!("#sha256={}", file.digests().sha256)
            } else {
                String::new()
            };
            let link = escape(&format!("{}{hash}", self.link(file)));
            let mut attributes = String::new();
            let mut attribute = |name: &str, value: &str| {
                // Writing to a text does not fail.
                let _ = write!(attributes, " {name}=\"{}\"", escape(value));
            };
            if let Some(requires) = &file.requires_python {
                attribute("data-requires-python", requires);
            }
            if let Some(metadata) = file.metadata.as_ref().filter(|_| self.has_metadata) {
                let hash = format!("sha256={}", metadata.digests.sha256);
                attribute("data-dist-info-metadata", &hash);
                attribute("data-core-metadata", &hash);
            }
            let file = escape(&file.name);
            let _ = writeln!(html, "<a href=\"{link}\"{attributes}>{file}</a><br/>");
        }
        html.push_str("</body>\n</html>\n");
        html
    }
}
