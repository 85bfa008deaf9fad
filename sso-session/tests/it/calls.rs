//! What the clients of SSO-OIDC and of the portal make of a simulated AWS.

use simulated_aws::{Fault, Login, SimulatedAws};
use sso_session::http_client::http_client;
use sso_session::oidc::{Oidc, Probe};
use sso_session::registration::Registration;

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
