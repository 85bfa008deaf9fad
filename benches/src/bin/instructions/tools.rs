//! What the counts depend on beside the code: they are noted with the baseline, and said where a count is off.

use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;

/// The programs, and their versions as they say them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tools {
    pub(crate) program: PathBuf,
    pub(crate) rustc: String,
    pub(crate) valgrind: String,
    pub(crate) libc: String,
}

impl Tools {
    /// The program that was built beside this one, and what it runs on.
    pub(crate) fn find() -> Outcome<Self> {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        let program = this.with_file_name("bazel-proxy");
        if !program.is_file() {
            return Err(format!(
                "{} is not there; benches/instructions.sh builds it",
                program.display()
            ));
        }
        Ok(Self {
            program,
            rustc: says("rustc", &["--version"])?,
            valgrind: says("valgrind", &["--version"])?,
            // Where there is no glibc, there is no such word either.
            libc: says("getconf", &["GNU_LIBC_VERSION"]).unwrap_or_else(|_| "another".into()),
        })
    }
}

fn says(program: &str, arguments: &[&str]) -> Outcome<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| {
        format!("{program}: {error}. tests/install-clients.sh installs what is missing.")
    })?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && !said.is_empty() {
        Ok(said)
    } else {
        Err(format!("{program} {} said nothing", arguments.join(" ")))
    }
}
