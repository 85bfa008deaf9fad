//! What people are told about a source: what it is, where it was chosen, what to do about it.

use std::sync::Arc;

use sso_session::config::{SsoProfile, shell_quoted};

use super::{Base, NamedIn, Source};
use crate::config::Profile;
use crate::credentials::session::LoginNeed;
use crate::error::Trouble;

impl Source {
    /// What it is, within a sentence.
    pub(in crate::credentials) fn described(&self) -> String {
        match (&self.base, self.own_config_file()) {
            (Base::Profile { profile, .. }, Some(file)) => {
                format!("{profile} of {}", file.display())
            }
            (Base::Profile { profile, .. }, None) => profile.to_string(),
            (Base::Keys { name, .. }, _) => name.clone(),
        }
    }

    /// How to take another profile, within a sentence.
    pub(super) fn another_profile(&self) -> String {
        let named_in = match &self.base {
            Base::Profile { named_in, .. } => *named_in,
            Base::Keys { .. } => NamedIn::ConfigurationFile { with_file: false },
        };
        match (named_in, self.service.is_some()) {
            (NamedIn::Environment, false) => "name another profile in AWS_PROFILE",
            (NamedIn::Environment, true) => {
                "name another profile in AWS_PROFILE, or one of the service's own in the iam_profile of \
                 its source_credentials"
            }
            (NamedIn::ConfigurationFile { .. }, _) => {
                "name another profile in iam_profile (of the service's source_credentials, or of \
                 aws_defaults)"
            }
        }
        .to_owned()
    }

    pub(super) fn how_to_configure(&self) -> String {
        let another = self.another_profile();
        match &self.base {
            Base::Profile {
                profile: Profile::Named(name),
                named_in: NamedIn::Environment,
            } => format!(
                "Add profile `{name}` to ~/.aws/config or ~/.aws/credentials, {another}, or set \
                 AWS_PROFILE= (empty) to use the environment's AWS_ACCESS_KEY_ID."
            ),
            Base::Profile {
                profile: Profile::Named(name),
                named_in: NamedIn::ConfigurationFile { with_file: true },
            } => format!(
                "Add profile `{name}` to {}, which config_file names, or {another}.",
                self.locations.config_file.display()
            ),
            Base::Profile {
                profile: Profile::Named(name),
                named_in: NamedIn::ConfigurationFile { with_file: false },
            } => format!(
                "Add profile `{name}` to ~/.aws/config or ~/.aws/credentials, or {another}."
            ),
            Base::Profile {
                profile: Profile::DefaultChain,
                ..
            } if self.service.is_some() => format!(
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for the proxy, or {another}."
            ),
            Base::Profile {
                profile: Profile::DefaultChain,
                ..
            } => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile in AWS_PROFILE."
                    .to_owned()
            }
            Base::Keys { .. } => format!("Correct iam_keys of the service, or {another}."),
        }
    }

    /// Who goes on when the credentials are back.
    fn who_goes_on(&self) -> &'static str {
        match self.service {
            None => "the build goes on by itself",
            Some(_) => "containers get credentials again by themselves",
        }
    }

    /// The command, for the AWS configuration file that this source reads.
    fn with_its_files(&self, command: &str) -> String {
        match self.own_config_file() {
            Some(file) => {
                let file = file.to_string_lossy();
                format!("AWS_CONFIG_FILE={} {command}", shell_quoted(&file))
            }
            None => command.to_owned(),
        }
    }

    /// The command that checks this source alone.
    pub(super) fn check_command(&self) -> String {
        match &self.base {
            Base::Profile { profile, .. } => {
                let name = shell_quoted(profile.name());
                self.with_its_files(&format!("bazel-proxy check --profile {name}"))
            }
            Base::Keys { .. } => "bazel-proxy check".to_owned(),
        }
    }

    /// What to tell a client where a login is needed, and what to do.
    pub(in crate::credentials) fn login_trouble(
        &self,
        profile: &SsoProfile,
        need: &LoginNeed,
    ) -> Arc<Trouble> {
        let login = profile.session.login_command(&profile.base_profile);
        let goes_on = self.who_goes_on();
        Trouble::with_command(
            format!(
                "the AWS SSO login of profile `{}` has ended ({})",
                profile.base_profile, need.reason
            ),
            self.with_its_files(&login),
            |command| format!("Run `{command}`; {goes_on} within 2 s of it."),
        )
    }

    /// What to tell when AWS says that the credentials have ended.
    pub(in crate::credentials) fn login_needed(&self, reason: &str) -> Arc<Trouble> {
        let goes_on = self.who_goes_on();
        let cure = match &self.base {
            Base::Profile {
                profile: Profile::Named(name),
                ..
            } => {
                let login = format!("aws sso login --profile {}", shell_quoted(name));
                format!(
                    "Log in again, for example with `{}`, or put fresh keys into \
                     ~/.aws/credentials; {goes_on} within 2 s.",
                    self.with_its_files(&login)
                )
            }
            Base::Profile {
                profile: Profile::DefaultChain,
                ..
            } => "Keys in the environment stay as they are while a process runs: start the proxy \
                 again with new ones; or name a profile in AWS_PROFILE, whose changes are taken up \
                 within 2 s (after `aws sso login`, for example)."
                .to_owned(),
            Base::Keys { .. } => format!(
                "Temporary keys end: put fresh ones into iam_keys, or name a profile in iam_profile, \
                 whose credentials renew themselves; {goes_on} within 2 s."
            ),
        };
        let reason = format!(
            "the AWS credentials of {} have ended ({reason})",
            self.described()
        );
        Trouble::new(reason, cure)
    }
}
