//! A wheel. <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::archive::{File, zip};

/// A wheel of one module, for any Python 3, to put into a repository.
///
/// The module has the project's name with underscores, and says its version in `__version__`.
#[derive(Clone, Debug)]
#[must_use = "a wheel does nothing until it is put somewhere"]
pub struct Wheel {
    name: String,
    version: String,
    requires: Vec<String>,
    requires_python: String,
    source: Option<String>,
    files: Vec<File>,
}

impl Wheel {
    /// A wheel of that project.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            requires: Vec::new(),
            requires_python: ">=3.7".to_owned(),
            source: None,
            files: Vec::new(),
        }
    }

    /// Needs another project, as `acme-base>=1.0`; can be given more than once.
    pub fn requires(mut self, requirement: &str) -> Self {
        self.requires.push(requirement.to_owned());
        self
    }

    /// Needs such a Python; `>=3.7` unless set.
    pub fn requires_python(mut self, requirement: &str) -> Self {
        requirement.clone_into(&mut self.requires_python);
        self
    }

    /// The module's text, in place of the one with `__version__`.
    pub fn source(mut self, source: &str) -> Self {
        self.source = Some(source.to_owned());
        self
    }

    /// Another file in it, so that it has a certain size; one of random bytes stays as large as it is.
    pub fn file(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.to_owned(), bytes.into()));
        self
    }

    /// The project's name, as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The name of the file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}-{}-py3-none-any.whl", module(&self.name), self.version)
    }

    /// What stands in its METADATA.
    #[must_use]
    pub fn metadata(&self) -> String {
        metadata(
            &self.name,
            &self.version,
            &self.requires_python,
            &self.requires,
        )
    }

    /// The file, always the same.
    ///
    /// # Panics
    /// A path of [`file`](Self::file) is none.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let module = module(&self.name);
        let info = format!("{module}-{}.dist-info", self.version);
        let source = self.source.clone();
        let source = source.unwrap_or_else(|| format!("__version__ = \"{}\"\n", self.version));
        let wheel = "Wheel-Version: 1.0\nGenerator: simulated-aws\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        let mut files = vec![(format!("{module}.py"), source.into_bytes())];
        files.extend(self.files.iter().cloned());
        files.push((format!("{info}/METADATA"), self.metadata().into_bytes()));
        files.push((format!("{info}/WHEEL"), wheel.as_bytes().to_vec()));
        let mut record = String::new();
        for (path, bytes) in &files {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
            // Writing to a text does not fail.
            let _ = writeln!(record, "{path},sha256={hash},{}", bytes.len());
        }
        let path = format!("{info}/RECORD");
        record.push_str(&path);
        record.push_str(",,\n");
        files.push((path, record.into_bytes()));
        zip(&files).unwrap_or_else(|error| panic!("a wheel cannot be made: {error}"))
    }
}

/// A project's name in file names and imports.
pub(super) fn module(name: &str) -> String {
    name.replace(['-', '.'], "_").to_ascii_lowercase()
}

/// <https://packaging.python.org/en/latest/specifications/core-metadata/>
pub(super) fn metadata(
    name: &str,
    version: &str,
    requires_python: &str,
    requires: &[String],
) -> String {
    let requires = requires.iter();
    let requires = requires.flat_map(|requirement| ["Requires-Dist: ", requirement, "\n"]);
    let requires: String = requires.collect();
    format!(
        "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: A package of the simulated AWS.\n\
         Requires-Python: {requires_python}\n{requires}\n"
    )
}
