//! What the clients of SSO-OIDC and of the portal make of a simulated AWS.

use simulated_aws::{Fault, Login, SimulatedAws};
use sso_session::http_client::http_client;
use sso_session::oidc::{Oidc, Probe};
use sso_session::portal::Portal;
use sso_session::registration::Registration;
use sso_session::secret::Secret;
use sso_session::verdict::Verdict;

struct World {
    _folder: tempfile::TempDir,
    aws: SimulatedAws,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let aws = SimulatedAws::builder(folder.path()).start().await;
        Self {
            aws: aws.expect("started"),
            _folder: folder,
        }
    }

    fn oidc(&self) -> Oidc {
        let endpoint = self.aws.endpoint_url();
        Oidc::new(self.aws.region(), Some(&endpoint), http_client(None))
    }

    fn portal(&self) -> Portal {
        let endpoint = self.aws.endpoint_url();
        Portal::new(self.aws.region(), Some(&endpoint), http_client(None))
    }
}

fn registration(login: &Login) -> Registration {
    let json = format!(
        r#"{{"clientId": "{}", "clientSecret": "{}", "expiresAt": "2036-01-02T03:04:05Z"}}"#,
        login.client_id, login.client_secret
    );
    Registration::parse(json.as_bytes()).expect("a registration")
}

#[tokio::test]
async fn a_probe_spends_nothing_and_tells_whether_the_client_is_taken() {
    let world = World::new().await;
    let (oidc, sso) = (world.oidc(), world.aws.sso());
    let login = sso.sign_in();
    let ours = registration(&login);
    assert_eq!(oidc.probe(None).await, Ok(Probe::Answers));
    assert_eq!(oidc.probe(Some(&ours)).await, Ok(Probe::Answers));
    assert_eq!((sso.refreshes(), sso.sessions_alive()), (0, 1));
    sso.forget_registrations();
    let rejected = oidc.probe(Some(&ours)).await;
    assert_eq!(rejected, Ok(Probe::RegistrationRejected));
    assert_eq!(oidc.probe(None).await, Ok(Probe::Answers));
}

#[tokio::test]
async fn nobody_is_there_where_no_code_of_aws_comes() {
    let world = World::new().await;
    let oidc = world.oidc();
    let hotel = "<html>Welcome to the hotel's network</html>";
    for fault in [
        Fault::any().respond_with(200, "text/html", hotel),
        Fault::any().respond_with(403, "text/html", hotel),
        Fault::any().respond_with(200, "application/json", "{}"),
        Fault::any().respond(500, "InternalServerException"),
        Fault::any().respond(400, "SlowDownException"),
        Fault::any().reset(),
    ] {
        let id = world.aws.faults().add(fault.clone());
        let outcome = oidc.probe(None).await;
        assert!(outcome.is_err(), "{fault:?}: {outcome:?}");
        world.aws.faults().remove(id);
    }
    assert_eq!(oidc.probe(None).await, Ok(Probe::Answers));
    drop(world);
    let unreachable = oidc.probe(None).await.expect_err("nobody listens");
    assert_eq!((unreachable.code, unreachable.status), (None, None));
}

#[tokio::test]
async fn a_logout_ends_its_session_and_is_no_outage_the_second_time() {
    let world = World::new().await;
    let portal = world.portal();
    let login = world.aws.sso().sign_in();
    let token = Secret::new(login.access_token);
    let role = || portal.role_credentials(&token, "123456789012", "Developer");
    assert!(role().await.is_ok());
    assert_eq!(portal.log_out(&token).await, Ok(()));
    assert_eq!(world.aws.sso().sessions_alive(), 0);
    let verdict = |(verdict, _)| verdict;
    let refused = role().await.map_err(verdict);
    assert_eq!(refused.err(), Some(Verdict::CredentialsRejected));
    let again = portal.log_out(&token).await.map_err(verdict);
    assert_eq!(again, Err(Verdict::CredentialsRejected));
    world.aws.faults().add(Fault::any().reset());
    let unreachable = portal.log_out(&token).await.map_err(verdict);
    assert_eq!(unreachable, Err(Verdict::Passing));
}
