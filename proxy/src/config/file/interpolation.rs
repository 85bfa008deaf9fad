//! `${fromEnv:NAME}` and `${fromFile:/path}` in values.
//!
//! One pass: what is put in is never looked through again, so that a secret that happens to hold `${` stays
//! what it is.

use std::path::{Path, PathBuf};

use sso_session::disk;
use sso_session::secret::Secret;

use super::Vars;

/// A certificate chain fits in; a token is far shorter.
const LONGEST_FILE: u64 = 64 << 10;

/// All that is put into one configuration: a template of twenty characters could read a large file again and again.
const MOST_PUT_IN: usize = 4 << 20;

/// Where values come from, and what was looked at for them.
pub(super) struct Substitutions<'a> {
    vars: Vars<'a>,
    folder: PathBuf,
    /// Bytes that may still be put in.
    left: usize,
    /// The configuration first, then what it names; also what is not there.
    pub(super) inputs: Vec<PathBuf>,
}

/// A value with everything put in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Interpolated {
    pub(super) text: String,
    /// Whether anything was put in: then it is not to be shown.
    pub(super) is_substituted: bool,
    /// The file that all of it came from, where it was one alone.
    pub(super) file: Option<PathBuf>,
}

/// What is wrong, and what to do.
pub(super) type Fault = (String, String);

/// Whose `${…}` may stand in a value beside ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// Nobody's: what is not ours is misspelt.
    Refused,
    /// Those of IAM's policies, such as `${aws:username}`.
    Kept,
}

impl<'a> Substitutions<'a> {
    /// For the configuration at `path`.
    pub(super) fn new(path: &Path, vars: Vars<'a>) -> Self {
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Self {
            vars,
            folder,
            left: MOST_PUT_IN,
            inputs: vec![path.to_owned()],
        }
    }

    /// A path as it is meant: `~/` is the home folder, and what is relative is so to the configuration.
    pub(super) fn path(&self, written: &str) -> PathBuf {
        let home = || (self.vars)("HOME").filter(|home| !home.is_empty());
        match written.strip_prefix("~/").zip(home()) {
            Some((below, home)) => Path::new(&home).join(below),
            None => self.folder.join(written),
        }
    }

    /// A variable of the environment.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.vars)(name)
    }

    /// Puts everything into a value, or says all that is wrong with it.
    pub(super) fn apply(
        &mut self,
        written: &str,
        foreign: Foreign,
    ) -> Result<Interpolated, Vec<Fault>> {
        let (mut text, mut faults) = (String::with_capacity(written.len()), Vec::new());
        let (mut parts, mut file) = (0_usize, None);
        let mut rest = written;
        while let Some((before, after)) = rest.split_once("${") {
            text.push_str(before);
            match Template::begin(after, foreign) {
                Template::None => {
                    text.push_str("${");
                    rest = after;
                }
                Template::Fault(fault, behind) => {
                    faults.push(fault);
                    rest = behind;
                }
                Template::Variable(name, behind) => {
                    parts += 1;
                    let value = (self.vars)(name).ok_or_else(|| not_set(name));
                    if let Err(fault) = value.and_then(|value| self.put(&mut text, &value)) {
                        faults.push(fault);
                    }
                    rest = behind;
                }
                Template::File(name, behind) => {
                    parts += 1;
                    let path = self.path(name);
                    let content = self.read(&path);
                    if let Err(fault) =
                        content.and_then(|content| self.put(&mut text, content.expose()))
                    {
                        faults.push(fault);
                    }
                    file = (before.is_empty() && behind.is_empty()).then_some(path);
                    rest = behind;
                }
            }
        }
        text.push_str(rest);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Interpolated {
            text,
            is_substituted: parts > 0,
            file: file.filter(|_| parts == 1),
        })
    }

    fn put(&mut self, text: &mut String, value: &str) -> Result<(), Fault> {
        let Some(left) = self.left.checked_sub(value.len()) else {
            self.left = 0;
            let mebibytes = MOST_PUT_IN >> 20;
            return Err((
                format!("more than {mebibytes} MiB are put into this file in all"),
                "Put in values, and no large files.".to_owned(),
            ));
        };
        self.left = left;
        text.push_str(value);
        Ok(())
    }

    fn read(&mut self, path: &Path) -> Result<Secret, Fault> {
        if !self.inputs.iter().any(|known| known == path) {
            self.inputs.push(path.to_owned());
        }
        let bytes = disk::read_bounded(path, LONGEST_FILE).map_err(|error| {
            (
                format!(
                    "the file {} cannot be read: {}",
                    path.display(),
                    error.source
                ),
                "Name a file of at most 64 KiB that the proxy may read.".to_owned(),
            )
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            (
                format!("the file {} is not UTF-8", path.display()),
                "Name a file that holds text.".to_owned(),
            )
        })?;
        Ok(Secret::new(without_line_end(text)))
    }
}

fn not_set(name: &str) -> Fault {
    let shown = name.escape_debug();
    (
        format!("the variable `{shown}` is not set"),
        format!(
            "Set {shown} where this is run, or in a `.env` there; what `${{fromFile:/path}}` names is found by every \
             command."
        ),
    )
}

/// Editors and `echo` end a line; a token does not. What has several lines is left as it is.
fn without_line_end(text: &str) -> &str {
    let Some(line) = text.strip_suffix('\n') else {
        return text;
    };
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains('\n') { text } else { line }
}

/// What stands behind a `${`.
enum Template<'t> {
    Variable(&'t str, &'t str),
    File(&'t str, &'t str),
    /// None of ours: the two characters mean themselves.
    None,
    Fault(Fault, &'t str),
}

impl<'t> Template<'t> {
    fn begin(after: &'t str, foreign: Foreign) -> Self {
        let tag_end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
        let (tag, behind) = after.split_at(tag_end.unwrap_or(after.len()));
        let is_ours = tag
            .get(..4)
            .is_some_and(|from| from.eq_ignore_ascii_case("from"));
        if tag.is_empty() || (foreign == Foreign::Kept && !is_ours) {
            return Self::None;
        }
        if let Some(behind) = behind.strip_prefix('}') {
            return Self::Fault(without_source(tag), behind);
        }
        let Some(argument) = behind.strip_prefix(':') else {
            return Self::None;
        };
        let Some((argument, behind)) = argument.split_once('}') else {
            let fault = (
                format!("`${{{tag}:` is not closed"),
                "Write `}` where it ends.".to_owned(),
            );
            return Self::Fault(fault, "");
        };
        match tag {
            "fromEnv" | "fromFile" if argument.is_empty() => {
                let fault = (
                    format!("`${{{tag}:}}` names nothing"),
                    "Write `${fromEnv:NAME}` or `${fromFile:/path}`.".to_owned(),
                );
                Self::Fault(fault, behind)
            }
            "fromEnv" => Self::Variable(argument, behind),
            "fromFile" => Self::File(argument, behind),
            _ => {
                let fault = (
                    format!("`${{{tag}:` is not known"),
                    "Write `${fromEnv:NAME}` or `${fromFile:/path}`.".to_owned(),
                );
                Self::Fault(fault, behind)
            }
        }
    }
}

/// Taken as it stands, a public text would be somebody's token.
fn without_source(name: &str) -> Fault {
    (
        format!("`${{{name}}}` says not where its value comes from"),
        format!("Write `${{fromEnv:{name}}}`, or `${{fromFile:/path}}`."),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn vars(name: &str) -> Option<String> {
        let value = match name {
            "NAME" => "value",
            "EMPTY" => "",
            "TEMPLATE" => "${fromEnv:NAME}${fromFile:/etc/passwd}",
            "HOME" => "/home/dev",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn apply(written: &str) -> Result<Interpolated, Vec<Fault>> {
        Substitutions::new(Path::new("/etc/proxy/config.yaml"), &vars)
            .apply(written, Foreign::Refused)
    }

    fn text(written: &str) -> String {
        apply(written).expect("no fault").text
    }

    fn problem(written: &str) -> String {
        let faults = apply(written).expect_err("a fault");
        faults.into_iter().map(|(problem, _)| problem).collect()
    }

    #[test]
    fn variables_are_put_in_anywhere_and_once() {
        assert_eq!(text("${fromEnv:NAME}"), "value");
        assert_eq!(text("a-${fromEnv:NAME}/${fromEnv:EMPTY}b"), "a-value/b");
        assert_eq!(text("${fromEnv:TEMPLATE}"), vars("TEMPLATE").expect("set"));
        assert_eq!(text("costs $5, ${ and {} stay"), "costs $5, ${ and {} stay");
        assert!(!apply("plain").expect("no fault").is_substituted);
    }

    #[test]
    fn what_cannot_be_put_in_is_named() {
        assert!(problem("${fromEnv:NOWHERE}").contains("NOWHERE"));
        assert!(problem("${fromEnv:NAME").contains("not closed"));
        assert!(problem("${fromenv:NAME}").contains("`${fromenv:`"));
        assert!(problem("${env:NAME}").contains("`${env:`"));
        assert!(problem("${fromEnv:}").contains("names nothing"));
        assert!(problem("${NAME}").contains("says not where"));
        assert!(problem("${fromFile:/no/such/file}").contains("/no/such/file"));
        let both = apply("${fromEnv:ONE}${fromEnv:TWO}").expect_err("two faults");
        assert_eq!(both.len(), 2);
    }

    #[test]
    fn policies_keep_their_own_variables() {
        let mut substitutions = Substitutions::new(Path::new("c.yaml"), &vars);
        let mut apply = |written: &str| substitutions.apply(written, Foreign::Kept);
        let kept = "arn:aws:s3:::home/${aws:username}/${saml:sub}${*}";
        assert_eq!(apply(kept).expect("no fault").text, kept);
        assert_eq!(apply("${fromEnv:NAME}").expect("no fault").text, "value");
        apply("${fromEvn:NAME}").expect_err("a fault");
    }

    #[test]
    fn the_end_of_a_single_line_is_no_part_of_it() {
        assert_eq!(without_line_end("token\n"), "token");
        assert_eq!(without_line_end("token\r\n"), "token");
        assert_eq!(without_line_end("token"), "token");
        assert_eq!(without_line_end("one\ntwo\n"), "one\ntwo\n");
        assert_eq!(without_line_end("token\n\n"), "token\n\n");
        assert_eq!(without_line_end("\n"), "");
    }

    #[test]
    fn files_are_found_from_the_configuration_on_and_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let token = folder.path().join("token");
        let mut file = std::fs::File::create(&token).expect("a file");
        file.write_all(b"secret\n").expect("written");
        let config = folder.path().join("config.yaml");
        let mut substitutions = Substitutions::new(&config, &vars);
        let whole = substitutions.apply("${fromFile:token}", Foreign::Refused);
        let whole = whole.expect("no fault");
        assert_eq!(
            (whole.text.as_str(), whole.file),
            ("secret", Some(token.clone()))
        );
        let part = substitutions.apply("x${fromFile:token}", Foreign::Refused);
        assert_eq!(part.expect("no fault").file, None);
        let twice = substitutions.apply("${fromFile:token}${fromFile:token}", Foreign::Refused);
        assert_eq!(twice.expect("no fault").file, None);
        let absent = substitutions.apply("${fromFile:~/absent}", Foreign::Refused);
        absent.expect_err("not there");
        let home = PathBuf::from("/home/dev/absent");
        assert_eq!(substitutions.inputs, [config, token, home]);
    }

    #[test]
    fn what_is_put_in_is_bounded_over_all_values() {
        let long = "x".repeat(MOST_PUT_IN / 4);
        let vars = |_: &str| Some(long.clone());
        let mut substitutions = Substitutions::new(Path::new("c.yaml"), &vars);
        let mut apply = |written: &str| substitutions.apply(written, Foreign::Refused);
        apply("${fromEnv:A}${fromEnv:A}${fromEnv:A}").expect("three quarters");
        apply("${fromEnv:A}").expect("all of it");
        let faults = apply("${fromEnv:A}").expect_err("more");
        assert!(faults[0].0.contains("more than 4 MiB"), "{faults:?}");
    }

    #[test]
    fn large_files_folders_and_pipes_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let large = folder.path().join("large");
        let file = std::fs::File::create(&large).expect("a file");
        file.set_len(LONGEST_FILE + 1).expect("sized");
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        for path in [large.as_path(), folder.path(), &pipe] {
            let written = format!("${{fromFile:{}}}", path.display());
            assert!(problem(&written).contains("cannot be read"), "{written}");
        }
    }
}
