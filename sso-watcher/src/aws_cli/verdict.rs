//! The verdict table of a login: what its end means for the next step.
//!
//! It goes by the words of the CLI where there are any, as its statuses say little: 255 is a denial in the
//! browser, a network that is away, a broken file and a profile that does not exist. 252 (usage), 253
//! (configuration) and 254 (an error of AWS) are the others.
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-returncodes.html>
//!
//! Success is only what the CLI believes: it is proven by the token, and a token may be there in spite of
//! a failure.

use super::login::{Ending, How, SUCCESS};

/// What the end of a login means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The CLI says that the person is signed in.
    Succeeded,
    /// Nobody signed in before the time was over.
    Unanswered,
    /// The person said no.
    Refused,
    /// The file of the client registration is broken, or AWS rejects the client: moved aside, it is made
    /// afresh by the next login.
    RegistrationBroken,
    /// The configuration is wrong, or an administrator has to act: another login fails in the same way.
    Misconfigured,
    /// AWS did not answer, or not as it does: it passes.
    Unreachable,
    /// We ended it, for reasons of our own.
    Cancelled,
    /// Anything else.
    Failed,
}

/// What a login's end means.
#[must_use]
pub fn meaning(ending: &Ending) -> Meaning {
    match ending.how {
        How::Ended(0) => Meaning::Succeeded,
        How::Unseen if ending.said.contains(SUCCESS) => Meaning::Succeeded,
        How::Ended(code) => of_words(&ending.said).unwrap_or_else(|| of_status(code)),
        How::Unseen => of_words(&ending.said).unwrap_or(Meaning::Failed),
        How::TimedOut if ending.has_invited => Meaning::Unanswered,
        How::TimedOut => Meaning::Unreachable,
        How::Cancelled => Meaning::Cancelled,
        How::Signalled(_) | How::TooMuchOutput => Meaning::Failed,
    }
}

fn of_status(code: i32) -> Meaning {
    match code {
        252 | 253 => Meaning::Misconfigured,
        _ => Meaning::Failed,
    }
}

/// The messages of the CLI, of its libraries, and of Python, that tell more than their status. Of all that
/// fit, the first counts.
const MESSAGES: [(&str, Meaning); 22] = [
    // botocore's exceptions of the network.
    (
        "Could not connect to the endpoint URL",
        Meaning::Unreachable,
    ),
    ("Connect timeout on endpoint URL", Meaning::Unreachable),
    ("Read timeout on endpoint URL", Meaning::Unreachable),
    (
        "Connection was closed before we received",
        Meaning::Unreachable,
    ),
    ("Failed to connect to proxy URL", Meaning::Unreachable),
    ("SSL validation failed for", Meaning::Unreachable),
    ("Failed to resolve start URL", Meaning::Unreachable),
    // A field that AWS always answers with: a captive portal's page was taken for an answer.
    ("'clientSecretExpiresAt'", Meaning::Unreachable),
    ("'expiresIn'", Meaning::Unreachable),
    // The browser came back without a code. Nobody coming back ends after ten minutes, when our own
    // limit is long over.
    ("Failed to retrieve an authorization code", Meaning::Refused),
    (
        "The pending authorization to retrieve an SSO token has expired",
        Meaning::Unanswered,
    ),
    // A field of the registration's file, where the file is JSON but not a registration.
    ("'expiresAt'", Meaning::RegistrationBroken),
    ("list indices must be integers", Meaning::RegistrationBroken),
    ("Unknown string format", Meaning::RegistrationBroken),
    ("The config profile (", Meaning::Misconfigured),
    ("Unable to parse config file", Meaning::Misconfigured),
    ("Invalid CA bundle", Meaning::Misconfigured),
    (
        "Could not find a suitable TLS CA certificate bundle",
        Meaning::Misconfigured,
    ),
    // The token cannot be written: EPERM, EACCES, EROFS. The person has signed in for nothing.
    ("[Errno 1] ", Meaning::Misconfigured),
    ("[Errno 13] ", Meaning::Misconfigured),
    ("[Errno 30] ", Meaning::Misconfigured),
    ("sso_start_url", Meaning::Misconfigured),
];

fn of_words(said: &str) -> Option<Meaning> {
    let message = said.trim_start_matches("aws: [ERROR]:").trim();
    if is_quoted_hash(message) {
        return Some(Meaning::RegistrationBroken);
    }
    let mut messages = MESSAGES.iter();
    let known = messages.find(|(text, _)| message.contains(text));
    known
        .map(|(_, meaning)| *meaning)
        .or_else(|| of_error(&ServiceError::read(message)?))
}

/// A Python `KeyError` of the CLI's cache: the file of that name cannot be read.
fn is_quoted_hash(message: &str) -> bool {
    let name = message
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    name.is_some_and(|name| name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// An error that AWS answered.
struct ServiceError<'a> {
    code: &'a str,
    operation: &'a str,
    details: &'a str,
}

impl<'a> ServiceError<'a> {
    /// Reads botocore's "An error occurred (CODE) when calling the OPERATION operation: DETAILS".
    fn read(message: &'a str) -> Option<Self> {
        let (_, rest) = message.split_once("An error occurred (")?;
        let (code, rest) = rest.split_once(") when calling the ")?;
        let (operation, details) = rest.split_once(" operation")?;
        Some(Self {
            code,
            operation,
            details,
        })
    }
}

fn of_error(error: &ServiceError<'_>) -> Option<Meaning> {
    let meaning = match error.code {
        // A key of AWS KMS that may not be used, which the same code tells of.
        "AccessDeniedException" if error.details.contains("KMS_") => Meaning::Misconfigured,
        "AccessDeniedException" if error.operation == "CreateToken" => Meaning::Refused,
        "ExpiredTokenException" => Meaning::Unanswered,
        "InvalidClientException" => Meaning::RegistrationBroken,
        "AccessDeniedException"
        | "InvalidClientMetadataException"
        | "InvalidRedirectUriException"
        | "InvalidRequestException"
        | "InvalidRequestRegionException"
        | "InvalidScopeException"
        | "UnauthorizedClientException"
        | "UnsupportedGrantTypeException" => Meaning::Misconfigured,
        "InternalServerException" | "SlowDownException" | "TooManyRequestsException" => {
            Meaning::Unreachable
        }
        _ => return None,
    };
    Some(meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(how: How, said: &str) -> Meaning {
        meaning(&Ending {
            how,
            has_invited: true,
            said: said.to_owned(),
            survives: false,
        })
    }

    /// What 2.38.5 says. 2.9.19 says the same without `aws: [ERROR]:` and without details.
    fn assert_means(code: i32, said: &str, expected: Meaning) {
        let new = format!("aws: [ERROR]: {said}");
        assert_eq!(of(How::Ended(code), &new), expected, "{new}");
        let (old, _) = said
            .split_once("Additional error details")
            .unwrap_or((said, ""));
        assert_eq!(of(How::Ended(code), old), expected, "{old}");
        if code == 255 {
            assert_eq!(of(How::Unseen, &new), expected, "{new}");
        }
    }

    #[test]
    fn a_denial_is_told_from_silence() {
        let said = "An error occurred (AccessDeniedException) when calling the CreateToken operation: \
            Additional error details: error: access_denied error_description: Denied";
        assert_means(254, said, Meaning::Refused);
        let said = "Error loading authorization code: Failed to retrieve an authorization code.";
        assert_means(255, said, Meaning::Refused);
        for flow in ["login", "device authorization"] {
            let said = format!(
                "The pending authorization to retrieve an SSO token has expired. \
                The {flow} flow to retrieve an SSO token must be restarted."
            );
            assert_means(255, &said, Meaning::Unanswered);
        }
    }

    #[test]
    fn a_broken_registration_is_recognised() {
        for said in [
            "'bef3ce16ed5a49520f0a205b135a8af1d5371a72'",
            "'expiresAt'",
            "list indices must be integers or slices, not str",
            "Unknown string format: never",
        ] {
            assert_means(255, said, Meaning::RegistrationBroken);
        }
        let said = "An error occurred (InvalidClientException) when calling the StartDeviceAuthorization \
            operation: Additional error details: error: invalid_client";
        assert_means(254, said, Meaning::RegistrationBroken);
    }

    #[test]
    fn a_network_that_is_away_is_nobodys_fault() {
        for (code, said) in [
            (
                255,
                "Could not connect to the endpoint URL: \"http://127.0.0.1:1/client/register\"",
            ),
            (
                255,
                "SSL validation failed for https://127.0.0.1:4701/client/register \
                [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1082)",
            ),
            (
                255,
                "Failed to connect to proxy URL: \"http://127.0.0.1:1\"",
            ),
            (255, "'clientSecretExpiresAt'"),
            (255, "'expiresIn'"),
            (
                253,
                "An error occurred (Configuration): Failed to resolve start URL: \
                [Errno -2] Name or service not known",
            ),
            (
                254,
                "An error occurred (InternalServerException) when calling the RegisterClient operation \
                (reached max retries: 2): Additional error details: error: internal_server",
            ),
            (
                254,
                "An error occurred (SlowDownException) when calling the RegisterClient operation: ",
            ),
        ] {
            assert_means(code, said, Meaning::Unreachable);
        }
    }

    #[test]
    fn a_wrong_configuration_is_recognised() {
        for (code, said) in [
            (255, "The config profile (nobody) could not be found"),
            (255, "Unable to parse config file: /home/x/.aws/config"),
            (
                255,
                "Invalid CA bundle: the configured value (ca_bundle, AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, \
                or verify) resolved to an empty or whitespace-only string.",
            ),
            (
                255,
                "[Errno 1] Operation not permitted: '/home/x/.aws/sso/cache/bef3.json'",
            ),
            (
                255,
                "[Errno 30] Read-only file system: '/home/x/.aws/sso/cache/bef3.json'",
            ),
            (
                253,
                "An error occurred (Configuration): Missing the following required SSO configuration \
                values: sso_start_url, sso_region. To make sure this profile is properly configured to \
                use SSO, please run: aws configure sso",
            ),
            (
                253,
                "An error occurred (Configuration): The specified sso-session does not exist: \"absent\"",
            ),
            (
                253,
                "An error occurred (Configuration): The sso_start_url must use the https scheme.",
            ),
            (
                252,
                "An error occurred (ParamValidation): Unknown options: --nonsense",
            ),
            (252, "Unknown options: --use-device-code"),
            (
                254,
                "An error occurred (InvalidRequestException) when calling the StartDeviceAuthorization \
                operation: ",
            ),
            (
                254,
                "An error occurred (UnauthorizedClientException) when calling the CreateToken operation: ",
            ),
            (
                254,
                "An error occurred (AccessDeniedException) when calling the RegisterClient operation: ",
            ),
        ] {
            assert_means(code, said, Meaning::Misconfigured);
        }
        let said = "aws: [ERROR]: An error occurred (AccessDeniedException) when calling the CreateToken \
            operation: Additional error details: reason: KMS_AccessDeniedException";
        assert_eq!(of(How::Ended(254), said), Meaning::Misconfigured);
    }

    #[test]
    fn success_needs_a_status_or_a_word() {
        let said = "Successfully logged into Start URL: https://d-1234567890.awsapps.com/start";
        assert_eq!(of(How::Ended(0), said), Meaning::Succeeded);
        assert_eq!(of(How::Unseen, said), Meaning::Succeeded);
        assert_eq!(of(How::Unseen, ""), Meaning::Failed);
    }

    #[test]
    fn what_we_ended_goes_by_why() {
        assert_eq!(of(How::TimedOut, ""), Meaning::Unanswered);
        assert_eq!(of(How::Cancelled, ""), Meaning::Cancelled);
        assert_eq!(of(How::TooMuchOutput, "y y y"), Meaning::Failed);
        let silent = Ending {
            how: How::TimedOut,
            has_invited: false,
            said: String::new(),
            survives: false,
        };
        assert_eq!(meaning(&silent), Meaning::Unreachable, "it never asked");
    }

    #[test]
    fn anything_else_has_failed() {
        for (code, said) in [
            (1, ""),
            (130, ""),
            (255, "Traceback (most recent call last): NameError"),
            (255, "[Errno 28] No space left on device"),
            (
                254,
                "An error occurred (InvalidGrantException) when calling the CreateToken operation: ",
            ),
        ] {
            assert_means(code, said, Meaning::Failed);
        }
        assert_eq!(of(How::Signalled(9), ""), Meaning::Failed);
    }
}
