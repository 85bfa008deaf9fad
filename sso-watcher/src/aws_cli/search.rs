//! Finds an AWS CLI that can log in.
//!
//! An agent has not the `PATH` of a shell, and the first `aws` on it may be version 1, which has no
//! `aws sso login`. So every place is asked in turn, and the first that will do is taken.

mod error;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AwsCli, OLDEST, Version, working_folder};
use crate::run::{Call, Environment, RunError};

pub use error::{AwsCliError, CandidateFault};

/// A new version needs that long for its first start on macOS, which checks all of it.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// Where installers put it, for an agent whose `PATH` does not say so.
const PLACES: [&str; 5] = [
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/usr/bin",
    "~/.local/bin",
    "/usr/local/aws-cli/v2/current/bin",
];

/// Where an AWS CLI may be.
#[derive(Clone, Debug)]
pub struct Search {
    /// Whether `SSO_LOGIN_COMMAND` names the one that is to be taken.
    is_named: bool,
    candidates: Vec<PathBuf>,
    environment: Environment,
}

/// What a search has found.
#[derive(Debug)]
pub struct Finding {
    /// The CLI, or why there is none.
    pub cli: Result<AwsCli, AwsCliError>,
    /// Whether the next search finds the same as long as no candidate changes. Not so if one did not
    /// answer in time: the machine may have been busy, or asleep.
    pub is_settled: bool,
}

impl Search {
    /// Looks for `login_command` only, if there is one: a path, or a name on the `PATH`. Otherwise for
    /// each `aws` on the `PATH` of the environment, and then where installers put it.
    #[must_use]
    pub fn new(login_command: Option<&Path>, environment: &Environment) -> Self {
        let home = environment.get_os("HOME").map_or("/".as_ref(), Path::new);
        let places = PLACES.iter().map(|place| match place.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => PathBuf::from(place),
        });
        let candidates = match login_command {
            Some(path) if path.components().count() > 1 => vec![path.to_owned()],
            Some(name) => on_search_path(environment)
                .map(|folder| folder.join(name))
                .collect(),
            None => on_search_path(environment)
                .chain(places)
                .map(|folder| folder.join("aws"))
                .collect(),
        };
        Self {
            is_named: login_command.is_some(),
            candidates: without_repetitions(candidates),
            environment: environment.clone().with("AWS_CLI_AUTO_PROMPT", "off"),
        }
    }

    /// A number that changes when any of the files in question comes, goes or changes, so that they are
    /// asked again only then. A script that passes everything on to another program stays the same.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for candidate in &self.candidates {
            candidate.hash(&mut hasher);
            let metadata = candidate.metadata().ok();
            let sight = metadata.map(|file| {
                let written = (file.mtime(), file.mtime_nsec());
                (file.ino(), written, file.len(), file.permissions().mode())
            });
            sight.hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Asks one after the other for its version.
    pub async fn run(&self) -> Result<AwsCli, AwsCliError> {
        self.find().await.cli
    }

    /// As [`Self::run`], with whether that will stay so.
    pub async fn find(&self) -> Finding {
        let mut faults = Vec::new();
        let cli = self.first_that_will_do(&mut faults).await;
        let may_pass = |fault: &CandidateFault| {
            matches!(fault, CandidateFault::Silent(_) | CandidateFault::Broken(_))
        };
        let is_settled = !faults.iter().any(|(_, fault)| may_pass(fault));
        Finding {
            cli: cli.ok_or_else(|| AwsCliError {
                is_named: self.is_named,
                looked_at: self.candidates.clone(),
                faults,
            }),
            is_settled,
        }
    }

    async fn first_that_will_do(
        &self,
        faults: &mut Vec<(PathBuf, CandidateFault)>,
    ) -> Option<AwsCli> {
        for candidate in self.candidates.iter().filter(|path| path.exists()) {
            match self.ask(candidate).await {
                Ok(version) => {
                    let path = candidate.clone();
                    return Some(AwsCli { path, version });
                }
                Err(fault) => faults.push((candidate.clone(), fault)),
            }
        }
        None
    }

    async fn ask(&self, candidate: &Path) -> Result<Version, CandidateFault> {
        let call = Call::new(candidate, VERSION_LIMIT)
            .arguments(&["--version"])
            .environment(&self.environment)
            .folder(working_folder(&self.environment));
        let ran = call.run().await.map_err(|error| match error {
            RunError::NotFound { .. } => CandidateFault::NoInterpreter,
            RunError::NotExecutable { .. } => CandidateFault::NotExecutable,
            RunError::TimedOut { limit, .. } => CandidateFault::Silent(limit),
            RunError::Failed { source, .. } => CandidateFault::Broken(source),
        })?;
        // Old versions of version 1 say it on the standard error.
        let found = Version::parse(&ran.stdout).or_else(|| Version::parse(&ran.stderr));
        match found {
            Some(version) if version.major() < 2 => Err(CandidateFault::First(version)),
            Some(version) if version < OLDEST => Err(CandidateFault::TooOld(version)),
            Some(version) => Ok(version),
            None => Err(CandidateFault::of_words(&ran)),
        }
    }
}

/// The folders of `PATH`. An empty one means the current folder, where nothing is looked for.
fn on_search_path(environment: &Environment) -> impl Iterator<Item = PathBuf> {
    let path = environment.get_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(path).collect();
    folders.into_iter().filter(|folder| folder.is_absolute())
}

fn without_repetitions(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut unique = Vec::new();
    for path in paths {
        if !unique.contains(&path) {
            unique.push(path);
        }
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_ins::StandIns;

    const NEW: &str = "echo aws-cli/2.38.5 Python/3.14.8 Linux/6.18 exe/x86_64.debian.12";
    const FIRST: &str = "echo aws-cli/1.45.11 Python/3.11.7 Linux/6.18 botocore/1.43.11";

    /// Only the stand-ins: this machine may have an `aws` of its own where installers put it.
    fn search(stand_ins: &StandIns, candidates: &[&str]) -> Search {
        let candidates = candidates.iter().map(|name| stand_ins.path(name));
        Search {
            candidates: candidates.collect(),
            ..Search::new(None, &stand_ins.environment())
        }
    }

    fn named(stand_ins: &StandIns, name: &str) -> Search {
        Search::new(Some(Path::new(name)), &stand_ins.environment())
    }

    #[test]
    fn the_path_comes_before_the_places_of_installers() {
        let environment: Environment = [("PATH", "/a:/usr/bin::b:/a"), ("HOME", "/home/x")]
            .into_iter()
            .collect();
        let search = Search::new(None, &environment);
        let looked_at: Vec<_> = search
            .candidates
            .iter()
            .filter_map(|path| path.to_str())
            .collect();
        let expected = [
            "/a/aws",
            "/usr/bin/aws",
            "/opt/homebrew/bin/aws",
            "/usr/local/bin/aws",
            "/home/x/.local/bin/aws",
            "/usr/local/aws-cli/v2/current/bin/aws",
        ];
        assert_eq!(looked_at, expected);
    }

    #[test]
    fn a_command_that_is_named_is_the_only_candidate() {
        let environment: Environment = [("PATH", "/a:/b")].into_iter().collect();
        let candidates = |command: &str| {
            let search = Search::new(Some(Path::new(command)), &environment);
            search.candidates
        };
        assert_eq!(candidates("/opt/aws"), [Path::new("/opt/aws")]);
        let on_path = [Path::new("/a/aws-sso"), Path::new("/b/aws-sso")];
        assert_eq!(candidates("aws-sso"), on_path);
    }

    #[tokio::test]
    async fn the_first_version_is_passed_over() {
        let stand_ins = StandIns::new();
        stand_ins.add("first", FIRST);
        let second = stand_ins.add("second", NEW);
        let search = search(&stand_ins, &["absent", "first", "second"]);
        let cli = search.run().await.expect("found");
        assert_eq!((cli.path, cli.version), (second, Version::new(2, 38, 5)));
    }

    #[tokio::test]
    async fn a_script_that_passes_everything_on_will_do() {
        let stand_ins = StandIns::new();
        stand_ins.add("real", NEW);
        let wrapper = r#"exec ./real "$@""#;
        stand_ins.add("corp-aws", wrapper);
        let cli = named(&stand_ins, "corp-aws").run().await.expect("found");
        assert_eq!(cli.path, stand_ins.path("corp-aws"));
    }

    #[tokio::test]
    async fn an_old_version_may_speak_on_its_standard_error() {
        let stand_ins = StandIns::new();
        stand_ins.add("aws", &format!("{FIRST} >&2"));
        let error = search(&stand_ins, &["aws"]).run().await.expect_err("v1");
        assert!(matches!(error.faults(), [(_, CandidateFault::First(_))]));
    }

    #[tokio::test]
    async fn each_program_is_named_with_what_is_wrong_and_the_cure() {
        let stand_ins = StandIns::new();
        stand_ins.add("first", FIRST);
        stand_ins.add("old", "echo aws-cli/2.1.4 Python/3.7.3 Darwin/18.7.0");
        stand_ins.write("data", "no program");
        stand_ins.write("script", "#!/absent/python3\n");
        stand_ins.set_mode("script", "755");
        stand_ins.add("shim", "echo pyenv: aws: command not found >&2; exit 127");
        stand_ins.add("mute", "exit 0");
        let search = search(
            &stand_ins,
            &["first", "old", "data", "script", "shim", "mute"],
        );
        let error = search.run().await.expect_err("none will do").to_string();
        let folder = stand_ins.path("").display().to_string();
        insta::assert_snapshot!(error.replace(&folder, "/bin/"), @r"
        no AWS CLI that can log in was found
            /bin/first: version 1.45.11, which has no `aws sso login`
            /bin/old: version 2.1.4, which is older than 2.9.0
            /bin/data: it may not be executed
            /bin/script: the program in its first line is not there
            /bin/shim: asked for its version, it says: pyenv: aws: command not found
            /bin/mute: it says no version when asked with --version
            Install the AWS CLI, version 2.9.0 or newer (https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html), or name one in .env (SSO_LOGIN_COMMAND); then run: sso-watcher restart
        ");
    }

    #[tokio::test]
    async fn a_named_command_that_is_not_there_is_told() {
        let stand_ins = StandIns::new();
        let error = named(&stand_ins, "/absent/aws").run().await;
        insta::assert_snapshot!(error.expect_err("absent"), @r"
        SSO_LOGIN_COMMAND names no AWS CLI that can log in
            There is none at /absent/aws
            Install the AWS CLI, version 2.9.0 or newer (https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html), or correct SSO_LOGIN_COMMAND in .env; then run: sso-watcher restart
        ");
    }

    #[test]
    fn the_fingerprint_changes_with_the_files_alone() {
        let stand_ins = StandIns::new();
        let search = search(&stand_ins, &["a", "b"]);
        let mut seen = vec![search.fingerprint()];
        let mut has_changed = || {
            let now = search.fingerprint();
            let is_new = !seen.contains(&now);
            seen.push(now);
            is_new
        };
        assert!(!has_changed());
        stand_ins.write("b", "one");
        assert!(has_changed());
        stand_ins.set_mode("b", "755");
        assert!(has_changed());
        stand_ins.write("b", "three");
        assert!(has_changed());
        assert!(!has_changed());
    }
}
