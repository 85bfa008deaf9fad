//! A short question to one of the system's programs.

use std::io::{self, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Such a program needs milliseconds; after so long it is ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// More than a row for each process of a busy host.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// What a program found on `PATH` prints, if it ends well and in time.
///
/// Dates come in English and in UTC: else a process would have another start in another time zone.
pub(super) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let spawned = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let outcome = spawned.and_then(|child| read(child, PATIENCE));
    outcome
        .inspect_err(|error| tracing::debug!(program, %error, "the system could not be asked"))
        .ok()
}

fn read(mut child: Child, patience: Duration) -> io::Result<String> {
    let deadline = Instant::now() + patience;
    let stdout = child.stdout.take();
    let (sender, receiver) = mpsc::channel();
    let reading = move || {
        let mut text = String::new();
        let read = stdout.map(|stdout| stdout.take(MOST_BYTES).read_to_string(&mut text));
        // Nobody listens any more after the deadline.
        let _heard = sender.send(read.transpose().map(|_| text));
    };
    thread::Builder::new().spawn(reading)?;
    let answer = receiver.recv_timeout(patience);
    while child.try_wait()?.is_none() {
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_millis(1));
    }
    if child.wait()?.success() {
        answer.map_err(io::Error::other)?
    } else {
        Err(io::Error::other("it failed"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;

    /// A program of the other system, as a script; gives its path.
    ///
    /// Another process writes it: a process that another test starts meanwhile could hold a file open that
    /// this one writes, and what is being written cannot be executed.
    pub(in crate::process) fn stand_in(folder: &Path, name: &str, script: &str) -> String {
        let path = folder.join(name).to_str().expect("a text").to_owned();
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 700 "$1""#;
        let status = Command::new("sh")
            .args(["-c", write, "sh", &path, script])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "written");
        path
    }

    #[test]
    fn only_a_program_that_ends_well_and_in_time_has_an_answer() {
        let folder = tempfile::tempdir().expect("a folder");
        let well = stand_in(folder.path(), "well", r#"echo "$LC_ALL $TZ $1""#);
        assert_eq!(output(&well, &["x"]).as_deref(), Some("C UTC x\n"));
        let badly = stand_in(folder.path(), "badly", "echo x; exit 1");
        assert_eq!(output(&badly, &[]), None);
        assert_eq!(output("/no/such/program", &[]), None);
        let endless = Command::new("sleep")
            .arg("300")
            .stdout(Stdio::piped())
            .spawn();
        let error = read(endless.expect("started"), Duration::from_millis(50));
        assert_eq!(
            error.expect_err("ended").kind(),
            io::ErrorKind::TimedOut,
            "it was ended"
        );
    }

    #[test]
    fn a_long_answer_is_read_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "i=0; while [ $i -lt 20000 ]; do echo 1234567890; i=$((i+1)); done";
        let long = stand_in(folder.path(), "long", script);
        assert_eq!(output(&long, &[]).map(|text| text.len()), Some(220_000));
    }
}
