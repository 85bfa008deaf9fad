//! Files of variables in the form of `.env`: found, read, written.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The file's name in a folder.
const NAME: &str = ".env";

/// A file of variables, as it was when it was read.
#[derive(Clone)]
pub struct Dotenv {
    path: PathBuf,
    text: String,
}

/// A file of variables cannot be used.
#[derive(Debug, Error)]
pub enum DotenvError {
    /// The file cannot be opened or read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// One of its lines is no assignment. The line itself may hold a secret, and is not shown.
    #[error(
        "{}, line {line}{} cannot be understood\n    Each line is NAME=value; quote values that hold spaces or #.",
        path.display(),
        name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default(),
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The variable's name, where there is one.
        name: Option<String>,
    },
}

impl Dotenv {
    /// The first `.env` in `folder` and the folders above it that `is_wanted`.
    pub fn find(
        folder: &Path,
        is_wanted: impl Fn(&Self) -> bool,
    ) -> Result<Option<Self>, DotenvError> {
        let candidates = folder.ancestors().map(|folder| folder.join(NAME));
        for path in candidates.filter(|path| path.is_file()) {
            let file = Self::read(path)?;
            if is_wanted(&file) {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    /// Reads a file of any name.
    pub fn read(path: PathBuf) -> Result<Self, DotenvError> {
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Self { path, text }),
            Err(source) => Err(DotenvError::Unreadable { path, source }),
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names that it assigns to, also if another line is broken.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter_map(assigned_name)
    }

    /// Its variables in order. `$NAME` in a value stands for a variable of this process or of a line
    /// above, unless it is escaped or in single quotes.
    pub fn variables(&self) -> Result<Vec<(String, String)>, DotenvError> {
        let unreadable = |source| DotenvError::Unreadable {
            path: self.path.clone(),
            source,
        };
        let parsed: Result<_, _> = dotenvy::from_read_iter(self.text.as_bytes()).collect();
        parsed.map_err(|error| match error {
            dotenvy::Error::Io(source) => unreadable(source),
            dotenvy::Error::LineParse(broken, _) => self.broken_line(&broken),
            other @ (dotenvy::Error::EnvVar(_) | _) => {
                unreadable(io::Error::other(other.to_string()))
            }
        })
    }

    /// Where a broken line begins, and the name that is assigned there. What is known to be broken is a
    /// whole line or the value in it; one with an open quote runs on to the end of the file.
    fn broken_line(&self, broken: &str) -> DotenvError {
        let first = broken.trim_start().lines().next().unwrap_or_default();
        let first = first.trim_end();
        let find = |is_it: &dyn Fn(&str) -> bool| {
            let mut lines = self.text.lines().enumerate();
            lines.find(|(_, line)| is_it(line.trim()))
        };
        let assigns_it = |line: &str| {
            let value = line.split_once('=').map(|(_, value)| value.trim_start());
            assigned_name(line).is_some() && value == Some(first)
        };
        let found = find(&|line| line == first)
            .or_else(|| find(&assigns_it))
            .or_else(|| find(&|line| !line.starts_with('#') && line.contains(first)));
        let (index, line) = found.unwrap_or_default();
        DotenvError::Line {
            path: self.path.clone(),
            line: index + 1,
            name: assigned_name(line).map(str::to_owned),
        }
    }
}

fn assigned_name(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('=')?;
    let name = name.trim().trim_start_matches("export ").trim_start();
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some(name)
}

/// The line that gives `value` to `name`, whatever the value holds, without the end of the line.
#[must_use]
pub fn assignment(name: &str, value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\\' | '"' | '$' => quoted.extend(['\\', c]),
            other => quoted.push(other),
        }
    }
    format!("{name}=\"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(text: &str) -> Dotenv {
        Dotenv {
            path: PathBuf::from("/repository/.env"),
            text: text.to_owned(),
        }
    }

    #[test]
    fn any_value_is_read_as_it_was_written() {
        let values = [
            "",
            "plain",
            " spaces around ",
            "# no comment",
            "it's \"quoted\"",
            "$HOME ${HOME} $",
            r"back\slashes\n\",
            "two\nlines\n",
            "carriage\r\nreturn\r",
            "a&b;c|d`e`(f)!",
            "größe 🦀\t\u{7f}",
        ];
        let lines = values.map(|value| format!("{}\n", assignment("NAME", value)));
        let read = file(&lines.concat()).variables().expect("readable");
        let read: Vec<_> = read.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(read, values);
    }

    #[test]
    fn names_are_told_although_a_line_is_broken() {
        let file = file("# A=1\nexport B=2\n C = 3\nno assignment\nD=\"open\n=x\n");
        assert_eq!(file.names().collect::<Vec<_>>(), ["B", "C", "D"]);
        let error = file.variables().expect_err("broken").to_string();
        assert!(
            error.starts_with("/repository/.env, line 4 cannot"),
            "{error}"
        );
    }

    #[test]
    fn a_broken_value_is_found_in_its_line() {
        let broken = |text: &str| {
            let error = file(text).variables().expect_err("broken").to_string();
            error.lines().next().unwrap_or_default().to_owned()
        };
        let command = "SSO_LOGIN_COMMAND=aws sso login\n";
        for (text, place) in [
            (
                format!("# aws sso login\nA=1\n{command}"),
                "line 3 (SSO_LOGIN_COMMAND)",
            ),
            (
                format!("A=1\n  export {command}B=2\n"),
                "line 2 (SSO_LOGIN_COMMAND)",
            ),
            ("A=1\nB='open\nC=3\n".to_owned(), "line 2 (B)"),
            ("A=1\nB = two words # both\n".to_owned(), "line 2 (B)"),
        ] {
            let told = broken(&text);
            assert!(told.contains(place), "{told}, not {place}, in {text:?}");
        }
    }

    #[test]
    fn the_nearest_wanted_file_counts() {
        let top = tempfile::tempdir().expect("a folder");
        let below = top.path().join("a/b");
        fs::create_dir_all(&below).expect("folders");
        let put = |folder: &Path, text: &[u8]| {
            let mut file = fs::File::create(folder.join(NAME)).expect("created");
            io::Write::write_all(&mut file, text).expect("written");
        };
        put(top.path(), b"OURS=1\n");
        put(&below, b"THEIRS=1\n");
        let path = |is_wanted: fn(&Dotenv) -> bool| {
            let found = Dotenv::find(&below, is_wanted).expect("readable");
            found.map(|file| file.path().to_owned())
        };
        assert_eq!(path(|_| true), Some(below.join(NAME)));
        let ours = |file: &Dotenv| file.names().any(|name| name == "OURS");
        assert_eq!(path(ours), Some(top.path().join(NAME)));
        assert_eq!(path(|_| false), None);
    }
}
