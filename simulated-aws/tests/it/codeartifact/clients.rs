//! The real clients, directly against it: so far as they cannot tell it from CodeArtifact, neither can we.
//!
//! Skipped, each with a message, where a client is not installed; with `REAL_CLIENTS=required` its absence is a
//! failure.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use simulated_aws::packages::{NpmPackage, Sdist, Wheel};
use simulated_aws::{Format, Operation, Repository};
use tempfile::TempDir;
use tokio::process::Command;

use super::{OWNER, repository, token};
use crate::setup::{KEY_ID, SECRET, Setup};
use crate::sso::aws_cli::{Cli, finished, texts, write};

/// The clients' plugins, as Debian packages them.
const MAVEN_REPOSITORY: &str = "/usr/share/maven-repo";

/// Where `tests/install-clients.sh` puts what is no package of Debian's.
fn clients_folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = std::env::var_os("CLIENTS_DIR").map(PathBuf::from);
    folder.unwrap_or_else(|| workspace.join("tests/.clients"))
}

/// The first of these that is there.
fn installed(candidates: &[PathBuf]) -> Option<PathBuf> {
    let found = candidates.iter().find(|path| path.exists()).cloned();
    let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
    assert!(
        found.is_some() || !required,
        "none of {candidates:?} is there"
    );
    if found.is_none() {
        eprintln!("skipped: none of {candidates:?} is there");
    }
    found
}

/// A program of this machine.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    installed(&folders.map(|folder| folder.join(name)).collect::<Vec<_>>())
}

/// A client in a home of its own, which has no configuration and knows no other registry.
struct Client {
    program: PathBuf,
    /// Where Python looks for modules.
    modules: PathBuf,
    home: TempDir,
}

impl Client {
    /// A program of this machine.
    fn new(name: &str) -> Option<Self> {
        Some(Self::of(program(name)?, PathBuf::new()))
    }

    /// Debian's Python, with the modules of one of the clients.
    fn python(name: &str) -> Option<Self> {
        let modules = installed(&[clients_folder().join(name)])?;
        let program = installed(&[PathBuf::from("/usr/bin/python3")])?;
        Some(Self::of(program, modules))
    }

    fn of(program: PathBuf, modules: PathBuf) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self {
            program,
            modules,
            home,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.path(name), text);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("LANG", "C.UTF-8")
            .env("PYTHONPATH", &self.modules)
            .env("NO_PROXY", "127.0.0.1,localhost")
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = finished(self.command(arguments).output()).await;
        let (said, complained) = texts(&output);
        (output.status.success(), format!("{said}\n{complained}"))
    }

    async fn succeed(&self, arguments: &[&str]) -> String {
        let (is_success, said) = self.run(arguments).await;
        assert!(is_success, "{arguments:?}\n{said}");
        said
    }
}

async fn pip_url(setup: &Setup, repository: &Repository) -> String {
    let token = token(setup).await;
    format!("{}simple/", repository.url_with_token(Format::Pypi, &token))
}

#[tokio::test]
async fn the_aws_cli_gets_tokens_endpoints_and_origin_controls() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    repository.put_wheel(&Wheel::new("acme-tool", "1.0"));
    let Some(cli) = Cli::new(&setup) else { return };
    let ask = |arguments: &str| {
        let arguments = format!(
            "codeartifact {arguments} --domain acme --domain-owner {OWNER} --region us-west-2 --output text"
        );
        let mut command = cli.command(&arguments);
        command
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            .env("AWS_ENDPOINT_URL_CODEARTIFACT", setup.aws.endpoint_url())
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET);
        cli.succeed_with("codeartifact", command)
    };
    let token = ask("get-authorization-token --query authorizationToken").await;
    let tokens = setup.aws.codeartifact().tokens();
    let is_known = tokens.iter().any(|known| known.token == token.trim());
    assert!(is_known);
    let endpoint =
        "get-repository-endpoint --repository tools --format pypi --query repositoryEndpoint";
    assert_eq!(ask(endpoint).await.trim(), repository.url(Format::Pypi));
    let package = "describe-package --repository tools --format pypi --package acme-tool";
    let said = ask(package).await;
    assert!(said.contains("ALLOW") && said.contains("BLOCK"), "{said}");
}

#[tokio::test]
async fn pip_installs_what_depends_on_what() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    repository
        .put_wheel(&Wheel::new("acme-tool", "1.0").requires("Acme.Base>=1.0"))
        .put_wheel(&Wheel::new("acme-base", "1.2"))
        .put_wheel(&Wheel::new("acme-base", "2.0").requires_python(">=4"))
        .put_sdist(&Sdist::new("acme-source", "0.1"));
    let Some(python) = Client::python("pip") else {
        return;
    };
    let url = pip_url(&setup, &repository).await;
    let target = python.path("target").display().to_string();
    let install = [
        "-m",
        "pip",
        "install",
        "--no-cache-dir",
        "--index-url",
        &url,
        "--target",
        &target,
    ];
    python
        .succeed(&[&install[..], &["acme-tool", "acme-source"]].concat())
        .await;
    let program = "import acme_tool, acme_base, acme_source as s; print(acme_tool.__version__, \
                   acme_base.__version__, s.__version__)";
    let mut command = python.command(&["-c", program]);
    command.env("PYTHONPATH", &target);
    let (said, complained) = texts(&finished(command.output()).await);
    assert_eq!(said.trim(), "1.0 1.2 0.1", "{complained}");
    let counters = setup.aws.counters();
    assert!(counters.count(Operation::GetAsset) >= 3);
    let with_authorization = counters.log().into_iter().filter(|call| {
        let head = call.head.as_ref();
        call.operation == Operation::GetAsset
            && head.is_some_and(|head| head.header("authorization").is_some())
    });
    assert_eq!(with_authorization.count(), 0);
    setup.aws.codeartifact().revoke_tokens();
    let (is_success, said) = python.run(&[&install[..], &["acme-tool"]].concat()).await;
    assert!(!is_success, "{said}");
}

#[tokio::test]
async fn uv_installs_what_depends_on_what() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    repository
        .put_wheel(&Wheel::new("acme-tool", "1.0").requires("Acme.Base>=1.0"))
        .put_wheel(&Wheel::new("acme-base", "1.2"))
        .put_wheel(&Wheel::new("acme-base", "2.0").requires_python(">=4"));
    let uv = installed(&[clients_folder().join("uv/bin/uv")]);
    let Some(uv) = uv.map(|uv| Client::of(uv, PathBuf::new())) else {
        return;
    };
    let url = pip_url(&setup, &repository).await;
    let install = [
        "pip",
        "install",
        "--no-cache",
        "--python",
        "/usr/bin/python3",
    ];
    let install = [
        &install[..],
        &["--index-url", &url, "--target", "target", "acme-tool"],
    ]
    .concat();
    let said = uv.succeed(&install).await;
    assert!(said.contains("acme-base==1.2"), "{said}");
    assert!(uv.path("target/acme_tool.py").exists());
    let log = setup.aws.counters().log();
    let asked = |suffix: &str| {
        let keys = log.iter().filter_map(|call| call.key.as_deref());
        keys.filter(|key| key.ends_with(suffix)).count()
    };
    // It reads the metadata without the wheel.
    assert!(asked("acme_tool-1.0-py3-none-any.whl.metadata") > 0);
}

#[tokio::test]
async fn twine_uploads_what_pip_downloads() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    let Some(twine) = Client::python("twine") else {
        return;
    };
    let wheel = Wheel::new("acme-tool", "1.0");
    let file = twine.path(&wheel.file_name());
    std::fs::File::create(&file)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &wheel.bytes()))
        .unwrap();
    let token = token(&setup).await;
    let (url, file) = (repository.url(Format::Pypi), file.display().to_string());
    let upload = [
        "-m",
        "twine",
        "upload",
        "--non-interactive",
        "--disable-progress-bar",
        "--repository-url",
        &url,
    ];
    let upload = [
        &upload[..],
        &["--username", "aws", "--password", &token, &file],
    ]
    .concat();
    twine.succeed(&upload).await;
    let path = "simple/acme-tool/1.0/acme_tool-1.0-py3-none-any.whl";
    assert_eq!(repository.read(Format::Pypi, path).unwrap(), wheel.bytes());
    let (is_success, said) = twine.run(&upload).await;
    assert!(!is_success && said.contains("409"), "{said}");
}

#[tokio::test]
async fn npm_installs_and_publishes() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    repository
        .put_npm(&NpmPackage::new("@acme/tool", "1.0.0").requires("base", "^1.0.0"))
        .put_npm(&NpmPackage::new("base", "1.0.0"))
        .put_npm(&NpmPackage::new("base", "1.3.0"));
    let Some(npm) = Client::new("npm") else {
        return;
    };
    let url = repository.url(Format::Npm);
    let token = token(&setup).await;
    let place = url.trim_start_matches("http:");
    npm.write(
        ".npmrc",
        &format!("registry={url}\n{place}:_authToken={token}\n"),
    );
    npm.write("package.json", r#"{ "name": "app", "version": "1.0.0" }"#);
    npm.succeed(&["install", "--no-audit", "--no-fund", "@acme/tool"])
        .await;
    let Some(node) = program("node") else {
        return;
    };
    let output = Command::new(node)
        .args(["-p", "require('@acme/tool') + ' ' + require('base')"])
        .current_dir(npm.home.path())
        .output();
    let (said, complained) = texts(&finished(output).await);
    assert_eq!(said.trim(), "1.0.0 1.3.0", "{complained}");
    npm.write(
        "own/package.json",
        r#"{ "name": "@acme/own", "version": "0.1.0" }"#,
    );
    npm.succeed(&["publish", "./own", "--tag", "latest"]).await;
    assert!(
        repository
            .files(Format::Npm)
            .contains(&"@acme/own/-/own-0.1.0.tgz".to_owned())
    );
    let (is_success, said) = npm.run(&["publish", "./own", "--tag", "latest"]).await;
    assert!(!is_success, "{said}");
    assert_eq!(
        npm.succeed(&["view", "@acme/own", "version"]).await.trim(),
        "0.1.0"
    );
}

#[tokio::test]
async fn maven_deploys_what_maven_resolves() {
    let setup = Setup::new().await;
    let repository = repository(&setup);
    let Some(maven) = Client::new("mvn") else {
        return;
    };
    let url = repository.url(Format::Maven);
    let token = token(&setup).await;
    let settings = format!(
        "<settings><servers><server><id>acme</id><username>aws</username><password>{token}</password></server>\
         </servers><mirrors><mirror><id>debian</id><mirrorOf>central</mirrorOf><url>file://{MAVEN_REPOSITORY}</url>\
         </mirror></mirrors><profiles><profile><id>p</id><repositories><repository><id>acme</id><url>{url}</url>\
         </repository></repositories></profile></profiles><activeProfiles><activeProfile>p</activeProfile>\
         </activeProfiles></settings>"
    );
    maven.write("settings.xml", &settings);
    maven.write("tool.jar", "not much of a jar");
    let run = |arguments: &'static str| {
        let local = format!("-Dmaven.repo.local={}", maven.path("repo").display());
        let mut all = vec![
            "-B".to_owned(),
            "-s".to_owned(),
            "settings.xml".to_owned(),
            local,
        ];
        all.extend(arguments.split(' ').map(str::to_owned));
        all
    };
    let deploy = "deploy:deploy-file -DrepositoryId=acme -Dfile=tool.jar -DgroupId=com.acme -DartifactId=tool \
                  -Dversion=1.0 -Dpackaging=jar";
    let mut arguments = run(deploy);
    arguments.push(format!("-Durl={url}"));
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    maven.succeed(&arguments).await;
    let jar = "com/acme/tool/1.0/tool-1.0.jar";
    assert_eq!(
        repository.read(Format::Maven, jar).unwrap(),
        "not much of a jar"
    );
    let (is_success, said) = maven.run(&arguments).await;
    assert!(!is_success && said.contains("409"), "{said}");
    maven.write(
        "pom.xml",
        "<project><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>app</artifactId>\
         <version>1</version><dependencies><dependency><groupId>com.acme</groupId><artifactId>tool</artifactId>\
         <version>[1.0,2.0)</version></dependency></dependencies></project>",
    );
    let arguments = run("dependency:copy-dependencies -DoutputDirectory=copied");
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    maven.succeed(&arguments).await;
    let copied = std::fs::read_to_string(maven.path("copied/tool-1.0.jar")).unwrap();
    assert_eq!(copied, "not much of a jar");
}
