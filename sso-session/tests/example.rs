//! `examples/aws-config/config` holds what its comments say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sso_session::config::{self, CredentialSource, Endpoints, SsoProfile};
use sso_session::location::Locations;

fn resolve_with(vars: &[(&str, &str)], profile: &str) -> SsoProfile {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/aws-config");
    let locations = Locations {
        config_file: folder.join("config"),
        credentials_file: folder.join("no-credentials"),
        ..Locations::from_vars(&|_| None)
    };
    let vars = |name: &str| {
        let found = vars.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let resolved = config::resolve(&locations, &vars, profile);
    match resolved.map(|profile| profile.source) {
        Ok(CredentialSource::Sso(sso)) => sso,
        other => panic!("{profile}: {other:?}"),
    }
}

fn resolve(profile: &str) -> SsoProfile {
    resolve_with(&[], profile)
}

#[test]
fn profiles_of_one_session_share_its_files() {
    let build = resolve("build");
    assert_eq!(build.session.name.as_deref(), Some("my-company"));
    assert_eq!(build.account_id, "111122223333");
    assert_eq!(build.role_name, "ArtifactReader");
    assert_eq!(build.region.as_deref(), Some("us-west-2"));
    assert!(build.session.can_be_refreshed());
    assert_eq!(build.endpoints, Endpoints::default());

    let europe = resolve("build in europe");
    assert_eq!(europe.session, build.session);
    assert_eq!(
        europe.session.login_command(&europe.base_profile),
        "aws sso login --profile 'build in europe'"
    );
}

#[test]
fn a_role_on_top_is_logged_in_to_through_its_base_profile() {
    let artifacts = resolve("artifacts");
    assert_eq!(artifacts.base_profile, "build");
    assert_eq!(artifacts.session, resolve("build").session);
    let [role] = artifacts.assume_roles.as_slice() else {
        panic!("{artifacts:?}");
    };
    assert_eq!(role.profile, "artifacts");
    assert_eq!(
        role.role_arn,
        "arn:aws:iam::444455556666:role/ArtifactReader"
    );
    assert_eq!(role.session_name.as_deref(), Some("bazel-proxy"));
    assert_eq!(role.duration, Some(Duration::from_hours(1)));
}

#[test]
fn a_legacy_profile_works_but_is_never_refreshed() {
    let legacy = resolve("legacy");
    assert_eq!(legacy.session.name, None);
    assert!(!legacy.session.can_be_refreshed());
    assert_ne!(
        legacy.session.token_file_name(),
        resolve("build").session.token_file_name()
    );
}

#[test]
fn variables_win_over_the_endpoints_of_the_file() {
    let sts = "https://vpce-0123456789abcdef0-abcdefgh.sts.us-west-2.vpce.amazonaws.com";
    let profile = "build-through-vpc";
    let from_file = resolve(profile).endpoints;
    assert_eq!(from_file.sts.as_deref(), Some(sts));
    assert_eq!(from_file.sso, None);

    let all = ("AWS_ENDPOINT_URL", "http://all");
    let own = ("AWS_ENDPOINT_URL_SSO_OIDC", "http://oidc");
    let empty = ("AWS_ENDPOINT_URL_SSO", "");
    let from_vars = resolve_with(&[all, own, empty], profile).endpoints;
    assert_eq!(from_vars.sso.as_deref(), Some("http://all"));
    assert_eq!(from_vars.sso_oidc.as_deref(), Some("http://oidc"));
    assert_eq!(from_vars.sts.as_deref(), Some("http://all"));

    let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True");
    let none = resolve_with(&[all, own, ignored], profile).endpoints;
    assert_eq!(none, Endpoints::default());
}

#[test]
fn without_any_file_the_profile_is_absent_and_not_broken() {
    let locations = Locations::from_vars(&|name| (name == "HOME").then(|| "/no/home".to_owned()));
    let error = config::resolve(&locations, &|_| None, "dev").expect_err("absent");
    assert!(error.is_absent());
    assert_eq!(error.file(), PathBuf::from("/no/home/.aws/config"));
    assert_eq!(
        error.to_string(),
        "/no/home/.aws/config: there is no such file, so no profile dev. Write it with \
         `aws configure sso --profile dev`, or mount the folder that holds it."
    );
}
