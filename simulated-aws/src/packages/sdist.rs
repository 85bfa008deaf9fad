//! A source distribution.
//! <https://packaging.python.org/en/latest/specifications/source-distribution-format/>

use super::archive::tar_gz;
use super::wheel::{metadata, module};

/// How it is built: by a backend that is in it, so that building needs no other package.
const BACKEND: &str = include_str!("sdist_backend.py");

/// A source distribution of one module, to put into a repository. It builds without any other package.
#[derive(Clone, Debug)]
#[must_use = "a source distribution does nothing until it is put somewhere"]
pub struct Sdist {
    name: String,
    version: String,
}

impl Sdist {
    /// A source distribution of that project.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
        }
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
        format!("{}-{}.tar.gz", module(&self.name), self.version)
    }

    /// The file, always the same.
    ///
    /// # Panics
    /// Never, as it is written to memory.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let (module, version) = (module(&self.name), &self.version);
        let folder = format!("{module}-{version}");
        let project = format!(
            "[project]\nname = \"{}\"\nversion = \"{version}\"\nrequires-python = \">=3.7\"\n\n[build-system]\n\
             requires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
            self.name
        );
        let files = [
            ("PKG-INFO", metadata(&self.name, version, ">=3.7", &[])),
            ("pyproject.toml", project),
            ("backend.py", BACKEND.to_owned()),
            (
                &format!("{module}.py"),
                format!("__version__ = \"{version}\"\n"),
            ),
        ];
        let files: Vec<_> = files
            .into_iter()
            .map(|(path, text)| (format!("{folder}/{path}"), text.into_bytes()))
            .collect();
        tar_gz(&files).unwrap_or_else(|error| panic!("a tarball cannot be made: {error}"))
    }
}
