//! What goes wrong, in the AWS CLI's words, and with its exit codes.
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-returncodes.html>

use std::io;
use std::path::Path;

use thiserror::Error;

/// Why there is no login.
#[derive(Debug, Error)]
pub(super) enum Complaint {
    /// The command line is not understood.
    #[error("An error occurred (ParamValidation): {0}")]
    Usage(String),
    /// `~/.aws/config` does not say where to log in.
    #[error("An error occurred (Configuration): {0}")]
    Configuration(String),
    /// There is no such profile.
    #[error("The config profile ({0}) could not be found")]
    NoProfile(String),
    /// This one works with the simulated AWS only.
    #[error(
        "this is a simulated AWS CLI, which logs in at a simulated AWS only: set AWS_ENDPOINT_URL"
    )]
    NoEndpoint,
    /// AWS said no.
    #[error("An error occurred ({code}) when calling the {operation} operation:{details}")]
    Service {
        /// Its name for what is wrong.
        code: String,
        /// What it was asked.
        operation: &'static str,
        /// The rest of what it said.
        details: String,
    },
    /// Nobody answers.
    #[error("Could not connect to the endpoint URL: \"{0}\"")]
    Unreachable(String),
    /// An answer, or a file of the CLI's own, lacks a field, or is no JSON: Python's `KeyError`.
    #[error("'{0}'")]
    Missing(String),
    /// Nobody signed in, for as long as the code was good.
    #[error(
        "The pending authorization to retrieve an SSO token has expired. The device authorization flow \
         to retrieve an SSO token must be restarted."
    )]
    Expired,
    /// The system refuses something.
    #[error("{0}")]
    System(String),
}

impl Complaint {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 252,
            Self::Configuration(_) => 253,
            Self::Service { .. } => 254,
            Self::NoProfile(_)
            | Self::NoEndpoint
            | Self::Unreachable(_)
            | Self::Missing(_)
            | Self::Expired
            | Self::System(_) => 255,
        }
    }

    /// The reader's words are not those of the CLI.
    pub(super) fn usage(error: &clap::Error) -> Self {
        let text = error.to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        Self::Usage(text.trim_end().to_owned())
    }

    pub(super) fn without_command() -> Self {
        Self::Usage("the following arguments are required: command".to_owned())
    }

    pub(super) fn no_session() -> Self {
        let text = "Missing the following required SSO configuration values: sso_start_url, sso_region. \
                    To make sure this profile is properly configured to use SSO, please run: aws \
                    configure sso";
        Self::Configuration(text.to_owned())
    }

    pub(super) fn io(error: &io::Error) -> Self {
        Self::System(error.to_string())
    }

    /// As Python shows an `OSError`: `[Errno 30] Read-only file system: '/home/x/…'`.
    pub(super) fn disk(path: &Path, error: &io::Error) -> Self {
        let words = error.to_string();
        let said = words.split(" (os error").next().unwrap_or(&words);
        let number = error.raw_os_error().unwrap_or(0);
        Self::System(format!("[Errno {number}] {said}: '{}'", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_complained_of_as_python_does() {
        let error = io::Error::from_raw_os_error(13);
        let complaint = Complaint::disk(Path::new("/x.json"), &error);
        let expected = "[Errno 13] Permission denied: '/x.json'";
        assert_eq!(complaint.to_string(), expected);
    }
}
