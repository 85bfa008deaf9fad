//! The programs of `tests/stand-ins` in the place of the system's own, and a home beside them.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sso_watcher::run::Environment;
use tests::{Scratch, workspace_folder};

/// A home, and a `PATH` with the stand-ins on it. What they started ends when this is dropped.
#[derive(Debug)]
pub(crate) struct StandIns {
    scratch: Scratch,
}

impl StandIns {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path().join("state")).expect("a folder");
        Self { scratch }
    }

    /// `HOME`.
    pub(crate) fn home(&self) -> PathBuf {
        self.scratch.home()
    }

    /// Any path below the scratch folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The stand-ins first, then the system.
    pub(crate) fn search_path() -> String {
        format!("{}:/usr/bin:/bin", stand_in("").display())
    }

    /// The environment of a person on the stand-ins' system.
    pub(crate) fn environment(&self) -> Environment {
        let text = |path: PathBuf| path.into_os_string();
        let variables = [
            ("PATH", Self::search_path().into()),
            ("HOME", text(self.home())),
            ("USER", "jo".into()),
            ("STAND_IN_LOG", text(self.path("calls"))),
            ("STAND_IN_STATE", text(self.path("state"))),
        ];
        variables.into_iter().collect()
    }

    /// Tells the stand-ins how to behave (see `tests/stand-ins/stand_in.py`).
    pub(crate) fn tell(&self, name: &str, text: &str) {
        write(&self.path("state").join(name), text);
    }

    /// Takes that back.
    pub(crate) fn forget(&self, name: &str) {
        std::fs::remove_file(self.path("state").join(name)).expect("removed");
    }

    /// The arguments of every call of a program so far, without this scratch's own path.
    pub(crate) fn calls(&self, program: &str) -> Vec<String> {
        let log = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        let calls = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        let of_program = calls.filter(|call| call["program"] == program);
        let scratch = self.scratch.path().display().to_string();
        of_program
            .map(|call| words(&call["arguments"]).replace(&scratch, "SCRATCH"))
            .collect()
    }

    /// Forgets the calls so far.
    pub(crate) fn forget_calls(&self) {
        let _absent = std::fs::remove_file(self.path("calls"));
    }
}

/// A file of `tests/stand-ins`.
pub(crate) fn stand_in(name: &str) -> PathBuf {
    workspace_folder().join("tests/stand-ins").join(name)
}

fn words(arguments: &Value) -> String {
    let arguments = arguments.as_array().into_iter().flatten();
    let words: Vec<_> = arguments.filter_map(Value::as_str).collect();
    words.join(" ")
}

#[expect(clippy::disallowed_methods, reason = "a scratch file")]
pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a scratch file");
}
