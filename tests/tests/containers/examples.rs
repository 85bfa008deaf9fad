//! Each file of `examples/` is started as it is, but for its ports, and each of its services is given what
//! it says.

use std::path::{Path, PathBuf};

use tests::sso_world::PROFILE;
use tests::workspace_folder;

use crate::world::{Setting, World};

/// The files of configuration, which are not those of AWS.
fn examples() -> Vec<PathBuf> {
    let folder = workspace_folder().join("examples");
    let entries = std::fs::read_dir(folder).expect("the examples");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml");
    let mut paths: Vec<_> = paths.filter(is_yaml).collect();
    paths.sort();
    paths
}

/// What stands in `${fromEnv:…}` or `${fromFile:…}`.
fn named<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
    let lines = text.lines().filter(|line| !line.trim().starts_with('#'));
    let ends = lines.filter_map(|line| line.split_once(beginning));
    let names = ends.filter_map(|(_, rest)| rest.split_once('}'));
    names.map(|(name, _)| name).collect()
}

/// Starts it with all that it asks for; the tokens of its services, too.
async fn start(example: &Path) -> (World, Vec<String>) {
    let setting = Setting::new().await;
    let _login = setting.sign_in();
    let profile = setting.sso.config();
    let (profile, session) = profile
        .split_once("[sso-session")
        .expect("a profile and its session");
    let other = |name: &str| profile.replace(PROFILE, name);
    let config = [
        profile.to_owned(),
        other("dev"),
        other("tools"),
        other("gov"),
    ]
    .concat();
    let config = format!("{config}[sso-session{session}");
    setting.sso.scratch.write_config(&config);

    let text = std::fs::read_to_string(example).expect("an example");
    let text = text.replace("port: 1338", "port: 0");
    let text = text.replace("port: 9090", "port: 0");
    let server = if text.contains("\nserver:") {
        ""
    } else {
        "\nserver: {port: 0}\n"
    };
    setting.files.configure(&format!("{text}{server}"));
    let mut builder = setting.builder();
    let mut tokens = Vec::new();
    let mut new_token = |name: &str| {
        let token = format!("token-of-{}-0123456789", name.replace('/', "-"));
        tokens.push(token.clone());
        token
    };
    for name in named(&text, "${fromEnv:") {
        builder = builder.env(name, &new_token(name));
    }
    for name in named(&text, "${fromFile:") {
        setting.files.write(name, new_token(name));
    }
    std::fs::create_dir_all(setting.files.path("services")).expect("a folder");
    (setting.start_as(builder).await, tokens)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_starts_and_gives_each_service_its_credentials() {
    let examples = examples();
    assert!(examples.len() >= 3, "{examples:?}");
    for example in examples {
        let (world, tokens) = start(&example).await;
        // One is of repositories of CodeArtifact alone.
        let text = std::fs::read_to_string(&example).expect("an example");
        let has_services = text.contains("\nservices:") || text.contains("\ndynamic_services:");
        assert_eq!(!tokens.is_empty(), has_services, "{}", example.display());
        for token in tokens {
            world.given(&token).await;
        }
        let ready = world.request("GET", "/readyz", &[]).await;
        assert_eq!(ready.status, 200, "{}", ready.text());
    }
}
