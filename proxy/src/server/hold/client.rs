//! Which client asks, and how long each bears to wait.
//!
//! The figures are those of the clients' sources and of trials with the real ones. A client that gives
//! up a read early but follows redirects to itself waits in many short holds; one that gives up early
//! and asks again by itself gets its 503 in time for that; everyone else waits in one hold.

use std::time::Duration;

/// Who asks, by its `User-Agent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// Its downloader gives up a read at 20 s and takes the 40th redirect for a loop
    /// (`HttpConnector.java`: `READ_TIMEOUT_MS`, `MAX_REDIRECTS`).
    Bazel,
    /// Gives up a read at 30 s and takes 50 redirects, its HTTP library's default (measured: 4.4.1).
    Gradle4,
    /// Takes 10 redirects (`DefaultHttpSettings.java`), and asks three times.
    Gradle,
    /// Waits for ever, or 30 minutes.
    Maven,
    /// Waits for ever; what starts it allows 10 minutes.
    Coursier,
    /// Gives up a read at 15 s, takes 30 redirects, and asks six times, as it is told by `Retry-After`
    /// (measured: 23.0.1, 26.3).
    Pip,
    /// As pip (measured: 2.5.1).
    Poetry,
    /// Gives up a read at 30 s, takes 10 redirects, and asks four times within 12 s (measured: 0.13.9).
    Uv,
    /// Gives up a read at 5 minutes, takes 20 redirects, and asks three times within 70 s (measured: 11.19.1).
    Npm,
    /// Gives up a read at 60 s, takes 10 redirects, and asks three times within 70 s (measured: 12.21.0).
    Pnpm,
    /// Uploads only, and waits for ever; what is refused with a 503 it sends again four times, at once
    /// (measured: 7.0.0).
    Twine,
    /// A person, who wants to be told.
    Browser,
    /// Another proxy, which has S3 to ask, and holds its own clients.
    Peer,
    /// `curl -fO` takes a redirect for success and leaves an empty file, so there is none.
    Other,
}

/// How a client is kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// The longest hold of one request, if not `LOGIN_WAIT`.
    pub(super) hold: Option<Duration>,
    /// After a hold, the client is sent to the same place again so many times.
    pub(super) redirects: u32,
    /// So often it asks the place that it was sent to last, though it is 503 each time.
    pub(super) attempts: u32,
}

impl Client {
    pub(super) fn of(user_agent: &str) -> Self {
        let agent = user_agent.to_ascii_lowercase();
        let (name, version) = agent.split_once('/').unwrap_or((&agent, ""));
        match name {
            "bazel" => Self::Bazel,
            "gradle" if is_before_5(version) => Self::Gradle4,
            "gradle" => Self::Gradle,
            "apache-maven" => Self::Maven,
            "coursier" => Self::Coursier,
            "pip" => Self::Pip,
            "poetry" => Self::Poetry,
            "uv" => Self::Uv,
            "npm" => Self::Npm,
            "pnpm" => Self::Pnpm,
            "twine" => Self::Twine,
            "mozilla" => Self::Browser,
            "bazel-proxy" => Self::Peer,
            _ => Self::Other,
        }
    }

    /// As people call it, where it is known.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Bazel => Some("Bazel"),
            Self::Gradle4 | Self::Gradle => Some("Gradle"),
            Self::Maven => Some("Maven"),
            Self::Coursier => Some("coursier"),
            Self::Pip => Some("pip"),
            Self::Poetry => Some("Poetry"),
            Self::Uv => Some("uv"),
            Self::Npm => Some("npm"),
            Self::Pnpm => Some("pnpm"),
            Self::Twine => Some("twine"),
            Self::Browser => Some("a browser"),
            Self::Peer => Some("another proxy"),
            Self::Other => None,
        }
    }

    pub(super) fn way(self) -> Way {
        match self {
            Self::Bazel => in_holds_of(15, 38, 1),
            Self::Gradle4 => in_holds_of(25, 48, 1),
            // Its three attempts are three waits, each from the first place on.
            Self::Gradle => in_holds_of(25, 9, 1),
            Self::Uv => in_holds_of(25, 9, 4),
            Self::Pip | Self::Poetry => in_holds_of(10, 28, 6),
            Self::Npm => in_holds_of(240, 9, 3),
            Self::Pnpm => in_holds_of(50, 9, 3),
            Self::Browser => in_holds_of(10, 0, 1),
            Self::Peer => in_holds_of(0, 0, 1),
            Self::Twine => in_one_hold(5),
            Self::Maven | Self::Coursier | Self::Other => in_one_hold(1),
        }
    }
}

const fn in_holds_of(seconds: u64, redirects: u32, attempts: u32) -> Way {
    Way {
        hold: Some(Duration::from_secs(seconds)),
        redirects,
        attempts,
    }
}

/// As long as may be; in each attempt, if there are several.
const fn in_one_hold(attempts: u32) -> Way {
    Way {
        hold: None,
        redirects: 0,
        attempts,
    }
}

fn is_before_5(version: &str) -> bool {
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    major.is_some_and(|major: u32| major < 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_known_by_what_they_call_themselves() {
        for (user_agent, client) in [
            ("Bazel/development version", Client::Bazel),
            ("bazel/7.4.0", Client::Bazel),
            (
                "Gradle/4.4.1 (Linux;6.1;amd64) (Debian;17.0.15)",
                Client::Gradle4,
            ),
            ("Gradle/8.10.2 (Mac OS X;14.5;aarch64)", Client::Gradle),
            ("Gradle/10.0", Client::Gradle),
            ("Gradle", Client::Gradle),
            (
                "Apache-Maven/3.8.7 (Java 17.0.15; Linux 6.1)",
                Client::Maven,
            ),
            ("Coursier/2.1.24", Client::Coursier),
            ("pip/23.0.1 {\"ci\":null}", Client::Pip),
            ("poetry/1.8.2 CPython/3.12", Client::Poetry),
            ("uv/0.5.1 {}", Client::Uv),
            (
                "npm/11.19.1 node/v20.20.2 linux x64 workspaces/false",
                Client::Npm,
            ),
            ("pnpm/12.21.0 npm/? node/? linux x64", Client::Pnpm),
            ("twine/7.0.0 CPython/3.11.2", Client::Twine),
            ("Mozilla/5.0 (X11; Linux x86_64)", Client::Browser),
            (crate::peer::USER_AGENT, Client::Peer),
            ("Bazelisk/development", Client::Other),
            ("curl/7.88.1", Client::Other),
            ("", Client::Other),
        ] {
            assert_eq!(Client::of(user_agent), client, "{user_agent}");
        }
    }

    #[test]
    fn no_client_is_held_or_redirected_longer_than_it_bears() {
        let way = |client: Client| {
            let Way {
                hold,
                redirects,
                attempts,
            } = client.way();
            (hold.map(|hold| hold.as_secs()), redirects, attempts)
        };
        assert_eq!(way(Client::Bazel), (Some(15), 38, 1));
        assert_eq!(way(Client::Gradle4), (Some(25), 48, 1));
        assert_eq!(way(Client::Gradle), (Some(25), 9, 1));
        assert_eq!(way(Client::Maven), (None, 0, 1));
        assert_eq!(way(Client::Coursier), (None, 0, 1));
        assert_eq!(way(Client::Pip), (Some(10), 28, 6));
        assert_eq!(way(Client::Poetry), (Some(10), 28, 6));
        assert_eq!(way(Client::Uv), (Some(25), 9, 4));
        assert_eq!(way(Client::Npm), (Some(240), 9, 3));
        assert_eq!(way(Client::Pnpm), (Some(50), 9, 3));
        assert_eq!(way(Client::Twine), (None, 0, 5));
        assert_eq!(way(Client::Browser), (Some(10), 0, 1));
        assert_eq!(way(Client::Peer), (Some(0), 0, 1));
        assert_eq!(way(Client::Other), (None, 0, 1));
    }
}
