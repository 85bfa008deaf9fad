//! Client registrations with which `aws sso login` would fail for good.

use crate::host::Host;
use crate::stand_ins::write;

fn moved_aside(host: &Host) -> bool {
    let path = host.sso.registration_path();
    let name = format!("{}.rejected", path.display());
    std::path::Path::new(&name).exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_registration_is_moved_aside_and_the_login_works() {
    Host::with_each_cli(async |host| {
        let _old = host.sso.sign_in();
        host.sso.aws.sso().end_sessions();
        write(&host.sso.registration_path(), "{\"clientId\": \"");
        host.person_will("allow");
        let agent = host.agent().start().await;
        host.ask();
        host.is_served().await;
        assert_eq!(host.opened().len(), 1);
        assert!(moved_aside(&host));
        assert!(agent.log().contains("the client registration is damaged"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_registration_is_moved_aside_and_the_login_works() {
    Host::with_each_cli(async |host| {
        let _old = host.sso.sign_in();
        host.sso.aws.sso().end_sessions();
        host.sso.aws.sso().forget_registrations();
        host.person_will("allow");
        let _agent = host.agent().start().await;
        host.ask();
        host.is_served().await;
        assert_eq!(host.opened().len(), 1);
        assert!(moved_aside(&host));
    })
    .await;
}
