//! The settings that `docs/CODEARTIFACT.md` shows, tried as they stand there, on a machine whose own defaults lead each
//! client to a public registry with a higher version.

use std::process::Command;

use simulated_aws::PublicIndex;
use simulated_aws::packages::Wheel;
use tests::clients::{MAVEN, NODE, NPM, PIP, PNPM, PYTHON, Part, SAMPLE_JARS, UV, are_installed};
use tests::{StandIn, workspace_folder};

use crate::clients::{
    Client, LIMIT, Maven, Npm, Pip, Place, Pnpm, Uv, maven_with, npm, package_json, pnpm, pom,
    python, run_all, uv,
};
use crate::world::{Setting, World, package};

/// Where the document's own repository is.
const SHOWN: &str = "http://127.0.0.1:9000/codeartifact/main";

/// The first code block of a language below a heading, with this repository in place of the document's.
pub(crate) fn block(heading: &str, language: &str, index: &str) -> String {
    let text = std::fs::read_to_string(workspace_folder().join("docs/CODEARTIFACT.md"));
    let text = text.expect("the document");
    let (_, below) = text
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no heading {heading}"));
    let (_, block) = below
        .split_once(&format!("\n```{language}\n"))
        .unwrap_or_else(|| panic!("no {language} below {heading}"));
    let (block, _) = block.split_once("\n```\n").expect("its end");
    assert!(
        block.contains("127.0.0.1:9000/codeartifact/main"),
        "{heading}: {block}"
    );
    block.replace(SHOWN, index).replace(
        SHOWN.trim_start_matches("http:"),
        index.trim_start_matches("http:"),
    )
}

/// A line of a shell of the document, as a program and its arguments.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// A client by the document: what it needs, and what it runs in a place with and without the document's settings.
struct Documented {
    client: &'static dyn Client,
    parts: &'static [Part],
    commands: fn(&Place, &str, &str, bool) -> Vec<Command>,
}

const ALL: [Documented; 5] = [
    Documented {
        client: &Pip,
        parts: &[PYTHON, PIP],
        commands: by_pip,
    },
    Documented {
        client: &Uv,
        parts: &[PYTHON, UV],
        commands: by_uv,
    },
    Documented {
        client: &Npm,
        parts: &[NODE, NPM],
        commands: by_npm,
    },
    Documented {
        client: &Pnpm,
        parts: &[NODE, PNPM],
        commands: by_pnpm,
    },
    Documented {
        client: &Maven,
        parts: &[MAVEN, SAMPLE_JARS],
        commands: by_maven,
    },
];

fn by_pip(place: &Place, public: &str, name: &str, is_set: bool) -> Vec<Command> {
    let whole = format!("[global]\nindex-url = {public}/simple/\n");
    place.write("etc/pip/pip.conf", whole);
    let pip = |arguments: &[&str]| {
        let mut pip = python(place, "pip");
        pip.env("XDG_CONFIG_DIRS", place.file("etc"));
        pip.args(arguments);
        pip
    };
    let mut commands = Vec::new();
    if is_set {
        let line = block("### pip", "sh", &place.index);
        let line = words(&line);
        assert_eq!(line[0], "pip");
        let arguments: Vec<_> = line[1..].iter().map(String::as_str).collect();
        commands.push(pip(&arguments));
    }
    commands.push(pip(&[
        "install",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--no-input",
        "--root-user-action=ignore",
        "--retries=0",
        "--target=out",
        name,
    ]));
    commands
}

fn by_uv(place: &Place, public: &str, name: &str, is_set: bool) -> Vec<Command> {
    let whole = format!("[[index]]\nurl = \"{public}/simple/\"\ndefault = true\n");
    place.write("etc/uv/uv.toml", whole);
    let mut project = format!(
        "[project]\nname = \"app\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n\
         dependencies = [\"{name}\"]\n"
    );
    if is_set {
        project.push_str(&block("### uv", "toml", &place.index));
    }
    place.write("pyproject.toml", project);
    let uv = |arguments: &[&str]| {
        let mut uv = uv(place);
        uv.env("XDG_CONFIG_DIRS", place.file("etc")).args(arguments);
        uv
    };
    vec![
        uv(&["lock"]),
        uv(&["pip", "install", "--target", "out", "-r", "pyproject.toml"]),
    ]
}

fn write_node(place: &Place, name: &str, is_set: bool) {
    place.write("package.json", package_json(name));
    if is_set {
        let settings = block("### npm", "ini", &place.index);
        place.write(".npmrc", settings + "\n");
    }
}

fn by_npm(place: &Place, public: &str, name: &str, is_set: bool) -> Vec<Command> {
    write_node(place, name, is_set);
    place.write("no-npmrc", format!("registry={public}/\n"));
    let mut npm = npm(place);
    npm.env_remove("NPM_CONFIG_REGISTRY")
        .env("NPM_CONFIG_FETCH_RETRIES", "0")
        .arg("install");
    vec![npm]
}

fn by_pnpm(place: &Place, public: &str, name: &str, is_set: bool) -> Vec<Command> {
    write_node(place, name, is_set);
    place.write("home/.npmrc", format!("registry={public}/\n"));
    let mut pnpm = pnpm(place);
    pnpm.env_remove("NPM_CONFIG_REGISTRY")
        .env("NPM_CONFIG_FETCH_RETRIES", "0")
        .env("HOME", place.file("home"))
        .args(["install", "--no-frozen-lockfile"]);
    vec![pnpm]
}

fn by_maven(place: &Place, public: &str, name: &str, is_set: bool) -> Vec<Command> {
    let settings = if is_set {
        block("### Maven", "xml", &place.index)
    } else {
        "<settings>\n</settings>".to_owned()
    };
    // The plugins are no part of this, and come from the machine.
    let settings = settings.replace("<mirrorOf>*</mirrorOf>", "<mirrorOf>*,!debian</mirrorOf>");
    let repository =
        |id: &str| format!("<repository><id>{id}</id><url>{public}/</url></repository>");
    let profile = format!(
        "<profiles><profile><id>own</id><repositories>{}{}</repositories><pluginRepositories>\
         <pluginRepository><id>debian</id><url>file:///usr/share/maven-repo</url></pluginRepository>\
         </pluginRepositories></profile></profiles>\
         <activeProfiles><activeProfile>own</activeProfile></activeProfiles></settings>",
        repository("central"),
        repository("other"),
    );
    place.write("settings.xml", settings.replace("</settings>", &profile));
    place.write("pom.xml", pom(name));
    vec![maven_with(place, crate::clients::COPY_DEPENDENCIES)]
}

fn parts() -> Vec<Part> {
    let parts = ALL.iter().flat_map(|documented| documented.parts);
    parts.copied().collect()
}

/// A registry of JavaScript's packages and a repository of Java's, which has everything at version 99.
async fn public_registry() -> StandIn {
    StandIn::http(|head: &str, _: &str| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        if path.ends_with("/maven-metadata.xml") {
            let text = "<metadata><versioning><latest>99.0</latest><release>99.0</release><versions>\
                        <version>99.0</version></versions></versioning></metadata>";
            return (200, text.to_owned());
        }
        let name = path.trim_start_matches('/').replace("%2f", "/");
        if !name.starts_with('@') || name.contains("/-/") {
            return (404, String::new());
        }
        let version = serde_json::json!({
            "name": name, "version": "99.0.0",
            "dist": { "tarball": "http://127.0.0.1:9/x.tgz", "shasum": "0".repeat(40) },
        });
        let packument = serde_json::json!({
            "name": name, "dist-tags": { "latest": "99.0.0" }, "versions": { "99.0.0": version },
        });
        (200, packument.to_string())
    })
    .await
}

/// What somebody has put there for those who look in the wrong place, and who has been asked.
struct Elsewhere {
    of_python: PublicIndex,
    others: StandIn,
}

impl Elsewhere {
    async fn new() -> Self {
        let of_python = PublicIndex::start().await.expect("a public index");
        for name in ["acme-first", "acme-first-base"] {
            of_python.put_wheel(&Wheel::new(name, "99.0"));
        }
        let others = public_registry().await;
        Self { of_python, others }
    }

    fn asked(&self) -> u64 {
        self.of_python.counters().total() + self.others.asked() as u64
    }

    fn url(&self, client: &dyn Client) -> String {
        match client.format() {
            "pypi" => self
                .of_python
                .index_url()
                .trim_end_matches("/simple")
                .to_owned(),
            _ => format!("http://{}", self.others.address()),
        }
    }

    /// The version that a client gets, and what it says.
    async fn run(
        &self,
        documented: &Documented,
        index: &str,
        is_set: bool,
    ) -> (Option<String>, String) {
        let client = documented.client;
        let (place, name) = (Place::new(index), package(client.format(), "first"));
        let commands = (documented.commands)(&place, &self.url(client), &name, is_set);
        let ended = run_all(commands, LIMIT).await;
        let said = format!("{}{}", ended.text(), ended.stderr);
        (client.installed(&place, &name), said)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_documents_settings_no_client_asks_its_public_default() {
    if !are_installed(&parts()) {
        return;
    }
    let world = World::seeded(&["first"]).await;
    let elsewhere = Elsewhere::new().await;
    for documented in &ALL {
        let client = documented.client;
        let before = elsewhere.asked();
        let (installed, said) = elsewhere.run(documented, &world.index(), true).await;
        let is_ours = installed
            .as_ref()
            .is_some_and(|version| version.starts_with("1.0"));
        assert!(is_ours, "{client:?}: {installed:?}: {said}");
        assert_eq!(
            elsewhere.asked(),
            before,
            "{client:?} asked in public: {said}"
        );
        // Without them it does, so what it was kept from is there.
        let (installed, said) = elsewhere.run(documented, &world.index(), false).await;
        assert!(
            elsewhere.asked() > before,
            "{client:?} never asks in public: {said}"
        );
        let is_theirs = installed.is_none_or(|version| version.starts_with("99"));
        assert!(is_theirs, "{client:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_takes_too_long_is_told_and_no_client_looks_elsewhere() {
    if !are_installed(&parts()) {
        return;
    }
    let setting = Setting::new().await;
    setting.seed("first");
    let builder = setting.builder().env("LOGIN_WAIT", "1");
    let world = setting.start_as(builder).await;
    let elsewhere = Elsewhere::new().await;
    for documented in &ALL {
        let client = documented.client;
        let (installed, said) = elsewhere.run(documented, &world.index(), true).await;
        assert_eq!(installed, None, "{client:?}: {said}");
        assert_eq!(elsewhere.asked(), 0, "{client:?} asked in public: {said}");
        // The others show no text of a 503, as the document's table says.
        let shows = ["Uv", "Npm"].contains(&format!("{client:?}").as_str());
        let is_told = said.contains("aws sso login --profile team");
        assert!(is_told || !shows, "{client:?}: {said}");
    }
    let log = world.proxy.log();
    assert!(log.contains("aws sso login --profile team"), "{log}");
    assert!(!log.contains("status=404"), "{log}");
}
