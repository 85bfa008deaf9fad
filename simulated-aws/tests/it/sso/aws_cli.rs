//! The real AWS CLI v2 signs in, and uses what it got.
//!
//! Skipped, with a message, where it is not installed (`tests/install-clients.sh` does that); with
//! `REAL_CLIENTS=required` its absence is a failure.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use simulated_aws::Operation;
use tempfile::TempDir;
use tokio::process::Command;

use crate::setup::Setup;

/// No call takes longer; a login that nobody finishes would take ten minutes.
const LIMIT: Duration = Duration::from_mins(2);

/// A browser that forks, as the CLI waits for it: it follows redirects, and clicks if it is told to.
const BROWSER: &str = r#"#!/bin/sh
(curl --silent --location --noproxy '*' $CLICK "$1" >"$HOME/page.html" 2>&1 &)
"#;

/// The CLI with a home of its own.
pub(crate) struct Cli {
    program: PathBuf,
    home: TempDir,
    endpoint: String,
}

impl Cli {
    /// `None` where the CLI is not installed.
    pub(crate) fn new(setup: &Setup) -> Option<Self> {
        Some(Self::of(installed()?, setup))
    }

    /// This program as the CLI.
    pub(super) fn of(program: PathBuf, setup: &Setup) -> Self {
        let home = tempfile::tempdir().unwrap();
        let sso = setup.aws.sso();
        let legacy = format!(
            "\n[profile legacy]\nsso_start_url = {}\nsso_region = {}\n\
             sso_account_id = 123456789012\nsso_role_name = Developer\nregion = us-west-2\n\
             \n[profile chained]\nrole_arn = arn:aws:iam::111122223333:role/Deployer\n\
             source_profile = demo\nregion = us-west-2\n",
            sso.start_url(),
            sso.region()
        );
        write(
            &home.path().join(".aws/config"),
            &(sso.config("demo") + &legacy),
        );
        let browser = home.path().join("browser");
        write(&browser, BROWSER);
        fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).unwrap();
        Self {
            program,
            home,
            endpoint: setup.aws.endpoint_url(),
        }
    }

    pub(super) fn cache(&self) -> PathBuf {
        self.home.path().join(".aws/sso/cache")
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments.split(' '))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("LANG", "C.UTF-8")
            .env("NO_PROXY", "127.0.0.1")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env(
                "BROWSER",
                format!("{}/browser %s", self.home.path().display()),
            )
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn succeed(&self, arguments: &str) -> String {
        self.succeed_with(arguments, self.command(arguments)).await
    }

    pub(crate) async fn succeed_with(&self, arguments: &str, mut command: Command) -> String {
        let output = finished(command.output()).await;
        let (said, complained) = texts(&output);
        assert!(
            output.status.success(),
            "aws {arguments}\n{said}\n{complained}"
        );
        said
    }
}

pub(crate) async fn finished(output: impl Future<Output = std::io::Result<Output>>) -> Output {
    tokio::time::timeout(LIMIT, output).await.unwrap().unwrap()
}

pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

pub(crate) fn write(path: &Path, text: &str) {
    use std::io::Write as _;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn installed() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = std::env::var_os("CLIENTS_DIR").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| workspace.join("tests/.clients"));
    let program = folder.join("bin/aws");
    if program.exists() {
        return Some(program);
    }
    let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
    assert!(!required, "{} is missing", program.display());
    eprintln!("skipped: {} is missing", program.display());
    None
}

#[tokio::test]
async fn a_login_in_the_browser_opens_everything_until_the_logout() {
    let setup = Setup::new().await;
    setup.put("a/b.jar", "bytes");
    let Some(cli) = Cli::new(&setup) else { return };
    let mut login = cli.command("sso login --profile demo");
    login.env("CLICK", "--data decision=allow");
    let said = cli.succeed_with("sso login", login).await;
    assert!(
        said.contains("Successfully logged into Start URL"),
        "{said}"
    );
    assert_eq!(setup.aws.sso().sessions_alive(), 1);
    let listed = cli.succeed("s3 ls s3://artifacts/a/ --profile demo").await;
    assert!(listed.contains("b.jar"), "{listed}");
    let caller = cli.succeed("sts get-caller-identity --profile demo").await;
    assert!(caller.contains("AWSReservedSSO_Developer_"), "{caller}");
    let caller = cli
        .succeed("sts get-caller-identity --profile chained")
        .await;
    assert!(caller.contains("assumed-role/Deployer/"), "{caller}");
    cli.succeed("sso logout").await;
    assert_eq!(setup.aws.sso().sessions_alive(), 0);
    let after = finished(cli.command("s3 ls --profile demo").output()).await;
    assert!(!after.status.success());
}

pub(super) fn last_was_pending(setup: &Setup) -> bool {
    let log = setup.aws.counters().log();
    let last = log.last();
    last.is_some_and(|call| call.operation == Operation::CreateToken && call.status == Some(400))
}

#[tokio::test]
async fn a_login_with_a_device_code_waits_for_a_person() {
    let setup = Setup::new().await;
    let Some(cli) = Cli::new(&setup) else { return };
    for arguments in [
        "sso login --profile demo --use-device-code --no-browser",
        "sso login --profile legacy --no-browser",
    ] {
        let login = cli.succeed(arguments);
        let approve = async {
            // The CLI shows the address once it has heard that nobody has signed in yet.
            let poll = Duration::from_millis(20);
            while !last_was_pending(&setup) {
                tokio::time::sleep(poll).await;
            }
            let codes = setup.aws.sso().pending_sign_ins();
            assert!(setup.aws.sso().approve(&codes[0]));
            codes[0].clone()
        };
        let (said, code) = tokio::join!(login, approve);
        assert!(
            said.contains(&format!("/device?user_code={code}")),
            "{said}"
        );
    }
    for profile in ["demo", "legacy"] {
        let call = format!("sts get-caller-identity --profile {profile}");
        cli.succeed(&call).await;
    }
}

#[tokio::test]
async fn the_files_of_a_login_are_the_clis_own() {
    let setup = Setup::new().await;
    let Some(cli) = Cli::new(&setup) else { return };
    let sso = setup.aws.sso();
    sso.approve_at_once(true);
    let login = sso.sign_in();
    login.write_in_place(&cli.cache(), "demo").unwrap();
    login
        .write_registration(&cli.cache(), Some("demo"))
        .unwrap();
    cli.succeed("sts get-caller-identity --profile demo").await;
    // The client that is registered already serves the next login.
    cli.succeed("sso login --profile demo").await;
    assert_eq!(setup.aws.counters().count(Operation::RegisterClient), 0);
    let legacy = sso.sign_in_without_refresh();
    legacy.write_registration(&cli.cache(), None).unwrap();
    cli.succeed("sso login --profile legacy").await;
    assert_eq!(setup.aws.counters().count(Operation::RegisterClient), 0);
    assert_eq!(fs::read_dir(cli.cache()).unwrap().count(), 4);
}

#[tokio::test]
async fn the_cli_refreshes_a_token_that_is_about_to_end() {
    let setup = Setup::new().await;
    let Some(cli) = Cli::new(&setup) else { return };
    let sso = setup.aws.sso();
    // The CLI keeps role credentials on disk, too, unless they are about to end.
    let soon = Duration::from_mins(5);
    sso.set_access_token_life(soon)
        .set_role_credentials_life(soon);
    sso.sign_in().write_in_place(&cli.cache(), "demo").unwrap();
    cli.succeed("sts get-caller-identity --profile demo").await;
    assert_eq!(sso.refreshes(), 1);
    sso.end_sessions();
    let after = finished(cli.command("s3 ls --profile demo").output()).await;
    let (_, complained) = texts(&after);
    assert!(!after.status.success(), "{complained}");
}
