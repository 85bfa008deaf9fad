//! How long one request is held, and what ends its hold. Decided without a clock.

use std::time::Duration;

use super::client::Way;

/// One request's hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Counted from when the request came. Zero: it is not held.
    pub(super) hold: Duration,
    /// The number of the redirect to answer with when the hold ends; without one it is 503.
    pub(super) redirect: Option<u32>,
    /// What it has waited in earlier holds.
    pub(super) before: Duration,
}

impl Plan {
    /// The hold of a client that was redirected `redirects` times before. What it has waited in those
    /// holds counts against `login_wait`.
    pub(super) fn new(way: Way, login_wait: Duration, redirects: u32) -> Self {
        let hold = way.hold.unwrap_or(login_wait);
        // A client that is never redirected has made up its number.
        let redirects = if way.redirects == 0 { 0 } else { redirects };
        let before = hold.saturating_mul(redirects);
        let left = login_wait.saturating_sub(before);
        let goes_on = redirects < way.redirects && left > hold;
        // Whoever is told that it is 503, and asks again, waits again.
        let most = if goes_on {
            left
        } else {
            left / way.attempts.max(1)
        };
        Self {
            hold: hold.min(most),
            redirect: goes_on.then(|| redirects + 1),
            before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::Client;
    use super::*;

    const NINE_MINUTES: Duration = Duration::from_mins(9);

    /// The seconds of each hold of one client, which follows every redirect.
    fn holds(client: Client, login_wait: Duration) -> Vec<u64> {
        let mut holds = Vec::new();
        let mut redirects = Some(0);
        while let Some(number) = redirects {
            let plan = Plan::new(client.way(), login_wait, number);
            holds.push(plan.hold.as_secs());
            redirects = plan.redirect;
        }
        holds
    }

    #[test]
    fn login_wait_holds_over_all_redirects() {
        assert_eq!(holds(Client::Bazel, NINE_MINUTES), [15; 36]);
        assert_eq!(holds(Client::Bazel, Duration::from_secs(40)), [15, 15, 10]);
        assert_eq!(holds(Client::Bazel, Duration::from_secs(3)), [3]);
        let gradle = holds(Client::Gradle4, NINE_MINUTES);
        assert_eq!((gradle.len(), gradle.iter().sum::<u64>()), (22, 540));
    }

    #[test]
    fn login_wait_holds_over_all_that_a_client_tries_by_itself() {
        for (client, expected) in [
            (Client::Twine, [108].as_slice()),
            (Client::Npm, &[240, 240, 20]),
            (Client::Pnpm, &[50, 50, 50, 50, 50, 50, 50, 50, 50, 30]),
        ] {
            let holds = holds(client, NINE_MINUTES);
            assert_eq!(holds, expected, "{client:?}");
        }
        for client in [
            Client::Twine,
            Client::Npm,
            Client::Pnpm,
            Client::Pip,
            Client::Poetry,
            Client::Uv,
        ] {
            for login_wait in [1, 7, 60, 540, 3600] {
                let holds = holds(client, Duration::from_secs(login_wait));
                let last = holds.last().copied().unwrap_or_default();
                let again = u64::from(client.way().attempts - 1) * last;
                let all = holds.iter().sum::<u64>() + again;
                assert!(all <= login_wait, "{client:?}: {all} s of {login_wait} s");
            }
        }
    }

    #[test]
    fn redirects_end_before_the_client_takes_them_for_a_loop() {
        let hour = Duration::from_hours(1);
        assert_eq!(holds(Client::Bazel, hour).len(), 39, "38 redirects");
        assert_eq!(holds(Client::Gradle, hour), [25; 10], "9 redirects");
        assert_eq!(holds(Client::Pip, hour), [10; 29], "28 redirects");
        assert_eq!(holds(Client::Uv, hour), [25; 10], "9 redirects");
    }

    #[test]
    fn a_client_without_redirects_has_one_hold() {
        assert_eq!(holds(Client::Maven, NINE_MINUTES), [540]);
        assert_eq!(holds(Client::Other, NINE_MINUTES), [540]);
        assert_eq!(holds(Client::Browser, NINE_MINUTES), [10]);
        assert_eq!(holds(Client::Browser, Duration::from_secs(4)), [4]);
        let with_a_number = Plan::new(Client::Other.way(), NINE_MINUTES, 7);
        assert_eq!(with_a_number.hold, NINE_MINUTES);
    }

    #[test]
    fn without_login_wait_nobody_is_held() {
        for client in [Client::Bazel, Client::Maven, Client::Other] {
            assert_eq!(holds(client, Duration::ZERO), [0]);
        }
    }

    #[test]
    fn a_number_that_nobody_was_given_ends_the_wait() {
        for redirects in [36, 39, u32::MAX] {
            let plan = Plan::new(Client::Bazel.way(), NINE_MINUTES, redirects);
            assert_eq!((plan.hold, plan.redirect), (Duration::ZERO, None));
        }
    }
}
