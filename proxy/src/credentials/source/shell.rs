//! `credential_process` needs a shell, by which `aws-config` runs it (`sh -c`): an image of bazel-proxy
//! alone has none.

use std::ffi::OsStr;

use sso_session::config::{CredentialSource, OtherSource, Profile};

use crate::error::Trouble;

/// Where programs are looked for.
pub(super) const PATH: &str = "PATH";
/// Where they are looked for without that variable (`_CS_PATH`).
const USUAL_PATH: &str = "/bin:/usr/bin";

/// What to tell where the profile needs a shell, and `path` holds none; `another` says how to take another
/// profile.
pub(super) fn missing_for(
    profile: &Profile,
    path: Option<&str>,
    another: &str,
) -> Option<std::sync::Arc<Trouble>> {
    let CredentialSource::Other(source) = &profile.source else {
        return None;
    };
    if !runs_a_process(source) || has_shell(path.unwrap_or(USUAL_PATH)) {
        return None;
    }
    Some(Trouble::new(
        format!(
            "profile `{}` takes its credentials from a credential_process, and there is no shell (sh) \
             here to run it",
            profile.name
        ),
        format!(
            "Build the image upon one that has a shell and that program: `docker build --build-arg \
             BASE_IMAGE=…`; or {another}, an SSO one needs neither."
        ),
    ))
}

fn runs_a_process(source: &OtherSource) -> bool {
    match source {
        OtherSource::CredentialProcess => true,
        OtherSource::AssumeRole(inner) => runs_a_process(inner),
        OtherSource::StaticKeys
        | OtherSource::WebIdentity
        | OtherSource::LoginSession
        | OtherSource::CredentialSource(_)
        | OtherSource::Nothing => false,
    }
}

fn has_shell(path: &str) -> bool {
    std::env::split_paths(OsStr::new(path)).any(|folder| folder.join("sh").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(source: OtherSource) -> Profile {
        Profile {
            name: "team".to_owned(),
            region: None,
            source: CredentialSource::Other(source),
        }
    }

    #[test]
    fn only_a_process_needs_a_shell_also_below_a_role() {
        let empty = tempfile::tempdir().expect("a folder");
        let path = empty.path().to_str();
        let role = |inner| OtherSource::AssumeRole(Box::new(inner));
        for source in [
            OtherSource::CredentialProcess,
            role(role(OtherSource::CredentialProcess)),
        ] {
            let told = missing_for(&profile(source.clone()), path, "");
            assert!(told.is_some_and(|trouble| trouble.reason.contains("`team`")));
            assert!(missing_for(&profile(source), None, "").is_none());
        }
        for source in [role(OtherSource::StaticKeys), OtherSource::WebIdentity] {
            assert!(missing_for(&profile(source), path, "").is_none());
        }
    }
}
