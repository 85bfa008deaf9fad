//! A home with profiles, the simulated AWS beside it, and the CLIs.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use simulated_aws::SimulatedAws;
use sso_watcher::aws_cli::login::{Ending, Flow, Invitation, LoginPlan, RunningLogin};
use sso_watcher::aws_cli::search::Search;
use sso_watcher::aws_cli::verdict::{Meaning, meaning};
use sso_watcher::platform::Platform;
use sso_watcher::run::Environment;
use tempfile::TempDir;
use tokio::time::Instant;

/// A browser that forks, as the CLI waits for it: it follows redirects, and clicks if it is told to.
const BROWSER: &str = r#"#!/bin/sh
(curl --silent --location --noproxy '*' $CLICK "$1" >"$HOME/page.html" 2>&1 &)
"#;

/// Where the old CLI learns of another endpoint than AWS's; it knows no variable for that.
const SERVICES: [&str; 2] = ["sso-oidc", "sso"];

/// The profile with an `sso-session`, and the session's name.
pub(crate) const PROFILE: &str = "team";

/// A CLI of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cli {
    /// 2.38, which people have now.
    New,
    /// 2.9 of Debian, the oldest that is taken: device codes only.
    Old,
}

impl Cli {
    /// The program, unless it is not installed.
    pub(crate) fn installed(self) -> Option<PathBuf> {
        let program = match self {
            Self::New => clients_folder().join("bin/aws"),
            Self::Old => PathBuf::from("/usr/bin/aws"),
        };
        if program.exists() {
            return Some(program);
        }
        let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
        assert!(!required, "{} is missing", program.display());
        eprintln!("skipped: {} is missing", program.display());
        None
    }
}

fn clients_folder() -> PathBuf {
    let folder = std::env::var_os("CLIENTS_DIR").map(PathBuf::from);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    folder.unwrap_or_else(|| workspace.expect("a workspace").join("tests/.clients"))
}

/// Everything that a login needs.
pub(crate) struct World {
    pub(crate) aws: SimulatedAws,
    pub(crate) cli: Cli,
    program: PathBuf,
    home: TempDir,
    environment: Environment,
}

impl World {
    /// `None` where the CLI is not installed.
    pub(crate) async fn new(cli: Cli) -> Option<Self> {
        let program = cli.installed()?;
        let home = tempfile::tempdir().expect("a folder");
        let buckets = home.path().join("buckets");
        fs::create_dir(&buckets).expect("created");
        let aws = SimulatedAws::builder(&buckets)
            .start()
            .await
            .expect("started");
        let environment = [
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("HOME", home.path().display().to_string()),
            ("LANG", "C.UTF-8".to_owned()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
            ("BROWSER", format!("{}/browser %s", home.path().display())),
            ("AWS_CA_BUNDLE", String::new()),
        ];
        let mut world = Self {
            aws,
            cli,
            program,
            home,
            environment: environment.into_iter().collect(),
        };
        world.write_config("");
        world.write("browser", BROWSER);
        let browser = world.home.path().join("browser");
        fs::set_permissions(browser, fs::Permissions::from_mode(0o755)).expect("executable");
        world.set_endpoint(&world.aws.endpoint_url());
        Some(world)
    }

    /// `~/.aws/config`: the profile `team` with a session, `legacy` without one, `plain` without SSO; and more.
    pub(crate) fn write_config(&self, more: &str) {
        let sso = self.aws.sso();
        let text = format!(
            "{}\n[profile legacy]\nsso_start_url = {}\nsso_region = {}\n\
             sso_account_id = 123456789012\nsso_role_name = Developer\n\
             \n[profile plain]\nregion = us-west-2\n{more}",
            sso.config(PROFILE),
            sso.start_url(),
            sso.region()
        );
        self.write(".aws/config", &text);
    }

    /// Where AWS is looked for, from the next login on.
    pub(crate) fn set_endpoint(&mut self, url: &str) {
        self.set("AWS_ENDPOINT_URL", url);
        let rules = format!(
            r#"{{"version": "1.0", "parameters": {{
                "Region": {{"type": "String", "builtIn": "AWS::Region", "required": false}},
                "UseDualStack": {{"type": "Boolean", "builtIn": "AWS::UseDualStack", "required": true, "default": false}},
                "UseFIPS": {{"type": "Boolean", "builtIn": "AWS::UseFIPS", "required": true, "default": false}},
                "Endpoint": {{"type": "String", "builtIn": "SDK::Endpoint", "required": false}}
            }}, "rules": [{{"type": "endpoint", "conditions": [],
                "endpoint": {{"url": "{url}", "properties": {{}}, "headers": {{}}}}}}]}}"#
        );
        for service in SERVICES {
            let folder = format!(".aws/models/{service}/2019-06-10");
            self.write(&format!("{folder}/endpoint-rule-set-1.json"), &rules);
        }
    }

    /// Sets a variable of the agent.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment = self.environment.clone().with(name, value);
    }

    /// A file below the home.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        let mut file = fs::File::create(path).expect("created");
        file.write_all(text.as_bytes()).expect("written");
    }

    /// Whether there is a file below the home.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.home.path().join(name).exists()
    }

    /// Tokens and registrations.
    pub(crate) fn cache(&self) -> PathBuf {
        self.home.path().join(".aws/sso/cache")
    }

    /// The files in there.
    pub(crate) fn cached(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache()).into_iter().flatten();
        entries
            .map(|entry| entry.expect("an entry").path())
            .collect()
    }

    pub(crate) fn search(&self) -> Search {
        Search::new(Some(&self.program), &self.environment)
    }

    pub(crate) async fn plan(&self, profile: &str, flow: Flow) -> LoginPlan {
        LoginPlan {
            launcher: None,
            cli: self.search().run().await.expect("found"),
            base_profile: profile.to_owned(),
            flow,
            output: self.home.path().join("state/login.output"),
            platform: Platform::Linux,
            environment: self.environment.clone(),
        }
    }

    /// Runs a login to its end; what it ended with, and what that means.
    pub(crate) async fn log_in(
        &self,
        profile: &str,
        flow: Flow,
        on_invitation: impl FnMut(Invitation),
    ) -> (Meaning, Ending) {
        let plan = self.plan(profile, flow).await;
        let login = RunningLogin::start(&plan).expect("started");
        let ending = login.watch(deadline(), std::future::pending(), on_invitation);
        let ending = ending.await;
        (meaning(&ending), ending)
    }
}

/// No login takes longer, but those that nobody finishes.
pub(crate) fn deadline() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

/// The CLIs that are installed, each with a world of its own.
pub(crate) async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for cli in [Cli::New, Cli::Old] {
        worlds.extend(World::new(cli).await);
    }
    worlds
}
