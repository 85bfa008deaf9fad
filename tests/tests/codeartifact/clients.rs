//! The clients: how each is told to get a package from one index, with nothing kept from before.

mod bazel;
mod maven;
mod node;
mod python;
mod whole_life;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tests::clients::Part;
use tests::commands::{self, Ended, run};

pub(crate) use maven::{COPY_DEPENDENCIES, DEPLOY_FILE, Maven, maven, maven_with, pom};
pub(crate) use node::{Npm, Pnpm, npm, package_json, pnpm};
pub(crate) use python::{Pip, Poetry, Uv, python, uv};

/// No client works longer, on a busy machine either; what it waits comes on top.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// All that look for a package by its name.
pub(crate) const ALL: [&dyn Client; 6] = [&Pip, &Uv, &Poetry, &Npm, &Pnpm, &Maven];

/// A client that looks for a package by its name.
pub(crate) trait Client: fmt::Debug + Sync {
    /// What it needs to run here.
    fn parts(&self) -> Vec<Part>;

    /// Its format's name, as in URLs.
    fn format(&self) -> &'static str;

    /// Makes the project that wants the package `name` of any version, and says how it is got.
    fn install(&self, place: &Place, name: &str) -> Vec<Command>;

    /// The version that was got, read from what the client has put down.
    fn installed(&self, place: &Place, name: &str) -> Option<String>;

    /// The same, writing only the lock file, if it has one.
    fn lock(&self, _place: &Place, _name: &str) -> Option<Command> {
        None
    }
}

/// A folder where a client runs once, and the indexes it is told of.
#[derive(Debug)]
pub(crate) struct Place {
    folder: tempfile::TempDir,
    /// `http://…/codeartifact/<alias>`.
    pub(crate) index: String,
}

impl Place {
    pub(crate) fn new(index: &str) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            index: index.to_owned(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let path = self.file(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    #[expect(clippy::disallowed_methods, reason = "a client's project")]
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a written file");
    }

    /// A program with this folder for its home.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref().display().to_string();
        commands::client(&program, self.path())
    }
}

/// Runs what a client has to run, up to the first that fails; the last one's end.
///
/// # Panics
/// Where there is nothing to run, or after `limit`.
pub(crate) async fn run_all(commands: Vec<Command>, limit: Duration) -> Ended {
    let mut last = None;
    for command in commands {
        let ended = run(command, limit).await;
        let goes_on = ended.status.success();
        last = Some(ended);
        if !goes_on {
            break;
        }
    }
    last.expect("something to run")
}

/// Installs a package in a new place, and says which version came, or what the client has said.
pub(crate) async fn install(
    client: &dyn Client,
    index: &str,
    name: &str,
) -> Result<String, String> {
    let place = Place::new(index);
    let ended = run_all(client.install(&place, name), LIMIT).await;
    let said = format!("{client:?}: {}\n{}", ended.text(), ended.stderr);
    match client.installed(&place, name) {
        Some(version) if ended.status.success() => Ok(version),
        Some(_) | None => Err(said),
    }
}
