//! A package of npm's. <https://docs.npmjs.com/cli/configuring-npm/package-json>

use serde_json::{Map, Value, json};

use super::archive::tar_gz;

/// A package of one module, to put into a repository. The module exports its version.
#[derive(Clone, Debug)]
#[must_use = "a package does nothing until it is put somewhere"]
pub struct NpmPackage {
    name: String,
    version: String,
    manifest: Map<String, Value>,
}

impl NpmPackage {
    /// A package; a scope, as in `@acme/tool`, is a part of its name.
    pub fn new(name: &str, version: &str) -> Self {
        let mut manifest = Map::new();
        for (key, value) in [
            ("name", name),
            ("version", version),
            ("description", "A package of the simulated AWS."),
            ("main", "index.js"),
            ("license", "MIT"),
        ] {
            manifest.insert(key.to_owned(), value.into());
        }
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            manifest,
        }
    }

    /// Needs another package; can be given more than once.
    pub fn requires(mut self, name: &str, range: &str) -> Self {
        let dependencies = self.manifest.entry("dependencies");
        let dependencies = dependencies.or_insert_with(|| json!({}));
        dependencies[name] = range.into();
        self
    }

    /// Its name, with the scope.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its `package.json`.
    #[must_use]
    pub fn manifest(&self) -> &Map<String, Value> {
        &self.manifest
    }

    /// The tarball, always the same.
    ///
    /// # Panics
    /// Never, as it is written to memory.
    #[must_use]
    pub fn tarball(&self) -> Vec<u8> {
        let manifest = Value::Object(self.manifest.clone()).to_string();
        let module = format!("module.exports = \"{}\";\n", self.version);
        let files = [
            ("package/package.json".to_owned(), manifest.into_bytes()),
            ("package/index.js".to_owned(), module.into_bytes()),
        ];
        tar_gz(&files).unwrap_or_else(|error| panic!("a tarball cannot be made: {error}"))
    }
}
