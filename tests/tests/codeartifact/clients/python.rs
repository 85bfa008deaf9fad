//! pip, uv and Poetry.

use std::path::Path;
use std::process::Command;

use tests::clients::{PIP, POETRY, PYTHON, Part, UV, clients_folder};

use super::{Client, Place};

/// pip.
#[derive(Debug)]
pub(crate) struct Pip;

/// uv.
#[derive(Debug)]
pub(crate) struct Uv;

/// Poetry.
#[derive(Debug)]
pub(crate) struct Poetry;

/// A module of Python that `tests/install-clients.sh` has put into a folder of its own.
pub(crate) fn python(place: &Place, module: &str) -> Command {
    let mut command = place.command(PYTHON.path());
    command
        .args(["-m", module])
        .env("PYTHONPATH", clients_folder().join(module))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring");
    command
}

/// The version in the name of a `.dist-info`.
fn version_in(folder: &Path, name: &str) -> Option<String> {
    let begin = format!("{}-", name.to_lowercase().replace('-', "_"));
    let entries = std::fs::read_dir(folder).ok()?;
    entries.flatten().find_map(|entry| {
        let found = entry.file_name().into_string().ok()?;
        let version = found.strip_prefix(&begin)?.strip_suffix(".dist-info")?;
        Some(version.to_owned())
    })
}

/// The project's file, for uv and Poetry.
pub(crate) fn pyproject(name: &str, index: &str) -> String {
    format!(
        "[project]\nname = \"app\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n\
         dependencies = [\"{name}\"]\n\
         [tool.poetry]\npackage-mode = false\n\
         [[tool.poetry.source]]\nname = \"acme\"\nurl = \"{index}/pypi/simple/\"\npriority = \"primary\"\n\
         [[tool.uv.index]]\nname = \"acme\"\nurl = \"{index}/pypi/simple/\"\ndefault = true\n"
    )
}

impl Client for Pip {
    fn parts(&self) -> Vec<Part> {
        vec![PYTHON, PIP]
    }

    fn format(&self) -> &'static str {
        "pypi"
    }

    fn install(&self, place: &Place, name: &str) -> Vec<Command> {
        let mut pip = python(place, "pip");
        pip.args(["install", "--no-cache-dir", "--disable-pip-version-check"])
            .args(["--no-input", "--root-user-action=ignore", "--target", "out"])
            .arg("--index-url")
            .arg(format!("{}/pypi/simple/", place.index))
            .arg(name);
        vec![pip]
    }

    fn installed(&self, place: &Place, name: &str) -> Option<String> {
        version_in(&place.file("out"), name)
    }
}

impl Client for Uv {
    fn parts(&self) -> Vec<Part> {
        vec![PYTHON, UV]
    }

    fn format(&self) -> &'static str {
        "pypi"
    }

    fn install(&self, place: &Place, name: &str) -> Vec<Command> {
        let mut uv = uv(place);
        uv.args(["pip", "install", "--target", "out", "--default-index"])
            .arg(format!("{}/pypi/simple/", place.index))
            .arg(name);
        vec![uv]
    }

    fn lock(&self, place: &Place, name: &str) -> Option<Command> {
        place.write("pyproject.toml", pyproject(name, &place.index));
        let mut uv = uv(place);
        uv.arg("lock");
        Some(uv)
    }

    fn installed(&self, place: &Place, name: &str) -> Option<String> {
        version_in(&place.file("out"), name)
    }
}

/// uv, without a cache that outlives the command.
pub(crate) fn uv(place: &Place) -> Command {
    let mut command = place.command(UV.path());
    command
        .env("UV_NO_CACHE", "1")
        .env("UV_PYTHON", PYTHON.path())
        .env("UV_PYTHON_DOWNLOADS", "never")
        .env("UV_NO_PROGRESS", "1");
    command
}

/// Poetry, with the project's environment in the project.
pub(crate) fn poetry(place: &Place, arguments: &[&str]) -> Command {
    let mut command = python(place, "poetry");
    command
        .args(arguments)
        .arg("--no-interaction")
        .arg("--no-cache")
        .env("POETRY_VIRTUALENVS_IN_PROJECT", "true")
        .env("POETRY_VIRTUALENVS_OPTIONS_NO_PIP", "true");
    command
}

impl Client for Poetry {
    fn parts(&self) -> Vec<Part> {
        vec![PYTHON, POETRY]
    }

    fn format(&self) -> &'static str {
        "pypi"
    }

    fn install(&self, place: &Place, name: &str) -> Vec<Command> {
        place.write(
            "pyproject.toml",
            pyproject(&format!("{name} (>=0)"), &place.index),
        );
        vec![poetry(place, &["lock"]), poetry(place, &["sync"])]
    }

    fn lock(&self, place: &Place, name: &str) -> Option<Command> {
        place.write(
            "pyproject.toml",
            pyproject(&format!("{name} (>=0)"), &place.index),
        );
        Some(poetry(place, &["lock"]))
    }

    fn installed(&self, place: &Place, name: &str) -> Option<String> {
        version_in(&place.file(".venv/lib/python3.11/site-packages"), name)
    }
}
