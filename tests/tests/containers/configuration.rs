//! The configuration file: what is said of a good one, and of a bad one, before anything is done.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tests::clients::{KUBERNETES_SCHEMAS, are_installed, clients_folder};
use tests::commands::{Ended, client, run};
use tests::{ProxyBuilder, Scratch, workspace_folder};

const LIMIT: Duration = Duration::from_mins(1);
const GOOD: &str = "services: {app: {auth_token: 0123456789abcdef}}\n";

/// A file in the scratch's folder.
fn write(scratch: &Scratch, name: &str, text: &str) -> PathBuf {
    let path = scratch.path().join(name);
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a text")
}

/// A process that has credentials to give, and nothing else.
fn without_bucket(scratch: &Scratch) -> ProxyBuilder {
    let builder = ProxyBuilder::new(scratch);
    builder.without("S3_BUCKET_NAME").without("LOG_LEVEL")
}

async fn validated(builder: &ProxyBuilder, arguments: &[&str]) -> Ended {
    let all = [arguments, &["--validate-only"]].concat();
    run(builder.command(&all), LIMIT).await
}

async fn valid(builder: &ProxyBuilder, arguments: &[&str]) -> String {
    let ended = validated(builder, arguments).await;
    assert_eq!(
        (ended.code(), ended.stderr.as_str()),
        (0, ""),
        "{}",
        ended.text()
    );
    ended.text()
}

async fn invalid(builder: &ProxyBuilder, arguments: &[&str]) -> String {
    let ended = validated(builder, arguments).await;
    assert_eq!(
        (ended.code(), ended.text().as_str()),
        (64, ""),
        "{}",
        ended.stderr
    );
    ended.stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_in_force_is_said_without_secrets() {
    let scratch = Scratch::new();
    let token = write(&scratch, "token", "a-token-in-a-file-1234567890\n");
    let file = write(
        &scratch,
        "config.yaml",
        "server: {host: 0.0.0.0, allow_non_loopback: true}
aws_defaults: {region: eu-west-1, iam_profile: {profile_name: dev}}
services:
  own:
    auth_token: ${fromEnv:APP_TOKEN}
  role:
    auth_token: ${fromFile:token}
    assumed_role: {RoleArn: 'arn:aws:iam::123456789012:role/App', ExternalId: not-for-everyone}
    allowed_roles: ['arn:aws:iam::210987654321:role/Other']
  keys:
    auth_token: another-token-in-the-file
    source_credentials:
      iam_keys: {aws_access_key_id: AKIAIOSFODNN7EXAMPLE, aws_secret_access_key: not-for-anyone}
dynamic_services: {enabled: yes, directory: /dynamic, reload_interval: 5}
metrics: {prometheus: {}}
",
    );
    let builder = without_bucket(&scratch).env("APP_TOKEN", "a-token-in-a-variable");
    let said = valid(&builder, &["--config", text(&file)]).await;
    for secret in ["a-token-in", "another-token", "not-for-"] {
        assert!(!said.contains(secret), "{said}");
    }
    insta::assert_snapshot!(said.replace(text(scratch.path()), "<folder>"));
    assert!(token.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_of_file_and_variables_are_told_at_once_before_a_port_is_bound() {
    let scratch = Scratch::new();
    let file = write(
        &scratch,
        "config.yaml",
        "sevrices: {}
server:
  host: 0.0.0.0
  port: 99999
  debug: maybe
aws_defaults:
  iam_profile: {profile: dev}
  iam_keys: {aws_access_key_id: AKIAIOSFODNN7EXAMPLE, aws_secret_access_key: not-for-anyone}
services:
  one:
    auth_token: hunter2
    assumed_role:
      RoleArn: arn:aws:iam::12345:role/App
      DurationSeconds: 60
      duration: 3600
  two:
    auth_token: ${fromEnv:NOT_SET}
  three:
    auth_token: ${fromFile:not-there}
  three:
    auth_token: 0123456789abcdef
  four: {auth_token: ${TOKEN}}
  five:
    auth_token: 0123456789abcdef
  six:
    auth_token: 0123456789abcdef
dynamic_services:
  enabled: true
  directories: [{path: a, include_patterns: ['(']}]
  watch: true
",
    );
    // `{…}` within `{…}` is a fault of YAML, which hides what comes behind it.
    let broken = invalid(&without_bucket(&scratch), &["--config", text(&file)]).await;
    assert!(broken.contains("config.yaml:22:"), "{broken}");
    let written = std::fs::read_to_string(&file).expect("the file");
    write(
        &scratch,
        "config.yaml",
        &written.replace("${TOKEN}", "'${TOKEN}'"),
    );
    let builder = without_bucket(&scratch).env("PROXY_PORT", "x");
    let all = invalid(&builder, &["--config", text(&file)]).await;
    for secret in ["hunter2", "not-for-anyone"] {
        assert!(!all.contains(secret), "{all}");
    }
    insta::assert_snapshot!(all.replace(text(scratch.path()), "<folder>"));
    let served = run(builder.command(&["--config", text(&file), "serve"]), LIMIT).await;
    assert_eq!((served.code(), served.stderr), (64, all));
    assert!(!scratch.cache().exists(), "nothing was created");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_beside_the_main_one_are_looked_at_too() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.path().join("folder")).expect("a folder");
    let main = |server: &str| {
        format!(
            "{server}\n{GOOD}dynamic_services: {{enabled: yes, directories: [folder, later]}}\n"
        )
    };
    let config = write(&scratch, "config.yaml", &main(""));
    let file = text(&config);
    write(
        &scratch,
        "folder/more.yaml",
        "auth_token: another-token-012345\n",
    );
    let builder = without_bucket(&scratch).env("CREDPROXY_PORT", "1338");
    let said = valid(&builder, &["--config", file]).await;
    for words in [
        "service      app: ",
        "service      more: ",
        "later, looked at every 1 s for services of its files; there is no such folder yet",
        "CREDPROXY_PORT has no effect: write `server.port`",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    write(
        &scratch,
        "folder/twin.yaml",
        "services: {app: {auth_token: a-third-token-0123}}\n",
    );
    write(&scratch, "folder/bad.yaml", "auth_token: hunter2\n");
    write(&scratch, "tls.pem", "nothing\n");
    let tls = "server: {tls: {certificate_file: tls.pem, key_file: tls.pem}}";
    write(&scratch, "config.yaml", &main(tls));
    let wrong = invalid(&builder, &["--config", file]).await;
    for words in [
        "3 faults",
        "tls.pem holds no certificate",
        "bad.yaml:1:13",
        "twin.yaml:1:12: service `app` is not in force",
    ] {
        assert!(wrong.contains(words), "{words}: {wrong}");
    }
    assert!(!wrong.contains("hunter2"), "{wrong}");
    let checked = run(builder.command(&["--config", file, "check"]), LIMIT).await;
    assert!(
        checked.text().contains("FAIL  server.tls"),
        "{}",
        checked.text()
    );
    assert!(!checked.text().contains("bucket"), "{}", checked.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn slips_are_told_with_what_is_meant() {
    let scratch = Scratch::new();
    write(&scratch, "empty", "\n");
    for (text, words) in [
        (
            "services: {a: {token: 0123456789abcdef}}\n",
            "Did you mean `auth_token`?",
        ),
        (
            "services: {a: {zzz: 1}}\n",
            "Known here: allowed_roles, assumed_role, auth_token, source_credentials.",
        ),
        ("- services\n", ":1:1: the document: a list stands where"),
        (
            "services: {a: {auth_token: '${fromFile:empty}'}}\n",
            "auth_token: its value is empty, and so is the file",
        ),
    ] {
        let file = write(&scratch, "config.yaml", text);
        let told = invalid(&without_bucket(&scratch), &["--config", self::text(&file)]).await;
        assert!(told.contains(words), "{words}: {told}");
    }
    let nothing = invalid(&without_bucket(&scratch), &[]).await;
    assert!(nothing.contains("--config"), "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flag_beats_our_variable_and_that_beats_credproxys() {
    let scratch = Scratch::new();
    let named = |name: &str| {
        let file = write(
            &scratch,
            &format!("{name}.yaml"),
            &GOOD.replace("app", name),
        );
        text(&file).to_owned()
    };
    let (flag, ours, theirs) = (named("flag"), named("ours"), named("theirs"));
    let builder = without_bucket(&scratch).env("CREDPROXY_CONFIG_FILE", &theirs);
    assert!(valid(&builder, &[]).await.contains("theirs: "));
    let builder = builder.env("BAZEL_PROXY_CONFIG_FILE", &ours);
    assert!(valid(&builder, &[]).await.contains("ours: "));
    for arguments in [["--config", &flag, "serve"], ["serve", "--config", &flag]] {
        assert!(valid(&builder, &arguments).await.contains("flag: "));
    }
    // The commands run in the scratch's folder.
    assert!(
        valid(&builder, &["--config", "flag.yaml"])
            .await
            .contains("flag: ")
    );
    let empty = invalid(&builder, &["--config", ""]).await;
    assert!(empty.contains("--config"), "{empty}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_is_a_fault_and_no_file_is_none() {
    let scratch = Scratch::new();
    let absent = invalid(&without_bucket(&scratch), &["--config", "absent.yaml"]).await;
    assert!(
        absent.contains("absent.yaml:1:1: it cannot be read"),
        "{absent}"
    );
    assert!(!absent.contains("S3_BUCKET_NAME"), "{absent}");
    let nothing = invalid(&without_bucket(&scratch), &[]).await;
    assert!(nothing.contains("S3_BUCKET_NAME"), "{nothing}");
    let artifacts = valid(&ProxyBuilder::new(&scratch), &[]).await;
    assert!(artifacts.contains("no configuration file"), "{artifacts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_of_the_log_may_be_said_as_to_credproxy() {
    let scratch = Scratch::new();
    write(&scratch, "config.yaml", GOOD);
    let debug = format!("server: {{debug: true}}\n{GOOD}");
    write(&scratch, "debug.yaml", &debug);
    let builder = without_bucket(&scratch);
    let theirs = builder.clone().env("CREDPROXY_LOG_LEVEL", "Error");
    for (builder, arguments, level) in [
        (&builder, &["--config", "config.yaml"][..], "info"),
        (&builder, &["--config", "config.yaml", "--dev"], "debug"),
        (&builder, &["--config", "debug.yaml"], "debug"),
        (
            &builder,
            &["--config", "debug.yaml", "--log-level", "CRITICAL"],
            "error",
        ),
        (
            &builder,
            &["--config", "config.yaml", "--dev", "--log-level", "Warning"],
            "warn",
        ),
        (&theirs, &["--config", "debug.yaml"], "Error"),
        (&theirs, &["--config", "config.yaml", "--dev"], "Error"),
        (
            &theirs.clone().env("LOG_LEVEL", "warn"),
            &["--config", "config.yaml", "--dev"],
            "warn",
        ),
    ] {
        let said = valid(builder, arguments).await;
        assert!(
            said.contains(&format!("at {level}\n")),
            "{arguments:?}: {said}"
        );
    }
    let wrong = theirs.env("CREDPROXY_LOG_LEVEL", "loud");
    let wrong = invalid(&wrong, &["--config", "config.yaml"]).await;
    assert!(wrong.contains("CREDPROXY_LOG_LEVEL: `loud`"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_need_no_services_mind_no_file() {
    let scratch = Scratch::new();
    write(&scratch, "config.yaml", "broken: [");
    let builder = without_bucket(&scratch);
    let listed = run(
        builder.command(&["--config", "config.yaml", "cache", "ls"]),
        LIMIT,
    )
    .await;
    assert_eq!(listed.code(), 0, "{}", listed.stderr);
}

/// The examples, with all that they ask for.
fn examples(scratch: &Scratch) -> (ProxyBuilder, Vec<PathBuf>) {
    let examples = workspace_folder().join("examples");
    let mut copies = Vec::new();
    for entry in std::fs::read_dir(&examples).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "yaml") {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .expect("a name");
            let text = std::fs::read_to_string(&path).expect("an example");
            copies.push(write(scratch, name, &text));
        }
    }
    copies.sort();
    std::fs::create_dir_all(scratch.path().join("tokens")).expect("a folder");
    write(scratch, "tokens/api", "0123456789abcdef0123456789abcdef\n");
    write(
        scratch,
        "tokens/worker",
        "fedcba9876543210fedcba9876543210\n",
    );
    let builder = without_bucket(scratch)
        .env("APP_TOKEN", "0123456789abcdef0123456789abcdef")
        .env("TOOLS_TOKEN", "fedcba9876543210fedcba9876543210");
    (builder, copies)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_valid() {
    let scratch = Scratch::new();
    let (builder, files) = examples(&scratch);
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let said = valid(&builder, &["--config", text(&file)]).await;
        let gives = |what: &str| said.contains(&format!("\n  {what} "));
        assert!(gives("service") || gives("codeartifact"), "{said}");
    }
}

/// A validator that is not ours, over YAML as PyYAML reads it: prints what it finds.
fn validator(scratch: &Scratch, file: &Path) -> Command {
    const SCRIPT: &str = "
import json, sys, yaml
from jsonschema import Draft7Validator
schema = json.load(open(sys.argv[1]))
Draft7Validator.check_schema(schema)
errors = list(Draft7Validator(schema).iter_errors(yaml.safe_load(open(sys.argv[2]))))
for error in errors:
    print(list(error.absolute_path), error.message)
sys.exit(1 if errors else 0)
";
    let schema = workspace_folder().join("docs/config-schema.json");
    let mut command = client("/usr/bin/python3", &scratch.home());
    command
        .env("PYTHONPATH", clients_folder().join("kubernetes"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["-c", SCRIPT, text(&schema), text(file)]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_takes_the_examples_and_refuses_what_the_program_refuses() {
    if !are_installed(&[KUBERNETES_SCHEMAS]) {
        return;
    }
    let scratch = Scratch::new();
    let (builder, files) = examples(&scratch);
    for file in files {
        let ended = run(validator(&scratch, &file), LIMIT).await;
        assert_eq!(
            ended.code(),
            0,
            "{}: {}{}",
            file.display(),
            ended.text(),
            ended.stderr
        );
    }
    let role = |lines: &str| {
        format!(
            "services: {{a: {{auth_token: 0123456789abcdef, assumed_role: {{RoleArn: 'arn:aws:iam::123456789012:role/a', {lines}}}}}}}\n"
        )
    };
    let repository =
        |lines: &str| format!("codeartifact: {{a: {{domain: acme, repository: main, {lines}}}}}\n");
    for wrong in [
        repository("region: eu-west-1"),
        repository("domain_owner: 12345678901"),
        repository("domain_owner: '12345678901'"),
        repository("domain_owner: 123456789012, formats: [nuget]"),
        repository("domain_owner: 123456789012, formats: []"),
        repository("domain_owner: 123456789012, publish: maybe"),
        repository("domain_owner: 123456789012, token_duration: 60"),
        repository("domain_owner: 123456789012, public_fallback: {names: [a]}"),
        repository(
            "domain_owner: 123456789012, public_fallback: {index_url: 'http://pypi.example/simple/', names: [a]}",
        ),
        repository("domain_owner: 123456789012").replace("{a:", "{A:"),
        repository("domain_owner: 123456789012").replace("acme", "Acme"),
        "codeartifact: {}\n".to_owned(),
        "server: {}\n".to_owned(),
        "services: {}\n".to_owned(),
        "dynamic_services: {enabled: false}\n".to_owned(),
        format!("{GOOD}sevrices: {{}}\n"),
        format!("{GOOD}server: {{port: 70000}}\n"),
        format!("{GOOD}server: {{port: '1338'}}\n"),
        format!("{GOOD}server: {{debug: maybe}}\n"),
        format!("{GOOD}server: {{tls: {{key_file: k}}}}\n"),
        format!("{GOOD}dynamic_services: {{directories: []}}\n"),
        "services: {a: {}}\n".to_owned(),
        "services: {a: {auth_token: short}}\n".to_owned(),
        "services: {a: {auth_token: 12345678}}\n".to_owned(),
        "services: {'a b': {auth_token: 0123456789abcdef}}\n".to_owned(),
        "services: {a: {auth_token: 0123456789abcdef, source_credentials: {region: Frankfurt}}}\n"
            .to_owned(),
        role("DurationSeconds: 60"),
        role("RoleSessionName: a b"),
        role("PolicyArns: [{Arn: x}]"),
        role("Tags: [{Key: a}]"),
        role("Duration: 3600"),
        role("SerialNumber: 'arn:aws:iam::123456789012:mfa/me'"),
    ] {
        let file = write(&scratch, "wrong.yaml", &wrong);
        let ended = run(validator(&scratch, &file), LIMIT).await;
        assert_eq!(ended.code(), 1, "{wrong}{}", ended.stderr);
        invalid(&builder, &["--config", text(&file)]).await;
    }
    let digits = "services: {a: {auth_token: 1234567890123456}}\n";
    let file = write(&scratch, "right.yaml", digits);
    let ended = run(validator(&scratch, &file), LIMIT).await;
    assert_eq!(ended.code(), 0, "{}", ended.text());
    valid(&builder, &["--config", text(&file)]).await;
    for right in [
        "domain_owner: 123456789012, region: eu-west-1, formats: 'npm, pypi', token_duration: 0",
        "domain_owner: '012345678901', token_duration: 1h, formats: [maven], publish: yes",
        "domain_owner: '${fromEnv:ACCOUNT}', public_fallback: {index_url: 'http://127.0.0.1:1/', names: 'a, b'}",
    ] {
        let file = write(&scratch, "right.yaml", &repository(right));
        let ended = run(validator(&scratch, &file), LIMIT).await;
        assert_eq!(ended.code(), 0, "{right}{}", ended.text());
        let builder = builder.clone().env("ACCOUNT", "012345678901");
        valid(&builder, &["--config", text(&file)]).await;
    }
    let right = role(
        "Tags: {a: b}, PolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'], DurationSeconds: '${fromEnv:SECONDS}'",
    );
    let file = write(&scratch, "right.yaml", &right);
    let ended = run(validator(&scratch, &file), LIMIT).await;
    assert_eq!(ended.code(), 0, "{}", ended.text());
    valid(&builder.env("SECONDS", "900"), &["--config", text(&file)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_printed_as_it_is_published() {
    let scratch = Scratch::new();
    let ended = run(without_bucket(&scratch).command(&["schema"]), LIMIT).await;
    let published = workspace_folder().join("docs/config-schema.json");
    let published = std::fs::read_to_string(published).expect("the schema");
    assert_eq!((ended.code(), ended.text()), (0, published));
}
