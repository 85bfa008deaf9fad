//! Every profile of every file in `corpus/` means to us what it means to botocore, on which the AWS CLI
//! is built: the session, its two file names, account, role, the roles on top, or an error.
//!
//! botocore comes from `tests/install-clients.sh`. Without it the comparison is skipped; with
//! `REAL_CLIENTS=required` its absence is a failure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};
use sso_session::config::{
    AssumeRole, ConfigError, CredentialSource, FileContent, OtherSource, Profile, SsoProfile,
    resolve_text,
};

/// Where we differ, and why.
const DIFFERENCES: [(&str, &str, &str); 8] = [
    ("mfa", "top", "nobody can be asked for a code in a daemon"),
    ("mfa", "above", "as before, for a role in between"),
    ("mfa", "keys_top", "as before, on top of keys"),
    (
        "empty_values",
        "account",
        "botocore takes it for an account, and the call fails",
    ),
    (
        "empty_scopes",
        "dev",
        "no scopes and an empty list of scopes are one to us; the registration's name is another",
    ),
    (
        "comments_behind_values",
        "dev",
        "botocore takes the comment for a part of the URL, and the login fails",
    ),
    (
        "an_indented_header_is_a_part_of_the_value",
        "dev",
        "as before: botocore asks for a role with the header in its name",
    ),
    (
        "a_block_instead_of_a_value",
        "dev",
        "botocore takes the block for a URL, and fails with a KeyError or worse",
    ),
];

#[test]
fn every_profile_means_what_it_means_to_botocore() {
    let Some(views) = botocore_views() else {
        return;
    };
    let files = corpus();
    assert!(files.len() >= 100, "{} files", files.len());
    let mut differing = Vec::new();
    let mut compared = 0;
    for name in files {
        let view = &views[&name];
        let Some(profiles) = view["profiles"].as_object() else {
            assert!(view["error"].is_string(), "{name}: {view}");
            let error = resolved(&name, "dev").expect_err(&name);
            assert!(
                !error.is_absent() && error.line().is_some(),
                "{name}: {error}"
            );
            compared += 1;
            continue;
        };
        for (profile, theirs) in profiles {
            let resolved = resolved(&name, profile);
            if theirs["kind"] == "nothing" && is_half_written(&resolved) {
                compared += 1;
                continue;
            }
            let ours = our_view(&resolved);
            let mut theirs = theirs.clone();
            if let Some(theirs) = theirs.as_object_mut() {
                theirs.remove("text");
            }
            if ours != theirs {
                differing.push((name.clone(), profile.clone(), format!("{ours}\n{theirs}")));
            }
            compared += 1;
        }
        let absent = resolved(&name, "no such profile").expect_err(&name);
        assert!(absent.is_absent(), "{name}: {absent}");
    }
    assert!(compared >= 190, "only {compared} compared");
    let is_expected = |(name, profile, _): &(String, String, String)| {
        let mut expected = DIFFERENCES.iter();
        expected.any(|(file, in_profile, _)| name == file && profile == in_profile)
    };
    let surprises: Vec<_> = differing.iter().filter(|one| !is_expected(one)).collect();
    assert!(
        surprises.is_empty(),
        "ours, then botocore's: {surprises:#?}"
    );
    let gone = DIFFERENCES.len() - differing.len();
    assert_eq!(
        gone, 0,
        "differences that are none any more: {differing:#?}"
    );
}

/// botocore passes over a profile that names a session but no account; we say which key is missing.
fn is_half_written(resolved: &Result<Profile, ConfigError>) -> bool {
    let error = resolved.as_ref().err();
    error.is_some_and(|error| error.key() == Some("sso_account_id"))
}

/// The texts that people read, each with the file of the corpus that brings it about.
#[test]
fn errors_read_well() {
    let names = "dev top old a b outside keys bare sso id_only both wrong web account session flat \
                 other empty top2 session_only above swallowed";
    let mut texts = String::new();
    for name in corpus() {
        for profile in names.split_whitespace() {
            match resolved(&name, profile) {
                Err(error) if !error.is_absent() => {
                    let text = error.to_string();
                    let (_, text) = text.rsplit_once("/corpus/").expect("the path");
                    writeln!(texts, "{text}").expect("a string takes all");
                }
                // They name the profile that was asked for, and are all alike.
                Err(_) | Ok(_) => {}
            }
            if resolved(&name, "dev")
                .is_err_and(|error| error.profile().is_none() && !error.is_absent())
            {
                break;
            }
        }
    }
    insta::assert_snapshot!(texts);
}

#[test]
fn every_error_of_the_corpus_names_its_place_and_its_cure() {
    for name in corpus() {
        for profile in ["dev", "top", "old", "a", "keys"] {
            let Err(error) = resolved(&name, profile) else {
                continue;
            };
            let text = error.to_string();
            assert!(!text.contains('\n'), "{text}");
            assert!(error.cure().ends_with('.'), "{text}");
            assert!(!error.problem().ends_with('.'), "{text}");
            // Whatever a line holds that could not be understood, or a key that is secret.
            for secret in ["EXAMPLEKEY", "examplekey", "wJalrXUtnFEMI"] {
                assert!(!text.contains(secret), "{text}");
                assert!(!format!("{error:?}").contains(secret), "{error:?}");
            }
            if let Some(line) = error.line() {
                let bytes = std::fs::read(error.file()).expect("the file");
                let ends = bytes.iter().filter(|byte| b"\n\r".contains(byte)).count();
                assert!((1..=ends + 1).contains(&line), "{text}");
            } else {
                assert!(error.is_absent(), "{text}");
            }
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// The files' names without their ending.
fn corpus() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("the corpus");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files = paths.filter(|path| path.extension().is_some_and(|ending| ending == "ini"));
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into());
    let mut names: Vec<String> = files.filter_map(stem).collect();
    names.sort();
    names
}

fn resolved(name: &str, profile: &str) -> Result<Profile, ConfigError> {
    let paths = ["ini", "credentials"].map(|ending| folder().join(name).with_extension(ending));
    let [config, credentials] = paths.each_ref().map(|path| std::fs::read(path).ok());
    let [config_path, credentials_path] = &paths;
    resolve_text(
        FileContent {
            path: config_path,
            bytes: config.as_deref(),
        },
        FileContent {
            path: credentials_path,
            bytes: credentials.as_deref(),
        },
        &|_| None,
        profile,
    )
}

/// In the words of `botocore_view.py`.
fn our_view(resolved: &Result<Profile, ConfigError>) -> Value {
    let Ok(profile) = resolved else {
        return json!({"kind": "error"});
    };
    let mut view = match &profile.source {
        CredentialSource::Sso(sso) => sso_view(sso),
        CredentialSource::Other(other) => Map::from_iter([("kind".into(), kind(other).into())]),
    };
    view.insert("region".into(), json!(profile.region));
    Value::Object(view)
}

fn sso_view(sso: &SsoProfile) -> Map<String, Value> {
    let role = |role: &AssumeRole| {
        json!({
            "arn": role.role_arn,
            "session": role.session_name,
            "external_id": role.external_id,
            "seconds": role.duration.map(|duration| duration.as_secs()),
        })
    };
    let key = |file: String| file.strip_suffix(".json").expect("a JSON file").to_owned();
    let view = json!({
        "kind": "sso",
        "session": sso.session.name,
        "start_url": sso.session.start_url,
        "sso_region": sso.session.region,
        "account": sso.account_id,
        "role": sso.role_name,
        "token": key(sso.session.token_file_name()),
        "registration": key(sso.session.registration_file_name()),
        "roles": sso.assume_roles.iter().map(role).collect::<Vec<_>>(),
        "endpoint sso": sso.endpoints.sso,
        "endpoint sso-oidc": sso.endpoints.sso_oidc,
        "endpoint sts": sso.endpoints.sts,
    });
    view.as_object().expect("an object").clone()
}

fn kind(other: &OtherSource) -> String {
    match other {
        OtherSource::StaticKeys => "keys".to_owned(),
        OtherSource::CredentialProcess => "process".to_owned(),
        OtherSource::WebIdentity => "web identity".to_owned(),
        OtherSource::LoginSession => "login".to_owned(),
        OtherSource::CredentialSource(name) => format!("from {name}"),
        OtherSource::AssumeRole(inner) => format!("role, {}", kind(inner)),
        OtherSource::Nothing => "nothing".to_owned(),
    }
}

/// `botocore_view.py` over the corpus; nothing if there is no botocore and none is required.
fn botocore_views() -> Option<BTreeMap<String, Value>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let clients = std::env::var_os("CLIENTS_DIR")
        .map_or_else(|| workspace.join("tests/.clients"), PathBuf::from);
    let installed = clients.join("python");
    let mut python = Command::new("python3");
    python
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUTF8", "1");
    if installed.is_dir() {
        python.env("PYTHONPATH", installed);
    }
    let mut probe = Command::new("python3");
    probe.envs(
        python
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let probe = probe.args(["-c", "import botocore"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        let text = "skipped: botocore is not installed (tests/install-clients.sh)";
        let required = std::env::var("REAL_CLIENTS").is_ok_and(|value| value == "required");
        assert!(!required, "{text}");
        eprintln!("{text}");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/botocore_view.py");
    let output = python.arg(script).arg(folder()).output().expect("python3");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}
