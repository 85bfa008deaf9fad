//! What follows from an answer of AWS, and what must never follow from it.

use std::path::Path;

use futures_util::future::join_all;
use simulated_aws::{Fault, FaultId, Operation};
use tests::sso_world::{REFRESH_GRANT, in_state};
use tests::{Answer, Proxy, SsoWorld};

/// A proxy of a fault's world.
pub(crate) struct Stricken {
    pub(crate) proxy: Proxy,
    pub(crate) world: SsoWorld,
    pub(crate) fault: FaultId,
}

impl Stricken {
    /// A session whose token has to be renewed, and a fault from the start.
    pub(crate) async fn with_an_old_token(fault: Fault) -> Self {
        let world = SsoWorld::new().await;
        let _login = world.sign_in_long_ago();
        Self::start(world, fault).await
    }

    /// A good token, and a fault from the start.
    pub(crate) async fn with_a_good_token(fault: Fault) -> Self {
        let world = SsoWorld::new().await;
        let _login = world.sign_in();
        Self::start(world, fault).await
    }

    async fn start(world: SsoWorld, fault: Fault) -> Self {
        let fault = world.aws.faults().add(fault);
        let proxy = world.start().await;
        Self {
            proxy,
            world,
            fault,
        }
    }

    /// A login is asked for, with this code; builds are told what to run; a login mends it.
    pub(crate) async fn must_ask_for_a_login(&self, code: &str) {
        let (proxy, world) = (&self.proxy, &self.world);
        let ready = in_state(proxy, "login-required").await;
        let command = "aws sso login --profile team";
        assert!(ready["cure"].to_string().contains(command), "{ready}");
        let signal = world.signalled().await;
        assert_eq!(signal["code"], code, "{signal}");
        let answer = world.miss(proxy).await;
        must_be_503(&answer, "login-required");
        assert!(answer.text().contains(command), "{}", answer.text());

        world.aws.faults().remove(self.fault);
        let _login = world.sign_in();
        world.served(proxy).await;
        world.unsignalled().await;
    }

    /// It passes: nobody is asked for a login, and a miss that waits is served when it has passed.
    pub(crate) async fn must_pass(&self, what: &str) {
        let (proxy, world) = (&self.proxy, &self.world);
        let ready = in_state(proxy, "offline").await;
        assert!(ready["reason"].is_string(), "{what}: {ready}");
        world.aws.faults().remove(self.fault);
        let answer = world.miss(proxy).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        self.must_not_have_asked(what);
    }

    /// An administrator or whoever configures has to act: a miss is told at once, nobody is asked
    /// for a login, and it goes on by itself.
    pub(crate) async fn must_be_told(&self, what: &str, state: &str, detail: &str) {
        let (proxy, world) = (&self.proxy, &self.world);
        let ready = in_state(proxy, state).await;
        assert!(ready["cure"].is_string(), "{what}: {ready}");
        must_be_503(&world.miss(proxy).await, detail);
        world.aws.faults().remove(self.fault);
        world.served(proxy).await;
        self.must_not_have_asked(what);
    }

    pub(crate) fn must_not_have_asked(&self, what: &str) {
        assert_eq!(self.world.signal(), None, "{what}");
        let log = self.proxy.log();
        assert!(!log.contains("asked the host for a login"), "{what}: {log}");
    }
}

/// A 503 that says so of itself, and when to come again.
pub(crate) fn must_be_503(answer: &Answer, detail: &str) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_ne!(answer.header("retry-after"), "");
    let detail = format!("detail={detail}");
    assert!(answer.verdict().contains(&detail), "{}", answer.verdict());
}

/// A fault of every renewal of a token; logins go on.
pub(crate) fn on_refresh() -> Fault {
    Fault::on(Operation::CreateToken).grant_type(REFRESH_GRANT)
}

/// A fault of every request for role credentials.
pub(crate) fn on_portal() -> Fault {
    Fault::on(Operation::GetRoleCredentials)
}

/// Answers that are none of AWS's, each with a name: captive portals, proxies, half a document.
pub(crate) fn garbage(on: fn() -> Fault) -> Vec<(&'static str, Fault)> {
    const PAGE: &str = "<html><body>Please log in to the hotel's network</body></html>";
    vec![
        ("a page with 200", on().respond_with(200, "text/html", PAGE)),
        ("a page with 401", on().respond_with(401, "text/html", PAGE)),
        ("a page with 403", on().respond_with(403, "text/html", PAGE)),
        ("a page with 404", on().respond_with(404, "text/html", PAGE)),
        ("a page with 511", on().respond_with(511, "text/html", PAGE)),
        (
            "half a document",
            on().respond_with(200, "application/json", r#"{"accessToken": "aoa"#),
        ),
        (
            "an error without a code",
            on().respond_with(400, "application/json", "{}"),
        ),
        ("nothing", on().respond_with(200, "", "")),
        (
            "an empty document",
            on().respond_with(200, "application/json", "{}"),
        ),
        (
            "a token without a life",
            on().respond_with(
                200,
                "application/json",
                r#"{"accessToken": "aoa", "tokenType": "Bearer", "expiresIn": 0}"#,
            ),
        ),
        (
            "a page elsewhere",
            on().respond_with(302, "text/html", PAGE),
        ),
    ]
}

/// Each fault in a world of its own, all at once.
pub(crate) async fn each<T>(rows: Vec<T>, check: impl AsyncFn(T)) {
    join_all(rows.into_iter().map(|row| check(row))).await;
}

/// Writes a file in place, truncated first, as most tools do.
#[expect(
    clippy::disallowed_methods,
    reason = "tests write what careless programs write"
)]
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::write(path, content).expect("a written file");
}
